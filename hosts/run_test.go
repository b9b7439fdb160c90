package hosts

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeIssuer is an Issuer whose parts a test chooses.
type fakeIssuer struct {
	check  func(Order) error
	run    func(context.Context, []Order) error
	demand func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	proof  *tls.Certificate
}

func (i *fakeIssuer) Check(o Order) error {
	if i.check == nil {
		return nil
	}
	return i.check(o)
}

func (i *fakeIssuer) Run(ctx context.Context, orders []Order) error { return i.run(ctx, orders) }

func (i *fakeIssuer) ServeChallenge(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/.well-known/acme-challenge/token" {
		return false
	}
	_, _ = w.Write([]byte("answer"))
	return true
}

func (i *fakeIssuer) ChallengeCert(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return i.proof, nil
}

func (i *fakeIssuer) DemandCert(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return i.demand(h) }

func (i *issued) pair() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key, Leaf: i.cert}
}

// running runs the set until the test ends.
func running(t *testing.T, s *Set) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// shown is what a client sees that asks for a name; nil when the handshake fails.
func shownTo(t *testing.T, s *Set, name string) []byte {
	t.Helper()
	state, err := handshake(t, mustTLS(t, s.All().TLS()), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		return nil
	}
	return state.PeerCertificates[0].Raw
}

// H-36, H-37, H-41: the host shows what it has until the issuer delivers.
func TestIssuerDelivers(t *testing.T) {
	var told []string
	got := make(chan []Order, 1)
	opts := quiet()
	opts.Issuer = &fakeIssuer{run: func(ctx context.Context, orders []Order) error {
		got <- orders
		<-ctx.Done()
		return ctx.Err()
	}}
	opts.OnNewCert = func(h *Entry, st CertStatus) { told = append(told, h.Tag()+" "+st.LoadedFrom) }
	manual := issue(t, nil, "manual", []string{"manual.example"})
	s := mustSet(t, opts,
		Host{Tag: "manual", Names: []string{"manual.example"}, TLSPort: 443, Cert: manual.bundle()},
		Host{Tag: "bare", Names: []string{"bare.example", "*.bare.example"}, TLSPort: 443, AutoOrder: true, Challenge: ChallengeDNS01},
		Host{Tag: "temp", Names: []string{"temp.example"}, TLSPort: 443, AutoOrder: true, AllowTemporary: true})
	running(t, s)
	orders := <-got
	if len(orders) != 2 || orders[0].Host.Tag() != "bare" || orders[0].Challenge != ChallengeDNS01 ||
		!slices.Equal(orders[0].Names, []string{"bare.example", "*.bare.example"}) {
		t.Fatalf("orders = %+v", orders)
	}
	if c := shownTo(t, s, "bare.example"); c != nil {
		t.Error("a host without any certificate shakes hands")
	}
	if c := shownTo(t, s, "temp.example"); c == nil {
		t.Error("no temporary certificate until the issuer delivers")
	}
	st := s.Hosts()[1].Status()
	if st.Result != CertFail || !errors.Is(st.Err, ErrNoCertificate) || !st.Ordering {
		t.Errorf("status before = %+v", st)
	}
	main := issue(t, nil, "main", []string{"bare.example"})
	wild := issue(t, nil, "wild", []string{"*.bare.example"})
	temp := issue(t, nil, "temp", []string{"temp.example"})
	for _, err := range []error{
		orders[0].Deliver(wild.pair()), orders[0].Deliver(main.pair()), orders[1].Deliver(temp.pair()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]*issued{"bare.example": main, "a.bare.example": wild, "A.BARE.example": wild, "temp.example": temp, "manual.example": manual} {
		if c := shownTo(t, s, name); !slices.Equal(c, want.cert.Raw) {
			t.Errorf("%s is shown another certificate", name)
		}
	}
	again := issue(t, nil, "again", []string{"*.bare.example"})
	if err := orders[0].Deliver(again.pair()); err != nil || !slices.Equal(shownTo(t, s, "a.bare.example"), again.cert.Raw) ||
		!slices.Equal(shownTo(t, s, "bare.example"), main.cert.Raw) {
		t.Errorf("renewing one of two: %v", err)
	}
	if want := []string{"bare issuer", "bare issuer", "temp issuer", "bare issuer"}; !slices.Equal(told, want) {
		t.Errorf("OnNewCert got %q; want %q", told, want)
	}
	if s.Hosts()[2].Temporary() || s.Hosts()[2].Status().LoadedFrom != "issuer" {
		t.Errorf("status after = %+v", s.Hosts()[2].Status())
	}
}

// H-36
func TestDeliveryIsExamined(t *testing.T) {
	got := make(chan []Order, 1)
	opts := quiet()
	var failed atomic.Int32
	opts.OnCertError = func(*Entry, error) { failed.Add(1) }
	opts.Issuer = &fakeIssuer{run: func(ctx context.Context, orders []Order) error {
		got <- orders
		<-ctx.Done()
		return nil
	}}
	s := mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, AutoOrder: true})
	running(t, s)
	o := (<-got)[0]
	expired := issue(t, nil, "expired", []string{"chat.example"}, validFor(-2*time.Hour, -time.Hour))
	keyless := issue(t, nil, "keyless", []string{"chat.example"}).pair()
	keyless.PrivateKey = nil
	for _, c := range []*tls.Certificate{nil, {}, expired.pair(), keyless} {
		if _, ok := errors.AsType[*HostError](o.Deliver(c)); !ok {
			t.Errorf("Deliver(%v) did not refuse", c)
		}
	}
	o.Failed(errors.New("rate limit"))
	if st := s.Hosts()[0].Status(); st.Result != CertFail || st.Err == nil || failed.Load() != 1 {
		t.Errorf("status = %+v after %d errors", st, failed.Load())
	}
}

