package reach

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/hosts"
)

// Flags are those of commands that connect.
type Flags struct {
	headers, protocols, resolve *[]string
	origin, user                string
	compression                 *string
	insecure                    bool
	ca, cert, key, keyPassword  string
	serverName, proxy, unix     string
	timeout, ping               time.Duration
	max                         int64

	table table // of resolve, once Options has read it
}

// Declare adds them to those of a command. compression is what is offered without a flag.
func (f *Flags) Declare(fl *cli.Flags, compression string) {
	f.headers = fl.List("header", "further `line` of the handshake: \"Name: value\"")
	fl.Short("H", "header")
	f.protocols = fl.List("protocol", "`name` of a sub-protocol to offer")
	fl.StringVar(&f.origin, "origin", "", "`origin` of the page that would connect, such as https://chat.example")
	f.compression = fl.Choice("compression", compression, []string{"off", "message", "context"}, "offer permessage-deflate: each message alone, or with what was before")
	fl.StringVar(&f.user, "user", "", "`name:password` for Authorization: Basic; with a name alone the terminal is asked for the password")
	fl.Short("u", "user")
	fl.BoolVar(&f.insecure, "insecure", false, "take any certificate: whoever is on the way can read and change everything")
	fl.Short("k", "insecure")
	fl.StringVar(&f.ca, "ca", "", "`file` of authorities to trust, in place of the system's")
	fl.StringVar(&f.cert, "cert", "", "`file` of a client certificate")
	fl.StringVar(&f.key, "key", "", "`file` of its private key, if it is not in the same")
	fl.StringVar(&f.keyPassword, "key-password-file", "", "`file` of the password of certificate and key")
	fl.StringVar(&f.serverName, "server-name", "", "`name` for TLS and certificate, if it is not that of the URL")
	fl.StringVar(&f.proxy, "proxy", "", "`URL` of a proxy in place of that of the environment, or none")
	DeclareTimeout(fl, &f.timeout)
	fl.Int64Var(&f.max, "max-size", 0, "`bytes` of the largest message to take, 0 for 1 MiB")
	f.resolve = fl.List("resolve", "`host:port:addr`: connect to addr in place of asking for that host")
	fl.StringVar(&f.unix, "unix", "", "`file` of a Unix socket to connect to; the URL says the rest")
}

// DeclarePing adds the flag of commands that keep connections open.
func (f *Flags) DeclarePing(fl *cli.Flags) {
	fl.DurationVar(&f.ping, "ping-interval", 0, "`time` of silence before a ping, 0 for 30s, negative for none")
}

// DeclareTimeout adds the one flag that all commands have that connect.
func DeclareTimeout(fl *cli.Flags, timeout *time.Duration) {
	fl.DurationVar(timeout, "timeout", 10*time.Second, "`time` that a connection may take to open")
}

// Socket is the file of --unix, empty for none.
func (f *Flags) Socket() string { return f.unix }

// Resolved is where --resolve says that "host:port" is, empty for the DNS. Options comes first.
func (f *Flags) Resolved(addr string) string { return f.table[strings.ToLower(addr)] }

// Options makes those for a URL. The password of --user is asked for here.
func (f *Flags) Options(env *cli.Env, rawURL string) (o dial.Options, err error) {
	if o.URL, err = parseURL(rawURL); err != nil {
		return o, err
	}
	if o.Header, err = f.header(env); err != nil {
		return o, err
	}
	switch {
	case f.timeout <= 0:
		return o, cli.BadUsage("flag --timeout: want more than 0")
	case f.max < 0:
		return o, cli.BadUsage("flag --max-size: want 0 or more")
	case f.cert == "" && (f.key != "" || f.keyPassword != ""):
		return o, cli.BadUsage("--key and --key-password-file need --cert")
	}
	o.SubProtocols = *f.protocols
	o.Compression.Mode = map[string]client.CompressionMode{
		"off": client.CompressionOff, "message": client.CompressionMessage, "context": client.CompressionContext,
	}[*f.compression]
	o.InsecureSkipVerify, o.CAFile, o.ServerName = f.insecure, f.ca, f.serverName
	o.CertFile, o.KeyFile = f.cert, f.key
	if f.keyPassword != "" {
		o.KeyPassword = hosts.PasswordFile(f.keyPassword)
	}
	o.HandshakeTimeout, o.PingInterval, o.MaxMessageSize = f.timeout, f.ping, f.max
	o.Logger = logger(env)
	if err := f.way(&o); err != nil {
		return o, err
	}
	return o, usage(o.Validate())
}

