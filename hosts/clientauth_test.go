package hosts

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// H-22, T-04
func TestClientCertRulesHaveNames(t *testing.T) {
	for text, want := range map[string]ClientCert{
		"none": ClientCertNone, "Optional": ClientCertOptional, "ClientCertRequire": ClientCertRequire,
		"sslCliCertNone": ClientCertNone, "sslCliCertOptional": ClientCertOptional, " sslclicertrequire ": ClientCertRequire,
		"0": ClientCertNone, "1": ClientCertOptional, "2": ClientCertRequire,
	} {
		if got, err := ParseClientCert(text); got != want || err != nil {
			t.Errorf("ParseClientCert(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "3", "-1", "required", "sslCliCert"} {
		_, err := ParseClientCert(text)
		if se, ok := errors.AsType[*SettingError](err); !ok || se.Value != text || !errors.Is(err, ErrClientCert) {
			t.Errorf("ParseClientCert(%q) = %v", text, err)
		}
	}
	for c := ClientCertNone; c <= ClientCertRequire; c++ {
		if got, err := ParseClientCert(c.String()); got != c || err != nil {
			t.Errorf("ParseClientCert(%q) = %v, %v", c, got, err)
		}
	}
	if s := ClientCert(9).String(); s != "clientcert(9)" {
		t.Errorf("String = %q", s)
	}
}

// H-22: crypto/tls's own rules take part, and the stricter one holds.
func TestStricterClientRuleHolds(t *testing.T) {
	for _, tt := range []struct {
		rule     ClientCert
		template tls.ClientAuthType
		want     tls.ClientAuthType
	}{
		{ClientCertNone, tls.NoClientCert, tls.NoClientCert},
		{ClientCertNone, tls.RequestClientCert, tls.RequestClientCert},
		{ClientCertNone, tls.RequireAnyClientCert, tls.RequireAnyClientCert},
		{ClientCertNone, tls.RequireAndVerifyClientCert, tls.RequireAndVerifyClientCert},
		{ClientCertOptional, tls.NoClientCert, tls.VerifyClientCertIfGiven},
		{ClientCertOptional, tls.RequestClientCert, tls.VerifyClientCertIfGiven},
		{ClientCertOptional, tls.RequireAnyClientCert, tls.RequireAndVerifyClientCert},
		{ClientCertRequire, tls.NoClientCert, tls.RequireAndVerifyClientCert},
		{ClientCertRequire, tls.VerifyClientCertIfGiven, tls.RequireAndVerifyClientCert},
	} {
		if got := tt.rule.with(tt.template); got != tt.want {
			t.Errorf("%v with %v = %v; want %v", tt.rule, tt.template, got, tt.want)
		}
	}
}

// clientKit is what a server trusts, and clients of every kind.
type clientKit struct {
	root, inter *cred
	server      *cred
	clients     map[string]*cred // nil: shows nothing
	crl         []*x509.RevocationList
}

func newClientKit(t testing.TB) *clientKit {
	t.Helper()
	k := &clientKit{root: mint(t, nil, "p256", "root", authority)}
	stranger := mint(t, nil, "p384", "root", authority) // of the same name
	k.inter = mint(t, k.root, "p384", "intermediate", authority)
	k.server = mint(t, k.root, "p256", "server.example")
	leaf := func(parent *cred, change ...func(*x509.Certificate)) *cred {
		return mint(t, parent, "p256", "client.example", change...)
	}
	k.clients = map[string]*cred{
		"none": nil, "good": leaf(k.root), "via intermediate": leaf(k.inter), "unknown CA": leaf(stranger),
		"expired":     leaf(k.root, validFor(-2*time.Hour, -time.Hour)),
		"not yet":     leaf(k.root, validFor(time.Hour, 2*time.Hour)),
		"wrong usage": leaf(k.root, usage(x509.ExtKeyUsageServerAuth)),
		"revoked":     leaf(k.root), "self-signed": mint(t, nil, "p384", "client.example"),
	}
	k.crl = []*x509.RevocationList{revokes(t, k.root, time.Hour, k.clients["revoked"])}
	return k
}

// revokes makes a current list that is good for that long.
func revokes(t testing.TB, issuer *cred, good time.Duration, certs ...*cred) *x509.RevocationList {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: time.Now().Add(good)}
	for _, c := range certs {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.cert.SerialNumber, RevocationTime: time.Now().Add(-time.Minute)})
	}
	return listOf(t, issuer, template)
}

