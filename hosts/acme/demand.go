package acme

import (
	"container/list"
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"
)

// demand has the certificates of names that come with the handshakes.
type demand struct {
	i      *Issuer
	places chan struct{} // held while a name is ordered

	mu      sync.Mutex // guards the following and what is in the entries
	names   map[string]*wanted
	recent  list.List // of *wanted, the last one used in front
	waiting int       // names without a certificate that somebody waits for
}

// wanted is a name that somebody has asked for.
type wanted struct {
	name  string
	k     *keeper
	place *list.Element
	next  time.Time     // nothing is to be done before
	err   error         // why the last attempt failed; nil if it did not
	done  chan struct{} // closed when the work that is going on is done; nil if none is
}

func (d *demand) init(i *Issuer) {
	d.i = i
	d.places = make(chan struct{}, parallelOrders)
	d.names = make(map[string]*wanted)
}

// get returns the certificate for a server name that a client sent.
func (d *demand) get(ctx context.Context, server string) (*tls.Certificate, error) {
	table := d.i.orders.Load()
	if table == nil {
		return nil, ErrNotRunning
	}
	name, ok := demandName(server)
	o := table.find(name)
	if !ok || o == nil || !o.OnDemand || d.i.cfg.public() && !isPublicName(name) {
		return nil, fmt.Errorf("%w: %q", ErrNotAllowed, server)
	}
	cert, done, err := d.look(name)
	if cert == nil && done == nil && err == nil {
		if err := d.allow(ctx, name); err != nil {
			return nil, err
		}
		done, err = d.want(name)
	}
	if cert != nil || err != nil {
		return cert, err
	}
	select {
	case <-done:
		return d.result(name)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// look returns what is known about name: a certificate, the work to wait for, or why
// there is nothing. All are nil for a name that has to be allowed first.
func (d *demand) look(name string) (*tls.Certificate, <-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.names[name]
	if e == nil {
		return nil, nil, nil
	}
	d.recent.MoveToFront(e.place)
	due := !time.Now().Before(e.next)
	if cert := e.usable(); cert != nil {
		if due && e.done == nil {
			d.startLocked(e) // in the background; if it can not, the server is ending
		}
		return cert, nil, nil
	}
	if e.done != nil {
		return nil, e.done, nil
	}
	if due {
		return nil, nil, nil
	}
	return nil, nil, e.err
}

// usable returns the certificate if it has not expired.
func (e *wanted) usable() *tls.Certificate {
	rec := e.k.current.Load()
	if rec == nil || !time.Now().Before(rec.cert.Leaf.NotAfter) {
		return nil
	}
	return rec.cert
}

// allow asks the program.
func (d *demand) allow(ctx context.Context, name string) error {
	f := d.i.cfg.Allow
	if f == nil {
		return fmt.Errorf("%w: %s: no Config.Allow", ErrNotAllowed, name)
	}
	if err := guard(func() error { return f(ctx, name) }); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotAllowed, name, err)
	}
	return nil
}

// want has name worked on and returns what is closed in the end.
func (d *demand) want(name string) (<-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.names[name]
	if e != nil && e.done != nil {
		return e.done, nil
	}
	if d.waiting >= waitingNames {
		return nil, fmt.Errorf("%w: %s", ErrBusy, name)
	}
	if e == nil {
		e = &wanted{name: name, k: newKeeper(d.i, d.i.orders.Load().find(name), []string{name})}
		e.place = d.recent.PushFront(e)
		d.names[name] = e
		d.evictLocked()
	}
	if err := d.startLocked(e); err != nil {
		return nil, err
	}
	return e.done, nil
}

// evictLocked forgets the names not used for longest beyond the limit.
func (d *demand) evictLocked() {
	for at := d.recent.Back(); at != nil && len(d.names) > d.i.cfg.DemandLimit; {
		e, before := at.Value.(*wanted), at.Prev()
		if e.done == nil && before != nil { // never the newest
			d.recent.Remove(at)
			delete(d.names, e.name)
		}
		at = before
	}
}

func (d *demand) startLocked(e *wanted) error {
	done := make(chan struct{})
	first := e.usable() == nil
	err := d.i.life.start(func(ctx context.Context) {
		defer close(done)
		next, err := d.work(ctx, e.k, !first)
		d.mu.Lock()
		defer d.mu.Unlock()
		e.next, e.err, e.done = next, err, nil
		if first {
			d.waiting--
		}
	})
	if err != nil {
		return err
	}
	e.done = done
	if first {
		d.waiting++
	}
	return nil
}

// work loads the certificate or orders it, and says when there is more to do. A renewal
// has to be allowed anew; a first order has been.
func (d *demand) work(ctx context.Context, k *keeper, renewal bool) (time.Time, error) {
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-ctx.Done():
		return time.Time{}, ErrNotRunning
	}
	if k.current.Load() == nil {
		if k.load(ctx); k.current.Load() != nil {
			return k.next(), nil // perhaps at once: then with the next handshake
		}
	}
	k.allow = nil
	if renewal {
		k.allow = func(ctx context.Context) error { return d.allow(ctx, k.names[0]) }
	}
	next, err := k.work(ctx)
	if ctx.Err() != nil {
		err = ErrNotRunning
	}
	return next, err
}

// result is what the work for name has led to.
func (d *demand) result(name string) (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.names[name]
	if e == nil {
		return nil, fmt.Errorf("%w: %s", ErrBusy, name) // evicted already
	}
	if cert := e.usable(); cert != nil {
		return cert, nil
	}
	if e.err != nil {
		return nil, e.err
	}
	return nil, fmt.Errorf("%w: %s", ErrBusy, name)
}
