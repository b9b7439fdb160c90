package acme

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/hosts"
)

const day = 24 * time.Hour

// pass lets d go by in the bubble and everything happen that it brings.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// H-36, H-37: a host has one certificate, for all its names.
func TestOneCertificateForAllNamesOfAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		stop := run(t, newIssuer(t, o), h.order("a.example", "b.example", "c.example"))
		defer stop()
		synctest.Wait()
		h.expect(t, 1, 0)
		if leaf := h.cert(0).Leaf; !covers(leaf, []string{"a.example", "b.example", "c.example"}) || o.count() != 1 {
			t.Errorf("%d orders, names %v", o.count(), leaf.DNSNames)
		}
	})
}

// H-43: what was ordered before is used, and nobody is asked.
func TestARestartUsesTheStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOffice(t), newMemory()
		for n := range 3 {
			h := &host{}
			stop := run(t, newIssuer(t, o, func(c *Config) { c.Storage = store }), h.order("a.example", "b.example"))
			synctest.Wait()
			h.expect(t, 1, 0)
			if o.count() != 1 {
				t.Errorf("start %d: %d orders", n, o.count())
			}
			stop()
			pass(10 * day)
		}
	})
}

// H-36: who has a certificate shows it, before anything is ordered for others.
func TestStoredCertificatesComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOffice(t), newMemory()
		with := func(c *Config) { c.Storage = store }
		h := make([]host, 4*parallelOrders)
		var all, stored []hosts.Order
		for n := range h {
			all = append(all, h[n].order(fmt.Sprintf("n%d.example", n)))
			if n%2 == 1 {
				stored = append(stored, all[n])
			}
		}
		stop := run(t, newIssuer(t, o, with), stored...)
		pass(time.Hour)
		stop()
		o.slow = func(ctx context.Context, _ request) error { <-ctx.Done(); return ctx.Err() }
		stop = run(t, newIssuer(t, o, with), all...)
		defer stop()
		synctest.Wait()
		for n := range h {
			h[n].expect(t, n%2*2, 0)
		}
	})
}

// H-43, H-47: what the authority has just sent is stored, even at the end of the server.
func TestACertificateThatComesAtTheEndIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store, h := newOffice(t), newMemory(), &host{}
		o.slow = func(ctx context.Context, _ request) error { <-ctx.Done(); return nil }
		stop := run(t, newIssuer(t, o, func(c *Config) { c.Storage = store }), h.order("a.example"))
		synctest.Wait()
		stop()
		h.expect(t, 1, 0)
		if keys := store.keys(); len(keys) != 2 {
			t.Errorf("stored %v", keys)
		}
	})
}

// H-37: other names are another certificate.
func TestAHostWithAnotherNameOrdersAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOffice(t), newMemory()
		for n, names := range [][]string{{"a.example"}, {"a.example", "b.example"}, {"a.example"}} {
			h := &host{}
			stop := run(t, newIssuer(t, o, func(c *Config) { c.Storage = store }), h.order(names...))
			synctest.Wait()
			h.expect(t, 1, 0)
			if want := min(n+1, 2); o.count() != want {
				t.Errorf("%v: %d orders, want %d", names, o.count(), want)
			}
			stop()
		}
	})
}

// H-41: renewed in the last third, with another key, and told what it replaces.
func TestACertificateIsRenewedInItsLastThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		stop := run(t, newIssuer(t, o), h.order("a.example"))
		defer stop()
		pass(60*day - time.Hour)
		h.expect(t, 1, 0)
		pass(2 * time.Hour)
		h.expect(t, 2, 0)
		old, fresh := h.cert(0), h.cert(1)
		if o.request(1).replaces == nil || !o.request(1).replaces.Equal(old.Leaf) {
			t.Error("the authority was not told what is replaced")
		}
		if old.Leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(fresh.Leaf.PublicKey) {
			t.Error("the old key is used again")
		}
		pass(365 * day)
		if shown, _ := h.counts(); shown != 8 { // every 60 days
			t.Errorf("%d certificates", shown)
		}
	})
}

// H-48
func TestTheAuthorityDecidesWhenToRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		begin := time.Now()
		at := begin.Add(40 * day)
		o.when = func(*x509.Certificate) *renewal { return window(at) }
		stop := run(t, newIssuer(t, o), h.order("a.example"))
		defer stop()
		pass(20 * day)
		h.expect(t, 1, 0)
		if n := o.asked; n < 70 || n > 90 { // every six hours
			t.Errorf("asked %d times in 20 days", n)
		}
		o.mu.Lock() // the authority has to revoke it
		o.when = func(leaf *x509.Certificate) *renewal {
			if leaf.NotBefore.Equal(begin) {
				return window(begin)
			}
			return window(leaf.NotAfter.Add(-30 * day))
		}
		o.mu.Unlock()
		pass(6*time.Hour + time.Minute)
		h.expect(t, 2, 0)
		pass(59 * day)
		h.expect(t, 2, 0)
		pass(2 * day)
		h.expect(t, 3, 0)
	})
}

