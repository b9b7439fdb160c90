package acme

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/hosts"
)

// keeper keeps the certificate for one set of names: those of a host, or a single one on
// demand. Its work is done by one goroutine at a time, which who owns the keeper sees to.
type keeper struct {
	i     *Issuer
	order *hosts.Order
	names []string
	file  string // what it is stored under
	log   *slog.Logger

	current atomic.Pointer[record] // the one delivered; nil before the first

	// Only the goroutine that works touches these.
	failures int                             // in a row
	unsaved  *unsaved                        // nil unless storing failed
	ask      time.Time                       // when to ask about a certificate of which no renewal is known
	allow    func(ctx context.Context) error // before an order; nil if it is allowed
}

// unsaved is a certificate that is not in the storage yet.
type unsaved struct {
	rec    *record
	bundle []byte
}

func newKeeper(i *Issuer, o *hosts.Order, names []string) *keeper {
	log := i.log
	if o.Logger != nil {
		log = o.Logger.WithGroup("cert")
	}
	return &keeper{
		i: i, order: o, names: names, file: certificateName(names),
		log: log.With("names", names),
	}
}

// load delivers what the storage has. It is the first thing that happens, and asks
// nobody else.
func (k *keeper) load(ctx context.Context) {
	err := guard(func() error {
		rec, err := k.stored(ctx)
		if rec == nil || !k.better(rec.cert.Leaf) {
			return err
		}
		return k.install(rec)
	})
	if err != nil {
		k.log.Warn("acme: the stored certificate is not used", "err", err)
	}
}

// stored returns the usable certificate of the storage, nil if there is none.
func (k *keeper) stored(ctx context.Context) (*record, error) {
	rec, err := k.i.vault.load(ctx, k.file)
	if err != nil || rec == nil {
		return nil, err
	}
	if leaf := rec.cert.Leaf; !time.Now().Before(leaf.NotAfter) || !covers(leaf, k.names) {
		return nil, nil
	}
	return rec, nil
}

// work does what is due and returns when it wants to be called again, and what went
// wrong.
func (k *keeper) work(ctx context.Context) (next time.Time, err error) {
	err = guard(func() error { return k.keep(ctx) })
	if err != nil && ctx.Err() == nil {
		err = k.fail(err)
		return err.(*OrderError).Retry, err
	}
	k.failures = 0
	return k.next(), err
}

// fail reports a failed attempt and says when the next begins.
func (k *keeper) fail(err error) *OrderError {
	pauses := k.i.cfg.Backoff
	pause := pauses[min(k.failures, len(pauses)-1)]
	pause += rand.N(pause/10 + 1)
	k.failures++
	e := &OrderError{Names: k.names, Retry: time.Now().Add(pause), Err: err}
	k.log.Error("acme: attempt failed", "err", err, "failures", k.failures, "retry", e.Retry)
	if panicked := new(PanicError); errors.As(err, &panicked) {
		k.log.Error("acme: panic", "err", err, "stack", string(panicked.Stack))
	}
	if f := k.order.Failed; f != nil {
		if err := guard(func() error { f(e); return nil }); err != nil {
			k.log.Error("acme: Order.Failed", "err", err)
		}
	}
	return e
}

// next is when there is something to do without a failure.
func (k *keeper) next() time.Time {
	rec := k.current.Load()
	if leaf := k.others(); leaf != nil {
		return windowStart(leaf, k.i.cfg.RenewalRatio)
	}
	if rec == nil {
		return time.Now()
	}
	at := k.renewAt(rec)
	if ask, ok := k.askAt(rec); ok && ask.Before(at) {
		at = ask
	}
	return at
}

// askAt is when to ask the authority about the renewal of rec, if at all.
func (k *keeper) askAt(rec *record) (time.Time, bool) {
	if rec.renewal != nil {
		return rec.renewal.Refresh, !k.i.cfg.IgnoreRenewalInfo
	}
	return k.ask, !k.i.cfg.IgnoreRenewalInfo
}

func (k *keeper) renewAt(rec *record) time.Time {
	return rec.renewAt(k.i.cfg.RenewalRatio, k.i.cfg.IgnoreRenewalInfo)
}

func (k *keeper) isDue(rec *record) bool { return !time.Now().Before(k.renewAt(rec)) }

// others returns the certificate that the host has from elsewhere, from a file, if
// nothing is to be done as long as that is good.
func (k *keeper) others() *x509.Certificate {
	h := k.order.Host
	if h == nil || k.order.OnDemand || h.Temporary() {
		return nil
	}
	leaf := h.Leaf()
	if leaf == nil || !covers(leaf, k.names) || bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
		return nil // self-signed ones are what is to be replaced
	}
	if rec := k.current.Load(); rec != nil && leaf.Equal(rec.cert.Leaf) {
		return nil
	}
	if !time.Now().Before(windowStart(leaf, k.i.cfg.RenewalRatio)) {
		return nil
	}
	return leaf
}

// better says whether leaf should replace what the host has from elsewhere.
func (k *keeper) better(leaf *x509.Certificate) bool {
	have := k.others()
	return have == nil || leaf.NotAfter.After(have.NotAfter)
}

func (k *keeper) keep(ctx context.Context) error {
	if k.unsaved != nil {
		if err := k.save(ctx, k.unsaved); err != nil {
			return err
		}
	}
	if k.others() != nil {
		return nil
	}
	rec := k.current.Load()
	if rec != nil && !k.isDue(rec) {
		if rec = k.refresh(ctx, rec); !k.isDue(rec) {
			return nil
		}
	}
	return k.renew(ctx, rec)
}