// H-36: what an issuer delivers for other names never takes the place of the right one.
func TestDeliveryForOtherNames(t *testing.T) {
	got := make(chan []Order, 1)
	opts := quiet()
	opts.Issuer = waiting(got)
	good := issue(t, nil, "good", []string{"a.example"})
	s := mustSet(t, opts, Host{Names: []string{"a.example", "b.example"}, TLSPort: 443, AutoOrder: true, Cert: good.bundle()})
	running(t, s)
	o := (<-got)[0]
	if err := o.Deliver(issue(t, nil, "none", []string{"none.example"}).pair()); !errors.Is(err, ErrCoverage) {
		t.Errorf("Deliver of a certificate for no name = %v", err)
	}
	b := issue(t, nil, "b", []string{"b.example"})
	if err := o.Deliver(b.pair()); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]*issued{"a.example": good, "b.example": b} {
		if !slices.Equal(shownTo(t, s, name), want.cert.Raw) {
			t.Errorf("%s is shown another certificate", name)
		}
	}
}

// H-25, H-48: the time of renewal is that of the certificate that is in use.
func TestRenewalTimeGoesWithItsCertificate(t *testing.T) {
	got := make(chan []Order, 1)
	opts := quiet()
	opts.Issuer = waiting(got)
	var told []CertStatus
	opts.OnNewCert = func(_ *Entry, st CertStatus) { told = append(told, st) }
	s := mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, AutoOrder: true})
	running(t, s)
	o := (<-got)[0]
	for range 2 {
		if err := o.Deliver(issue(t, nil, "chat", []string{"chat.example"}).pair()); err != nil {
			t.Fatal(err)
		}
		if at := told[len(told)-1].RenewAt; !at.After(time.Now()) {
			t.Errorf("a fresh certificate is to be renewed at %v", at)
		}
		o.Scheduled(time.Now().Add(-time.Minute))
	}
	if at := s.Hosts()[0].Status().RenewAt; at.After(time.Now()) {
		t.Errorf("RenewAt = %v; the issuer said a minute ago", at)
	}
}

