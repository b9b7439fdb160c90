package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/url"
	"time"

	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/certs"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/hosts"
)

// options are the flags.
type options struct {
	reach reach.Flags
	pings int
	warn  *time.Duration
}

// Command returns "check".
func Command() *cli.Command {
	return &cli.Command{
		Name: "check", Args: "URL", Min: 1, Max: 1,
		Short: "find out what is wrong with a WebSocket, step by step",
		Long: "It walks the whole way: the name and all its addresses, a connection to each, the proxy of the environment, " +
			"TLS with the certificates, the HTTP answer, the handshake with and without an Origin, sub-protocols " +
			"and compression, pings, and the closing handshake. Then it tries once more, as a page of a site that " +
			"does not exist (" + foreignOrigin + "), and tells whether the server lets that in, which " +
			"changes no exit code. Each finding says what to do. No message is sent.\n\n" +
			"Each step may take as long as --timeout says, and so may each ping. With --insecure what is wrong with a certificate " +
			"is told as a note. Compression is offered, so that the answer to it is seen.\n\n" +
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
	o := new(options)
	o.declare(f)
	return func(ctx context.Context, env *cli.Env, args []string) error {
		return o.run(ctx, env, args[0], dialler{})
	}
}

func (o *options) declare(f *cli.Flags) {
	o.reach.Declare(f, "message")
	f.IntVar(&o.pings, "pings", 3, "`number` of pings")
	o.warn = f.Span("warn", 14*24*time.Hour, "`time` before the end from which on a certificate is not in order")
}

// doctor is one run.
type doctor struct {
	*report
	o       *options
	dial    dial.Options // what the flags make
	timeout time.Duration
	t       *target
	proxy   *url.URL // nil for none
	rules   certs.Rules
	own     *tls.Certificate // of the client
	probe   prober

	network, via string // what took a connection: the server, or the proxy
}

func (o *options) run(ctx context.Context, env *cli.Env, target string, p prober) error {
	d, err := o.doctor(env, target, p)
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
func (o *options) doctor(env *cli.Env, text string, p prober) (d *doctor, err error) {
	if o.pings < 0 || o.pings > 100 {
		return nil, cli.BadUsage("flag --pings: want 0 to 100")
	}
	d = &doctor{o: o, probe: p, network: "tcp"}
	if d.dial, err = o.reach.Options(env, text); err != nil {
		return nil, err
	}
	if d.t, err = newTarget(d.dial.URL); err != nil {
		return nil, err
	}
	if d.proxy, err = d.t.proxyOf(d.dial.Proxy); err != nil {
		return nil, err
	}
	d.timeout = d.dial.HandshakeTimeout
	d.rules = certs.Rules{Name: cmp.Or(d.dial.ServerName, d.t.host), Warn: *o.warn, Now: time.Now()}
	if ca := d.dial.CAFile; ca != "" {
		if d.rules.Roots, err = hosts.ParsePool(ca); err != nil {
			return nil, err
		}
	}
	if c := d.dial.CertFile; c != "" {
		d.own, err = hosts.FileSource{Cert: c, Key: d.dial.KeyFile, Password: d.dial.KeyPassword}.Load(context.Background())
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
		{"origin", d.foreign, false},
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
