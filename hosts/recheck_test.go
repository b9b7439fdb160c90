package hosts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// write puts content into path by a rename, as tools that renew do.
func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// fileHost is a set of one host whose certificate is in the returned file.
func fileHost(t testing.TB, opts Options, names ...string) (s *Set, path string, first *issued) {
	t.Helper()
	first = issue(t, nil, "first", names)
	path = file(t, "host.pem", first.bundle())
	return mustSet(t, opts, Host{Tag: "chat", Names: names, TLSPort: 443, Cert: path}), path, first
}

// H-31, H-41
func TestRecheckPutsANewCertificateInUse(t *testing.T) {
	opts := quiet()
	var told []CertStatus
	opts.OnNewCert = func(h *Entry, st CertStatus) { told = append(told, st) }
	s, path, first := fileHost(t, opts, "chat.example")
	e := s.Hosts()[0]
	if r, err := s.Recheck(t.Context(), false); err != nil || r.Changed() {
		t.Fatalf("Recheck of what did not change = %+v, %v", r, err)
	}
	second := issue(t, nil, "second", []string{"chat.example"})
	write(t, path, second.bundle())
	if !e.Leaf().Equal(first.cert) {
		t.Fatal("in use before the recheck")
	}
	r, err := s.Recheck(t.Context(), false)
	if err != nil || !r.Changed() || !r.Hosts[0].New || !e.Leaf().Equal(second.cert) {
		t.Fatalf("Recheck = %+v, %v; the host shows %v", r, err, e.Leaf().Subject)
	}
	if len(told) != 1 || !told[0].Leaf.Equal(second.cert) || told[0].LoadedFrom != path {
		t.Errorf("OnNewCert got %+v", told)
	}
	if r, err := s.Recheck(t.Context(), true); err != nil || r.Changed() {
		t.Errorf("a forced recheck of the same file = %+v, %v", r, err)
	}
}

// H-31: what can not be used never replaces what can.
func TestBadCertificateNeverReplacesAGoodOne(t *testing.T) {
	other := issue(t, nil, "other", []string{"other.example"})
	stranger := issue(t, nil, "chat", []string{"chat.example"})
	for _, tt := range []struct {
		name, content string
		err           error
	}{
		{"garbage", "-----BEGIN CERTIFICATE-----\ngarbage", ErrFormat},
		{"empty", "", ErrFormat},
		{"no key", other.certPEM(), ErrNoKey},
		{"another's key", stranger.certPEM() + other.keyPEM(), ErrKeyMismatch},
		{"expired", issue(t, nil, "chat", []string{"chat.example"}, validFor(-2*time.Hour, -time.Hour)).bundle(), ErrExpired},
		{"not yet valid", issue(t, nil, "chat", []string{"chat.example"}, validFor(time.Hour, 2*time.Hour)).bundle(), ErrNotYetValid},
		{"another host's", other.bundle(), ErrCoverage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts, log := logged()
			var failed []error
			opts.OnCertError = func(h *Entry, err error) { failed = append(failed, err) }
			s, path, first := fileHost(t, opts, "chat.example")
			e := s.Hosts()[0]
			write(t, path, tt.content)
			for range 2 {
				r, err := s.Recheck(t.Context(), false)
				he, ok := errors.AsType[*HostError](err)
				if !ok || he.Tag != "chat" || !errors.Is(err, tt.err) || r.Changed() || !errors.Is(r.Hosts[0].Err, tt.err) {
					t.Fatalf("Recheck = %+v, %v; want %v", r, err, tt.err)
				}
			}
			st := e.Status()
			if !e.Leaf().Equal(first.cert) || st.Result != CertWarn || !errors.Is(st.Err, tt.err) {
				t.Errorf("the host shows %v, status %v: %v", e.Leaf().Subject, st.Result, st.Err)
			}
			if len(failed) != 1 || strings.Count(log.String(), "not replaced") != 1 {
				t.Errorf("OnCertError got %v; want one error for one mistake", failed)
			}
			good := issue(t, nil, "good", []string{"chat.example"})
			write(t, path, good.bundle())
			if r, err := s.Recheck(t.Context(), false); err != nil || !r.Changed() || !e.Leaf().Equal(good.cert) {
				t.Errorf("after the mistake was mended: %+v, %v", r, err)
			}
			if st := e.Status(); errors.Is(st.Err, tt.err) {
				t.Errorf("status still has %v", st.Err)
			}
		})
	}
}

// H-31
func TestForceTakesACertificateForOtherNames(t *testing.T) {
	s, path, _ := fileHost(t, quiet(), "chat.example")
	other := issue(t, nil, "other", []string{"other.example"})
	write(t, path, other.bundle())
	if r, err := s.Recheck(t.Context(), true); err != nil || !r.Changed() || !s.Hosts()[0].Leaf().Equal(other.cert) {
		t.Errorf("forced Recheck = %+v, %v", r, err)
	}
	if st := s.Hosts()[0].Status(); st.Result != CertWarn || !errors.Is(st.Err, ErrCoverage) {
		t.Errorf("status = %v, %v", st.Result, st.Err)
	}
}

