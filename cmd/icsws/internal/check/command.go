package check

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/certs"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/hosts"
)

// options are the flags.
type options struct {
	origin, ca, cert, key, serverName, proxy string
	headers, protocols                       *[]string
	noCompression, insecure                  bool
	pings                                    int
	timeout                                  time.Duration
	warn                                     *time.Duration
}

// Command returns "check".
func Command() *cli.Command {
	return &cli.Command{
		Name: "check", Args: "URL", Min: 1, Max: 1,
		Short: "find out what is wrong with a WebSocket, step by step",
		Long: "It walks the whole way: the name and all its addresses, a connection to each, the proxy of the environment, " +
			"TLS with the certificates, the HTTP answer, the handshake with and without an Origin, sub-protocols " +
			"and compression, pings, and the closing handshake. Each finding says what to do. No message is sent.\n\n" +
			"The exit code is that of the worst finding: 5 if the server refuses, or answers with something else, 4 if it does not answer in time, " +
			"3 if there is no connection, 1 if something else is not in order.",
		Examples: []cli.Example{
			{Text: "Why does it not connect", Line: "icsws check wss://chat.example/ws"},
			{Text: "As a page of another site would", Line: "icsws check --origin https://shop.example wss://chat.example/ws"},
			{Text: "With a token, and a sub-protocol", Line: "icsws check -H 'Authorization: Bearer TOKEN' --protocol chat wss://chat.example/ws"},
			{Text: "A server with a certificate of your own authority", Line: "icsws check --ca ca.pem wss://10.0.0.5:8443/"},
			{Text: "All of it, for a program", Line: "icsws check --json wss://chat.example/ws"},
		},
		Setup: setup,
	}
}

func setup(f *cli.Flags) cli.RunFunc {
	var o options
	f.StringVar(&o.origin, "origin", "", "`origin` of the page that would connect, such as https://chat.example")
	o.headers = f.List("header", "further `line` of the handshake: \"Name: value\"")
	f.Short("H", "header")
	o.protocols = f.List("protocol", "`name` of a sub-protocol to offer")
	f.BoolVar(&o.noCompression, "no-compression", false, "do not offer permessage-deflate")
	f.StringVar(&o.ca, "ca", "", "`file` of authorities to trust, in place of the system's")
	f.StringVar(&o.cert, "cert", "", "`file` of a client certificate")
	f.StringVar(&o.key, "key", "", "`file` of its private key, if it is not in the same")
	f.StringVar(&o.serverName, "server-name", "", "`name` for TLS and certificate, if it is not that of the URL")
	f.BoolVar(&o.insecure, "insecure", false, "take a certificate of an unknown authority as worth a note only")
	f.Short("k", "insecure")
	f.StringVar(&o.proxy, "proxy", "", "`URL` of a proxy in place of that of the environment, or none")
	f.IntVar(&o.pings, "pings", 3, "`number` of pings")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "`time` for each step")
	o.warn = f.Span("warn", 14*24*time.Hour, "`time` before its end from which on a certificate is not in order")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		return o.run(ctx, env, args[0], dialler{})
	}
}

// doctor is one run.
type doctor struct {
	*report
	o      *options
	t      *target
	proxy  *url.URL
	header http.Header
	rules  certs.Rules
	own    *tls.Certificate // of the client
	probe  prober
	via    string // the address that took a connection: of the server, or of the proxy
}

func (o *options) run(ctx context.Context, env *cli.Env, target string, p prober) error {
	d, err := o.doctor(target, p)
	if err != nil {
		return err
	}
	d.report = &report{URL: d.t.shown(), Time: time.Now().UTC(), Findings: show.Findings{}, env: env}
	if !env.JSON {
		env.Printf("%s\n", env.Paint(cli.Bold, d.URL))
	}
	d.walk(ctx)
	d.flush()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d.Findings.Worst() == show.Bad && d.Exit == cli.OK {
		d.Exit = cli.Failed
	}
	if env.JSON {
		if err := env.PrintJSON(d.report); err != nil {
			return err
		}
	} else {
		env.Printf("\n%s\n", d.verdict())
	}
	return cli.Silent(d.Exit)
}

// doctor reads what the flags name.
func (o *options) doctor(text string, p prober) (*doctor, error) {
	d := &doctor{o: o, probe: p, header: make(http.Header)}
	var err error
	if d.t, err = parseTarget(text); err != nil {
		return nil, err
	}
	if d.proxy, err = d.t.proxyFor(o.proxy); err != nil {
		return nil, err
	}
	for _, h := range *o.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, cli.BadUsage("flag --header: %q: want \"Name: value\"", h)
		}
		d.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if o.origin != "" {
		d.header.Set("Origin", o.origin)
	}
	if err := validate(request{url: d.t.url.String(), header: d.header, protocols: *o.protocols}); err != nil {
		return nil, cli.BadUsage("%s", strings.TrimPrefix(err.Error(), "dial: Options."))
	}
	d.rules = certs.Rules{Name: d.t.host, Warn: *o.warn, Now: time.Now(), AnyIssuer: o.insecure}
	if o.serverName != "" {
		d.rules.Name = o.serverName
	}
	if o.ca != "" {
		if d.rules.Roots, err = hosts.ParsePool(o.ca); err != nil {
			return nil, err
		}
	}
	switch {
	case o.cert != "":
		d.own, err = hosts.FileSource{Cert: o.cert, Key: o.key}.Load(context.Background())
	case o.key != "":
		err = cli.BadUsage("--key needs --cert")
	case o.pings < 0 || o.pings > 100:
		err = cli.BadUsage("flag --pings: want 0 to 100")
	case o.timeout <= 0:
		err = cli.BadUsage("flag --timeout: want more than 0")
	}
	return d, err
}

// walk goes step by step, as far as it goes.
func (d *doctor) walk(ctx context.Context) {
	steps := []struct {
		name string
		do   func(context.Context) bool // false: there is no way on
		skip bool
	}{
		{"name", d.lookUp, false},
		{"connection", d.connect, false},
		{"TLS", d.handshakeTLS, !d.t.secure},
		{"WebSocket", d.handshake, false},
	}
	for _, s := range steps {
		if s.skip {
			continue
		}
		d.begin(s.name)
		on := s.do(ctx)
		d.flush()
		if !on || ctx.Err() != nil {
			return
		}
	}
}

// verdict is the last line.
func (d *doctor) verdict() string {
	bad, warnings := 0, 0
	for _, f := range d.Findings {
		switch f.Level {
		case show.Bad:
			bad++
		case show.Warning:
			warnings++
		}
	}
	switch {
	case bad > 0:
		return d.env.Paint(cli.Red, "Not in order: "+plural(bad, "finding")+" above.")
	case warnings > 0:
		return d.env.Paint(cli.Yellow, "It works, with "+plural(warnings, "warning")+".")
	}
	return d.env.Paint(cli.Green, "All is well.")
}