// H-25: of several certificates the worst counts, and one that an issuer could not renew
// stays told when files are looked at.
func TestStatusHasTheWorst(t *testing.T) {
	got := make(chan []Order, 1)
	now := time.Now()
	opts := quiet()
	opts.Now = func() time.Time { return now }
	opts.Issuer = waiting(got)
	opts.AllowSelfSigned = true
	s := mustSet(t, opts, Host{Names: []string{"a.example", "b.example"}, TLSPort: 443, AutoOrder: true})
	running(t, s)
	o := (<-got)[0]
	for _, c := range []*issued{
		issue(t, nil, "a", []string{"a.example"}, validFor(-time.Hour, 900*24*time.Hour)),
		issue(t, nil, "b", []string{"b.example"}, validFor(-time.Hour, 10*24*time.Hour)),
	} {
		if err := o.Deliver(c.pair()); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Hosts()[0].Status(); st.Result != CertOK {
		t.Errorf("status %v, %v", st.Result, st.Err)
	}
	now = now.Add(11 * 24 * time.Hour)
	if st := s.Hosts()[0].Status(); st.Result != CertFail || !errors.Is(st.Err, ErrExpired) {
		t.Errorf("status with an expired second certificate: %v, %v", st.Result, st.Err)
	}
}

func TestFailureOfTheIssuerOutlivesALookAtFiles(t *testing.T) {
	got := make(chan []Order, 1)
	opts := quiet()
	opts.Issuer = waiting(got)
	good := issue(t, nil, "good", []string{"a.example"})
	s := mustSet(t, opts, Host{Names: []string{"a.example"}, TLSPort: 443, AutoOrder: true, Cert: file(t, "a.pem", good.bundle())})
	running(t, s)
	limit := errors.New("rate limit")
	(<-got)[0].Failed(limit)
	for _, force := range []bool{false, true} {
		if _, err := s.Recheck(t.Context(), force); err != nil {
			t.Error(err)
		}
		if st := s.Hosts()[0].Status(); !errors.Is(st.Err, limit) {
			t.Errorf("forced %v: status %v", force, st.Err)
		}
	}
}

// waiting is an issuer that hands its orders over and does nothing.
func waiting(got chan<- []Order) *fakeIssuer {
	return &fakeIssuer{run: func(ctx context.Context, orders []Order) error {
		got <- orders
		<-ctx.Done()
		return nil
	}}
}

// H-36: an issuer that gives up is told of, and a panic of it is no end of the world.
func TestIssuerThatEndsIsTold(t *testing.T) {
	for name, run := range map[string]func(context.Context, []Order) error{
		"error": func(context.Context, []Order) error { return errors.New("no account") },
		"nil":   func(context.Context, []Order) error { return nil },
		"panic": func(context.Context, []Order) error { panic("oops") },
	} {
		opts := quiet()
		opts.Issuer = &fakeIssuer{run: run}
		s := mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, AutoOrder: true})
		if err := s.Run(t.Context()); !errors.Is(err, ErrIssuer) {
			t.Errorf("%s: Run = %v; want ErrIssuer", name, err)
		}
		if st := s.Hosts()[0].Status(); !errors.Is(st.Err, ErrIssuer) {
			t.Errorf("%s: status %v", name, st.Err)
		}
		if err := s.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("%s: second Run = %v", name, err)
		}
	}
}

// H-36, H-44
func TestOrdersAreCheckedBeforehand(t *testing.T) {
	never := errors.New("never")
	opts := quiet()
	opts.Issuer = &fakeIssuer{check: func(o Order) error {
		if plain, secure := o.Host.Ports(); plain != 0 || secure != 443 || o.Names[0] != "chat.example" {
			t.Errorf("Check got %+v", o)
		}
		return never
	}}
	h := Host{Names: []string{"chat.example"}, TLSPort: 443, AutoOrder: true}
	_, err := New([]Host{h}, opts)
	if he, ok := errors.AsType[*HostError](err); !ok || he.Field != "AutoOrder" || !errors.Is(err, never) {
		t.Errorf("New = %v", err)
	}
	if _, err := New([]Host{h}, quiet()); !errors.Is(err, ErrNoIssuer) {
		t.Errorf("New without issuer = %v", err)
	}
	h.AutoOrder, h.OnDemand, h.AllowTemporary = false, true, true
	if _, err := New([]Host{h}, opts); !errors.Is(err, ErrNoIssuer) {
		t.Errorf("New with OnDemand alone = %v", err)
	}
}

