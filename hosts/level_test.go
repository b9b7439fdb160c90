package hosts

import (
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// H-20
func TestLevelsHaveNames(t *testing.T) {
	for text, want := range map[string]Level{
		"default": LevelDefault, "None": LevelNone, "LevelBack": LevelBack, " high ": LevelHigh, "HIGH128": LevelHigh128,
		"sslSrvSecSsl3": LevelSSL3, "sslSrvSecInterFS": LevelInterFS, "sslSrvSecHigh192": LevelHigh192,
		"sslsrvsectls12less": LevelTLS12Less, "TLS13Only": LevelTLS13Only,
		"0": LevelNone, "2": LevelBack, "5": LevelHigh, "9": LevelTLS13Only,
	} {
		if got, err := ParseLevel(text); got != want || err != nil {
			t.Errorf("ParseLevel(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "-1", "level", "higher", "sslSrvSec", "level(3)"} {
		_, err := ParseLevel(text)
		if se, ok := errors.AsType[*SettingError](err); !ok || se.Value != text || !errors.Is(err, ErrLevel) {
			t.Errorf("ParseLevel(%q) = %v; want a SettingError with ErrLevel", text, err)
		}
	}
	for l := LevelDefault; l <= LevelTLS13Only; l++ {
		if got, err := ParseLevel(l.String()); got != l || err != nil {
			t.Errorf("ParseLevel(%q) = %v, %v", l.String(), got, err)
		}
	}
	if s := Level(77).String(); s != "level(77)" {
		t.Errorf("String = %q", s)
	}
}

// peers are clients of one version and suite each.
var peers = map[string]*tls.Config{
	"1.0":        {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10},
	"1.1":        {MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11},
	"gcm128":     only12(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
	"gcm256":     only12(tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
	"chacha":     only12(tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
	"cbc":        only12(tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA),
	"cbcsha256":  only12(tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256),
	"rsakex":     only12(tls.TLS_RSA_WITH_AES_256_CBC_SHA),
	"rc4":        only12(tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA),
	"3des":       only12(tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA),
	"1.3":        {MinVersion: tls.VersionTLS13},
	"everything": {},
}

func only12(suites ...uint16) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: suites}
}

// served lists the peers that a configuration serves.
func served(t *testing.T, config *tls.Config, roots *x509.CertPool) string {
	t.Helper()
	var names []string
	for name, peer := range peers {
		peer = peer.Clone()
		peer.ServerName, peer.RootCAs = "server.example", roots
		if m := meet(t, config, peer); m.clientErr == nil && m.serverErr == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// H-20, H-21, T-08, T-09: what a client can have, over real handshakes.
func TestLevelsDecideVersionsAndSuites(t *testing.T) {
	const aead = "chacha everything gcm128 gcm256"
	const none = "1.3 3des cbc cbcsha256 chacha everything gcm128 gcm256 rc4 rsakex"
	for _, tt := range []struct {
		name string
		host Host
		key  string
		want string
	}{
		{"default", Host{}, "rsa2048", "1.3 " + aead},
		{"none", Host{Level: LevelNone}, "rsa1024", none},
		{"none with TLS 1.0", Host{Level: LevelNone, MinVersion: tls.VersionTLS10}, "rsa2048", "1.0 1.1 " + none},
		{"none with TLS 1.1", Host{Level: LevelNone, MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS12}, "rsa2048",
			"1.1 " + strings.TrimPrefix(none, "1.3 ")},
		{"back", Host{Level: LevelBack}, "rsa1024", "1.3 cbc chacha everything gcm128 gcm256 rsakex"},
		{"inter", Host{Level: LevelInter}, "rsa2048", "1.3 " + aead},
		{"interfs", Host{Level: LevelInterFS}, "rsa2048", "1.3 " + aead},
		{"high", Host{Level: LevelHigh}, "p256", "1.3 " + aead},
		{"high128", Host{Level: LevelHigh128}, "rsa3072", "1.3 " + aead},
		{"high192", Host{Level: LevelHigh192}, "p384", "chacha everything gcm256"},
		{"tls12less", Host{Level: LevelTLS12Less}, "rsa2048", aead},
		{"tls13only", Host{Level: LevelTLS13Only}, "rsa2048", "1.3 everything"},
		{"suites of the host", Host{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}}, "rsa2048", "1.3 cbc everything"},
		{"old suites of the host", Host{Level: LevelBack, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256}, MaxVersion: tls.VersionTLS12}, "rsa2048", "cbcsha256"},
		{"versions of the host", Host{MinVersion: tls.VersionTLS13}, "rsa2048", "1.3 everything"},
		{"strength 256", Host{MinStrength: 256}, "rsa2048", "chacha everything gcm256"},
		{"strength 256, TLS 1.2", Host{MinStrength: 256, MaxVersion: tls.VersionTLS12}, "p256", "chacha everything gcm256"},
		{"strength 128", Host{Level: LevelNone, MinStrength: 128}, "rsa2048", strings.Replace(none, " 3des", "", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := mint(t, nil, tt.key, "root", authority)
			_, config := oneHost(t, quiet(), mint(t, root, tt.key, "server.example"), tt.host)
			if got := served(t, config, poolOf(root)); got != tt.want {
				t.Errorf("serves\n%s; want\n%s", got, tt.want)
			}
		})
	}
}

// H-20: of two hosts each has its own level, whatever the server's.
func TestLevelsAreTheHosts(t *testing.T) {
	root := mint(t, nil, "p384", "root", authority)
	cert := mint(t, root, "p384", "*.example").bundle(t)
	o := quiet()
	o.Level = LevelTLS12Less
	s := mustSet(t, o,
		Host{Names: []string{"a.example"}, Cert: cert, TLSPort: 443},
		Host{Names: []string{"b.example"}, Cert: cert, TLSPort: 443, Level: LevelTLS13Only},
		Host{Names: []string{"c.example"}, Cert: cert, TLSPort: 443, Level: LevelHigh192})
	for name, want := range map[string]string{
		"a.example": "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "b.example": "TLS 1.3 TLS_AES_128_GCM_SHA256",
		"c.example": "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	} {
		m := meet(t, mustTLS(t, s.All()), &tls.Config{ServerName: name, RootCAs: poolOf(root)})
		got := tls.VersionName(m.server.Version) + " " + tls.CipherSuiteName(m.server.CipherSuite)
		if m.clientErr != nil || strings.ReplaceAll(got, "CHACHA20_POLY1305_SHA256", "AES_128_GCM_SHA256") != want && got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, m.clientErr, want)
		}
	}
}

// H-21, T-31, T-34
func TestGroupsStayPostQuantumUnlessNamed(t *testing.T) {
	root := mint(t, nil, "p384", "root", authority)
	leaf := mint(t, root, "p384", "server.example")
	for _, tt := range []struct {
		host   Host
		client []tls.CurveID
		want   tls.CurveID // 0: no handshake
	}{
		{Host{}, nil, tls.X25519MLKEM768},
		{Host{}, []tls.CurveID{tls.SecP384r1MLKEM1024}, tls.SecP384r1MLKEM1024},
		{Host{}, []tls.CurveID{tls.CurveP256}, tls.CurveP256},
		{Host{Level: LevelBack}, nil, tls.X25519MLKEM768},
		{Host{Curves: []tls.CurveID{tls.CurveP256, tls.X25519}}, nil, tls.X25519},
		{Host{Curves: []tls.CurveID{tls.CurveP521}}, nil, tls.CurveP521},
		{Host{Curves: []tls.CurveID{tls.CurveP521}}, []tls.CurveID{tls.X25519}, 0},
		{Host{Level: LevelHigh192}, nil, tls.CurveP384}, // TLS 1.2, as Go's client offers AES-128
		{Host{Level: LevelHigh192}, []tls.CurveID{tls.CurveP521}, tls.CurveP521},
		{Host{Level: LevelHigh192}, []tls.CurveID{tls.X25519, tls.CurveP256}, 0},
	} {
		_, config := oneHost(t, quiet(), leaf, tt.host)
		m := meet(t, config, &tls.Config{ServerName: "server.example", RootCAs: poolOf(root), CurvePreferences: tt.client})
		switch {
		case tt.want == 0 && m.clientErr == nil:
			t.Errorf("%v: %v for a client with %v", tt.host.Level, m.client.CurveID, tt.client)
		case tt.want != 0 && (m.clientErr != nil || m.client.CurveID != tt.want):
			t.Errorf("%v, %v: %v, %v; want %v", tt.host.Level, tt.host.Curves, m.client.CurveID, m.clientErr, tt.want)
		}
	}
}

// H-20, T-09: TLS 1.3 chooses AES-128 for such a client, and it can not have TLS 1.2.
func TestWeakCiphersOfTLS13AreRefused(t *testing.T) {
	root := mint(t, nil, "p384", "root", authority)
	leaf := mint(t, root, "p384", "server.example")
	for _, h := range []Host{{Level: LevelHigh192}, {MinStrength: 256}, {Level: LevelHigh192, MinVersion: tls.VersionTLS13}} {
		_, config := oneHost(t, quiet(), leaf, h)
		m := meet(t, config, &tls.Config{ServerName: "server.example", RootCAs: poolOf(root), MinVersion: tls.VersionTLS13})
		if cs := m.client.CipherSuite; cs != tls.TLS_AES_128_GCM_SHA256 {
			t.Logf("no AES in this machine: %s", tls.CipherSuiteName(cs))
		} else if !errors.Is(m.serverErr, ErrStrength) || m.clientErr == nil {
			t.Errorf("%v: server %v, client %v; want ErrStrength", h.Level, m.serverErr, m.clientErr)
		}
	}
	c := &tls.Config{}
	if err := LevelHigh192.Apply(c); err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyConnection(tls.ConnectionState{CipherSuite: tls.TLS_AES_128_GCM_SHA256}); !errors.Is(err, ErrStrength) {
		t.Errorf("AES-128: %v; want ErrStrength", err)
	}
	if err := c.VerifyConnection(tls.ConnectionState{CipherSuite: tls.TLS_AES_256_GCM_SHA384}); err != nil {
		t.Errorf("AES-256: %v", err)
	}
}

// H-20
func TestLevelsApplyToAnyConfiguration(t *testing.T) {
	next := errors.New("next")
	c := &tls.Config{MinVersion: tls.VersionTLS10, ClientAuth: tls.RequireAnyClientCert, VerifyConnection: func(tls.ConnectionState) error { return next }}
	if err := LevelHigh192.Apply(c); err != nil || c.MinVersion != tls.VersionTLS12 || c.ClientAuth != tls.RequireAnyClientCert ||
		len(c.CipherSuites) != 4 || len(c.CurvePreferences) != 3 {
		t.Errorf("Apply = %v: %+v", err, c)
	}
	if err := c.VerifyConnection(tls.ConnectionState{CipherSuite: tls.TLS_AES_256_GCM_SHA384}); err != next {
		t.Errorf("what was there is not called: %v", err)
	}
	for _, l := range []Level{LevelSSL3, 99} {
		if err := l.Apply(c); !errors.Is(err, ErrLevel) {
			t.Errorf("%v.Apply = %v; want ErrLevel", l, err)
		}
		if err := l.CheckChain(nil); !errors.Is(err, ErrLevel) {
			t.Errorf("%v.CheckChain = %v; want ErrLevel", l, err)
		}
	}
}

// fake is a certificate with a key of that many bits, which nobody has.
func fake(bits uint) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: fmt.Sprint(bits, " bits")}, RawSubject: []byte("leaf"), RawIssuer: []byte("root"),
		SignatureAlgorithm: x509.SHA256WithRSA, PublicKeyAlgorithm: x509.RSA,
		PublicKey: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537},
	}
}

