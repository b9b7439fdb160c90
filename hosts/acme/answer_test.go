package acme

import (
	"context"
	"crypto/tls"
	"encoding/asn1"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/icsws/icsws/hosts"
	"github.com/mholt/acmez/v3/acme"
)

const token = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"

// challenge is one that the authority set for name.
func challenge(kind, name string) acme.Challenge {
	return acme.Challenge{
		Type: kind, Token: token, KeyAuthorization: token + ".thumbprint",
		Identifier: acme.Identifier{Type: "dns", Value: name},
	}
}

// answering returns an issuer with hosts, and its client.
func answering(t testing.TB, store Storage) (*Issuer, *client) {
	i := newIssuer(t, nil, func(c *Config) { c.Storage = store })
	i.orders.Store(newOrders([]hosts.Order{{Names: []string{"a.example", "*.tenant.example"}}}))
	return i, newClient(&i.cfg, i.vault, i.answers)
}

func ask(i *Issuer, method, host, path string) (*httptest.ResponseRecorder, bool) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "http://placeholder/", nil)
	r.Host, r.URL.Path = host, path
	return w, i.ServeChallenge(w, r)
}

// H-44, H-45: the process that ordered answers, and one that shares its storage.
func TestOnlyTheAnswerToItsQuestion(t *testing.T) {
	store := newMemory()
	ordering, c := answering(t, store)
	solver := &httpSolver{c}
	if err := solver.Present(t.Context(), challenge("http-01", "a.example")); err != nil {
		t.Fatal(err)
	}
	neighbour, _ := answering(t, store)
	for name, i := range map[string]*Issuer{"ordering": ordering, "neighbour": neighbour} {
		for _, tt := range []struct {
			method, host, path string
			ok                 bool
		}{
			{"GET", "a.example", challengePath + token, true},
			{"GET", "A.Example:80", challengePath + token, true},
			{"HEAD", "a.example", challengePath + token, true},
			{"POST", "a.example", challengePath + token, false},
			{"GET", "b.example", challengePath + token, false}, // somebody else's page
			{"GET", "x.tenant.example", challengePath + token, false},
			{"GET", "", challengePath + token, false},
			{"GET", "a.example", challengePath + token[1:], false},
			{"GET", "a.example", challengePath, false},
			{"GET", "a.example", challengePath + "../" + token, false},
			{"GET", "a.example", "/" + token, false},
		} {
			w, ok := ask(i, tt.method, tt.host, tt.path)
			if ok != tt.ok || ok && w.Body.String() != token+".thumbprint" || !ok && w.Body.Len()+len(w.Header()) > 0 {
				t.Errorf("%s: %s %s %s: %v %q", name, tt.method, tt.host, tt.path, ok, w.Body)
			}
		}
	}
	if err := solver.CleanUp(t.Context(), challenge("http-01", "a.example")); err != nil {
		t.Fatal(err)
	}
	for _, i := range []*Issuer{ordering, neighbour} {
		if _, ok := ask(i, "GET", "a.example", challengePath+token); ok {
			t.Error("answered after the end of the order")
		}
	}
	if keys := store.keys(); len(keys) > 0 {
		t.Errorf("left in the storage: %v", keys)
	}
}