// H-45: RFC 8737 section 3
func TestChallengeHandshakesGoToTheIssuer(t *testing.T) {
	proof := issue(t, nil, "proof", []string{"chat.example"})
	leaf := issue(t, nil, "chat", []string{"chat.example"})
	opts := quiet()
	i := &fakeIssuer{proof: proof.pair()}
	opts.Issuer = i
	s := mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: leaf.bundle()})
	ask := func(protos ...string) (tls.ConnectionState, error) {
		return handshake(t, mustTLS(t, s.View(0)), &tls.Config{ServerName: "chat.example", InsecureSkipVerify: true, NextProtos: protos})
	}
	state, err := ask(ALPNChallenge)
	if err != nil || state.NegotiatedProtocol != ALPNChallenge || !slices.Equal(state.PeerCertificates[0].Raw, proof.cert.Raw) {
		t.Errorf("challenge: %q, %v", state.NegotiatedProtocol, err)
	}
	state, err = ask(ALPNChallenge, "http/1.1")
	if err != nil || state.NegotiatedProtocol != "http/1.1" || !slices.Equal(state.PeerCertificates[0].Raw, leaf.cert.Raw) {
		t.Errorf("challenge among others: %q, %v", state.NegotiatedProtocol, err)
	}
	i.proof = nil
	if _, err := ask(ALPNChallenge); err == nil {
		t.Error("a challenge without answer succeeded")
	}
	w := httptest.NewRecorder()
	if !s.ServeChallenge(w, httptest.NewRequest("GET", "/.well-known/acme-challenge/token", nil)) || w.Body.String() != "answer" {
		t.Error("HTTP challenge not answered")
	}
	plain := mustSet(t, quiet(), Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: leaf.bundle()})
	if plain.ServeChallenge(w, httptest.NewRequest("GET", "/.well-known/acme-challenge/token", nil)) {
		t.Error("challenge answered without issuer")
	}
	if _, err := handshake(t, mustTLS(t, plain.View(0)), &tls.Config{ServerName: "chat.example", InsecureSkipVerify: true, NextProtos: []string{ALPNChallenge}}); err == nil {
		t.Error("challenge handshake succeeded without issuer")
	}
}

// H-36
func TestOnDemandAsksTheIssuerForEachName(t *testing.T) {
	certs := map[string]*issued{}
	for _, n := range []string{"a.tenant.example", "b.tenant.example"} {
		certs[n] = issue(t, nil, n, []string{n})
	}
	opts := quiet()
	opts.Issuer = &fakeIssuer{
		run: func(ctx context.Context, _ []Order) error { <-ctx.Done(); return nil },
		demand: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := certs[h.ServerName]; c != nil {
				return c.pair(), nil
			}
			return nil, errors.New("not allowed")
		},
	}
	s := mustSet(t, opts, Host{Names: []string{"*.tenant.example"}, TLSPort: 443, AutoOrder: true, OnDemand: true})
	for n, c := range certs {
		if !slices.Equal(shownTo(t, s, n), c.cert.Raw) {
			t.Errorf("%s is shown another certificate", n)
		}
	}
	if shownTo(t, s, "c.tenant.example") != nil {
		t.Error("a name that is not allowed shakes hands")
	}
	if _, err := s.Validate(t.Context(), ValidateOptions{}); err != nil || s.Hosts()[0].Status().Result != CertNone {
		t.Errorf("status %+v, Validate %v: nothing is wrong", s.Hosts()[0].Status(), err)
	}
	opts.Issuer.(*fakeIssuer).demand = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
	if _, err := s.Hosts()[0].identity.certificate(&tls.ClientHelloInfo{ServerName: "a.tenant.example"}); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("an empty certificate on demand: %v", err)
	}
}