// H-20
func TestLevelsWantKeysOfASize(t *testing.T) {
	chain := map[string]*x509.Certificate{"rsa1023": fake(1023), "rsa2047": fake(2047), "rsa3071": fake(3071), "rsa7679": fake(7679), "rsa7680": fake(7680)}
	for _, kind := range []string{"rsa1024", "rsa2048", "rsa3072", "p224", "p256", "p384", "p521", "ed25519"} {
		chain[kind] = mint(t, nil, kind, kind).cert
	}
	chain["dsa"] = &x509.Certificate{PublicKeyAlgorithm: x509.DSA}
	chain["unknown"] = &x509.Certificate{}
	high := []string{"dsa", "rsa1023", "rsa1024", "rsa2047"}
	high128 := append([]string{"p224", "rsa2048", "rsa3071"}, high...)
	high192 := append([]string{"p256", "ed25519", "rsa3072", "rsa7679"}, high128...)
	for level, weak := range map[Level][]string{
		LevelNone: nil, LevelBack: {"dsa", "rsa1023"}, LevelDefault: high, LevelInter: high, LevelInterFS: high, LevelHigh: high,
		LevelTLS12Less: high, LevelTLS13Only: high, LevelHigh128: high128, LevelHigh192: high192,
	} {
		for kind, cert := range chain {
			strong := mint(t, nil, "p521", "strong").cert
			for _, c := range [][]*x509.Certificate{{cert}, {strong, cert}, {strong, cert, strong}} {
				err := level.CheckChain(c)
				if want := slices.Contains(weak, kind); errors.Is(err, ErrWeak) != want || err != nil && !want {
					t.Errorf("%v.CheckChain(%s, one of %d) = %v; want an error: %v", level, kind, len(c), err, want)
				}
			}
		}
	}
}