// H-32
func TestReloadIsForOneHost(t *testing.T) {
	a, b := issue(t, nil, "a", []string{"a.example"}), issue(t, nil, "b", []string{"b.example"})
	path := file(t, "b.pem", b.bundle())
	s := mustSet(t, quiet(),
		Host{Names: []string{"off.example"}, Disabled: true},
		Host{Names: []string{"a.example"}, TLSPort: 443, Cert: a.bundle()},
		Host{Tag: "b", Names: []string{"b.example"}, TLSPort: 443, Cert: path})
	next := issue(t, nil, "next", []string{"b.example"})
	write(t, path, next.bundle())
	if r, err := s.Reload(t.Context(), 1, true); err != nil || r.New || r.Index != 1 {
		t.Errorf("Reload of the first = %+v, %v", r, err)
	}
	if r, err := s.Reload(t.Context(), 2, false); err != nil || !r.New || r.Tag != "b" || !r.Status.Leaf.Equal(next.cert) {
		t.Errorf("Reload of the second = %+v, %v", r, err)
	}
	for _, i := range []int{0, 3, -1} {
		if _, err := s.Reload(t.Context(), i, false); !errors.Is(err, ErrUnknownHost) {
			t.Errorf("Reload(%d) = %v", i, err)
		}
	}
}

// H-25, H-29: the status follows the clock without a recheck.
func TestStatusFollowsTheClock(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		days   int // Options.CertExpireDays
		after  time.Duration
		result CertResult
		err    error
	}{
		{0, 0, CertOK, nil},
		{0, 59 * 24 * time.Hour, CertOK, nil},
		{0, 61 * 24 * time.Hour, CertWarn, ErrExpiring},
		{10, 61 * 24 * time.Hour, CertOK, nil},
		{10, 81 * 24 * time.Hour, CertWarn, ErrExpiring},
		{-1, 89 * 24 * time.Hour, CertOK, nil},
		{-1, 91 * 24 * time.Hour, CertFail, ErrExpired},
	} {
		root, inter, leaf := chainOf(t, "chat.example")
		pool := x509.NewCertPool()
		pool.AddCert(root.cert)
		clock := now
		opts := quiet()
		opts.Now = func() time.Time { return clock }
		opts.RootCAs, opts.CertExpireDays = pool, tt.days
		e := mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: leaf.bundle() + inter.certPEM()}).Hosts()[0]
		clock = now.Add(tt.after)
		if st := e.Status(); st.Result != tt.result || !errors.Is(st.Err, tt.err) || tt.err == nil && st.Err != nil {
			t.Errorf("%d days, after %v: %v, %v; want %v, %v", tt.days, tt.after, st.Result, st.Err, tt.result, tt.err)
		}
	}
}

// H-25
func TestStatusDescribesTheChain(t *testing.T) {
	root, inter, leaf := chainOf(t, "chat.example", "www.chat.example")
	path := file(t, "host.pem", leaf.bundle()+inter.certPEM()+root.certPEM())
	s := mustSet(t, quiet(),
		Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: path},
		Host{Names: []string{"plain.example"}, Port: 80})
	st := s.Hosts()[0].Status()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case st.Result != CertWarn || !errors.Is(st.Err, ErrChain): // the root is none of the system's
		t.Errorf("result %v, %v", st.Result, st.Err)
	case len(st.Chain) != 2 || st.Chain[0].Key != "ECDSA P-256" || st.Chain[0].Signature != "ECDSA-SHA256" || st.Chain[1].Subject != "CN=intermediate":
		t.Errorf("chain %+v", st.Chain)
	case strings.Join(st.Names, " ") != "chat.example www.chat.example":
		t.Errorf("names %v", st.Names)
	case !st.NotAfter.Equal(inter.cert.NotAfter) || st.RenewAt.After(st.NotAfter):
		t.Errorf("until %v, renewed %v; want %v", st.NotAfter, st.RenewAt, inter.cert.NotAfter)
	case st.LoadedFrom != path || !st.ModTime.Equal(info.ModTime()) || st.Loaded.IsZero() || st.Temporary || st.Ordering:
		t.Errorf("loaded %v from %q of %v", st.Loaded, st.LoadedFrom, st.ModTime)
	}
	if st := s.Hosts()[1].Status(); st.Result != CertNone || st.Err != nil {
		t.Errorf("a plain host: %v, %v", st.Result, st.Err)
	}
}