func window(at time.Time) *renewal {
	return &renewal{Start: at.Add(-time.Hour), End: at.Add(time.Hour), At: at, Refresh: time.Now().Add(6 * time.Hour)}
}

// H-48: the chosen time stays as long as the window does, over restarts too.
func TestTheChosenTimeStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOffice(t), newMemory()
		middle := time.Now().Add(50 * day)
		o.when = func(*x509.Certificate) *renewal {
			r := window(middle)
			r.At = middle.Add(time.Duration(o.asked) * time.Minute) // another chance each time
			return r
		}
		i := newIssuer(t, o, func(c *Config) { c.Storage = store })
		h := &host{}
		stop := run(t, i, h.order("a.example"))
		pass(10 * day)
		stop()
		i = newIssuer(t, o, func(c *Config) { c.Storage = store })
		k := newKeeper(i, &hosts.Order{}, []string{"a.example"})
		k.load(t.Context())
		if rec := k.current.Load(); rec == nil || rec.renewal == nil || !rec.renewal.At.Equal(middle) {
			t.Errorf("%+v", rec)
		}
	})
}

// H-37: what is in use stays, and the pauses grow.
func TestFailuresAreReportedAndRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		refusal := &ProblemError{Type: "rateLimited", Err: errors.New("too many")}
		o.fail = func(n int, _ request) error {
			if n <= 9 {
				return refusal
			}
			return nil
		}
		begin := time.Now()
		stop := run(t, newIssuer(t, o), h.order("a.example"))
		defer stop()
		at := time.Duration(0)
		for n, pause := range append(defaultBackoff, 6*time.Hour, 6*time.Hour) {
			pass(0)
			h.expect(t, 0, n+1)
			e, p := new(OrderError), new(ProblemError)
			if !errors.As(h.failure(n), &e) || !errors.As(h.failure(n), &p) || p.Type != "rateLimited" {
				t.Fatalf("failure %d is %v", n, h.failure(n))
			}
			wait := e.Retry.Sub(begin) - at
			if wait < pause || wait > pause+pause/10+1 {
				t.Errorf("pause %d is %v, want %v", n, wait, pause)
			}
			at += wait
			pass(wait)
		}
		h.expect(t, 1, 9)
		if o.request(0).replaces != nil {
			t.Error("the first order replaces something")
		}
	})
}

// A renewal that fails leaves the old certificate in use, and says nothing about it to
// an authority that may dislike just that.
func TestAFailedRenewalIsRepeatedWithoutItsPredecessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		o.fail = func(n int, _ request) error {
			if n == 2 {
				return errDown
			}
			return nil
		}
		stop := run(t, newIssuer(t, o), h.order("a.example"))
		defer stop()
		pass(61 * day)
		h.expect(t, 2, 1)
		if o.request(1).replaces == nil || o.request(2).replaces != nil {
			t.Error("not as it should be")
		}
	})
}

// H-43: of two processes with one storage one orders.
func TestTwoIssuersOrderOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOffice(t), newMemory()
		o.slow = func(ctx context.Context, _ request) error { return sleep(ctx, time.Minute) }
		h := [2]host{}
		for n := range h {
			i := newIssuer(t, o, func(c *Config) { c.Storage = store })
			defer run(t, i, h[n].order("a.example"))()
		}
		pass(time.Hour)
		for n := range h {
			h[n].expect(t, 1, 0)
		}
		pass(60 * day) // and renews
		for n := range h {
			h[n].expect(t, 2, 0)
		}
		if o.count() != 2 {
			t.Errorf("%d orders", o.count())
		}
	})
}

// "Re-ordering the same day is refused": a host that refuses its certificates must not
// use up the authority's limits.
func TestARefusedCertificateIsNotOrderedAgainOnTheSameDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{refuse: errors.New("key too short")}
		stop := run(t, newIssuer(t, o), h.order("a.example"))
		defer stop()
		pass(day - time.Hour)
		if _, failures := h.counts(); o.count() != 1 || failures < 6 {
			t.Errorf("%d orders, %d failures", o.count(), failures)
		}
		if !errors.Is(h.failure(0), h.refuse) {
			t.Errorf("%v", h.failure(0))
		}
		pass(day)
		if o.count() != 2 {
			t.Errorf("%d orders after a day", o.count())
		}
	})
}

