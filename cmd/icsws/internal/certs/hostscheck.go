package certs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/config"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

// HostsCommand returns "hosts check".
func HostsCommand() *cli.Command {
	return &cli.Command{
		Name: "hosts check", Args: "FILE", Min: 1, Max: 1, Files: true,
		Short: "check a configuration file, its hosts and their certificates",
		Long: "FILE is the configuration of a server (.toml, .yaml, .json or .ini), or an INI file with the hosts of ICS. " +
			"What is wrong comes with its line; then each host with its names, addresses and certificate. Nothing " +
			"is listened on, and no certificate is ordered.\n\n" +
			"The exit code is 1 if a server would not start with it, or a certificate is not in order.",
		Examples: []cli.Example{
			{Text: "Before a restart", Line: "icsws hosts check /etc/chat/server.toml && systemctl restart chat"},
			{Text: "Certificates that end within three weeks, for a program", Line: "icsws hosts check --warn 21d --json server.toml"},
			{Text: "The hosts of an ICS application, whatever else is in its file", Line: "icsws hosts check --ics app.ini"},
		},
		Setup: func(f *cli.Flags) cli.RunFunc {
			var o hostsOptions
			f.BoolVar(&o.ics, "ics", false, "look at the sections of ICS hosts only; so are INI files without a section Server or Acme")
			f.StringVar(&o.prefix, "prefix", "", "`name` of these sections without their number (default IcsHost)")
			o.warn = f.Span("warn", 14*24*time.Hour, "`time` before the end from which on a certificate is not in order")
			return func(_ context.Context, env *cli.Env, args []string) error { return o.run(env, args[0]) }
		},
	}
}

type hostsOptions struct {
	ics    bool
	prefix string
	warn   *time.Duration
}

// hostsReport is what --json has.
type hostsReport struct {
	File     string        `json:"file"`
	Problems []problem     `json:"problems"`
	Hosts    []host        `json:"hosts"`
	Findings show.Findings `json:"findings"`
	Exit     cli.Code      `json:"exit"`
}

// problem is something at a place of the file.
type problem struct {
	Level  show.Level `json:"level"`
	Line   int        `json:"line,omitempty"`
	Column int        `json:"column,omitempty"`
	Key    string     `json:"key,omitempty"`
	Text   string     `json:"text"` // with file and line
}

func (o *hostsOptions) run(env *cli.Env, path string) error {
	if info, err := os.Stat(path); err != nil {
		return err
	} else if info.IsDir() {
		return cli.BadUsage("%s is a folder", path)
	}
	r := &hostsReport{File: path, Problems: []problem{}, Hosts: []host{}, Findings: show.Findings{}}
	cfg, ok := o.load(r)
	if ok {
		r.check(cfg, *o.warn, time.Now())
	}
	if r.bad() {
		r.Exit = cli.Failed
	}
	if env.JSON {
		if err := env.PrintJSON(r); err != nil {
			return err
		}
	} else {
		r.print(env)
	}
	return cli.Silent(r.Exit)
}

// load reads the file; false means that it has errors.
func (o *hostsOptions) load(r *hostsReport) (wsserver.Config, bool) {
	if o.ics || o.prefix != "" || isICS(r.File) {
		list, warnings, err := hosts.LoadINIFile(r.File, o.prefix)
		r.problems(err, slices.DeleteFunc(warnings, o.isOther))
		return wsserver.Config{Hosts: list}, err == nil
	}
	f, err := config.Load(r.File)
	if f == nil {
		f = new(config.File)
	}
	r.problems(err, f.Warnings)
	return f.Server, err == nil
}

// isOther tells of a warning that a section has no host: the rest of the file belongs to
// an application.
func (o *hostsOptions) isOther(w hosts.Warning) bool {
	return w.Key == "" && !strings.HasPrefix(strings.ToLower(w.Section), strings.ToLower(cmp.Or(o.prefix, "IcsHost")))
}

// isICS reports whether an INI file has hosts of ICS and nothing of ours.
func isICS(path string) bool {
	if !strings.EqualFold(filepath.Ext(path), ".ini") {
		return false
	}
	data, err := readFile(path)
	if err != nil {
		return false
	}
	ics := false
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		switch line := strings.ToLower(strings.TrimSpace(lines.Text())); {
		case line == "[server]", line == "[acme]":
			return false
		case strings.HasPrefix(line, "[icshost"):
			ics = true
		}
	}
	return ics
}

