package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"testing"
	"time"
)

// T-17: what each flag lets in, and nothing else.
func TestFlagsRelaxOneCheckEach(t *testing.T) {
	k := newClientKit(t)
	past := validFor(-2*time.Hour, -time.Hour)
	oldRoot := mint(t, nil, "p521", "old root", authority, validFor(-9*time.Hour, -3*time.Hour))
	ages := mint(t, k.root, "p521", "old intermediate", authority, validFor(-9*time.Hour, -8*time.Hour))
	serverOnly := usage(x509.ExtKeyUsageServerAuth)
	k.clients = map[string]*cred{
		"good": k.clients["good"], "revoked": k.clients["revoked"], "none": nil,
		"expired": k.clients["expired"], "not yet": k.clients["not yet"], "wrong usage": k.clients["wrong usage"],
		"unknown CA": k.clients["unknown CA"], "self-signed": k.clients["self-signed"],
		"expired root":             mint(t, oldRoot, "p256", "client.example", validFor(-5*time.Hour, time.Hour)),
		"expired intermediate":     mint(t, ages, "p256", "client.example"),
		"expired, unknown":         mint(t, nil, "p256", "client.example", past),
		"expired, wrong usage":     mint(t, k.root, "p256", "client.example", past, serverOnly),
		"unknown, wrong usage":     mint(t, nil, "p256", "client.example", serverOnly),
		"weak":                     mint(t, k.root, "rsa1024", "client.example"),
		"weak, unknown":            mint(t, nil, "rsa1024", "client.example"),
		"all of it, but not weak":  mint(t, nil, "p256", "client.example", past, serverOnly),
		"revoked, without a chain": k.clients["revoked"],
	}
	times := []string{"expired", "expired intermediate", "expired root", "not yet"}
	strangers := []string{"self-signed", "unknown CA"}
	for _, tt := range []struct {
		verify ClientVerify
		want   []string
	}{
		{ClientVerify{}, nil},
		{ClientVerify{IgnoreExpiry: true}, times},
		{ClientVerify{AllowUnknownCA: true}, strangers},
		{ClientVerify{IgnoreUsage: true}, []string{"wrong usage"}},
		{ClientVerify{IgnoreExpiry: true, AllowUnknownCA: true}, slices.Concat(times, strangers, []string{"expired, unknown"})},
		{ClientVerify{IgnoreExpiry: true, IgnoreUsage: true}, slices.Concat(times, []string{"wrong usage", "expired, wrong usage"})},
		{ClientVerify{AllowUnknownCA: true, IgnoreUsage: true}, slices.Concat(strangers, []string{"wrong usage", "unknown, wrong usage"})},
		{ClientVerify{IgnoreExpiry: true, AllowUnknownCA: true, IgnoreUsage: true}, slices.Concat(times, strangers,
			[]string{"wrong usage", "expired, unknown", "expired, wrong usage", "unknown, wrong usage", "all of it, but not weak"})},
	} {
		for _, asking := range []bool{false, true} {
			o := k.options()
			o.ClientAuth, o.ClientCAs, o.Verify = ClientCertRequire, poolOf(k.root, oldRoot), tt.verify
			o.Verify.CRLCheck, o.Verify.CRLs = CRLIfAvailable, k.crl
			var verified [][]*x509.Certificate
			if asking {
				o.OnClientAuth = func(a *ClientAuth) { verified = a.Verified }
			}
			_, config := oneHost(t, o, k.server, Host{})
			for kind := range k.clients {
				m := meet(t, config, k.client(kind, tls.VersionTLS13))
				want := kind == "good" || slices.Contains(tt.want, kind)
				if in := m.clientErr == nil && m.serverErr == nil; in != want {
					t.Errorf("%+v, %s: in %v, %v; want %v", tt.verify, kind, in, m.serverErr, want)
				}
				for _, chain := range verified { // the real ones, not what was checked in their place
					if !chain[0].NotAfter.Equal(k.clients[kind].cert.NotAfter) {
						t.Errorf("%s: the program got a copy", kind)
					}
				}
				verified = nil
			}
		}
	}
}

// T-17, T-16: also with sessions.
func TestRelaxedClientsResume(t *testing.T) {
	k := newClientKit(t)
	o := k.options()
	o.ClientAuth, o.Verify.AllowUnknownCA = ClientCertRequire, true
	_, config := oneHost(t, o, k.server, Host{})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := k.client("unknown CA", version)
		for i := range 2 {
			if m := meet(t, config, client); m.clientErr != nil || m.server.DidResume != (i == 1) {
				t.Errorf("connection %d: resumed %v, %v", i, m.server.DidResume, m.clientErr)
			}
		}
	}
}

// T-04: a session ends with the certificate, by the server's clock.
func TestCertificateThatExpiresEndsItsSessions(t *testing.T) {
	k := newClientKit(t)
	k.clients["brief"] = mint(t, k.root, "p256", "client.example", validFor(-time.Hour, time.Hour))
	for _, asking := range []bool{false, true} {
		now := time.Now()
		o := k.options()
		o.ClientAuth, o.Now = ClientCertRequire, func() time.Time { return now }
		o.Verify = ClientVerify{}
		if asking {
			o.OnClientAuth = func(*ClientAuth) {}
		}
		_, config := oneHost(t, o, k.server, Host{})
		client := k.client("brief", tls.VersionTLS13)
		for i, want := range []bool{true, true, false} {
			if i == 2 {
				now = now.Add(2 * time.Hour)
			}
			if m := meet(t, config, client); (m.clientErr == nil) != want || m.server.DidResume != (i == 1) {
				t.Errorf("asking %v, connection %d: resumed %v, %v", asking, i, m.server.DidResume, m.clientErr)
			}
		}
	}
}

// Whatever happens before, no chain is no approval.
func TestNoChainIsNotAccepted(t *testing.T) {
	s, err := newShared(quiet())
	if err != nil {
		t.Fatal(err)
	}
	g := &guard{policy: &policy{shared: s, level: LevelHigh}, mode: tls.RequireAndVerifyClientCert}
	for _, chains := range [][][]*x509.Certificate{nil, {}} {
		if good, err := g.passing(&tls.Config{}, chains); err == nil || good != nil {
			t.Errorf("passing(%v) = %v, %v", chains, good, err)
		}
	}
}