func listOf(t testing.TB, issuer *cred, template *x509.RevocationList) *x509.RevocationList {
	t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, template, issuer.cert, issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// options ask for certificates of the kit's authority.
func (k *clientKit) options() Options {
	o := quiet()
	o.ClientCAs = poolOf(k.root)
	o.Verify = ClientVerify{CRLCheck: CRLIfAvailable, CRLs: k.crl}
	return o
}

// client shows the certificate of a kind in one version, and keeps its sessions.
func (k *clientKit) client(kind string, version uint16) *tls.Config {
	return shows(&tls.Config{
		ServerName: "server.example", RootCAs: poolOf(k.root), MinVersion: version, MaxVersion: version,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}, k.clients[kind])
}

// statusOf names what the check found.
func statusOf(err error) string {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch invalid.Reason {
		case x509.Expired:
			return "time"
		case x509.IncompatibleUsage:
			return "wrong usage"
		}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "unknown CA"
	}
	for text, target := range map[string]error{"revoked": ErrRevoked, "none": ErrNoClientCert, "no CRL": ErrNoCRL, "weak": ErrWeak} {
		if errors.Is(err, target) {
			return text
		}
	}
	return fmt.Sprint(err)
}

// fault is what the check finds of a kind under a rule, "<nil>" for nothing.
func fault(kind string, rule ClientCert) string {
	switch kind {
	case "none":
		if rule == ClientCertRequire {
			return "none"
		}
		return "<nil>"
	case "good", "via intermediate":
		return "<nil>"
	case "expired", "not yet":
		return "time"
	case "self-signed":
		return "unknown CA"
	}
	return kind
}

// E-27, H-22, T-04, T-05, T-16, T-17, T-20, T-22: host and server, what the client shows,
// what the program says, a first connection and a resumed one, in both versions.
func TestClientCertificateMatrix(t *testing.T) {
	k := newClientKit(t)
	answers := map[string]func(*ClientAuth){
		"nobody": nil, "silence": func(*ClientAuth) {},
		"yes": func(a *ClientAuth) { a.Accept = true }, "no": func(a *ClientAuth) { a.Accept = false },
	}
	for host := ClientCertNone; host <= ClientCertRequire; host++ {
		for server := ClientCertNone; server <= ClientCertRequire; server++ {
			for answer, f := range answers {
				t.Run(fmt.Sprintf("host %v, server %v, %s", host, server, answer), func(t *testing.T) {
					m := &matrix{clientKit: k, rule: max(host, server), answer: answer}
					o := k.options()
					o.ClientAuth = server
					if f != nil {
						o.OnClientAuth = func(a *ClientAuth) { m.asked = append(m.asked, *a); f(a) }
					}
					_, m.config = oneHost(t, o, k.server, Host{Tag: "x", ClientAuth: host})
					for kind := range k.clients {
						for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
							m.connect(t, kind, version)
						}
					}
				})
			}
		}
	}
}

// matrix is one column of the test above.
type matrix struct {
	*clientKit
	rule   ClientCert
	answer string
	config *tls.Config
	asked  []ClientAuth
}

func (m *matrix) connect(t *testing.T, kind string, version uint16) {
	t.Helper()
	client := m.client(kind, version)
	status := fault(kind, m.rule)
	accepted := m.answer == "yes" || m.answer != "no" && status == "<nil>"
	if m.rule == ClientCertNone {
		accepted = true
	}
	for _, resumed := range []bool{false, true} {
		m.asked = nil
		got := meet(t, m.config, client)
		// crypto/tls resumes no session whose certificate has expired meanwhile.
		resumed = resumed && accepted && (kind != "expired" || m.rule == ClientCertNone)
		what := fmt.Sprintf("%s, %s, resumed %v", kind, tls.VersionName(version), resumed)
		if ok := got.clientErr == nil && got.serverErr == nil; ok != accepted || got.server.DidResume != resumed {
			t.Errorf("%s: resumed %v, client %v, server %v; want in: %v", what, got.server.DidResume, got.clientErr, got.serverErr, accepted)
		}
		if !accepted && got.alert() == "" {
			t.Errorf("%s: the client got no alert but %v", what, got.clientErr)
		}
		if accepted {
			m.carried(t, what, kind, got.server)
		}
		m.heard(t, what, kind, status, resumed)
	}
}

