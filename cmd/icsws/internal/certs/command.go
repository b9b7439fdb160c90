package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/hosts"
)

// options are the flags of "cert".
type options struct {
	name, ca, cert, key       string
	passwordFile, passwordEnv string
	warn                      *time.Duration
	timeout                   time.Duration
	pem                       bool
}

// Command returns "cert".
func Command() *cli.Command {
	return &cli.Command{
		Name: "cert", Args: "FILE|HOST[:PORT]", Min: 1, Max: 1, Files: true,
		Short: "look into the certificates of a file or of a server",
		Long: "A FILE may be PEM, DER, PKCS #12 (.pfx, .p12), PKCS #7 or a Java key store. What is no file is a " +
			"host, or a URL; without a port it is 443.\n\n" +
			"The exit code is 1 if something is not in order: a certificate that has expired or expires within " +
			"--warn, is for another name, does not lead to a trusted root, or does not belong to its key.",
		Examples: []cli.Example{
			{Text: "What a server shows", Line: "icsws cert chat.example"},
			{Text: "For a cron job: complain three weeks before the end", Line: "icsws cert --warn 21d chat.example:8443"},
			{Text: "Does the key belong to the certificate", Line: "icsws cert --key chat.key chat.crt"},
			{Text: "Save the chain of a server", Line: "icsws cert --pem chat.example > chain.pem"},
		},
		Setup: func(f *cli.Flags) cli.RunFunc {
			var o options
			f.StringVar(&o.name, "name", "", "`name` that the certificate has to be for; of a host that name by default")
			f.StringVar(&o.ca, "ca", "", "`file` of authorities to trust, in place of the system's")
			f.StringVar(&o.cert, "client-cert", "", "`file` of a client certificate with its key, for servers that ask for one")
			f.StringVar(&o.key, "key", "", "`file` of the private key, if FILE does not have it")
			f.StringVar(&o.passwordFile, "password-file", "", "`file` of the password of FILE and its key")
			f.StringVar(&o.passwordEnv, "password-env", "", "environment `variable` with the password")
			o.warn = f.Span("warn", 14*24*time.Hour, "`time` before the end from which on a certificate is not in order")
			reach.DeclareTimeout(f, &o.timeout)
			f.BoolVar(&o.pem, "pem", false, "print the chain as PEM and nothing else")
			return func(ctx context.Context, env *cli.Env, args []string) error { return o.run(ctx, env, args[0]) }
		},
	}
}

// report is what --json has.
type report struct {
	Target   string        `json:"target"`
	Format   string        `json:"format,omitempty"` // of a file
	Address  string        `json:"address,omitempty"`
	TLS      *TLSState     `json:"tls,omitempty"`
	Chain    []Cert        `json:"chain"`
	OCSP     *Staple       `json:"ocsp,omitempty"`
	Findings show.Findings `json:"findings"`
	Exit     cli.Code      `json:"exit"`
}

func (o *options) run(ctx context.Context, env *cli.Env, target string) error {
	if o.pem && env.JSON {
		return cli.BadUsage("--pem and --json exclude each other: the chain of --json has the PEM of each certificate")
	}
	rules := Rules{Name: o.name, Warn: *o.warn, Now: time.Now()}
	if o.ca != "" {
		var err error
		if rules.Roots, err = hosts.ParsePool(o.ca); err != nil {
			return err
		}
	}
	r := &report{Target: target}
	chain, err := o.look(ctx, r, &rules)
	if err != nil {
		return err
	}
	r.Chain = Describe(chain, rules.Now)
	r.Findings = append(r.Findings, Judge(chain, rules)...)
	if r.Findings.Worst() == show.Bad {
		r.Exit = cli.Failed
	}
	switch {
	case o.pem:
		for _, c := range r.Chain {
			env.Printf("%s", c.PEM)
		}
	case env.JSON:
		if err := env.PrintJSON(r); err != nil {
			return err
		}
	default:
		r.print(env)
	}
	return cli.Silent(r.Exit)
}