// refresh asks the authority whether it has changed its mind about when to renew. That
// it can not be reached is no failure: it is asked again later, and what it said stands.
func (k *keeper) refresh(ctx context.Context, rec *record) *record {
	if at, ok := k.askAt(rec); !ok || time.Now().Before(at) {
		return rec
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := k.i.authority.renewalInfo(ctx, rec.cert.Leaf, k.log)
	k.ask = time.Now().Add(renewalPoll)
	old := rec.renewal
	switch {
	case r == nil && old == nil:
		return rec // nor did it before
	case r == nil:
		k.log.Warn("acme: the authority does not say when to renew", "err", err)
		kept := *old
		kept.Refresh = k.ask
		r = &kept
	case old != nil && r.Start.Equal(old.Start) && r.End.Equal(old.End):
		r.At = old.At // chosen once for each window
	default:
		k.log.Info("acme: the authority says when to renew the certificate",
			"from", r.Start, "until", r.End, "at", r.At, "why", r.URL)
	}
	fresh := &record{cert: rec.cert, renewal: r}
	k.current.Store(fresh)
	k.announce(fresh)
	if err := k.i.vault.saveMeta(ctx, k.file, fresh); err != nil {
		k.log.Warn("acme: storing when to renew", "err", err)
	}
	return fresh
}

// renew replaces old, which may be nil, by what another process has stored meanwhile or
// by a new certificate.
func (k *keeper) renew(ctx context.Context, old *record) error {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	lock := "certificate_" + k.i.vault.authority + "_" + k.file
	if err := k.i.vault.Lock(ctx, lock); err != nil {
		return fmt.Errorf("locking the certificate: %w", err)
	}
	defer k.i.vault.unlock(ctx, lock)
	rec, err := k.stored(ctx)
	switch {
	case errors.Is(err, errDamaged):
		k.log.Warn("acme: replacing the stored certificate", "err", err)
	case err != nil: // there may be a good one
		return err
	}
	if rec != nil && !same(rec, old) && !k.isDue(rec) {
		err := k.install(rec)
		if err == nil || time.Since(rec.cert.Leaf.NotBefore) < 24*time.Hour {
			return err // a refused one is not ordered again on the same day
		}
		k.log.Warn("acme: replacing a stored certificate that the host refuses", "err", err)
	}
	if old == nil {
		old = rec
	}
	return k.obtain(ctx, old)
}

func (k *keeper) obtain(ctx context.Context, old *record) error {
	if k.allow != nil {
		if err := k.allow(ctx); err != nil {
			return err
		}
	}
	challenges, err := k.i.challenges(k.order)
	if err != nil {
		return err
	}
	key, err := k.i.cfg.KeyType.generate()
	if err != nil {
		return err
	}
	r := request{names: k.names, key: key, challenges: challenges, log: k.log}
	if old != nil && k.failures == 0 { // it may be what the authority does not like
		r.replaces = old.cert.Leaf
	}
	if err := k.i.limiter.wait(ctx); err != nil {
		return err
	}
	k.log.Info("acme: ordering a certificate", "ca", k.i.cfg.Directory, "renewal", old != nil)
	chain, when, err := k.i.authority.obtain(ctx, r)
	if err != nil {
		return err
	}
	k.ask = time.Now().Add(renewalPoll)
	rec, bundle, err := newRecord(key, chain, when)
	if err != nil {
		return fmt.Errorf("what the authority sent: %w", err)
	}
	if leaf := rec.cert.Leaf; !covers(leaf, k.names) {
		return fmt.Errorf("the authority sent a certificate for %q", leaf.DNSNames)
	}
	k.log.Info("acme: certificate obtained", "until", rec.cert.Leaf.NotAfter, "renew", k.renewAt(rec))
	err = errors.Join(k.save(ctx, &unsaved{rec, bundle}), k.install(rec))
	if err == nil && k.isDue(rec) { // in use, but we must not order in a circle
		err = errors.New("the authority sent a certificate that is due for renewal at once")
	}
	return err
}

// save stores a new certificate even when the context has just ended: it can not be had
// again at once. One that could not be stored is in use all the same, and is stored
// later.
func (k *keeper) save(ctx context.Context, u *unsaved) error {
	ctx, cancel := cleanUpContext(ctx)
	defer cancel()
	k.unsaved = u
	if err := guard(func() error { return k.i.vault.save(ctx, k.file, u.rec, u.bundle) }); err != nil {
		return err
	}
	k.unsaved = nil
	return nil
}

// install delivers rec to the host.
func (k *keeper) install(rec *record) error {
	if f := k.order.Deliver; f != nil && !k.order.OnDemand {
		if err := guard(func() error { return f(rec.cert) }); err != nil {
			return fmt.Errorf("the host refuses the certificate: %w", err)
		}
	}
	k.current.Store(rec)
	k.announce(rec)
	return nil
}

// announce says when rec will be renewed.
func (k *keeper) announce(rec *record) {
	f := k.order.Scheduled
	if f == nil || k.order.OnDemand {
		return
	}
	if err := guard(func() error { f(k.renewAt(rec)); return nil }); err != nil {
		k.log.Error("acme: Order.Scheduled", "err", err)
	}
}