// An authority that wants everything renewed at once is not believed without end.
func TestACertificateThatIsDueAtOnceDoesNotCircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		o.when = func(leaf *x509.Certificate) *renewal { return window(leaf.NotBefore.Add(-day)) }
		stop := run(t, newIssuer(t, o), h.order("a.example"))
		defer stop()
		pass(day)
		if shown, _ := h.counts(); shown < 2 || shown > 10 {
			t.Errorf("%d certificates in a day", shown)
		}
	})
}

// H-43: a certificate that can not be stored is used, and stored later.
func TestAStorageThatFailsLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h, store := newOffice(t), &host{}, newMemory()
		full := true
		store.refuse = func(op, key string) error {
			if full && op == "store" {
				return errors.New("no space")
			}
			return nil
		}
		stop := run(t, newIssuer(t, o, func(c *Config) { c.Storage = store }), h.order("a.example"))
		defer stop()
		synctest.Wait()
		h.expect(t, 1, 1)
		store.mu.Lock()
		full = false
		store.mu.Unlock()
		pass(2 * time.Minute)
		h.expect(t, 1, 1)
		if keys := store.keys(); len(keys) != 2 || o.count() != 1 {
			t.Errorf("%d orders, stored %v", o.count(), keys)
		}
	})
}

// H-43: as long as the storage can not be asked there may be a good certificate in it.
func TestNothingIsOrderedWhileTheStorageIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOffice(t), newMemory()
		with := func(c *Config) { c.Storage = store }
		first := &host{}
		stop := run(t, newIssuer(t, o, with), first.order("a.example"))
		synctest.Wait()
		stop()
		store.refuse = func(op, key string) error { return errDown }
		h := &host{}
		stop = run(t, newIssuer(t, o, with), h.order("a.example"))
		defer stop()
		synctest.Wait()
		h.expect(t, 0, 1)
		store.mu.Lock()
		store.refuse = nil
		store.mu.Unlock()
		pass(2 * time.Minute)
		h.expect(t, 1, 1)
		if o.count() != 1 {
			t.Errorf("%d orders", o.count())
		}
	})
}

// H-43: a damaged file is replaced.
func TestADamagedCertificateIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store, h := newOffice(t), newMemory(), &host{}
		store.values["certificates/acme.example-dir/a.example/a.example.pem"] = []byte("half a fi")
		stop := run(t, newIssuer(t, o, func(c *Config) { c.Storage = store }), h.order("a.example"))
		defer stop()
		synctest.Wait()
		h.expect(t, 1, 0)
	})
}

// H-48: who shows the certificate learns when it will be replaced.
func TestTheTimeOfTheRenewalIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		var times []time.Time
		order := h.order("a.example")
		order.Scheduled = func(at time.Time) { times = append(times, at); panic("a mistake") }
		begin := time.Now()
		stop := run(t, newIssuer(t, o), order)
		defer stop()
		pass(time.Hour)
		o.mu.Lock()
		o.when = func(*x509.Certificate) *renewal { return window(begin.Add(50 * day)) }
		o.mu.Unlock()
		pass(6 * time.Hour)
		h.expect(t, 1, 0)
		if len(times) != 2 || times[0].Sub(begin).Round(time.Hour) != 60*day || times[1].Sub(begin) != 50*day {
			t.Errorf("%v", times)
		}
	})
}

// A panic of the program's code is a failure like others.
func TestPanicsAreFailures(t *testing.T) {
	for name, order := range map[string]func(h *host) hosts.Order{
		"Deliver": func(h *host) hosts.Order {
			first := true
			o := h.order("a.example")
			o.Deliver = func(c *tls.Certificate) error {
				if first {
					first = false
					panic("deliver")
				}
				return h.deliver(c)
			}
			return o
		},
		"Failed": func(h *host) hosts.Order {
			o := h.order("a.example")
			o.Failed = func(err error) { h.failed(err); panic("failed") }
			return o
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, h := newOffice(t), &host{}
				if name == "Failed" {
					o.fail = func(n int, _ request) error {
						if n == 1 {
							return errDown
						}
						return nil
					}
				}
				log, text := logged()
				stop := run(t, newIssuer(t, o, func(c *Config) { c.Logger = log }), order(h))
				defer stop()
				pass(2 * time.Minute)
				h.expect(t, 1, 1)
				if !strings.Contains(text.String(), "acme: panic: ") {
					t.Errorf("the log does not say so: %s", text)
				}
			})
		})
	}
}

