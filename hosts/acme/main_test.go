package acme

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/hosts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if holdLock() { // see TestLockOfADeadProcessIsFree
		return
	}
	goleak.VerifyTestMain(m)
}

// memory is a Storage.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	locks  map[string]chan struct{}
	refuse func(op, key string) error // nil never refuses
	loads  int
	taken  int // locks, ever
}

func newMemory() *memory {
	return &memory{values: make(map[string][]byte), locks: make(map[string]chan struct{})}
}

func (m *memory) op(op, key string) error {
	if m.refuse == nil {
		return nil
	}
	return m.refuse(op, key)
}

func (m *memory) Load(ctx context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	if err := errors.Join(ctx.Err(), m.op("load", key)); err != nil {
		return nil, err
	}
	v, ok := m.values[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(v), nil
}

func (m *memory) Store(ctx context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.op("store", key)); err != nil {
		return err
	}
	m.values[key] = slices.Clone(value)
	return nil
}

func (m *memory) Delete(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.op("delete", key)); err != nil {
		return err
	}
	delete(m.values, key)
	return nil
}

func (m *memory) lock(name string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] == nil {
		m.locks[name] = make(chan struct{}, 1)
	}
	return m.locks[name]
}

func (m *memory) Lock(ctx context.Context, name string) error {
	select {
	case m.lock(name) <- struct{}{}:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.taken++
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *memory) Unlock(_ context.Context, name string) error {
	select {
	case <-m.lock(name):
		return nil
	default:
		return errors.New("not locked")
	}
}

func (m *memory) keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for k := range m.values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// office is an authority that looks at nothing.
type office struct {
	key  *ecdsa.PrivateKey
	root *x509.Certificate
	life time.Duration // of a certificate

	mu       sync.Mutex
	requests []request
	fail     func(n int, r request) error               // for the nth request, from 1
	when     func(leaf *x509.Certificate) *renewal      // nil says nothing
	slow     func(ctx context.Context, r request) error // before a certificate is issued
	asked    int                                        // for renewal information
	closed   bool
}

func newOffice(t testing.TB) *office {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{key: key, life: 90 * 24 * time.Hour}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "office"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "office"}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if o.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) issue(names []string, key crypto.PublicKey) ([]byte, *x509.Certificate, error) {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, DNSNames: names,
		NotBefore: time.Now(), NotAfter: time.Now().Add(o.life),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}, o.root, key, o.key)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), leaf, err
}

func (o *office) obtain(ctx context.Context, r request) ([]byte, *renewal, error) {
	o.mu.Lock()
	o.requests = append(o.requests, r)
	n, fail, slow, when := len(o.requests), o.fail, o.slow, o.when
	o.mu.Unlock()
	if slow != nil {
		if err := slow(ctx, r); err != nil {
			return nil, nil, err
		}
	}
	if fail != nil {
		if err := fail(n, r); err != nil {
			return nil, nil, err
		}
	}
	chain, leaf, err := o.issue(r.names, r.key.Public())
	if err != nil || when == nil {
		return chain, nil, err
	}
	return chain, when(leaf), nil
}

func (o *office) renewalInfo(_ context.Context, leaf *x509.Certificate, _ *slog.Logger) (*renewal, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	if o.when == nil {
		return nil, nil
	}
	return o.when(leaf), nil
}

func (o *office) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

func (o *office) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.requests)
}

// request returns the nth order, from 0.
func (o *office) request(n int) request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.requests[n]
}

// newIssuer returns an issuer of the office.
func newIssuer(t testing.TB, o *office, change ...func(*Config)) *Issuer {
	t.Helper()
	c := Config{AgreedTOS: true, Logger: slog.New(slog.DiscardHandler), Directory: "https://acme.example/dir"}
	for _, f := range change {
		f(&c)
	}
	if c.Storage == nil {
		c.Storage = newMemory()
	}
	i, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	i.authority = o
	return i
}

// host is what a set would do for an order: it notes what it is told.
type host struct {
	mu       sync.Mutex
	shown    []*tls.Certificate
	failures []error
	refuse   error // what Deliver returns
}

func (h *host) order(names ...string) hosts.Order {
	return hosts.Order{Names: names, Deliver: h.deliver, Failed: h.failed}
}

func (h *host) deliver(c *tls.Certificate) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		return h.refuse
	}
	h.shown = append(h.shown, c)
	return nil
}

func (h *host) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures = append(h.failures, err)
}

func (h *host) counts() (shown, failures int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.shown), len(h.failures)
}

func (h *host) cert(n int) *tls.Certificate {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.shown[n]
}

func (h *host) failure(n int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures[n]
}

// expect fails unless the host was shown and told that often.
func (h *host) expect(t *testing.T, shown, failures int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, f := len(h.shown), len(h.failures); s != shown || f != failures {
		t.Fatalf("%d certificates and %d failures, want %d and %d; failures: %v", s, f, shown, failures, h.failures)
	}
}

// run runs the issuer until stop is called.
func run(t *testing.T, i *Issuer, orders ...hosts.Order) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx, orders) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

// hello is the hello of a client that asks for name.
func hello(name string, protos ...string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: name, SupportedProtos: protos}
}

// logged returns a logger and what it wrote.
func logged() (*slog.Logger, *safeBuffer) {
	b := &safeBuffer{}
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})), b
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var errDown = fmt.Errorf("dial: %w", errors.New("connection refused"))
