package wsserver_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// rotating is a source of certificates that may be changed, without files.
type rotating struct {
	mu      sync.Mutex // guards the following
	cert    tls.Certificate
	err     error
	version int
	loads   int
}

func (r *rotating) set(cert tls.Certificate, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cert, r.err = cert, err
	r.version++
}

func (r *rotating) Load(context.Context) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loads++
	cert := r.cert
	return &cert, r.err
}

func (r *rotating) Version() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.version)
}

func (*rotating) String() string { return "rotating" }

// bundle writes a certificate with its chain and key into one file, which is newer than
// what was there.
func bundle(t testing.TB, path string, cert tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, der := range cert.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	at := time.Now()
	if info, err := os.Stat(path); err == nil {
		at = info.ModTime().Add(time.Second)
	}
	next := path + ".new"
	if err := errors.Join(os.WriteFile(next, text, 0o600), os.Chtimes(next, at, at), os.Rename(next, path)); err != nil {
		t.Fatal(err)
	}
}

// H-32: a source without versions is read again when it is asked for.
func TestOneCertificateIsReloaded(t *testing.T) {
	ca := wstest.NewCA(t)
	leaves := []tls.Certificate{ca.Leaf("a.example"), ca.Leaf("a.example")}
	loads := 0
	srv := newServer(t, &desk{}, wsserver.Config{Hosts: []hosts.Host{{Tag: "a", Names: []string{"a.example"},
		Source: hosts.FuncSource(func(context.Context) (*tls.Certificate, error) { loads++; return &leaves[min(loads, 2)-1], nil })}}})
	if r, err := srv.ReloadCert(t.Context(), 0, false); err != nil || r.New || loads != 1 {
		t.Errorf("ReloadCert = %+v, %v after %d loads", r, err, loads)
	}
	if r, err := srv.ReloadCert(t.Context(), 0, true); err != nil || !r.New || r.Tag != "a" || loads != 2 {
		t.Errorf("forced ReloadCert = %+v, %v after %d loads", r, err, loads)
	}
	if _, err := srv.ReloadCert(t.Context(), 1, true); !errors.Is(err, hosts.ErrUnknownHost) {
		t.Errorf("ReloadCert of nobody = %v", err)
	}
	if _, err := newServer(t, &desk{}, wsserver.Config{}).ReloadCert(t.Context(), 0, true); !errors.Is(err, hosts.ErrUnknownHost) {
		t.Errorf("ReloadCert without hosts = %v", err)
	}
}

// H-31, H-41: a new certificate is there for new handshakes, connections keep theirs, and
// one that can not be read leaves the old one in use; files that did not change are left
// alone.
func TestCertificatesAreRechecked(t *testing.T) { onDrivers(t, testRecheck) }

func testRecheck(t *testing.T) {
	ca := wstest.NewCA(t)
	first, second := ca.Leaf("a.example", "first.example"), ca.Leaf("a.example", "second.example")
	path := filepath.Join(t.TempDir(), "a.pem")
	bundle(t, path, first)
	d := &desk{}
	var fresh []string
	srv := newServer(t, d, wsserver.Config{
		Hosts: []hosts.Host{{Tag: "a", Names: []string{"a.example"}, Bind: "127.0.0.1", TLSPort: -1, Cert: path}},
		Events: wsserver.Events{
			OnNewCert: func(h *hosts.Entry, s hosts.CertStatus) {
				fresh = append(fresh, fmt.Sprint(h.Tag(), " ", s.Leaf.DNSNames, " ", h.Leaf().Equal(s.Leaf)))
			},
			OnError: func(e *wsserver.ServerError) { d.add("error " + e.Op) },
		},
	})
	addr := open(t, srv)
	dial := func(want string) *clienttest.Peer {
		t.Helper()
		p := dialTCP(t, addr, "/", clienttest.DialOptions{Host: "a.example", TLS: &tls.Config{
			RootCAs: ca.Pool(), VerifyConnection: func(cs tls.ConnectionState) error { return cs.PeerCertificates[0].VerifyHostname(want) },
		}})
		return p
	}
	recheck := func(changed, ok bool) hosts.Report {
		t.Helper()
		r, err := srv.RecheckCerts(t.Context())
		if r.Changed() != changed || (err == nil) != ok || len(r.Hosts) != 1 {
			t.Errorf("RecheckCerts = %+v, %v", r, err)
		}
		return r
	}
	old := dial("first.example")
	recheck(false, true)
	bundle(t, path, second)
	recheck(true, true)
	dial("second.example")
	recheck(false, true)
	old.SendText("still here")
	if m := old.Receive(); string(m.Data) != "still here" {
		t.Errorf("received %q", m.Data)
	}
	if want := []string{"a [a.example second.example] true"}; !slices.Equal(fresh, want) {
		t.Errorf("OnNewCert gets %v, want %v", fresh, want)
	}

	bundle(t, path, first)
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	r := recheck(false, false)
	if e, ok := errors.AsType[*hosts.HostError](r.Hosts[0].Err); !ok || e.Tag != "a" || e.Field != "Cert" {
		t.Errorf("the report has %v", r.Hosts[0].Err)
	}
	dial("second.example")
	if d.count("error certificate") != 1 || srv.LastError() == nil || len(fresh) != 1 {
		t.Errorf("events are %v, the last error %v, new %v", d.lines(), srv.LastError(), fresh)
	}
	if leaf := srv.Hosts()[0].Status().Leaf; leaf == nil || !slices.Contains(leaf.DNSNames, "second.example") {
		t.Errorf("the status is %+v", srv.Hosts()[0].Status())
	}
}