// A storage that panics does not end the server, and its locks are freed.
func TestAStorageThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h, store := newOffice(t), &host{}, newMemory()
		broken := true
		store.refuse = func(op, key string) error {
			if broken {
				panic("storage")
			}
			return nil
		}
		stop := run(t, newIssuer(t, o, func(c *Config) { c.Storage = store }), h.order("a.example"))
		defer stop()
		synctest.Wait()
		h.expect(t, 0, 1)
		store.mu.Lock()
		broken = false
		store.mu.Unlock()
		pass(2 * time.Minute)
		h.expect(t, 1, 1)
	})
}

// H-47: the end of the context ends everything, wherever it is.
func TestTheContextEndsOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.slow = func(ctx context.Context, _ request) error { <-ctx.Done(); return ctx.Err() }
		store := newMemory()
		if err := store.Lock(t.Context(), "certificate_acme.example-dir_locked.example"); err != nil {
			t.Fatal(err)
		}
		i := newIssuer(t, o, func(c *Config) { c.Storage = store })
		h := make([]host, 40) // more than are ordered at once
		orders := []hosts.Order{h[0].order("locked.example")}
		for n := 1; n < len(h); n++ {
			orders = append(orders, h[n].order(fmt.Sprintf("n%d.example", n)))
		}
		stop := run(t, i, orders...)
		pass(time.Minute)
		if n := o.count(); n == 0 || n > parallelOrders {
			t.Errorf("%d orders at once", n)
		}
		stop()
		for n := range h {
			h[n].expect(t, 0, 0) // the end is no failure
		}
		if !o.closed {
			t.Error("connections to the authority stay open")
		}
		if err := i.Run(t.Context(), nil); !errors.Is(err, ErrRunning) {
			t.Errorf("the second Run = %v", err)
		}
	})
}

// H-37: a start with many hosts does not flood the authority.
func TestOrdersAreSpreadOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		h := make([]host, 35)
		var orders []hosts.Order
		for n := range h {
			orders = append(orders, h[n].order(fmt.Sprintf("n%d.example", n)))
		}
		stop := run(t, newIssuer(t, o), orders...)
		defer stop()
		for _, want := range []int{10, 20, 30, 35} {
			pass(0)
			if o.count() != want {
				t.Errorf("%d orders, want %d", o.count(), want)
			}
			pass(orderWindow)
		}
	})
}

// H-38: progress in the group "cert", by stable keys, without secrets.
func TestTheLogTellsTheLifeOfACertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		o.fail = func(n int, _ request) error {
			if n == 1 {
				return errDown
			}
			return nil
		}
		log, text := logged()
		order := h.order("a.example")
		order.Logger = log.With("tag", "chat")
		stop := run(t, newIssuer(t, o), order)
		pass(2 * time.Minute)
		stop()
		for _, want := range []string{
			`msg="acme: ordering a certificate" tag=chat cert.names=[a.example] cert.ca=https://acme.example/dir cert.renewal=false`,
			`level=ERROR msg="acme: attempt failed" tag=chat cert.names=[a.example] cert.err="dial: connection refused" cert.failures=1 cert.retry=`,
			`level=INFO msg="acme: certificate obtained" tag=chat cert.names=[a.example] cert.until=`,
		} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("not in the log: %s", want)
			}
		}
		if strings.Contains(text.String(), "PRIVATE") {
			t.Error("a key in the log")
		}
	})
}

// H-36: "a certificate that is valid and not about to expire is not ordered again".
func TestAGoodCertificateFromAFileIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		o.life = 30 * day
		order := h.order("a.example")
		order.Host = entry0(t, o, "a.example")
		stop := run(t, newIssuer(t, o), order)
		defer stop()
		pass(19 * day)
		h.expect(t, 0, 0)
		pass(2 * day)
		h.expect(t, 1, 0)
	})
}

// H-36: one that does not cover all names is replaced at once.
func TestACertificateFromAFileForOtherNamesIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &host{}
		order := h.order("a.example", "b.example")
		order.Host = entry0(t, o, "a.example")
		stop := run(t, newIssuer(t, o), order)
		defer stop()
		synctest.Wait()
		h.expect(t, 1, 0)
	})
}

// entry0 is a host with a certificate of the office from PEM text.
func entry0(t *testing.T, o *office, names ...string) *hosts.Entry {
	t.Helper()
	key, err := P256.generate()
	if err != nil {
		t.Fatal(err)
	}
	chain, _, err := o.issue(names, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	_, bundle, err := newRecord(key, chain, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := hosts.New([]hosts.Host{{Names: names, TLSPort: 443, Cert: string(bundle)}}, hosts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set.Hosts()[0]
}
