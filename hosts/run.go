package hosts

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Run keeps the certificates of the set fresh until ctx ends: it watches their files
// and has the issuer obtain and renew. A server calls it once, when it is listening;
// a second call is [ErrRunning]. It returns after everything that it started, nil or
// the error with which the issuer ended before its time, and at once if there is
// nothing to do.
func (s *Set) Run(ctx context.Context) error {
	if s.running.Swap(true) {
		return ErrRunning
	}
	var (
		wg  sync.WaitGroup
		err error
	)
	if s.b.opts.RecheckEvery > 0 && s.readsAgain() {
		wg.Go(func() { s.watch(ctx, s.b.opts.RecheckEvery) })
	}
	if orders := s.orders(); len(orders) > 0 {
		wg.Go(func() { err = s.issue(ctx, orders) })
	}
	wg.Wait()
	return err
}

// readsAgain says whether a host has a source.
func (s *Set) readsAgain() bool {
	for _, e := range s.entries {
		if e.identity != nil && e.identity.source != nil {
			return true
		}
	}
	return false
}

func (s *Set) issue(ctx context.Context, orders []Order) error {
	err := contain("Issuer.Run", func() error { return s.b.opts.Issuer.Run(ctx, orders) })
	if ctx.Err() != nil {
		return nil
	}
	err = errors.Join(ErrIssuer, err)
	for _, o := range orders {
		o.Failed(err)
	}
	return err
}

// orders are for the hosts with AutoOrder.
func (s *Set) orders() []Order {
	var list []Order
	for _, e := range s.entries {
		if e.identity != nil && e.host.AutoOrder {
			list = append(list, e.order(s.b))
		}
	}
	return list
}

func (e *Entry) order(b *builder) Order {
	o := Order{
		Host: e, Challenge: e.host.Challenge, OnDemand: e.host.OnDemand,
		Port: e.host.Port, TLSPort: e.host.TLSPort,
		Logger: b.log.With("host", e.host.Tag, "index", e.index),
	}
	for _, n := range e.names {
		o.Names = append(o.Names, n.String())
	}
	if id := e.identity; id != nil {
		o.Deliver = id.deliver
		o.Scheduled = func(at time.Time) { id.renewAt.Store(&at) }
		o.Failed = func(err error) {
			_ = id.lock(context.Background())
			defer id.unlock()
			id.failed("AutoOrder", err)
		}
	}
	return o
}

// ServeChallenge answers r if it is the check of an HTTP-01 challenge (RFC 8555
// section 8.3); false if it is not.
func (s *Set) ServeChallenge(w http.ResponseWriter, r *http.Request) bool {
	return s.b.opts.Issuer != nil && s.b.opts.Issuer.ServeChallenge(w, r)
}

// challenge is the configuration for the check of a TLS-ALPN-01 challenge (H-45), nil
// if hello is none: RFC 8737 section 3 wants the protocol to be the only one.
func (b *builder) challenge(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if b.opts.Issuer == nil || len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != ALPNChallenge {
		return nil, nil
	}
	var cert *tls.Certificate
	err := contain("Issuer.ChallengeCert", func() (err error) {
		cert, err = b.opts.Issuer.ChallengeCert(hello)
		return err
	})
	if err == nil && cert == nil {
		err = ErrNoCertificate
	}
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{*cert}, NextProtos: []string{ALPNChallenge},
		MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, Time: b.base.Time,
	}, nil
}
