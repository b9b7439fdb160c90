package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/hosts"
)

// tenants is an order for names that come with the handshakes.
func tenants(h *host) hosts.Order {
	o := h.order("*.tenant.example")
	o.OnDemand = true
	return o
}

// allowed is a Config.Allow that refuses names beginning with "bad", and counts.
func allowed(calls *atomic.Int32) func(*Config) {
	return func(c *Config) {
		c.Allow = func(_ context.Context, name string) error {
			calls.Add(1)
			if strings.HasPrefix(name, "bad") {
				return errors.New("no such tenant")
			}
			return nil
		}
	}
}

// H-37
func TestANameOnDemandIsOrderedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h := newOffice(t), &host{}
		o.slow = func(ctx context.Context, _ request) error { return sleep(ctx, time.Second) }
		i := newIssuer(t, o, allowed(&calls))
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		if o.count() != 0 {
			t.Error("ordered before anybody asked")
		}
		certs := make(chan *tls.Certificate, 20)
		for n := range 20 {
			go func() {
				time.Sleep(time.Duration(n) * 10 * time.Millisecond)
				cert, err := i.DemandCert(hello("A.tenant.example."))
				if err != nil {
					t.Error(err)
				}
				certs <- cert
			}()
		}
		first := <-certs
		for range 19 {
			if c := <-certs; c != first {
				t.Error("another certificate")
			}
		}
		if o.count() != 1 || calls.Load() != 1 || first.Leaf.DNSNames[0] != "a.tenant.example" {
			t.Errorf("%d orders, %d questions, names %v", o.count(), calls.Load(), first.Leaf.DNSNames)
		}
		h.expect(t, 0, 0) // no host shows it to everybody
	})
}

// Several are allowed at the same moment.
func TestANameOnDemandIsOrderedOnceWhenManyAreAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h, store := newOffice(t), &host{}, newMemory()
		i := newIssuer(t, o, func(c *Config) {
			c.Storage = store
			c.Allow = func(ctx context.Context, _ string) error { return sleep(ctx, time.Second) }
		})
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		o.slow = func(ctx context.Context, _ request) error { return sleep(ctx, time.Second) }
		errs := make(chan error, 10)
		for range 10 {
			go func() {
				_, err := i.DemandCert(hello("a.tenant.example"))
				errs <- err
			}()
		}
		for range 10 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if o.count() != 1 || store.taken != 1 || i.demand.waiting != 0 {
			t.Errorf("%d orders, %d locks, %d wait", o.count(), store.taken, i.demand.waiting)
		}
	})
}

// H-47: Run returns after everything that it started.
func TestRunWaitsForOrdersOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h := newOffice(t), &host{}
		ended := false
		o.slow = func(ctx context.Context, _ request) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			ended = true
			return ctx.Err()
		}
		i := newIssuer(t, o, allowed(&calls))
		stop := run(t, i, tenants(h))
		synctest.Wait()
		go i.DemandCert(hello("a.tenant.example"))
		synctest.Wait()
		stop()
		if !ended {
			t.Error("an order goes on after Run")
		}
	})
}

// H-37: nothing is stored, remembered or ordered for a name that is refused.
func TestNamesThatAreNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h, store := newOffice(t), &host{}, newMemory()
		fixed := h.order("fixed.example")
		i := newIssuer(t, o, allowed(&calls), func(c *Config) { c.Storage = store })
		stop := run(t, i, tenants(h), fixed)
		defer stop()
		synctest.Wait()
		before := store.loads
		for _, name := range []string{"bad.tenant.example", "fixed.example", "other.example", "a.b.tenant.example",
			"", "*.tenant.example", "../a.tenant.example", "192.0.2.7", "a_b.tenant.example"} {
			if cert, err := i.DemandCert(hello(name)); cert != nil || !errors.Is(err, ErrNotAllowed) {
				t.Errorf("%q: %v, %v", name, cert, err)
			}
		}
		if o.count() != 1 || calls.Load() != 1 || store.loads != before || len(i.demand.names) != 0 {
			t.Errorf("%d orders, %d questions, %d loads, %d names", o.count(), calls.Load(), store.loads-before, len(i.demand.names))
		}
	})
}

// H-43
func TestANameOnDemandComesFromTheStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h, store := newOffice(t), &host{}, newMemory()
		for range 3 {
			i := newIssuer(t, o, allowed(&calls), func(c *Config) { c.Storage = store })
			stop := run(t, i, tenants(h))
			synctest.Wait()
			for range 3 {
				if _, err := i.DemandCert(hello("a.tenant.example")); err != nil {
					t.Error(err)
				}
			}
			stop()
			if _, err := i.DemandCert(hello("a.tenant.example")); err != nil {
				t.Errorf("a certificate in memory, at the end: %v", err)
			}
			if _, err := i.DemandCert(hello("b.tenant.example")); !errors.Is(err, ErrNotRunning) {
				t.Errorf("another, at the end: %v", err)
			}
		}
		if o.count() != 1 || calls.Load() != 6 {
			t.Errorf("%d orders, %d questions", o.count(), calls.Load())
		}
	})
}