// H-34
func TestOwnRootsAreBinding(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	stranger, _, _ := chainOf(t, "other.example")
	opts := quiet()
	opts.RootCAs = x509.NewCertPool()
	opts.RootCAs.AddCert(stranger.cert)
	_, err := New([]Host{{Names: []string{"chat.example"}, TLSPort: 443, Cert: leaf.bundle() + inter.certPEM()}}, opts)
	if he, ok := errors.AsType[*HostError](err); !ok || he.Field != "Cert" || !errors.Is(err, ErrChain) {
		t.Errorf("New = %v; want ErrChain", err)
	}
}

// H-34: a self-signed certificate is no way around own roots, unless it is allowed or one of
// them.
func TestSelfSignedIsNoWayAroundOwnRoots(t *testing.T) {
	root, inter, leaf := chainOf(t, "chat.example")
	opts := quiet()
	opts.RootCAs = x509.NewCertPool()
	opts.RootCAs.AddCert(root.cert)
	path := file(t, "host.pem", leaf.bundle()+inter.certPEM())
	h := Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: path}
	s := mustSet(t, opts, h)
	self := issue(t, nil, "self", []string{"chat.example"})
	write(t, path, self.bundle())
	if _, err := s.Recheck(t.Context(), false); !errors.Is(err, ErrChain) || !s.Hosts()[0].Leaf().Equal(leaf.cert) {
		t.Errorf("Recheck = %v; the host shows %v", err, s.Hosts()[0].Leaf().Subject)
	}
	if _, err := New([]Host{h}, opts); !errors.Is(err, ErrChain) {
		t.Errorf("New = %v", err)
	}
	opts.RootCAs.AddCert(self.cert)
	if st := mustSet(t, opts, h).Hosts()[0].Status(); st.Result != CertOK {
		t.Errorf("one of the roots: %v, %v", st.Result, st.Err)
	}
}

// H-22: a rule about certificates that no connection can meet.
func TestClientAuthNeedsTLS(t *testing.T) {
	_, err := New([]Host{{Names: []string{"a.example"}, Port: 80, ClientAuth: ClientCertRequire}}, quiet())
	if he, ok := errors.AsType[*HostError](err); !ok || he.Field != "ClientAuth" {
		t.Errorf("New = %v", err)
	}
	opts := quiet()
	opts.ClientAuth = ClientCertRequire
	plain := Host{Names: []string{"a.example"}, Port: 80}
	if _, err := New([]Host{plain}, opts); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("New with the rule for all = %v", err)
	}
	leaf := issue(t, nil, "b", []string{"b.example"})
	mustSet(t, opts, plain, Host{Names: []string{"b.example"}, TLSPort: 443, Cert: leaf.bundle()})
}

// H-15: a source that is nothing fails its host, and not the process.
func TestNilSourceIsAnError(t *testing.T) {
	opts := quiet()
	opts.BestEffort = true
	s := mustSet(t, opts, Host{Names: []string{"a.example"}, TLSPort: 443, Source: (*FileSource)(nil)})
	running(t, s)
	if _, err := s.Recheck(t.Context(), true); err == nil || s.Hosts()[0].Status().Result != CertFail {
		t.Errorf("Recheck = %v", err)
	}
}

// H-30
func TestSelfSignedIsAWarningUnlessAllowed(t *testing.T) {
	leaf := issue(t, nil, "self", []string{"chat.example"})
	for _, allowed := range []bool{false, true} {
		opts := quiet()
		opts.AllowSelfSigned = allowed
		s := mustSet(t, opts, Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: leaf.bundle()})
		st := s.Hosts()[0].Status()
		if want := map[bool]CertResult{false: CertWarn, true: CertOK}[allowed]; st.Result != want || errors.Is(st.Err, ErrSelfSigned) == allowed {
			t.Errorf("allowed %v: %v, %v", allowed, st.Result, st.Err)
		}
		if r, err := s.Validate(t.Context(), ValidateOptions{AllowSelfSigned: true}); err != nil || r.Hosts[0].Status.Result != CertOK {
			t.Errorf("Validate = %+v, %v", r, err)
		}
	}
}

