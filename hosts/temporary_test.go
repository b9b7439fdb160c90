package hosts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"
)

// H-33
func TestTemporaryCertificateIsForItsNames(t *testing.T) {
	for _, tt := range []struct {
		names []string
		good  []string
		bad   string
	}{
		{[]string{"chat.example", "*.Game.example", "::1"}, []string{"chat.example", "a.game.example", "::1"}, "localhost"},
		{[]string{"*"}, []string{"localhost", "127.0.0.1", "::1"}, "chat.example"},
		{nil, []string{"localhost", "127.0.0.1", "::1"}, "chat.example"},
	} {
		cert, err := Temporary(tt.names...)
		if err != nil {
			t.Fatalf("Temporary(%q) = %v", tt.names, err)
		}
		for _, name := range tt.good {
			if err := cert.Leaf.VerifyHostname(name); err != nil {
				t.Errorf("Temporary(%q): %v", tt.names, err)
			}
		}
		if cert.Leaf.VerifyHostname(tt.bad) == nil {
			t.Errorf("Temporary(%q) is good for %s", tt.names, tt.bad)
		}
		if life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore); life != temporaryLife+clockSkew {
			t.Errorf("lives %v", life)
		}
		if key, ok := cert.PrivateKey.(*ecdsa.PrivateKey); !ok || key.Curve != elliptic.P256() {
			t.Errorf("key is a %T; want one of P-256", cert.PrivateKey)
		}
	}
	if _, err := Temporary("a b"); !errors.Is(err, ErrName) {
		t.Errorf("Temporary of a bad name = %v; want ErrName", err)
	}
}

// H-33
func TestTemporaryCertificateOfAHostIsSaidLoudly(t *testing.T) {
	opts, log := logged()
	s := mustSet(t, opts,
		Host{Tag: "chat", Names: []string{"chat.example", "*"}, Bind: "127.0.0.9", Bind2: "::", TLSPort: 443, AllowTemporary: true},
		Host{Tag: "mem", Names: []string{"mem.example"}, AllowTemporary: true},
	)
	e := s.Hosts()[0]
	if !e.Temporary() {
		t.Error("Temporary = false")
	}
	for _, name := range []string{"chat.example", "localhost", "127.0.0.1", "127.0.0.9", "::1"} {
		if err := e.Leaf().VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if n := len(e.Leaf().IPAddresses); n != 3 {
		t.Errorf("%d addresses in the certificate; want 3: no unspecified ones", n)
	}
	if out := log.String(); strings.Count(out, "level=WARN") != 2 || !strings.Contains(out, "host=chat") {
		t.Errorf("log = %s; want a warning for each host", out)
	}
	if s.Hosts()[1].Leaf() == nil {
		t.Error("a host without ports has no certificate for TLS listeners that are handed in")
	}
}

// H-25
func TestGivenCertificateIsNotTemporary(t *testing.T) {
	_, _, leaf := chainOf(t, "chat.example")
	s := mustSet(t, quiet(), Host{Names: []string{"chat.example"}, Cert: leaf.bundle(), TLSPort: 443, AllowTemporary: true})
	if e := s.Hosts()[0]; e.Temporary() || !e.Leaf().Equal(leaf.cert) {
		t.Error("AllowTemporary replaced the given certificate")
	}
}

// H-33
func TestTemporaryCertificateIsRenewedInItsLastDay(t *testing.T) {
	now := time.Now()
	opts, log := logged()
	opts.Now = func() time.Time { return now }
	e := mustSet(t, opts, Host{Names: []string{"*"}, TLSPort: 443, AllowTemporary: true}).Hosts()[0]
	first := e.Leaf()
	now = now.Add(temporaryLife - temporaryRenew - time.Minute)
	if e.identity.configuration(); e.Leaf() != first {
		t.Error("renewed too early")
	}
	now = now.Add(2 * time.Minute)
	config := e.identity.configuration()
	if e.Leaf() == first || !e.Leaf().NotAfter.After(now.Add(temporaryRenew)) {
		t.Errorf("not renewed: good until %v", e.Leaf().NotAfter)
	}
	shown, err := config.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil || shown.Leaf != e.Leaf() {
		t.Error("clients are not shown the renewed certificate")
	}
	if strings.Count(log.String(), "level=WARN") != 2 {
		t.Errorf("log = %s; want a warning for each certificate", log)
	}
}