// H-41: renewed behind the back of who asks, once somebody asks.
func TestANameOnDemandIsRenewedWhenSomebodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h := newOffice(t), &host{}
		i := newIssuer(t, o, allowed(&calls))
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		get := func() *tls.Certificate {
			t.Helper()
			c, err := i.DemandCert(hello("a.tenant.example"))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return c
		}
		first := get()
		pass(70 * day)
		if o.count() != 1 {
			t.Error("renewed without being asked for")
		}
		if get() != first {
			t.Error("the old certificate was not used while it was good")
		}
		second := get()
		if second == first || o.count() != 2 || calls.Load() != 2 {
			t.Errorf("%d orders, %d questions", o.count(), calls.Load())
		}
		pass(100 * day) // it has expired: now they have to wait
		if third := get(); third == second || !time.Now().Before(third.Leaf.NotAfter) {
			t.Error("an expired certificate was shown")
		}
	})
}

// A renewal that is not allowed any more does not take place.
func TestARenewalOnDemandHasToBeAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h, gone := newOffice(t), &host{}, false
		i := newIssuer(t, o, func(c *Config) {
			c.Allow = func(context.Context, string) error {
				if gone {
					panic("gone")
				}
				return nil
			}
		})
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		if _, err := i.DemandCert(hello("a.tenant.example")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		gone = true
		pass(70 * day)
		if _, err := i.DemandCert(hello("a.tenant.example")); err != nil {
			t.Errorf("the certificate is good for 20 days: %v", err)
		}
		synctest.Wait()
		h.expect(t, 0, 1)
		pass(30 * day)
		if _, err := i.DemandCert(hello("a.tenant.example")); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("it has expired: %v", err)
		}
		if o.count() != 1 {
			t.Errorf("%d orders", o.count())
		}
	})
}

// H-37: a failure is remembered for its pause, so that handshakes do not order.
func TestAFailureOnDemandHasAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h := newOffice(t), &host{}
		o.fail = func(n int, _ request) error {
			if n == 1 {
				return errDown
			}
			return nil
		}
		i := newIssuer(t, o, allowed(&calls))
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		for range 5 {
			if _, err := i.DemandCert(hello("a.tenant.example")); !errors.Is(err, errDown) {
				t.Errorf("DemandCert = %v", err)
			}
			synctest.Wait()
		}
		if o.count() != 1 || calls.Load() != 1 {
			t.Errorf("%d orders, %d questions", o.count(), calls.Load())
		}
		h.expect(t, 0, 1)
		pass(2 * time.Minute)
		if _, err := i.DemandCert(hello("a.tenant.example")); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

// H-37: the number of names that are waited for has a bound, and of those at work.
func TestNamesThatWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, working, most atomic.Int32
		o, h := newOffice(t), &host{}
		o.slow = func(ctx context.Context, _ request) error {
			most.Store(max(most.Load(), working.Add(1)))
			defer working.Add(-1)
			return sleep(ctx, time.Hour/60)
		}
		i := newIssuer(t, o, allowed(&calls))
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		errs := make(chan error, 100)
		for n := range 100 {
			go func() {
				_, err := i.DemandCert(hello(fmt.Sprintf("n%d.tenant.example", n)))
				errs <- err
			}()
		}
		busy := 0
		for range 100 {
			switch err := <-errs; {
			case errors.Is(err, ErrBusy):
				busy++
			case err != nil:
				t.Error(err)
			}
		}
		if busy != 100-waitingNames || most.Load() > parallelOrders {
			t.Errorf("%d refused, %d at once", busy, most.Load())
		}
	})
}

// H-37: memory has a bound.
func TestNamesNotUsedForLongestAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h := newOffice(t), &host{}
		i := newIssuer(t, o, allowed(&calls), func(c *Config) { c.DemandLimit = 3 })
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		for _, name := range []string{"a", "b", "c", "a", "d", "a", "b"} {
			if _, err := i.DemandCert(hello(name + ".tenant.example")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if len(i.demand.names) != 3 || i.demand.recent.Len() != 3 || i.demand.names["c.tenant.example"] != nil {
			t.Errorf("%v", i.demand.names)
		}
		if o.count() != 4 || calls.Load() != 5 { // b came back from the storage
			t.Errorf("%d orders, %d questions", o.count(), calls.Load())
		}
	})
}

// H-47
func TestTheEndOfRunEndsWaitingOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h := newOffice(t), &host{}
		o.slow = func(ctx context.Context, _ request) error { <-ctx.Done(); return ctx.Err() }
		i := newIssuer(t, o, allowed(&calls))
		if _, err := i.DemandCert(hello("a.tenant.example")); !errors.Is(err, ErrNotRunning) {
			t.Errorf("before Run: %v", err)
		}
		stop := run(t, i, tenants(h))
		synctest.Wait()
		errs := make(chan error, 2)
		for _, name := range []string{"a", "b"} {
			go func() {
				_, err := i.DemandCert(hello(name + ".tenant.example"))
				errs <- err
			}()
		}
		synctest.Wait()
		stop()
		for range 2 {
			if err := <-errs; !errors.Is(err, ErrNotRunning) {
				t.Errorf("DemandCert = %v", err)
			}
		}
		h.expect(t, 0, 0)
	})
}

// The patience of one client is its own: the order goes on.
func TestAnImpatientHandshakeDoesNotEndTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		o, h := newOffice(t), &host{}
		o.slow = func(ctx context.Context, _ request) error { return sleep(ctx, 20*time.Second) }
		i := newIssuer(t, o, allowed(&calls))
		stop := run(t, i, tenants(h))
		defer stop()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := i.demand.get(ctx, "a.tenant.example"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("get = %v", err)
		}
		pass(20 * time.Second)
		if _, err := i.DemandCert(hello("a.tenant.example")); err != nil || o.count() != 1 {
			t.Errorf("%d orders, %v", o.count(), err)
		}
	})
}
