package acme_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/hosts/acme"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Pebble's queue has no end.
		goleak.IgnoreAnyFunction("github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"),
		// A lock of certmagic.FileStorage notices within five seconds that it was freed.
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
	)
}

// site is a small server as wsserver is a large one: a plain and a TLS listener, which
// ask the issuer for the answers to checks.
type site struct {
	plain, secure net.Listener
	issuer        atomic.Pointer[acme.Issuer]
	shown         atomic.Pointer[tls.Certificate] // by hosts with orders
	demand        atomic.Bool
	other         atomic.Pointer[server] // answers in place of all that
}

// server is the part of a server that the authority and clients meet.
type server struct {
	serveChallenge func(http.ResponseWriter, *http.Request) bool
	configure      func(*tls.ClientHelloInfo) (*tls.Config, error)
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{}
	var err error
	if s.plain, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if s.secure, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0)
	plain := &http.Server{Handler: http.HandlerFunc(s.answer), ErrorLog: quiet}
	secure := &http.Server{
		Handler: http.NotFoundHandler(), ErrorLog: quiet,
		TLSConfig:    &tls.Config{GetConfigForClient: s.configure},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
	}
	var serving sync.WaitGroup
	serving.Go(func() { plain.Serve(s.plain) })
	serving.Go(func() { secure.ServeTLS(s.secure, "", "") })
	t.Cleanup(func() {
		plain.Close()
		secure.Close()
		serving.Wait()
	})
	return s
}

func port(ln net.Listener) int { return ln.Addr().(*net.TCPAddr).Port }

func (s *site) httpPort() int { return port(s.plain) }
func (s *site) tlsPort() int  { return port(s.secure) }

func (s *site) answer(w http.ResponseWriter, r *http.Request) {
	if o := s.other.Load(); o != nil {
		if !o.serveChallenge(w, r) {
			http.NotFound(w, r)
		}
		return
	}
	if i := s.issuer.Load(); i == nil || !i.ServeChallenge(w, r) {
		http.NotFound(w, r)
	}
}

func (s *site) configure(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if o := s.other.Load(); o != nil {
		return o.configure(hello)
	}
	i := s.issuer.Load()
	if i == nil {
		return nil, errors.New("no issuer")
	}
	if slices.Equal(hello.SupportedProtos, []string{hosts.ALPNChallenge}) {
		cert, err := i.ChallengeCert(hello)
		if err != nil {
			return nil, err
		}
		return &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{hosts.ALPNChallenge}}, nil
	}
	if s.demand.Load() {
		return &tls.Config{GetCertificate: i.DemandCert}, nil
	}
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if cert := s.shown.Load(); cert != nil {
			return cert, nil
		}
		return nil, errors.New("no certificate yet")
	}}, nil
}

// visit makes a handshake as a client does that trusts roots, and returns the leaf.
func (s *site) visit(name string, roots *x509.CertPool) (*x509.Certificate, error) {
	d := tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: roots}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", s.secure.Addr().String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// tenant is what a set of hosts would be for one order.
type tenant struct {
	site   *site
	order  hosts.Order
	shown  chan *tls.Certificate
	failed chan error
}

func newTenant(s *site, challenge hosts.Challenge, names ...string) *tenant {
	h := &tenant{site: s, shown: make(chan *tls.Certificate, 100), failed: make(chan error, 100)}
	h.order = hosts.Order{
		Names: names, Challenge: challenge, Port: s.httpPort(), TLSPort: s.tlsPort(),
		Deliver: func(c *tls.Certificate) error {
			s.shown.Store(c)
			h.shown <- c
			return nil
		},
		Failed: func(err error) { h.failed <- err },
	}
	return h
}

// next waits for a certificate; a failure before it is the test's.
func (h *tenant) next(t *testing.T) *tls.Certificate {
	t.Helper()
	select {
	case c := <-h.shown:
		return c
	case err := <-h.failed:
		t.Fatalf("Failed: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("no certificate")
	}
	return nil
}

// failure waits for a failed attempt.
func (h *tenant) failure(t *testing.T) error {
	t.Helper()
	select {
	case err := <-h.failed:
		return err
	case c := <-h.shown:
		t.Fatalf("a certificate for %v", c.Leaf.DNSNames)
	case <-time.After(time.Minute):
		t.Fatal("no failure")
	}
	return nil
}

// configuration is for a site and its authority.
func configuration(t *testing.T, s *site, a *authority, change ...func(*acme.Config)) acme.Config {
	c := acme.Config{
		Directory: a.directory(), RootCAs: a.transport(), AgreedTOS: true,
		Email: "admin@example.com", Storage: acme.DirStorage(t.TempDir()),
		HTTPPort: s.httpPort(), TLSPort: s.tlsPort(),
		Backoff: []time.Duration{time.Millisecond},
		Logger:  slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

// start runs an issuer on the site until stop is called, or the test has ended.
func start(t *testing.T, s *site, c acme.Config, tenants ...*tenant) (i *acme.Issuer, stop func()) {
	t.Helper()
	i, err := acme.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var orders []hosts.Order
	for _, h := range tenants {
		if err := i.Check(h.order); err != nil {
			t.Fatal(err)
		}
		orders = append(orders, h.order)
	}
	if s != nil {
		s.issuer.Store(i)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx, orders) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(stop)
	for running := false; !running; runtime.Gosched() {
		_, err := i.DemandCert(&tls.ClientHelloInfo{})
		running = !errors.Is(err, acme.ErrNotRunning)
	}
	return i, stop
}

// verify fails unless cert is good for the names in the eyes of clients.
func verify(t *testing.T, cert *tls.Certificate, roots *x509.CertPool, names ...string) {
	t.Helper()
	inter := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		inter.AddCert(c)
	}
	for _, name := range names {
		name = strings.Replace(name, "*", "any", 1)
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: inter}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// publisher is the DNSSolver of a zone.
type publisher struct{ *zone }

func (p publisher) Present(_ context.Context, name, value string) error {
	p.publish(name, value)
	return nil
}

func (p publisher) CleanUp(_ context.Context, name, value string) error {
	p.remove(name, value)
	return nil
}

func numbered(n int) string { return fmt.Sprintf("n%d.example", n) }

// replay reads the body of a request and puts it back.
func replay(t *testing.T, r *http.Request) []byte {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return text
}

// record is a log of everything.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}