// versioned is a source that a test changes.
type versioned struct {
	version atomic.Int32
	cert    atomic.Pointer[issued]
	loads   atomic.Int32
}

func (v *versioned) Load(context.Context) (*tls.Certificate, error) {
	v.loads.Add(1)
	return v.cert.Load().pair(), nil
}
func (v *versioned) Version() string { return strconv.Itoa(int(v.version.Load())) }
func (v *versioned) String() string  { return "versioned" }

// H-15, H-31: the slow poll.
func TestSourcesArePolled(t *testing.T) {
	first := issue(t, nil, "first", []string{"chat.example"}, validFor(-100*365*24*time.Hour, 100*365*24*time.Hour))
	second := issue(t, nil, "second", []string{"chat.example"}, validFor(-100*365*24*time.Hour, 100*365*24*time.Hour))
	synctest.Test(t, func(t *testing.T) {
		v := &versioned{}
		v.cert.Store(first)
		s := mustSet(t, quiet(), Host{Names: []string{"chat.example"}, TLSPort: 443, Source: v})
		running(t, s)
		e := s.Hosts()[0]
		v.cert.Store(second)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if v.loads.Load() != 1 || !e.Leaf().Equal(first.cert) {
			t.Errorf("loaded %d times; the version is the same", v.loads.Load())
		}
		v.version.Add(1)
		time.Sleep(time.Hour)
		synctest.Wait()
		if !e.Leaf().Equal(second.cert) || e.Status().LoadedFrom != "versioned" {
			t.Errorf("not replaced within an hour: %v", e.Leaf().Subject)
		}
	})
}

// moody is a source that fails for a while, with another version each time.
type moody struct {
	asked atomic.Int32
	bad   atomic.Bool
	cert  *tls.Certificate
}

func (m *moody) Load(context.Context) (*tls.Certificate, error) {
	if m.bad.Load() {
		return nil, errors.New("vault sealed")
	}
	return m.cert, nil
}

func (m *moody) Version() string {
	if m.bad.Load() {
		return "error, request " + strconv.Itoa(int(m.asked.Add(1)))
	}
	return "1"
}

func (m *moody) String() string { return "moody" }

// H-31: a source that fails is tried a second time before it is told, and then told.
func TestFailingSourceIsToldOnce(t *testing.T) {
	always := issue(t, nil, "always", []string{"a.example"}, validFor(-100*365*24*time.Hour, 100*365*24*time.Hour))
	synctest.Test(t, func(t *testing.T) {
		m := &moody{cert: always.pair()}
		var told atomic.Int32
		opts := quiet()
		opts.OnCertError = func(*Entry, error) { told.Add(1) }
		s := mustSet(t, opts, Host{Names: []string{"a.example"}, TLSPort: 443, Source: m})
		running(t, s)
		time.Sleep(time.Minute)
		m.bad.Store(true)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if told.Load() != 1 || m.asked.Load() > 50 {
			t.Errorf("told %d times, asked %d times", told.Load(), m.asked.Load())
		}
		m.bad.Store(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		if st := s.Hosts()[0].Status(); st.Result == CertFail || errors.Is(st.Err, ErrSource) {
			t.Errorf("afterwards %v, %v", st.Result, st.Err)
		}
	})
}

// changes collects what a running set tells of.
type changes struct {
	good chan CertStatus
	bad  chan error
}

func watched(t *testing.T, path string) (*Entry, changes) {
	t.Helper()
	c := changes{make(chan CertStatus, 16), make(chan error, 16)}
	opts := quiet()
	opts.OnNewCert = func(_ *Entry, st CertStatus) { c.good <- st }
	opts.OnCertError = func(_ *Entry, err error) { c.bad <- err }
	s := mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: path})
	running(t, s)
	return s.Hosts()[0], c
}

