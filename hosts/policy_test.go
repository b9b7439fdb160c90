package hosts

import (
	"bytes"
	"crypto/tls"
	"errors"
	"strings"
	"sync"
	"testing"
)

// H-20, H-21, H-22, H-49, T-08, T-09
func TestTLSFieldsThatCanNotBeAreRefused(t *testing.T) {
	cert := mint(t, nil, "p384", "server.example").bundle(t)
	for _, tt := range []struct {
		field string
		want  error
		host  Host
		opts  Options
	}{
		{"Level", ErrLevel, Host{Level: LevelSSL3}, Options{}},
		{"Level", ErrLevel, Host{Level: 11}, Options{}},
		{"MinVersion", ErrVersion, Host{MinVersion: tls.VersionTLS11}, Options{}},
		{"MinVersion", ErrVersion, Host{Level: LevelBack, MinVersion: tls.VersionTLS10}, Options{}},
		{"MinVersion", ErrVersion, Host{Level: LevelTLS13Only, MinVersion: tls.VersionTLS12}, Options{}},
		{"MinVersion", ErrVersion, Host{Level: LevelTLS12Less, MinVersion: tls.VersionTLS13}, Options{}},
		{"MinVersion", ErrVersion, Host{Level: LevelNone, MinVersion: 0x0300}, Options{}},
		{"MinVersion", ErrVersion, Host{MinVersion: 12}, Options{}},
		{"MaxVersion", ErrVersion, Host{MaxVersion: 0x0305}, Options{}},
		{"MaxVersion", ErrVersion, Host{MaxVersion: tls.VersionTLS11}, Options{}},
		{"MaxVersion", ErrVersion, Host{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12}, Options{}},
		{"MaxVersion", ErrVersion, Host{Level: LevelTLS12Less, MaxVersion: tls.VersionTLS13}, Options{}},
		{"Level", ErrVersion, Host{Level: LevelTLS13Only}, Options{TLS: &tls.Config{MaxVersion: tls.VersionTLS12}}},
		{"Level", ErrVersion, Host{Level: LevelTLS12Less}, Options{TLS: &tls.Config{MinVersion: tls.VersionTLS13}}},
		{"CipherSuites", ErrCipher, Host{CipherSuites: []uint16{0x1234}}, Options{}},
		{"CipherSuites", ErrCipher, Host{CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256}}, Options{}},
		{"CipherSuites", ErrCipher, Host{CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, Options{}},
		{"CipherSuites", ErrCipher, Host{Level: LevelBack, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}}, Options{}},
		{"CipherSuites", ErrCipher, Host{Level: LevelHigh192, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, Options{}},
		{"CipherSuites", ErrCipher, Host{}, Options{TLS: &tls.Config{CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}}},
		{"Cert", ErrCipher, Host{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, Options{}}, // an EC key
		{"MinStrength", ErrStrength, Host{MinStrength: 257}, Options{}},
		{"MinStrength", ErrStrength, Host{MinStrength: -1}, Options{}},
		{"MinStrength", ErrStrength, Host{MinStrength: 256, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, Options{}},
		{"Curves", ErrCurve, Host{Curves: []tls.CurveID{21}}, Options{}},
		{"Curves", ErrCurve, Host{Level: LevelHigh192, Curves: []tls.CurveID{tls.X25519}}, Options{}},
		{"Curves", ErrCurve, Host{Level: LevelTLS12Less, Curves: []tls.CurveID{tls.X25519MLKEM768}}, Options{}},
		{"ClientAuth", ErrClientCert, Host{ClientAuth: 3}, Options{}},
		{"TLSPort", ErrTLSDisabled, Host{}, Options{DisableTLS: true}},
		{"RequireTLS", ErrTLSDisabled, Host{RequireTLS: true}, Options{DisableTLS: true}},
	} {
		tt.host.Names, tt.host.TLSPort, tt.host.Cert, tt.opts.Logger = []string{"server.example"}, 443, cert, quiet().Logger
		_, err := New([]Host{tt.host}, tt.opts)
		found := false
		for _, e := range unjoin(err) {
			he, ok := errors.AsType[*HostError](e)
			found = found || ok && he.Field == tt.field && errors.Is(he, tt.want)
		}
		if !found {
			t.Errorf("%+v: %v; want %v of %s", tt.host, err, tt.want, tt.field)
		}
	}
}

// unjoin are the parts of errors that were joined, at any depth.
func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var parts []error
		for _, e := range j.Unwrap() {
			parts = append(parts, unjoin(e)...)
		}
		return parts
	}
	return []error{err}
}

// H-49: a host without TLS does no harm.
func TestPlainHostsLiveWithoutTLS(t *testing.T) {
	o := quiet()
	o.DisableTLS = true
	mustSet(t, o, Host{Names: []string{"*"}, Port: 80})
}

