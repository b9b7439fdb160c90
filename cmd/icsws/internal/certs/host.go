package certs

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

// host is one of a configuration, as --json has it.
type host struct {
	Tag      string        `json:"tag,omitempty"`
	Names    []string      `json:"names"`
	Plain    []string      `json:"plain,omitempty"` // addresses
	TLS      []string      `json:"tls,omitempty"`
	Source   string        `json:"source,omitempty"` // of the certificate
	NotAfter time.Time     `json:"not_after,omitzero"`
	DaysLeft int           `json:"days_left,omitempty"`
	Findings show.Findings `json:"findings"`
}

func describeHost(e *hosts.Entry, cfg wsserver.Config, warn time.Duration, now time.Time) host {
	h := host{Tag: e.Tag(), Names: e.Names(), Findings: show.Findings{}}
	plain, secure := e.Ports()
	for _, bind := range binds(cfg.Hosts[e.Index()]) {
		h.Plain, h.TLS = append(h.Plain, address(bind, plain)...), append(h.TLS, address(bind, secure)...)
	}
	s := e.Status()
	h.Source, h.NotAfter = s.LoadedFrom, s.NotAfter
	if s.Leaf != nil {
		h.DaysLeft = show.Days(s.NotAfter, now)
	}
	h.judge(s, warn, now)
	return h
}

func binds(h hosts.Host) []string {
	if h.Bind2 != "" {
		return []string{h.Bind, h.Bind2}
	}
	return []string{h.Bind}
}

func address(bind string, port int) []string {
	switch port {
	case 0:
		return nil
	case -1:
		return []string{net.JoinHostPort(bind, "0")}
	}
	return []string{net.JoinHostPort(bind, strconv.Itoa(port))}
}

// judge says what is to be said of the certificate.
func (h *host) judge(s hosts.CertStatus, warn time.Duration, now time.Time) {
	f := &h.Findings
	switch left := s.NotAfter.Sub(now); {
	case s.Ordering && s.Leaf == nil:
		f.Add(show.Note, "ordering", "An authority issues the certificate when the server runs.")
		return
	case s.Result == hosts.CertNone:
		f.Add(show.OK, "no-certificate", "The host has no TLS, and no certificate.")
		return
	case s.Leaf == nil:
		for _, e := range joined(s.Err) {
			f.Add(show.Bad, "certificate", capital(plain(e))+".")
		}
		return
	case s.Temporary:
	case left < warn:
		f.Add(show.Bad, "expiring", "The certificate expires on %s, %s.", s.NotAfter.UTC().Format(time.DateOnly), show.Left(s.NotAfter, now)).Do("Renew it now.")
	default:
		f.Add(show.OK, "valid", "The certificate is valid until %s; it expires %s.", s.NotAfter.UTC().Format(time.DateOnly), show.Left(s.NotAfter, now))
	}
	for _, e := range joined(s.Err) {
		level := show.Warning
		if s.Result == hosts.CertFail {
			level = show.Bad
		}
		f.Add(level, codeOf(e), capital(plain(e))+".")
	}
}

// plain is the text of an error of a host without its index, which the output has.
func plain(err error) string {
	if he, ok := errors.AsType[*hosts.HostError](err); ok {
		return he.Field + ": " + he.Err.Error()
	}
	return err.Error()
}

func codeOf(err error) string {
	for _, c := range []struct {
		err  error
		code string
	}{
		{hosts.ErrExpired, "expired"}, {hosts.ErrNotYetValid, "not-yet-valid"}, {hosts.ErrChain, "untrusted"}, {hosts.ErrCoverage, "name-mismatch"},
		{hosts.ErrSelfSigned, "self-signed"}, {hosts.ErrTemporary, "temporary"}, {hosts.ErrKeyMismatch, "key-mismatch"}, {hosts.ErrWeak, "weak"},
	} {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return "certificate"
}

func (r *hostsReport) print(env *cli.Env) {
	for _, p := range r.Problems {
		word := env.Paint(cli.Red, "error")
		if p.Level < show.Bad {
			word = env.Paint(cli.Yellow, "warning")
		}
		env.Printf("%s: %s\n", word, cli.Printable(p.Text))
	}
	if len(r.Problems) > 0 && len(r.Findings)+len(r.Hosts) > 0 {
		env.Printf("\n")
	}
	show.Print(env, r.Findings)
	for i, h := range r.Hosts {
		if i > 0 || len(r.Findings) > 0 {
			env.Printf("\n")
		}
		h.print(env, i)
	}
	if !r.bad() {
		if len(r.Problems)+len(r.Findings)+len(r.Hosts) > 0 {
			env.Printf("\n")
		}
		env.Printf("%s: no errors\n", r.File)
	}
}

func (h host) print(env *cli.Env, index int) {
	tag := h.Tag
	if tag == "" {
		tag = fmt.Sprintf("host %d", index+1)
	}
	env.Printf("%s\n", env.Paint(cli.Bold, cli.Printable(tag)))
	for _, l := range []struct{ key, value string }{
		{"names", strings.Join(h.Names, ", ")},
		{"plain", strings.Join(h.Plain, ", ")},
		{"TLS", strings.Join(h.TLS, ", ")},
		{"from", h.Source},
	} {
		if l.value != "" {
			env.Printf("%s", cli.Indent(fmt.Sprintf("   %-6s", l.key), l.value, 9, env.Width))
		}
	}
	show.Print(env, h.Findings)
}