// carried checks what the connection has to say afterwards.
func (m *matrix) carried(t *testing.T, what, kind string, cs tls.ConnectionState) {
	t.Helper()
	want := 0
	if c := m.clients[kind]; c != nil && m.rule != ClientCertNone {
		want = 1 + len(c.above)
	}
	if len(cs.PeerCertificates) != want {
		t.Errorf("%s: %d certificates; want %d", what, len(cs.PeerCertificates), want)
	}
	if m.answer == "nobody" && want > 0 && len(cs.VerifiedChains) == 0 {
		t.Errorf("%s: no verified chain", what)
	}
}

// heard checks what the program was asked.
func (m *matrix) heard(t *testing.T, what, kind, status string, resumed bool) {
	t.Helper()
	if m.rule == ClientCertNone || m.answer == "nobody" {
		if len(m.asked) > 0 {
			t.Errorf("%s: asked about %+v", what, m.asked)
		}
		return
	}
	if len(m.asked) != 1 {
		t.Errorf("%s: asked %d times", what, len(m.asked))
		return
	}
	a := m.asked[0]
	chain := 0
	if c := m.clients[kind]; c != nil {
		chain = 1 + len(c.above)
	}
	if got := statusOf(a.Status); got != status || a.Accept != (status == "<nil>") || len(a.Chain) != chain {
		t.Errorf("%s: status %s (%v), accept %v, chain of %d; want %s", what, got, a.Status, a.Accept, len(a.Chain), status)
	}
	if verified := status == "<nil>" && chain > 0; (len(a.Verified) > 0) != verified {
		t.Errorf("%s: verified chains: %d", what, len(a.Verified))
	} else if verified && (a.Verified[0][0] != a.Chain[0] && !a.Verified[0][0].Equal(a.Chain[0]) || !a.Verified[0][chain].Equal(m.root.cert)) {
		t.Errorf("%s: verified chain is %v", what, a.Verified[0])
	}
	if a.ServerName != "server.example" || a.HostTag != "x" || a.Remote == nil || a.Resumed != resumed {
		t.Errorf("%s: %+v", what, a)
	}
}

// T-04: what a refused client learns, with and without a program that decides.
func TestRefusedClientsGetAnAlert(t *testing.T) {
	k := newClientKit(t)
	weak := mint(t, k.root, "rsa1024", "client.example")
	k.clients["weak"] = weak
	const bad = "tls: bad certificate"
	for _, asking := range []bool{false, true} {
		o := k.options()
		o.ClientAuth = ClientCertRequire
		if asking {
			o.OnClientAuth = func(*ClientAuth) {}
		}
		_, config := oneHost(t, o, k.server, Host{})
		for kind, want := range map[string][2]string{ // TLS 1.2, TLS 1.3
			"none":        {"tls: handshake failure", "tls: certificate required"},
			"unknown CA":  {"tls: unknown certificate authority", "tls: unknown certificate authority"},
			"expired":     {"tls: expired certificate", "tls: expired certificate"},
			"not yet":     {"tls: expired certificate", "tls: expired certificate"},
			"wrong usage": {bad, bad}, "revoked": {bad, bad}, "weak": {bad, bad},
		} {
			for i, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				m := meet(t, config, k.client(kind, version))
				if asking {
					want[i] = bad
				}
				if m.alert() != want[i] {
					t.Errorf("%s, asking %v, %s: %q, %v; want %q", kind, asking, tls.VersionName(version), m.alert(), m.clientErr, want[i])
				}
				if ours := asking || kind == "revoked" || kind == "weak"; ours != errors.Is(m.serverErr, ErrClientRefused) ||
					ours && statusOf(m.serverErr) != fault(kind, ClientCertRequire) {
					t.Errorf("%s, asking %v: %v", kind, asking, m.serverErr)
				}
			}
		}
	}
}