// H-20
func TestLevelsWantGoodSignatures(t *testing.T) {
	for algorithm, refusing := range map[x509.SignatureAlgorithm]Level{ // the lowest level that refuses it
		x509.MD2WithRSA: LevelBack, x509.MD5WithRSA: LevelBack, x509.SHA1WithRSA: LevelInter, x509.ECDSAWithSHA1: LevelInter,
		x509.DSAWithSHA1: LevelInter, x509.SHA256WithRSA: 99, x509.PureEd25519: 99,
	} {
		cert := fake(8192)
		cert.SignatureAlgorithm = algorithm
		root := *cert
		root.RawSubject = root.RawIssuer
		for _, level := range []Level{LevelNone, LevelBack, LevelInter, LevelHigh, LevelHigh128, LevelHigh192, LevelTLS13Only} {
			if err := level.CheckChain([]*x509.Certificate{cert, &root}); errors.Is(err, ErrWeak) != (level >= refusing) {
				t.Errorf("%v: signed with %v: %v", level, algorithm, err)
			}
			if err := level.CheckChain([]*x509.Certificate{&root}); err != nil {
				t.Errorf("%v: a root signed with %v: %v", level, algorithm, err)
			}
		}
	}
}

// H-20: chains as another tool makes them, through New.
func TestWeakChainsKeepAHostFromStarting(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	mustOpenSSL(t, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=root", "-days", "2", "-sha1",
		"-keyout", at("root.key"), "-out", at("root.pem"))
	for _, tt := range []struct {
		name, bits, digest string
		accepted           Level // the highest that does
	}{
		{"good", "2048", "-sha256", LevelHigh}, {"short", "1024", "-sha256", LevelBack},
		{"sha1", "2048", "-sha1", LevelBack}, {"md5", "2048", "-md5", LevelNone},
	} {
		mustOpenSSL(t, "req", "-new", "-newkey", "rsa:"+tt.bits, "-nodes", "-subj", "/CN=server.example", "-keyout", at("key.pem"), "-out", at("csr.pem"))
		mustOpenSSL(t, "x509", "-req", "-in", at("csr.pem"), "-CA", at("root.pem"), "-CAkey", at("root.key"), "-set_serial", "7", "-days", "2", tt.digest, "-out", at("cert.pem"))
		var text bytes.Buffer
		for _, name := range []string{"cert.pem", "key.pem", "root.pem"} {
			part, err := os.ReadFile(at(name))
			if err != nil {
				t.Fatal(err)
			}
			text.Write(part)
		}
		for _, level := range []Level{LevelNone, LevelBack, LevelHigh, LevelHigh128} {
			_, err := New([]Host{{Names: []string{"server.example"}, TLSPort: 443, Cert: text.String(), Level: level}}, quiet())
			he, _ := errors.AsType[*HostError](err)
			if level <= tt.accepted {
				if err != nil {
					t.Errorf("%s at %v: %v", tt.name, level, err)
				}
			} else if !errors.Is(err, ErrWeak) || he == nil || he.Field != "Cert" {
				t.Errorf("%s at %v: %v; want ErrWeak of Cert", tt.name, level, err)
			}
		}
	}
}

