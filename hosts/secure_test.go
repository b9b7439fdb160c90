package hosts

import (
	"bytes"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
)

// mustSecure returns the configuration of a server without hosts.
func mustSecure(t testing.TB, base *tls.Config, o Options) *tls.Config {
	t.Helper()
	c, err := Secure(base, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// H-20, T-01, T-08, T-35: a server without hosts.
func TestSecureHasTheLevel(t *testing.T) {
	root := mint(t, nil, "p384", "root", authority)
	base := &tls.Config{Certificates: []tls.Certificate{*mint(t, root, "p384", "server.example").tls()}, NextProtos: []string{"h2"}}
	for level, want := range map[Level]string{
		LevelDefault: "1.3 chacha everything gcm128 gcm256", LevelTLS12Less: "chacha everything gcm128 gcm256",
		LevelTLS13Only: "1.3 everything", LevelHigh192: "chacha everything gcm256",
	} {
		o := quiet()
		o.Level = level
		c := mustSecure(t, base, o)
		if got := served(t, c, poolOf(root)); got != want {
			t.Errorf("%v serves %s; want %s", level, got, want)
		}
		if len(c.NextProtos) != 1 || c.NextProtos[0] != "http/1.1" || base.NextProtos[0] != "h2" || base.MinVersion != 0 {
			t.Errorf("ALPN %v, base %+v", c.NextProtos, base)
		}
	}
	old := base.Clone()
	old.MinVersion = tls.VersionTLS10
	o, log := logged()
	o.Level = LevelNone
	if got := served(t, mustSecure(t, old, o), poolOf(root)); !strings.HasPrefix(got, "1.0 1.1 1.3") || !strings.Contains(log.String(), "RFC 8996") {
		t.Errorf("TLS 1.0 at level none serves %s, and logs\n%s", got, log)
	}
}

// H-20, H-49, T-08
func TestSecureRefusesWhatCanNotBe(t *testing.T) {
	good := []tls.Certificate{*mint(t, nil, "p256", "server.example").tls()}
	for _, tt := range []struct {
		field string
		want  error
		base  *tls.Config
		opts  Options
	}{
		{"TLS.Certificates", ErrNoCertificate, nil, Options{}},
		{"TLS.Certificates", ErrNoCertificate, &tls.Config{}, Options{}},
		{"TLS.Certificates", ErrFormat, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{{1}}}}}, Options{}},
		{"TLS.Certificates", ErrWeak, &tls.Config{Certificates: []tls.Certificate{*mint(t, nil, "rsa1024", "server.example").tls()}}, Options{}},
		{"TLS.Certificates", ErrWeak, &tls.Config{Certificates: good}, Options{Level: LevelHigh192}},
		{"TLS.MinVersion", ErrVersion, &tls.Config{Certificates: good, MinVersion: tls.VersionTLS10}, Options{}},
		{"TLS.MaxVersion", ErrVersion, &tls.Config{Certificates: good, MaxVersion: tls.VersionTLS11}, Options{}},
		{"TLS.CipherSuites", ErrCipher, &tls.Config{Certificates: good, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, Options{}},
		{"TLS.CipherSuites", ErrCipher, &tls.Config{Certificates: good, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, Options{}},
		{"TLS.CurvePreferences", ErrCurve, &tls.Config{Certificates: good, CurvePreferences: []tls.CurveID{1}}, Options{}},
		{"Level", ErrLevel, &tls.Config{Certificates: good}, Options{Level: LevelSSL3}},
		{"ClientAuth", ErrClientCert, &tls.Config{Certificates: good}, Options{ClientAuth: 5}},
		{"Verify", ErrCRL, &tls.Config{Certificates: good}, Options{Verify: ClientVerify{CRLCheck: CRLRequire}}},
		{"DisableTLS", ErrTLSDisabled, &tls.Config{Certificates: good}, Options{DisableTLS: true}},
	} {
		tt.opts.Logger = quiet().Logger
		c, err := Secure(tt.base, tt.opts)
		found := false
		for _, e := range unjoin(err) {
			oe, ok := errors.AsType[*OptionError](e)
			found = found || ok && oe.Field == tt.field && errors.Is(oe, tt.want)
		}
		if !found || c != nil {
			t.Errorf("%v; want %v of %s", err, tt.want, tt.field)
		}
	}
	two := []tls.Certificate{good[0], *mint(t, nil, "rsa2048", "server.example").tls()}
	mustSecure(t, &tls.Config{Certificates: two, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, quiet())
}

// E-27, T-04, T-16: with and without a program that decides, the sessions resume.
func TestSecureChecksClients(t *testing.T) {
	k := newClientKit(t)
	for _, asking := range []bool{false, true} {
		o := k.options()
		o.ClientAuth = ClientCertRequire
		remotes := 0
		if asking {
			o.OnClientAuth = func(a *ClientAuth) {
				if a.Remote != nil && a.HostTag == "" {
					remotes++
				}
			}
		}
		c := mustSecure(t, &tls.Config{Certificates: []tls.Certificate{*k.server.tls()}}, o)
		for kind := range k.clients {
			client := k.client(kind, tls.VersionTLS13)
			want := fault(kind, ClientCertRequire) == "<nil>"
			for i := range 2 {
				m := meet(t, c, client)
				if (m.clientErr == nil) != want || m.server.DidResume != (want && i == 1) {
					t.Errorf("%s, asking %v, connection %d: resumed %v, %v", kind, asking, i, m.server.DidResume, m.serverErr)
				}
			}
		}
		if want := 2 * len(k.clients); asking && remotes != want {
			t.Errorf("asked %d times with an address; want %d", remotes, want)
		}
	}
}

// H-20, T-04, T-16, T-23: no configuration of the program is a way around the options.
func TestSecureHoldsForConfigurationsOfTheProgram(t *testing.T) {
	k := newClientKit(t)
	theirs := &tls.Config{Certificates: []tls.Certificate{*k.server.tls()}}
	refuse := errors.New("refused by the program")
	base := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch hello.ServerName {
		case "server.example":
			return theirs, nil
		case "refused.example":
			return nil, refuse
		case "old.example":
			return &tls.Config{Certificates: theirs.Certificates, MinVersion: tls.VersionTLS10}, nil
		}
		return nil, nil
	}}
	for _, asking := range []bool{false, true} {
		var keyLog bytes.Buffer
		o := k.options()
		o.Level, o.ClientAuth, o.KeyLog = LevelTLS12Less, ClientCertRequire, &keyLog
		if asking {
			o.OnClientAuth = func(a *ClientAuth) {
				if a.Remote == nil {
					t.Error("asked without an address")
				}
			}
		}
		c := mustSecure(t, base, o)
		for _, tt := range []struct {
			kind    string
			version uint16
			in      bool
		}{{"good", tls.VersionTLS12, true}, {"good", tls.VersionTLS13, false}, {"none", tls.VersionTLS12, false}, {"revoked", tls.VersionTLS12, false}} {
			client := k.client(tt.kind, tt.version)
			for i := range 2 {
				if m := meet(t, c, client); (m.clientErr == nil) != tt.in || m.server.DidResume != (tt.in && i == 1) {
					t.Errorf("%s, %s, asking %v: resumed %v, %v", tt.kind, tls.VersionName(tt.version), asking, m.server.DidResume, m.serverErr)
				}
			}
		}
		client := k.client("good", tls.VersionTLS12)
		client.ServerName = "refused.example"
		if m := meet(t, c, client); !errors.Is(m.serverErr, refuse) {
			t.Errorf("refused: %v", m.serverErr)
		}
		client.ServerName = "old.example"
		if m := meet(t, c, client); !errors.Is(m.serverErr, ErrVersion) {
			t.Errorf("TLS 1.0: %v", m.serverErr)
		}
		if keyLog.Len() == 0 {
			t.Error("the key log is empty")
		}
		if theirs.ClientAuth != tls.NoClientCert || theirs.MaxVersion != 0 {
			t.Error("the configuration of the program was changed")
		}
		o.DisableSessionTickets = true
		c = mustSecure(t, base, o)
		client = k.client("good", tls.VersionTLS12)
		for range 2 {
			if m := meet(t, c, client); m.clientErr != nil || m.server.DidResume {
				t.Errorf("without tickets: resumed %v, %v", m.server.DidResume, m.clientErr)
			}
		}
	}
}

// The base is consulted for who it does not know, as before.
func TestSecureKeepsTheBaseForOthers(t *testing.T) {
	k := newClientKit(t)
	asked := 0
	o := k.options()
	o.ClientAuth, o.OnClientAuth = ClientCertOptional, func(*ClientAuth) { asked++ }
	c := mustSecure(t, &tls.Config{
		Certificates:       []tls.Certificate{*k.server.tls()},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil },
	}, o)
	client := k.client("good", tls.VersionTLS13)
	for i := range 2 {
		if m := meet(t, c, client); m.clientErr != nil || m.server.DidResume != (i == 1) || asked != i+1 {
			t.Errorf("connection %d: resumed %v, asked %d, %v", i, m.server.DidResume, asked, m.clientErr)
		}
	}
}