// H-30: with BestEffort the others run, and a good file brings the host to life.
func TestBestEffortStartsWithoutABadCertificate(t *testing.T) {
	good := issue(t, nil, "good", []string{"good.example"})
	path := filepath.Join(t.TempDir(), "late.pem")
	opts := quiet()
	opts.BestEffort = true
	hs := []Host{
		{Tag: "good", Names: []string{"good.example"}, TLSPort: 443, Cert: good.bundle()},
		{Tag: "late", Names: []string{"late.example"}, TLSPort: 443, Cert: path},
	}
	if _, err := New(hs, quiet()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("New = %v; want ErrNotExist", err)
	}
	s := mustSet(t, opts, hs...)
	late := &tls.Config{ServerName: "late.example", InsecureSkipVerify: true}
	if _, err := handshake(t, mustTLS(t, s.View(0)), late); err == nil {
		t.Error("a handshake without certificate succeeded")
	}
	if _, err := handshake(t, mustTLS(t, s.View(0)), &tls.Config{ServerName: "good.example", InsecureSkipVerify: true}); err != nil {
		t.Errorf("the other host: %v", err)
	}
	r, err := s.Validate(t.Context(), ValidateOptions{})
	if n := strings.Count(err.Error(), "hosts: "); n != 1 {
		t.Errorf("%q has its prefix %d times", err, n)
	}
	if he, ok := errors.AsType[*HostError](err); !ok || he.Tag != "late" || !errors.Is(err, fs.ErrNotExist) || r.Hosts[1].Status.Result != CertFail {
		t.Errorf("Validate = %+v, %v", r, err)
	}
	if r, err := s.Validate(t.Context(), ValidateOptions{StopOnFirst: true}); err == nil || len(r.Hosts) != 2 {
		t.Errorf("Validate that stops = %+v, %v", r, err)
	}
	write(t, path, issue(t, nil, "late", []string{"late.example"}).bundle())
	if _, err := s.Recheck(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t, mustTLS(t, s.View(0)), late); err != nil {
		t.Errorf("after the file is there: %v", err)
	}
}

// H-31: handshakes and replacements do not disturb each other.
func TestCertificatesChangeUnderHandshakes(t *testing.T) {
	s, path, _ := fileHost(t, quiet(), "chat.example")
	bundles := []string{}
	for range 4 {
		bundles = append(bundles, issue(t, nil, "next", []string{"chat.example"}).bundle())
	}
	config := mustTLS(t, s.View(0))
	var wg sync.WaitGroup
	stop, cancel := context.WithCancel(t.Context())
	for range 4 {
		wg.Go(func() {
			for stop.Err() == nil {
				if _, err := handshake(t, config, &tls.Config{ServerName: "chat.example", InsecureSkipVerify: true}); err != nil {
					t.Errorf("handshake: %v", err)
					return
				}
			}
		})
	}
	changed := 0
	for i := range 40 {
		write(t, path, bundles[i%len(bundles)])
		r, err := s.Recheck(t.Context(), false)
		if err != nil {
			t.Error(err)
		}
		if r.Changed() {
			changed++
		}
	}
	cancel()
	wg.Wait()
	if changed < 30 {
		t.Errorf("%d of 40 replacements seen", changed)
	}
}

// H-27
func TestOnHostTLSThatPanicsIsAnError(t *testing.T) {
	leaf := issue(t, nil, "chat", []string{"chat.example"})
	var calls []string
	opts := quiet()
	opts.OnHostTLS = func(h *Entry, c *tls.Config) { calls = append(calls, h.Tag()) }
	list := []Host{
		{Tag: "a", Names: []string{"chat.example"}, TLSPort: 443, Cert: leaf.bundle()},
		{Tag: "plain", Names: []string{"plain.example"}, Port: 80},
	}
	mustSet(t, opts, list...)
	if strings.Join(calls, " ") != "a" {
		t.Errorf("called for %q", calls)
	}
	opts.OnHostTLS = func(*Entry, *tls.Config) { panic("oops") }
	_, err := New(list, opts)
	if p, ok := errors.AsType[*PanicError](err); !ok || p.Value != "oops" || p.Func != "OnHostTLS" {
		t.Errorf("New = %v; want a PanicError", err)
	}
}

// H-24
func TestRedirectIsChecked(t *testing.T) {
	for _, tt := range []struct {
		url    string
		status int
		want   int // status; 0 = error
	}{
		{"https://{host}{uri}", 0, 308},
		{"https://{host}:8443{uri}", 301, 301},
		{"https://other.example/moved", 302, 302},
		{"/elsewhere", 307, 307},
		{"https://{host}{uri}", 200, 0},
		{"https://{nothing}/", 0, 0},
		{"elsewhere", 0, 0},
		{"https:///path", 0, 0},
		{"/{uri}", 0, 0}, // would lead to //where.the.client.wants
		{"//other.example/", 0, 0},
		{"https://a b/", 0, 0},
		{"https://a\r\nX: y/", 0, 0},
		{"", 301, 0},
	} {
		s, err := New([]Host{{Names: []string{"*"}, Port: 80, RedirectURL: tt.url, RedirectStatus: tt.status}}, quiet())
		if tt.want == 0 {
			if !errors.Is(err, ErrRedirect) {
				t.Errorf("%q, %d: %v; want ErrRedirect", tt.url, tt.status, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q, %d: %v", tt.url, tt.status, err)
			continue
		}
		if url, status := s.Hosts()[0].Redirect(); url != tt.url || status != tt.want {
			t.Errorf("Redirect() = %q, %d; want %d", url, status, tt.want)
		}
	}
}