// E-27
func TestProgramMayChangeItsMindAboutASession(t *testing.T) {
	k := newClientKit(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, kind := range []string{"good", "unknown CA", "none"} {
			accept := true
			o := k.options()
			o.ClientAuth, o.OnClientAuth = ClientCertRequire, func(a *ClientAuth) { a.Accept = accept }
			_, config := oneHost(t, o, k.server, Host{})
			client := k.client(kind, version)
			for i, want := range []bool{true, true, false} {
				accept = want
				m := meet(t, config, client)
				if (m.clientErr == nil && m.serverErr == nil) != want || m.server.DidResume != (i == 1) {
					t.Errorf("%s, connection %d: resumed %v, %v, %v", kind, i, m.server.DidResume, m.clientErr, m.serverErr)
				}
				if !want && !errors.Is(m.serverErr, ErrClientRefused) {
					t.Errorf("%s: %v; want ErrClientRefused", kind, m.serverErr)
				}
			}
		}
	}
}

// E-27
func TestPanicInOnClientAuthIsARefusal(t *testing.T) {
	k := newClientKit(t)
	o := k.options()
	o.ClientAuth, o.OnClientAuth = ClientCertOptional, func(a *ClientAuth) { a.Accept = true; panic("of the program") }
	_, config := oneHost(t, o, k.server, Host{})
	for _, kind := range []string{"good", "none"} {
		m := meet(t, config, k.client(kind, tls.VersionTLS13))
		p, ok := errors.AsType[*PanicError](m.serverErr)
		if !ok || p.Func != "OnClientAuth" || p.Value != "of the program" || len(p.Stack) == 0 || m.alert() != "tls: bad certificate" {
			t.Errorf("%s: %v, alert %q; want a PanicError", kind, m.serverErr, m.alert())
		}
	}
}

// E-27: who it is shows while several connect.
func TestOnClientAuthKnowsWhoIsAsking(t *testing.T) {
	k := newClientKit(t)
	remotes := make(chan net.Addr, 1)
	o := k.options()
	o.ClientAuth, o.OnClientAuth = ClientCertOptional, func(a *ClientAuth) { remotes <- a.Remote }
	_, config := oneHost(t, o, k.server, Host{})
	addr := serve(t, config)
	for range 3 {
		d := tls.Dialer{Config: k.client("good", tls.VersionTLS13)}
		c, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := <-remotes; got.String() != c.LocalAddr().String() {
			t.Errorf("Remote = %v; want %v", got, c.LocalAddr())
		}
		c.Close()
	}
}

// T-16, H-22: what was agreed where nobody is asked does not count where everybody is.
func TestTicketsDoNotLeadPastClientRules(t *testing.T) {
	k := newClientKit(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, asking := range []bool{false, true} {
			o := k.options()
			if asking {
				o.OnClientAuth = func(*ClientAuth) {}
			}
			host := func(name string, rule ClientCert) Host {
				return Host{Names: []string{name}, TLSPort: 443, ClientAuth: rule, Cert: mint(t, k.root, "p256", name).bundle(t)}
			}
			s := mustSet(t, o, host("open.example", ClientCertNone), host("strict.example", ClientCertRequire), host("asks.example", ClientCertOptional))
			config, cache := mustTLS(t, s.All()), &oneSession{}
			to := func(name, kind string) met {
				return meet(t, config, shows(&tls.Config{
					ServerName: name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, ClientSessionCache: cache,
				}, k.clients[kind]))
			}
			to("open.example", "none")
			ticket := cache.state
			if m := to("open.example", "none"); ticket == nil || !m.server.DidResume {
				t.Fatalf("no session to try: %v", m.clientErr)
			}
			for _, name := range []string{"strict.example", "asks.example"} {
				cache.state = ticket
				m := to(name, "none")
				if m.server.DidResume || (m.serverErr == nil) != (name == "asks.example") {
					t.Errorf("%s with a ticket of open.example: resumed %v, %v", name, m.server.DidResume, m.serverErr)
				}
			}
			cache.state = nil
			to("strict.example", "good")
			if m := to("asks.example", "none"); m.server.DidResume || len(m.server.PeerCertificates) != 0 {
				t.Errorf("a certificate of strict.example was taken to asks.example")
			}
		}
	}
}