// H-45, RFC 8737 section 3
func TestTheCertificateOfACheck(t *testing.T) {
	store := newMemory()
	ordering, c := answering(t, store)
	solver := &alpnSolver{c}
	if err := solver.Present(t.Context(), challenge("tls-alpn-01", "a.example")); err != nil {
		t.Fatal(err)
	}
	neighbour, _ := answering(t, store)
	stranger := newIssuer(t, nil, func(c *Config) { c.Storage = store }) // not running: it has no hosts
	for _, tt := range []struct {
		i     *Issuer
		hello *tls.ClientHelloInfo
		ok    bool
	}{
		{ordering, hello("a.example", hosts.ALPNChallenge), true},
		{neighbour, hello("A.example", hosts.ALPNChallenge), true},
		{stranger, hello("a.example", hosts.ALPNChallenge), false},
		{ordering, hello("a.example", hosts.ALPNChallenge, "http/1.1"), false},
		{ordering, hello("a.example"), false},
		{ordering, hello("b.example", hosts.ALPNChallenge), false},
		{neighbour, hello("", hosts.ALPNChallenge), false},
	} {
		cert, err := tt.i.ChallengeCert(tt.hello)
		if !tt.ok {
			if cert != nil || !errors.Is(err, ErrNoChallenge) {
				t.Errorf("%+v: %v, %v", tt.hello, cert, err)
			}
			continue
		}
		if err != nil || len(cert.Leaf.DNSNames) != 1 || cert.Leaf.DNSNames[0] != "a.example" {
			t.Errorf("%+v: %v, %v", tt.hello, cert, err)
		}
		found := false
		for _, e := range cert.Leaf.Extensions {
			found = found || e.Critical && e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31})
		}
		if !found {
			t.Error("without the extension acmeIdentifier")
		}
	}
	// A newer challenge stays when an older one is tidied up.
	newer := challenge("tls-alpn-01", "a.example")
	newer.Token = "another-token-of-the-authority"
	if err := errors.Join(solver.Present(t.Context(), newer), solver.CleanUp(t.Context(), challenge("tls-alpn-01", "a.example"))); err != nil {
		t.Fatal(err)
	}
	if _, err := ordering.ChallengeCert(hello("a.example", hosts.ALPNChallenge)); err != nil {
		t.Error(err)
	}
}

// Anybody may send checks: the storage is asked by few of them at a time, and its
// failures are none of the client's business.
func TestChecksDoNotOverloadTheStorage(t *testing.T) {
	store := newMemory()
	store.refuse = func(op, key string) error { panic(op) }
	i, _ := answering(t, store)
	if _, ok := ask(i, "GET", "a.example", challengePath+token); ok {
		t.Error("answered without an answer")
	}
	before := store.loads
	if _, ok := ask(i, "GET", "other.example", challengePath+token); ok || store.loads != before {
		t.Error("the storage was asked for a name that is not ours")
	}
	for range cap(i.asking) {
		i.asking <- struct{}{}
	}
	if _, ok := ask(i, "GET", "a.example", challengePath+token); ok || store.loads != before {
		t.Error("the storage was asked by too many")
	}
}

type dnsZone struct {
	records map[string]string
	ctx     error // of the context in CleanUp
}

func (z *dnsZone) Present(_ context.Context, name, value string) error {
	if name == "_acme-challenge.panic.example" {
		panic("zone")
	}
	z.records[value] = name
	return nil
}

func (z *dnsZone) CleanUp(ctx context.Context, _, value string) error {
	z.ctx = ctx.Err()
	delete(z.records, value)
	return nil
}

// H-39
func TestTheRecordOfADNSCheck(t *testing.T) {
	z := &dnsZone{records: make(map[string]string)}
	s := &dnsSolver{z}
	c := challenge("dns-01", "a.example")
	if err := s.Present(t.Context(), c); err != nil || len(z.records) != 1 {
		t.Fatalf("%v, %v", z.records, err)
	}
	for value, name := range z.records {
		if name != "_acme-challenge.a.example" || len(value) != 43 || strings.Contains(value, token) {
			t.Errorf("%s TXT %q", name, value)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.CleanUp(ended, c); err != nil || len(z.records) > 0 || z.ctx != nil {
		t.Errorf("tidying up at the end of the server: %v, %v, %v", z.records, err, z.ctx)
	}
	if p := new(PanicError); !errors.As(s.Present(t.Context(), challenge("dns-01", "panic.example")), &p) || p.Value != "zone" {
		t.Error("a panic of the solver was not caught")
	}
}

func FuzzServeChallenge(f *testing.F) {
	f.Add("GET", "a.example", challengePath+token)
	f.Add("GET", "a.example:80", challengePath+"../../certificates")
	f.Add("HEAD", "[::1]:80", challengePath+"\x00")
	i, c := answering(f, newMemory())
	if err := (&httpSolver{c}).Present(context.Background(), challenge("http-01", "a.example")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, host, path string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://placeholder/", nil)
		r.Method, r.Host, r.URL.Path = method, host, path
		if i.ServeChallenge(w, r) && (path != challengePath+token || hostOf(host) != "a.example") {
			t.Errorf("%s %q %q was answered", method, host, path)
		}
	})
}