// H-20, T-04, T-08, T-20
func TestOptionsThatCanNotBeAreRefused(t *testing.T) {
	suite := func(id uint16) *tls.Config { return &tls.Config{CipherSuites: []uint16{id}} }
	for _, tt := range []struct {
		field string // "": ErrTemplate
		want  error
		opts  Options
	}{
		{"Level", ErrLevel, Options{Level: LevelSSL3}},
		{"ClientAuth", ErrClientCert, Options{ClientAuth: 9}},
		{"Verify", ErrCRL, Options{Verify: ClientVerify{CRLCheck: CRLRequire}}},
		{"Verify", ErrCRL, Options{Verify: ClientVerify{CRLCheck: 7}}},
		{"", ErrVersion, Options{TLS: &tls.Config{MinVersion: 0x0300}}},
		{"", ErrVersion, Options{TLS: &tls.Config{MaxVersion: 9}}},
		{"", ErrTemplate, Options{TLS: &tls.Config{MinVersion: tls.VersionTLS11}}},
		{"", ErrTemplate, Options{Level: LevelNone, TLS: &tls.Config{MinVersion: tls.VersionTLS11}}},
		{"", ErrTemplate, Options{TLS: &tls.Config{MaxVersion: tls.VersionTLS11}}},
		{"", ErrTemplate, Options{TLS: &tls.Config{ClientAuth: 17}}},
		{"", ErrCipher, Options{TLS: suite(tls.TLS_AES_128_GCM_SHA256)}},
		{"", ErrCipher, Options{TLS: suite(4)}},
		{"", ErrCurve, Options{TLS: &tls.Config{CurvePreferences: []tls.CurveID{30}}}},
	} {
		tt.opts.Logger = quiet().Logger
		_, err := New(nil, tt.opts)
		oe, _ := errors.AsType[*OptionError](err)
		switch {
		case !errors.Is(err, tt.want):
			t.Errorf("%+v: %v; want %v", tt.opts, err, tt.want)
		case tt.field != "" && (oe == nil || oe.Field != tt.field):
			t.Errorf("%v is not about %s", err, tt.field)
		case tt.field == "" && !errors.Is(err, ErrTemplate):
			t.Errorf("%v is no ErrTemplate", err)
		}
	}
}

// H-20, H-21: what the template says holds for hosts that say nothing.
func TestHostsOverrideTheTemplate(t *testing.T) {
	leaf := mint(t, nil, "p384", "server.example")
	o := quiet()
	o.TLS = &tls.Config{
		MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP521},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
	}
	s, _ := oneHost(t, o, leaf, Host{})
	c := s.Hosts()[0].identity.configuration()
	if c.MinVersion != tls.VersionTLS13 || len(c.CurvePreferences) != 1 || len(c.CipherSuites) != 1 {
		t.Errorf("the template is not followed: %x, %v, %x", c.MinVersion, c.CurvePreferences, c.CipherSuites)
	}
	s, _ = oneHost(t, o, leaf, Host{
		MinVersion: tls.VersionTLS12, Curves: []tls.CurveID{tls.CurveP256, tls.CurveP384},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
	})
	c = s.Hosts()[0].identity.configuration()
	if c.MinVersion != tls.VersionTLS12 || len(c.CurvePreferences) != 2 || len(c.CipherSuites) != 2 {
		t.Errorf("the host is not followed: %x, %v, %x", c.MinVersion, c.CurvePreferences, c.CipherSuites)
	}
}

// H-20, T-08
func TestDangerousSettingsAreLogged(t *testing.T) {
	leaf := mint(t, nil, "rsa1024", "server.example")
	o, log := logged()
	oneHost(t, o, leaf, Host{Level: LevelNone, MinVersion: tls.VersionTLS10})
	for _, want := range []string{"level none", "RFC 8996", "TLS 1.0"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("nothing of %q in\n%s", want, log)
		}
	}
	log.Reset()
	oneHost(t, o, leaf, Host{Level: LevelBack})
	if log.Len() > 0 {
		t.Errorf("logged:\n%s", log)
	}
	oneHost(t, o, leaf, Host{Level: LevelBack, MinVersion: tls.VersionTLS13, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}})
	if !strings.Contains(log.String(), "no effect") {
		t.Errorf("nothing of suites without effect in\n%s", log)
	}
}