// problems splits the joined errors of a file, in the order of their lines.
func (r *hostsReport) problems(err error, warnings []hosts.Warning) {
	for _, e := range joined(err) {
		p := problem{Level: show.Bad, Text: unprefixed(e.Error())}
		if ce, ok := errors.AsType[*config.Error](e); ok {
			p.Line, p.Column, p.Key = ce.Line, ce.Column, ce.Key
		} else if le, ok := errors.AsType[*hosts.LoadError](e); ok {
			p.Line, p.Key = le.Line, le.Key
		}
		r.Problems = append(r.Problems, p)
	}
	for _, w := range warnings {
		r.Problems = append(r.Problems, problem{Level: show.Warning, Line: w.Line, Key: w.Key, Text: w.String()})
	}
	slices.SortStableFunc(r.Problems, func(a, b problem) int { return a.Line - b.Line })
}

// joined are the errors that err joins, itself if it does not.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var list []error
		for _, e := range j.Unwrap() {
			list = append(list, joined(e)...)
		}
		return list
	}
	return []error{err}
}

// check makes a server of the configuration, which does not listen.
func (r *hostsReport) check(cfg wsserver.Config, warn time.Duration, now time.Time) {
	cfg.BestEffortHosts = true
	if slices.ContainsFunc(cfg.Hosts, func(h hosts.Host) bool { return h.AutoOrder && !h.Disabled }) {
		cfg.Issuer = noIssuer{} // which a program makes of the section acme, or by itself
	}
	cfg.CertExpireDays = -1
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := wsserver.New(wsserver.Class[nobody](), cfg)
	for _, e := range joined(err) {
		r.Findings.Add(show.Bad, "config", capital(e.Error())+".").Step = "server"
	}
	if err != nil {
		return
	}
	r.addresses(cfg)
	for _, e := range srv.Hosts() {
		r.Hosts = append(r.Hosts, describeHost(e, cfg, warn, now))
	}
	if len(cfg.Hosts) == 0 {
		r.Findings.Add(show.Note, "no-hosts", "The file has no hosts.").Step = "server"
	}
}

// addresses finds two hosts that want one address for different things.
func (r *hostsReport) addresses(cfg wsserver.Config) {
	if len(cfg.Hosts) == 0 {
		return
	}
	set, err := hosts.New(cfg.Hosts, hosts.Options{
		BestEffort: true, Level: cfg.Level, TLS: cfg.TLS, DisableTLS: cfg.DisableTLS, Issuer: cfg.Issuer, Logger: cfg.Logger, AllowSelfSigned: true,
	})
	if err != nil {
		return // the server would have said so
	}
	if _, err := set.Addresses(); err != nil {
		for _, e := range joined(err) {
			r.Findings.Add(show.Bad, "addresses", capital(e.Error())+".").Step = "server"
		}
	}
}

func (r *hostsReport) bad() bool {
	if r.Findings.Worst() == show.Bad {
		return true
	}
	return slices.ContainsFunc(r.Problems, func(p problem) bool { return p.Level == show.Bad }) ||
		slices.ContainsFunc(r.Hosts, func(h host) bool { return h.Findings.Worst() == show.Bad })
}

// capital makes a sentence of an error, without the name of its package.
func capital(s string) string {
	if s = unprefixed(s); s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func unprefixed(s string) string {
	for _, p := range []string{"wsserver: ", "Config.Hosts: ", "hosts: ", "config: "} {
		s = strings.TrimPrefix(s, p)
	}
	return s
}

// nobody is the class of a server that never runs.
type nobody struct{ client.Base }

func (*nobody) OnMessage(client.Message) error { return nil }

// noIssuer stands for the authority that hosts with AutoOrder have; it is not asked.
type noIssuer struct{}

func (noIssuer) Check(hosts.Order) error                                { return nil }
func (noIssuer) Run(context.Context, []hosts.Order) error               { return nil }
func (noIssuer) ServeChallenge(http.ResponseWriter, *http.Request) bool { return false }
func (noIssuer) ChallengeCert(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return nil, hosts.ErrNoCertificate
}
func (noIssuer) DemandCert(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return nil, hosts.ErrNoCertificate
}