// H-20: temporary certificates are as strong as the level wants.
func TestTemporaryCertificatesReachTheLevel(t *testing.T) {
	for _, level := range []Level{LevelDefault, LevelHigh128, LevelHigh192} {
		s := mustSet(t, quiet(), Host{Names: []string{"*"}, TLSPort: 443, AllowTemporary: true, Level: level})
		if err := level.CheckChain([]*x509.Certificate{s.Hosts()[0].Leaf()}); err != nil {
			t.Errorf("%v: %v", level, err)
		}
	}
}

// H-20, H-21, T-08, T-09: another implementation as the client.
func TestOpenSSLMeetsTheLevels(t *testing.T) {
	root := mint(t, nil, "p384", "root", authority)
	leaf := mint(t, root, "p384", "server.example")
	ca := file(t, "root.pem", pemText("CERTIFICATE", root.cert.Raw))
	for _, tt := range []struct {
		host Host
		args string
		want string // in what s_client says; "" is a failure
	}{
		{Host{}, "-tls1_3", "New, TLSv1.3"},
		{Host{}, "-tls1_2", "Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"},
		{Host{}, "-tls1_1 -cipher DEFAULT@SECLEVEL=0", ""},
		{Host{}, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", ""},
		{Host{Level: LevelBack}, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", "Cipher is ECDHE-ECDSA-AES128-SHA"},
		{Host{Level: LevelNone, MinVersion: tls.VersionTLS10}, "-tls1 -cipher DEFAULT@SECLEVEL=0", "Protocol  : TLSv1\n"},
		{Host{Level: LevelTLS12Less}, "", "Protocol  : TLSv1.2"},
		{Host{Level: LevelTLS13Only}, "-tls1_2", ""},
		{Host{Level: LevelHigh192}, "-groups P-384", "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"}, // offers AES-128 too
		{Host{Level: LevelHigh192}, "-groups P-384 -ciphersuites TLS_AES_256_GCM_SHA384", "Cipher is TLS_AES_256_GCM_SHA384"},
		{Host{Level: LevelHigh192}, "-groups P-384 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", "Cipher is TLS_CHACHA20_POLY1305_SHA256"},
		{Host{Level: LevelHigh192}, "-groups P-384 -tls1_3", ""},
		{Host{Level: LevelHigh192}, "-groups X25519:P-256", ""},
		{Host{MinStrength: 256}, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", ""},
	} {
		t.Run(fmt.Sprint(tt.host.Level, " ", tt.args), func(t *testing.T) {
			_, config := oneHost(t, quiet(), leaf, tt.host)
			args := append([]string{"s_client", "-connect", serve(t, config), "-servername", "server.example",
				"-verify_return_error", "-ign_eof", "-CAfile", ca}, strings.Fields(tt.args)...)
			out, ok := openssl(t, args...)
			hello := ok && strings.Contains(out, "hello\n")
			if tt.want == "" && hello || tt.want != "" && (!hello || !strings.Contains(out, tt.want)) {
				t.Errorf("want %q, served %v:\n%s", tt.want, hello, out)
			}
		})
	}
}