// T-04, T-16: no certificate was asked for when the session was made, one is now.
func TestSessionWithoutCertificateIsNotEnoughForRequire(t *testing.T) {
	k := newClientKit(t)
	o := k.options()
	o.ClientAuth = ClientCertOptional
	_, optional := oneHost(t, o, k.server, Host{})
	o.ClientAuth = ClientCertRequire
	_, require := oneHost(t, o, k.server, Host{})
	client := k.client("none", tls.VersionTLS13)
	if m := meet(t, optional, client); m.clientErr != nil {
		t.Fatal(m.clientErr)
	}
	if m := meet(t, require, client); m.clientErr == nil || m.serverErr == nil {
		t.Errorf("let in: %+v", m)
	}
}

// H-28, E-27: the template's functions are called when and as crypto/tls would.
func TestTemplateFunctionsStillRun(t *testing.T) {
	k := newClientKit(t)
	for _, asking := range []bool{false, true} {
		var calls []string
		o := k.options()
		o.TLS = &tls.Config{
			ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: poolOf(k.root),
			VerifyPeerCertificate: func(raw [][]byte, chains [][]*x509.Certificate) error {
				calls = append(calls, fmt.Sprintf("peer %d %d", len(raw), len(chains)))
				return nil
			},
			VerifyConnection: func(cs tls.ConnectionState) error {
				calls = append(calls, fmt.Sprintf("connection %d %d", len(cs.PeerCertificates), len(cs.VerifiedChains)))
				if cs.ServerName == "server.example" && cs.Version == tls.VersionTLS12 {
					return errors.New("not today")
				}
				return nil
			},
		}
		o.ClientCAs = nil // that of the template
		if asking {
			o.OnClientAuth = func(a *ClientAuth) { calls = append(calls, "asked"); a.Accept = true }
		}
		_, config := oneHost(t, o, k.server, Host{})
		for _, tt := range []struct{ kind, want string }{
			{"via intermediate", "peer 2 1, connection 2 1"}, {"none", "peer 0 0, connection 0 0"},
		} {
			client := k.client(tt.kind, tls.VersionTLS13)
			for i, want := range []string{tt.want, tt.want[strings.Index(tt.want, "connection"):]} {
				calls = nil
				if asking {
					want = "asked, " + want
				}
				m := meet(t, config, client)
				if got := strings.Join(calls, ", "); m.clientErr != nil || got != want || m.server.DidResume != (i == 1) {
					t.Errorf("%s, asking %v, connection %d: %q, %v; want %q", tt.kind, asking, i, got, m.clientErr, want)
				}
			}
		}
		if m := meet(t, config, k.client("good", tls.VersionTLS12)); m.serverErr == nil {
			t.Error("the template's refusal was lost")
		}
	}
}

// E-27: with OnClientAuth a client may get in that has no chain.
func TestTemplateFunctionThatPanicsIsARefusal(t *testing.T) {
	k := newClientKit(t)
	o := k.options()
	o.TLS = &tls.Config{VerifyPeerCertificate: func(_ [][]byte, chains [][]*x509.Certificate) error {
		_ = chains[0]
		return nil
	}}
	o.ClientAuth, o.OnClientAuth = ClientCertRequire, func(a *ClientAuth) { a.Accept = true }
	_, config := oneHost(t, o, k.server, Host{})
	if m := meet(t, config, k.client("good", tls.VersionTLS13)); m.serverErr != nil {
		t.Error(m.serverErr)
	}
	m := meet(t, config, k.client("unknown CA", tls.VersionTLS13))
	if _, ok := errors.AsType[*PanicError](m.serverErr); !ok || m.clientErr == nil {
		t.Errorf("%v; want a PanicError", m.serverErr)
	}
}

// H-22: a template may ask without checking, as its functions do that.
func TestTemplateMayCheckByItself(t *testing.T) {
	k := newClientKit(t)
	for _, tt := range []struct {
		rule   ClientCert
		asking bool
		want   []string
	}{
		{ClientCertNone, false, []string{"good", "self-signed", "unknown CA"}},
		{ClientCertOptional, false, []string{"good"}},
		{ClientCertNone, true, []string{"good"}},
	} {
		o := k.options()
		o.TLS, o.ClientAuth = &tls.Config{ClientAuth: tls.RequireAnyClientCert}, tt.rule
		if tt.asking {
			o.OnClientAuth = func(*ClientAuth) {}
		}
		_, config := oneHost(t, o, k.server, Host{})
		for _, kind := range []string{"good", "none", "self-signed", "unknown CA"} {
			m := meet(t, config, k.client(kind, tls.VersionTLS13))
			if in := m.clientErr == nil; in != slices.Contains(tt.want, kind) {
				t.Errorf("%v, asking %v, %s: %v", tt.rule, tt.asking, kind, m.serverErr)
			}
		}
	}
}