func (c changes) next(t *testing.T) CertStatus {
	t.Helper()
	select {
	case st := <-c.good:
		return st
	case err := <-c.bad:
		t.Fatalf("a good file is refused: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the change of a file was not seen")
	}
	return CertStatus{}
}

// H-31: notices of the file system, for a rename and for a swapped link above.
func TestChangedFilesAreSeen(t *testing.T) {
	certs := []*issued{}
	for range 3 {
		certs = append(certs, issue(t, nil, "next", []string{"chat.example"}))
	}
	t.Run("rename", func(t *testing.T) {
		path := file(t, "host.pem", certs[0].bundle())
		e, c := watched(t, path)
		for _, next := range certs[1:] {
			write(t, path, next.bundle())
			if st := c.next(t); !st.Leaf.Equal(next.cert) || !e.Leaf().Equal(next.cert) {
				t.Errorf("another certificate: %v", st.Leaf.Subject)
			}
		}
	})
	t.Run("link", func(t *testing.T) { // as mounted secrets are replaced
		dir := t.TempDir()
		put := func(version string, i int) {
			if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, version, "host.pem"), certs[i].bundle())
			if err := os.Symlink(version, filepath.Join(dir, "data.new")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "data.new"), filepath.Join(dir, "data")); err != nil {
				t.Fatal(err)
			}
		}
		put("v0", 0)
		if err := os.Symlink(filepath.Join("data", "host.pem"), filepath.Join(dir, "host.pem")); err != nil {
			t.Fatal(err)
		}
		_, c := watched(t, filepath.Join(dir, "host.pem"))
		for i, version := range []string{"v1", "v2"} {
			put(version, i+1)
			if st := c.next(t); !st.Leaf.Equal(certs[i+1].cert) {
				t.Errorf("another certificate after the swap: %v", st.Leaf.Subject)
			}
		}
	})
	t.Run("linked folder", func(t *testing.T) {
		dir := t.TempDir()
		put := func(version string, i int) {
			if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, version, "host.pem"), certs[i].bundle())
			if err := os.Symlink(version, filepath.Join(dir, "live.new")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "live.new"), filepath.Join(dir, "live")); err != nil {
				t.Fatal(err)
			}
		}
		put("v0", 0)
		_, c := watched(t, filepath.Join(dir, "live", "host.pem"))
		for i, version := range []string{"v1", "v2"} {
			put(version, i+1)
			if st := c.next(t); !st.Leaf.Equal(certs[i+1].cert) {
				t.Errorf("another certificate after the swap: %v", st.Leaf.Subject)
			}
		}
	})
	t.Run("pair", func(t *testing.T) { // the key comes later than the certificate
		cert, key := file(t, "host.pem", certs[0].certPEM()), file(t, "host.key", certs[0].keyPEM())
		c := changes{make(chan CertStatus, 16), make(chan error, 16)}
		opts := quiet()
		opts.OnNewCert = func(_ *Entry, st CertStatus) { c.good <- st }
		opts.OnCertError = func(_ *Entry, err error) { c.bad <- err }
		running(t, mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: cert, Key: key}))
		write(t, cert, certs[1].certPEM())
		write(t, key, certs[1].keyPEM())
		if st := c.next(t); !st.Leaf.Equal(certs[1].cert) {
			t.Errorf("another certificate: %v", st.Leaf.Subject)
		}
	})
	t.Run("mistake", func(t *testing.T) {
		path := file(t, "host.pem", certs[0].bundle())
		e, c := watched(t, path)
		write(t, path, "oops")
		select {
		case err := <-c.bad:
			if !errors.Is(err, ErrFormat) || !e.Leaf().Equal(certs[0].cert) {
				t.Errorf("told %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the mistake was not told")
		}
	})
}

func TestRunWithNothingToDoReturns(t *testing.T) {
	s := mustSet(t, quiet(), Host{Names: []string{"*"}, Port: 80})
	if err := s.Run(context.Background()); err != nil {
		t.Errorf("Run = %v", err)
	}
}
