package acme_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/hosts/acme"
)

// H-36, H-41, H-45: hosts.Set from one end to the other. One host begins with a temporary
// certificate, one has names on demand; the authority comes through the set's own
// listeners.
func TestASetOfHosts(t *testing.T) {
	t.Parallel()
	s := newSite(t) // for its ports
	a := newAuthority(t, s, setup{})
	config := configuration(t, s, a, func(c *acme.Config) {
		c.Allow = func(_ context.Context, name string) error {
			if name != "good.tenant.example" {
				return errors.New("no such tenant")
			}
			return nil
		}
	})
	issuer, err := acme.New(config)
	if err != nil {
		t.Fatal(err)
	}
	fresh := make(chan hosts.CertStatus, 10)
	set, err := hosts.New([]hosts.Host{
		{
			Tag: "chat", Names: []string{"chat.example", "www.chat.example"},
			Port: s.httpPort(), TLSPort: s.tlsPort(), Challenge: hosts.ChallengeHTTP01,
			AutoOrder: true, AllowTemporary: true,
		},
		{
			Tag: "tenants", Names: []string{"*.tenant.example"},
			Port: s.httpPort(), TLSPort: s.tlsPort(), Challenge: hosts.ChallengeTLSALPN01,
			AutoOrder: true, OnDemand: true,
		},
	}, hosts.Options{
		Issuer: issuer, Logger: config.Logger,
		OnNewCert: func(h *hosts.Entry, s hosts.CertStatus) { fresh <- s },
	})
	if err != nil {
		t.Fatal(err)
	}
	if !set.Hosts()[0].Temporary() {
		t.Error("no temporary certificate at first")
	}
	serveSet(t, s, set)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- set.Run(ctx) }()
	select {
	case status := <-fresh:
		if status.Temporary || len(status.Names) != 2 {
			t.Errorf("%+v", status)
		}
	case <-time.After(time.Minute):
		t.Fatal("no certificate")
	}
	for _, name := range []string{"chat.example", "www.chat.example", "good.tenant.example"} {
		if _, err := s.visit(name, a.roots()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if leaf, err := s.visit("bad.tenant.example", a.roots()); err == nil {
		t.Errorf("a certificate for %v", leaf.DNSNames)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// serveSet has the set answer on the site's listeners in place of the site.
func serveSet(t *testing.T, s *site, set *hosts.Set) {
	t.Helper()
	config, err := set.All().TLSConfig()
	if err != nil {
		t.Fatal(err)
	}
	s.other.Store(&server{set.ServeChallenge, config.GetConfigForClient})
}