// look gets the chain from wherever the target is.
func (o *options) look(ctx context.Context, r *report, rules *Rules) ([]*x509.Certificate, error) {
	if _, err := os.Stat(r.Target); err == nil {
		return o.lookFile(r)
	} else if looksLikeFile(r.Target) {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, cli.Fail(cli.Failed, "%s: %w", r.Target, err)
	}
	for _, f := range []struct{ name, value string }{{"--key", o.key}, {"--password-file", o.passwordFile}, {"--password-env", o.passwordEnv}} {
		if f.value != "" && o.cert == "" {
			return nil, cli.BadUsage("%s is for files, and there is no file %s", f.name, r.Target)
		}
	}
	return o.lookHost(ctx, r, rules)
}

// looksLikeFile is for names of files that are not there.
func looksLikeFile(s string) bool {
	if strings.Contains(s, "://") {
		return false
	}
	ends := []string{".pem", ".crt", ".cer", ".der", ".pfx", ".p12", ".p7b", ".p7c", ".jks", ".key"}
	return strings.ContainsAny(s, `/\`) || slices.Contains(ends, strings.ToLower(filepath.Ext(s)))
}

func (o *options) lookFile(r *report) ([]*x509.Certificate, error) {
	password, err := passwordFrom(o.passwordFile, o.passwordEnv)
	if err != nil {
		return nil, err
	}
	s, err := LoadFile(r.Target, password)
	if err != nil {
		return nil, err
	}
	if o.key != "" {
		k, err := LoadFile(o.key, password)
		if err != nil {
			return nil, err
		}
		s.Keys, s.Locked = append(s.Keys, k.Keys...), s.Locked || k.Locked
		s.leafFirst()
	}
	r.Format, r.Findings = s.Format, s.judgeKey()
	return s.Chain, nil
}

func (o *options) lookHost(ctx context.Context, r *report, rules *Rules) ([]*x509.Certificate, error) {
	host, addr, err := hostPort(r.Target)
	if err != nil {
		return nil, err
	}
	if rules.Name == "" {
		rules.Name = host
	}
	own, err := o.clientCert()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, notConnected(ctx, addr, err)
	}
	defer conn.Close()
	state, err := Handshake(ctx, conn, rules.Name, own)
	if err != nil {
		code := cli.NoConnection
		if ctx.Err() != nil {
			code = cli.TimedOut
		}
		_, text, advice := WhyTLS(err)
		return nil, cli.Fail(code, "%s", strings.TrimSpace(addr+": "+text+" "+advice))
	}
	r.Address, r.TLS, r.Findings = conn.RemoteAddr().String(), state, state.Judge()
	staple, found := JudgeStaple(state.OCSP, state.Chain, rules.Now)
	r.OCSP, r.Findings = staple, append(r.Findings, found...)
	return state.Chain, nil
}

func (o *options) clientCert() (*tls.Certificate, error) {
	if o.cert == "" {
		return nil, nil
	}
	s := hosts.FileSource{Cert: o.cert, Key: o.key, Password: func() ([]byte, error) { return passwordFrom(o.passwordFile, o.passwordEnv) }}
	return s.Load(context.Background())
}

func notConnected(ctx context.Context, addr string, err error) error {
	if ne, ok := errors.AsType[net.Error](err); ctx.Err() != nil || ok && ne.Timeout() {
		return cli.Fail(cli.TimedOut, "%s: no answer in time", addr)
	}
	return cli.Fail(cli.NoConnection, "%w", err)
}

// hostPort reads "host", "host:port", an address, or a URL. A name is in ASCII then.
func hostPort(s string) (host, addr string, err error) {
	port := "443"
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err != nil {
			return "", "", cli.BadUsage("%v", err)
		}
		switch u.Scheme {
		case "wss", "https":
		default:
			return "", "", cli.BadUsage("%s: a %s URL has no certificate; want wss or https", s, u.Scheme)
		}
		if u.Port() != "" {
			port = u.Port()
		}
		host = u.Hostname()
	} else if h, p, err := net.SplitHostPort(s); err == nil {
		host, port = h, p
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	}
	if host == "" || port == "" {
		return "", "", cli.BadUsage("%q is neither a file nor a host", s)
	}
	if host, err = reach.ASCIIHost(host); err != nil {
		return "", "", cli.BadUsage("%q: %v", s, err)
	}
	return host, net.JoinHostPort(host, port), nil
}
