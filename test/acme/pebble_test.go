package acme_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// authority is Pebble, the test server of Let's Encrypt, in this process. It finds every
// name at 127.0.0.1 and looks at the ports of a site.
type authority struct {
	*httptest.Server
	zone  *zone
	setup setup

	mu      sync.Mutex // guards the following
	handler http.Handler
	manage  http.Handler
	ca      *ca.CAImpl
	before  func(http.ResponseWriter, *http.Request) bool // true: answered

	down    atomic.Bool // connections are closed
	orders  atomic.Int32
	refused atomic.Int32 // nonces
}

// environment is held while Pebble reads its settings from there.
var environment sync.Mutex

// setup is how an authority differs from others.
type setup struct {
	profiles    map[string]ca.Profile
	chains      int // besides the first
	accountKeys map[string]string
	blocked     []string
	rejectNonce int // of a hundred
}

func newAuthority(t *testing.T, s *site, setup setup) *authority {
	t.Helper()
	if setup.profiles == nil {
		setup.profiles = map[string]ca.Profile{"default": {Description: "default"}}
	}
	a := &authority{zone: newZone(t), setup: setup}
	a.reset(t, s)
	a.Server = httptest.NewUnstartedServer(a)
	a.Server.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.Listener = &gate{a.Listener, &a.down}
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

// reset makes it forget everything, accounts too.
func (a *authority) reset(t *testing.T, s *site) {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	for id, key := range a.setup.accountKeys {
		if err := store.AddExternalAccountKeyByID(id, key); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range a.setup.blocked {
		if err := store.AddBlockedDomain(name); err != nil {
			t.Fatal(err)
		}
	}
	environment.Lock()
	defer environment.Unlock()
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP":      "1",
		"PEBBLE_AUTHZREUSE":      "0",
		"PEBBLE_WFE_NONCEREJECT": strconv.Itoa(a.setup.rejectNonce),
	} {
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ca = ca.New(quiet, store, "", "ecdsa", a.setup.chains, 1, a.setup.profiles)
	check := va.New(quiet, s.httpPort(), s.tlsPort(), false, a.zone.addr, store)
	front := wfe.New(quiet, store, check, a.ca, []string{"authority.example"}, false, len(a.setup.accountKeys) > 0, 0, 0)
	a.handler, a.manage = front.Handler(), front.ManagementHandler()
}

func (a *authority) directory() string { return a.URL + wfe.DirectoryPath }

// transport trusts the server itself.
func (a *authority) transport() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	return pool
}

// roots are what clients of the site trust.
func (a *authority) roots() *x509.CertPool {
	a.mu.Lock()
	defer a.mu.Unlock()
	pool := x509.NewCertPool()
	for n := range a.ca.GetNumberOfRootCerts() {
		pool.AddCert(a.ca.GetRootCert(n).Cert)
	}
	return pool
}

func (a *authority) rootName(n int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ca.GetRootCert(n).Cert.Subject.CommonName
}

// intercept has f answer before Pebble does.
func (a *authority) intercept(f func(http.ResponseWriter, *http.Request) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = f
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	handler, before := a.handler, a.before
	a.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	switch {
	case strings.Contains(answer.Body.String(), "badNonce"):
		a.refused.Add(1)
	case strings.HasPrefix(r.URL.Path, "/order-plz"):
		a.orders.Add(1)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// revoked has the authority want a certificate replaced, as it would after revoking it.
func (a *authority) renewNow(t *testing.T, leaf *x509.Certificate) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{
		"Certificate": pemText("CERTIFICATE", leaf.Raw),
		"ARIResponse": `{"suggestedWindow":{"start":"2020-01-01T00:00:00Z","end":"2020-01-02T00:00:00Z"},"explanationURL":"https://authority.example/why"}`,
	})
	a.mu.Lock()
	manage := a.manage
	a.mu.Unlock()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/set-renewal-info/", bytes.NewReader(body))
	r.Header.Set("User-Agent", "test")
	manage.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("set-renewal-info: %d %s", w.Code, w.Body)
	}
}

// gate closes connections while the authority is down.
type gate struct {
	net.Listener
	down *atomic.Bool
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil || !g.down.Load() {
			return c, err
		}
		c.Close()
	}
}

// zone is a name server that has every name at 127.0.0.1, and the records of checks.
type zone struct {
	addr string

	mu   sync.Mutex          // guards the following
	txt  map[string][]string // values by name
	seen []string            // names that were ever published
}

func newZone(t *testing.T) *zone {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{addr: ln.Addr().String(), txt: make(map[string][]string)}
	s := &dns.Server{Listener: ln, Handler: z}
	done := make(chan error, 1)
	go func() { done <- s.ActivateAndServe() }()
	t.Cleanup(func() {
		s.Shutdown()
		<-done
	})
	return z
}

func (z *zone) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(r)
	q := r.Question[0]
	head := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}
	switch q.Qtype {
	case dns.TypeA:
		m.Answer = append(m.Answer, &dns.A{Hdr: head, A: net.IPv4(127, 0, 0, 1)})
	case dns.TypeTXT:
		z.mu.Lock()
		for _, value := range z.txt[strings.TrimSuffix(q.Name, ".")] {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: head, Txt: []string{value}})
		}
		z.mu.Unlock()
	}
	w.WriteMsg(m)
}

func (z *zone) publish(name, value string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.txt[name] = append(z.txt[name], value)
	z.seen = append(z.seen, name)
}

func (z *zone) remove(name, value string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.txt[name] = slices.DeleteFunc(z.txt[name], func(v string) bool { return v == value })
	if len(z.txt[name]) == 0 {
		delete(z.txt, name)
	}
}