// T-16
func TestSessionTicketsCanBeTurnedOff(t *testing.T) {
	root := mint(t, nil, "p256", "root", authority)
	leaf := mint(t, root, "p256", "server.example")
	for _, off := range []bool{false, true} {
		o := quiet()
		o.DisableSessionTickets = off
		_, config := oneHost(t, o, leaf, Host{})
		client := &tls.Config{ServerName: "server.example", RootCAs: poolOf(root), ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		meet(t, config, client)
		if m := meet(t, config, client); m.clientErr != nil || m.server.DidResume == off {
			t.Errorf("DisableSessionTickets %v: resumed %v, %v", off, m.server.DidResume, m.clientErr)
		}
	}
}

// T-23: the writer is no safe one, so the race detector sees whether calls overlap.
func TestKeyLogHasEverySecretAndAWarning(t *testing.T) {
	root := mint(t, nil, "p256", "root", authority)
	var keyLog bytes.Buffer
	o, log := logged()
	o.KeyLog = &keyLog
	_, config := oneHost(t, o, mint(t, root, "p256", "server.example"), Host{})
	if !strings.Contains(log.String(), "SECRETS") {
		t.Errorf("no warning in\n%s", log)
	}
	var done sync.WaitGroup
	clients := make([]bytes.Buffer, 8)
	for i := range clients {
		done.Go(func() {
			meet(t, config, &tls.Config{ServerName: "server.example", RootCAs: poolOf(root), KeyLogWriter: &clients[i]})
		})
	}
	done.Wait()
	for i := range clients {
		for line := range strings.Lines(clients[i].String()) {
			if !strings.Contains(keyLog.String(), line) {
				t.Errorf("the server did not log what its client has: %s", line)
			}
		}
	}
	if n := strings.Count(keyLog.String(), "\n"); n != 4*len(clients) {
		t.Errorf("%d lines for %d handshakes, want 4 each", n, len(clients))
	}
}

// H-28: the order is level, host, OnHostTLS; what that leaves is what holds.
func TestOnHostTLSHasTheLastWord(t *testing.T) {
	root := mint(t, nil, "p256", "root", authority)
	leaf := mint(t, root, "p256", "server.example")
	for name, tt := range map[string]struct {
		change func(*tls.Config)
		want   string // alert, "" for none
	}{
		"nothing":           {func(*tls.Config) {}, "tls: certificate required"},
		"turned off":        {func(c *tls.Config) { c.ClientAuth = tls.NoClientCert }, ""},
		"made optional":     {func(c *tls.Config) { c.ClientAuth = tls.VerifyClientCertIfGiven }, ""},
		"old versions only": {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "tls: handshake failure"},
		"a check of its own": {func(c *tls.Config) {
			c.ClientAuth = tls.NoClientCert
			c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("no") }
		}, "tls: bad certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			o := quiet()
			o.ClientAuth = ClientCertRequire
			o.OnHostTLS = func(h *Entry, c *tls.Config) {
				calls++
				if h.Tag() != "x" || c.ClientAuth != tls.RequireAndVerifyClientCert {
					t.Errorf("host %v, ClientAuth %v", h, c.ClientAuth)
				}
				tt.change(c)
			}
			_, config := oneHost(t, o, leaf, Host{Tag: "x"})
			m := meet(t, config, &tls.Config{ServerName: "server.example", RootCAs: poolOf(root)})
			if m.alert() != tt.want || (m.clientErr == nil) != (tt.want == "") || calls != 1 {
				t.Errorf("alert %q, %v, %d calls; want %q", m.alert(), m.clientErr, calls, tt.want)
			}
		})
	}
}

// BenchmarkHandshake is both sides of a handshake in TLS 1.3 with P-256, in memory.
func BenchmarkHandshake(b *testing.B) {
	root := mint(b, nil, "p256", "root", authority)
	server, client := mint(b, root, "p256", "server.example"), mint(b, root, "p256", "client.example")
	for _, mode := range []struct {
		name  string
		rule  ClientCert
		shown *cred
		ask   func(*ClientAuth)
	}{
		{"none", ClientCertNone, nil, nil},
		{"optional-absent", ClientCertOptional, nil, nil},
		{"require", ClientCertRequire, client, nil},
		{"require-asked", ClientCertRequire, client, func(*ClientAuth) {}},
	} {
		for _, resumed := range []bool{false, true} {
			name := mode.name + "/full"
			if resumed {
				name = mode.name + "/resumed"
			}
			b.Run(name, func(b *testing.B) {
				o := quiet()
				o.ClientAuth, o.ClientCAs, o.OnClientAuth, o.DisableSessionTickets = mode.rule, poolOf(root), mode.ask, !resumed
				_, config := oneHost(b, o, server, Host{})
				c := shows(&tls.Config{ServerName: "server.example", RootCAs: poolOf(root)}, mode.shown)
				if resumed {
					c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
					meet(b, config, c)
				}
				b.ReportAllocs()
				for b.Loop() {
					if m := meet(b, config, c); m.clientErr != nil || m.server.DidResume != resumed {
						b.Fatal(m.clientErr, m.serverErr, m.server.DidResume)
					}
				}
			})
		}
	}
}

// BenchmarkCloneForClient is what OnClientAuth adds to each handshake besides the call.
func BenchmarkCloneForClient(b *testing.B) {
	o := quiet()
	o.ClientAuth, o.OnClientAuth = ClientCertOptional, func(*ClientAuth) {}
	s, _ := oneHost(b, o, mint(b, nil, "p256", "server.example"), Host{})
	id := s.Hosts()[0].identity
	hello := &tls.ClientHelloInfo{}
	b.ReportAllocs()
	for b.Loop() {
		id.configurationFor(hello)
	}
}