// logger is that of --log-level info and debug. What is worth a warning the commands tell
// themselves.
func logger(env *cli.Env) *slog.Logger {
	if env.Logger.Enabled(context.Background(), slog.LevelInfo) {
		return env.Logger
	}
	return slog.New(slog.DiscardHandler)
}

// usage is an error of the options as one of the command line, or of a file.
func usage(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*dial.OptionError](err)
	if !ok {
		return cli.BadUsage("%s", cli.Printable(err.Error()))
	}
	text := cli.Printable(e.Err.Error())
	switch e.Field {
	case "URL":
		return cli.BadUsage("the URL: %s", text)
	case "Header":
		return cli.BadUsage("flag --header: %s", text)
	case "SubProtocols":
		return cli.BadUsage("flag --protocol: %s", text)
	case "CAFile":
		return cli.Fail(cli.Failed, "flag --ca: %s", text)
	}
	return cli.BadUsage("%s: %s", e.Field, text)
}

// parseURL takes pages for the WebSocket beside them.
func parseURL(s string) (string, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "", cli.BadUsage("%q is no URL; did you mean wss://%s?", s, s)
	}
	switch strings.ToLower(scheme) {
	case "ws", "http":
		return "ws://" + rest, nil
	case "wss", "https":
		return "wss://" + rest, nil
	}
	return "", cli.BadUsage("%q: want a URL that begins with ws:// or wss://", s)
}

// header makes the further lines of the handshake.
func (f *Flags) header(env *cli.Env) (http.Header, error) {
	h := make(http.Header)
	for _, line := range *f.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, cli.BadUsage("flag --header: %q: want \"Name: value\"", line)
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if f.origin != "" {
		h.Set("Origin", f.origin)
	}
	if f.user == "" {
		return h, nil
	}
	name, password, ok := strings.Cut(f.user, ":")
	if !ok {
		var err error
		if password, err = ask(env, "Password of "+name+": "); err != nil {
			return nil, err
		}
	}
	r := http.Request{Header: h}
	r.SetBasicAuth(name, password)
	return h, nil
}

// ask reads a password from the terminal. The echo is off before the prompt comes.
func ask(env *cli.Env, prompt string) (string, error) {
	in, ok := env.Stdin.(*os.File)
	if !ok || !cli.IsTerminal(in) {
		return "", cli.BadUsage("flag --user: without a terminal to ask for the password, want name:password")
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(in.Fd()), before)
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, env.Stderr}, "")
	password, err := t.ReadPassword(prompt)
	if err != nil { // Ctrl-C, or the end of input
		_, _ = io.WriteString(env.Stderr, "\r\n")
		return "", cli.Silent(cli.Interrupted)
	}
	return password, nil
}

// way sets what the connection goes through.
func (f *Flags) way(o *dial.Options) error {
	if f.unix != "" {
		if f.proxy != "" && f.proxy != "none" || len(*f.resolve) > 0 {
			return cli.BadUsage("--unix excludes --proxy and --resolve")
		}
		o.Proxy, o.Dial = dial.NoProxy, toSocket(f.unix)
		return nil
	}
	if len(*f.resolve) > 0 {
		var err error
		if f.table, err = readTable(*f.resolve); err != nil {
			return err
		}
		o.Dial = f.table.dial
	}
	switch f.proxy {
	case "":
		return nil
	case "none":
		o.Proxy = dial.NoProxy
		return nil
	}
	u, err := proxyURL(f.proxy)
	o.Proxy = func(*http.Request) (*url.URL, error) { return u, nil }
	return err
}

func proxyURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil { // its text would repeat a password
		return nil, cli.BadUsage("flag --proxy: %v", cmp.Or(errors.Unwrap(err), err))
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return nil, cli.BadUsage("flag --proxy: %q: want http, https, socks5 or socks5h", u.Scheme)
	case u.Hostname() == "":
		return nil, cli.BadUsage("flag --proxy: the host is missing")
	}
	return u, nil
}

// Shown is a URL without what is secret in it: the user info, and the values of the query.
func Shown(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return cli.Printable(u.String())
}