// H-31, K-10: the server looks by itself from the first Listen or Serve on, and no longer
// than it lives.
func TestCertificatesAreRecheckedInTime(t *testing.T) {
	ca := wstest.NewCA(t)
	first, second := ca.Leaf("a.example", "first.example"), ca.Leaf("a.example", "second.example")
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		src := &rotating{cert: first}
		srv := newServer(t, d, wsserver.Config{
			Hosts: []hosts.Host{{Tag: "a", Names: []string{"a.example"}, Source: src}}, RecheckEvery: time.Minute,
			Events: wsserver.Events{
				OnNewCert: func(h *hosts.Entry, s hosts.CertStatus) { d.add("new cert of " + h.Tag()) },
				OnError:   func(e *wsserver.ServerError) { d.add("error " + e.Op) },
			},
		})
		src.set(second, nil)
		time.Sleep(time.Hour)
		d.want(t) // nobody listens
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		serve(t, srv)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		d.want(t, "new cert of a")
		if names, err := look(t, l, &tls.Config{ServerName: "a.example"}); err != nil || !slices.Contains(names, "second.example") {
			t.Errorf("shown are %v, %v", names, err)
		}
		src.set(first, errors.New("the vault is closed"))
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if d.count("error certificate") == 0 || !strings.Contains(fmt.Sprint(srv.LastError()), "vault") {
			t.Errorf("events are %v, the last error is %v", d.lines(), srv.LastError())
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		<-srv.Done()
		src.mu.Lock()
		before := src.loads
		src.mu.Unlock()
		src.set(second, nil)
		time.Sleep(time.Hour)
		if src.loads != before {
			t.Error("it is loaded after the end")
		}
	})
}

// H-31: RecheckCerts, and the end of the server, may be called in every event, also in
// those of certificates; a panic in one is contained.
func TestRecheckInEvents(t *testing.T) {
	ca := wstest.NewCA(t)
	certs := []tls.Certificate{ca.Leaf("a.example"), ca.Leaf("a.example"), ca.Leaf("a.example")}
	for _, what := range []string{"recheck", "shutdown", "panic"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				src := &rotating{cert: certs[0]}
				var srv *wsserver.Server[*guest]
				calls := 0
				events := noted(&d.journal)
				events.OnNewCert = func(h *hosts.Entry, s hosts.CertStatus) {
					calls++
					switch {
					case what == "panic":
						panic("boom")
					case what == "shutdown":
						_ = srv.Shutdown(t.Context())
					case calls == 1:
						src.set(certs[2], nil)
						if r, err := srv.RecheckCerts(t.Context()); err != nil || !r.Changed() {
							t.Errorf("within OnNewCert: %+v, %v", r, err)
						}
					}
				}
				d.connect = func(*guest) error {
					src.set(certs[1], nil)
					_, err := srv.RecheckCerts(t.Context())
					return err
				}
				srv = newServer(t, d, wsserver.Config{Hosts: []hosts.Host{{Names: []string{"a.example"}, Source: src}}, Events: events})
				clienttest.Dial(t, serve(t, srv), "/", clienttest.DialOptions{Host: "a.example"})
				synctest.Wait()
				if want := map[string]int{"recheck": 2, "shutdown": 1, "panic": 1}[what]; calls != want {
					t.Errorf("OnNewCert is called %d times, want %d", calls, want)
				}
				switch what {
				case "panic":
					d.want(t, "new", "connect", "panic OnNewCert")
				case "shutdown":
					<-srv.Done()
				}
			})
		})
	}
}