// T-06, T-18: authorities alone ask for nothing; the host's come before the server's.
func TestAuthoritiesOfAHost(t *testing.T) {
	k := newClientKit(t)
	other := mint(t, nil, "p256", "other root", authority)
	k.clients["other"] = mint(t, other, "p256", "client.example")
	o := k.options()
	_, config := oneHost(t, o, k.server, Host{ClientCAs: poolOf(other)})
	if m := meet(t, config, k.client("none", tls.VersionTLS13)); m.clientErr != nil {
		t.Errorf("ClientCAs alone: %v", m.clientErr)
	}
	for _, asking := range []bool{false, true} {
		if asking {
			o.OnClientAuth = func(*ClientAuth) {}
		}
		_, config = oneHost(t, o, k.server, Host{ClientAuth: ClientCertRequire, ClientCAs: poolOf(other)})
		for kind, want := range map[string]bool{"other": true, "good": false} {
			if m := meet(t, config, k.client(kind, tls.VersionTLS12)); (m.clientErr == nil) != want {
				t.Errorf("%s, asking %v: %v", kind, asking, m.clientErr)
			}
		}
	}
	var named [][]byte
	client := k.client("none", tls.VersionTLS13)
	client.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		named = r.AcceptableCAs
		return k.clients["other"].tls(), nil
	}
	if m := meet(t, config, client); m.clientErr != nil || len(named) != 1 || string(named[0]) != string(other.cert.RawSubject) {
		t.Errorf("the client was told of %q, %v", named, m.clientErr)
	}
}

// H-20, H-22: the level holds for clients too, on either way of checking.
func TestClientsObeyTheLevel(t *testing.T) {
	root := mint(t, nil, "rsa2048", "root", authority)
	for _, tt := range []struct {
		level Level
		kind  string
		in    bool
	}{
		{LevelHigh, "rsa1024", false}, {LevelHigh, "rsa2048", true}, {LevelBack, "rsa1024", true}, {LevelNone, "rsa1024", true},
		{LevelHigh128, "p256", false}, // its root has 2048 bits
	} {
		for _, o := range []Options{{}, {OnClientAuth: func(*ClientAuth) {}}, {Verify: ClientVerify{AllowUnknownCA: true}}} {
			o.Logger, o.ClientCAs, o.Level = quiet().Logger, poolOf(root), tt.level
			_, config := oneHost(t, o, mint(t, nil, "p256", "server.example"), Host{ClientAuth: ClientCertRequire})
			m := meet(t, config, shows(&tls.Config{ServerName: "server.example", InsecureSkipVerify: true}, mint(t, root, tt.kind, "client.example")))
			if (m.clientErr == nil) != tt.in || !tt.in && !errors.Is(m.serverErr, ErrWeak) {
				t.Errorf("%v, %s: %v; want in: %v", tt.level, tt.kind, m.serverErr, tt.in)
			}
		}
	}
}

// T-04: another implementation as the client.
func TestOpenSSLShowsCertificates(t *testing.T) {
	k := newClientKit(t)
	for _, asking := range []bool{false, true} {
		o := k.options()
		o.ClientAuth = ClientCertRequire
		if asking {
			o.OnClientAuth = func(*ClientAuth) {}
		}
		_, config := oneHost(t, o, k.server, Host{})
		addr := serve(t, config)
		for kind, in := range map[string]bool{"none": false, "good": true, "via intermediate": true, "unknown CA": false, "expired": false, "revoked": false} {
			args := []string{"s_client", "-connect", addr, "-servername", "server.example", "-ign_eof"}
			if c := k.clients[kind]; c != nil {
				path := file(t, "client.pem", c.bundle(t))
				args = append(args, "-cert", path, "-key", path, "-cert_chain", path)
			}
			out, _ := openssl(t, args...)
			if strings.Contains(out, "hello\n") != in {
				t.Errorf("%s, asking %v: want in: %v\n%s", kind, asking, in, out)
			}
		}
	}
}