// H-30: the hosts can be validated while they serve; without hosts there is nothing.
func TestHostsAreValidatedAndRechecked(t *testing.T) {
	ca, list := twoHosts(t)
	srv := newServer(t, &desk{}, wsserver.Config{Hosts: list, RootCAFile: ca.File()})
	r, err := srv.ValidateHosts(t.Context(), hosts.ValidateOptions{})
	if err != nil || len(r.Hosts) != 3 || r.Hosts[0].Tag != "a" || r.Hosts[0].Status.Leaf == nil || r.Changed() {
		t.Errorf("ValidateHosts = %+v, %v", r, err)
	}
	none := newServer(t, &desk{}, wsserver.Config{})
	r, err = none.ValidateHosts(t.Context(), hosts.ValidateOptions{})
	again, err2 := none.RecheckCerts(t.Context())
	if err != nil || err2 != nil || len(r.Hosts)+len(again.Hosts) != 0 {
		t.Errorf("without hosts: %v, %v", err, err2)
	}
}

// H-36, H-41: the issuer works from the first Listen or Serve on, once, and has ended when
// the server is done; what it delivers is in use, and what fails is told.
func TestIssuerLivesWithTheServer(t *testing.T) {
	ca := wstest.NewCA(t)
	fresh := ca.Leaf("auto.example")
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		events := noted(&d.journal)
		events.OnNewCert = func(h *hosts.Entry, s hosts.CertStatus) { d.add("new cert of " + h.Tag()) }
		events.OnError = func(e *wsserver.ServerError) { d.add("error " + e.Op) }
		var ended atomic.Bool
		issuer := &authority{run: func(ctx context.Context, orders []hosts.Order) error {
			d.add(fmt.Sprint("run ", len(orders), orders[0].Names))
			if err := orders[0].Deliver(&fresh); err != nil {
				t.Errorf("Deliver = %v", err)
			}
			orders[0].Failed(errors.New("rate limit"))
			<-ctx.Done()
			time.Sleep(time.Second)
			ended.Store(true)
			return nil
		}}
		srv := newServer(t, d, wsserver.Config{Issuer: issuer, Events: events, Hosts: []hosts.Host{
			{Tag: "auto", Names: []string{"auto.example"}, AutoOrder: true, AllowTemporary: true},
			{Tag: "hand", Names: []string{"hand.example"}, AllowTemporary: true},
		}})
		synctest.Wait()
		d.want(t)
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		serve(t, srv)
		synctest.Wait()
		d.want(t, "run 1 [auto.example]", "new cert of auto", "error certificate")
		clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: "auto.example", TLS: &tls.Config{RootCAs: ca.Pool()}})
		if e, ok := errors.AsType[*hosts.HostError](srv.LastError()); !ok || e.Tag != "auto" || !strings.Contains(e.Error(), "rate limit") {
			t.Errorf("the last error is %v", srv.LastError())
		}
		if err := srv.Shutdown(t.Context()); err != nil || !ended.Load() {
			t.Errorf("Shutdown = %v, the issuer has ended: %v", err, ended.Load())
		}
	})
}

// E-15: a panic of the issuer is contained, and the server serves on.
func TestPanicInIssuerIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		issuer := &authority{run: func(context.Context, []hosts.Order) error { panic("boom") }}
		srv := newServer(t, d, wsserver.Config{Issuer: issuer, Events: noted(&d.journal), Hosts: []hosts.Host{
			{Names: []string{"auto.example"}, AutoOrder: true, AllowTemporary: true},
		}})
		clienttest.Dial(t, serve(t, srv), "/", clienttest.DialOptions{Host: "auto.example"})
		synctest.Wait()
		if srv.Stats().Clients != 1 {
			t.Error("the server does not serve")
		}
	})
}

// H-31: StopListening and a second Listen do not start it twice.
func TestRelistenStartsNothingTwice(t *testing.T) {
	var runs atomic.Int32
	issuer := &authority{run: func(ctx context.Context, _ []hosts.Order) error { runs.Add(1); <-ctx.Done(); return nil }}
	srv := newServer(t, &desk{}, wsserver.Config{Issuer: issuer, Hosts: []hosts.Host{
		{Names: []string{"auto.example"}, AutoOrder: true, AllowTemporary: true, Bind: "127.0.0.1", Port: -1, TLSPort: -1},
	}})
	for range 3 {
		open(t, srv)
		if err := srv.StopListening(); err != nil {
			t.Fatal(err)
		}
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("the issuer runs %d times", n)
	}
}
