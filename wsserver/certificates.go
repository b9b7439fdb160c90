package wsserver

import (
	"context"
	"errors"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/event"
)

// Hosts returns the enabled hosts in the order of Config.Hosts, with the status of their
// certificates; nil without hosts. The caller owns the slice.
func (s *Server[T]) Hosts() []*hosts.Entry {
	if s.hosts == nil {
		return nil
	}
	return s.hosts.Hosts()
}

// RecheckCerts loads every certificate whose files have changed and checks all of them,
// as the server does by itself, see Config.RecheckEvery (H-31). New handshakes have a
// new certificate at once, connections keep theirs; one that can not be loaded leaves
// the old one in use. Report.Changed tells whether any was replaced; the error joins
// those of the hosts. It is legal in every event, and does nothing without hosts.
func (s *Server[T]) RecheckCerts(ctx context.Context) (hosts.Report, error) {
	if s.hosts == nil {
		return hosts.Report{}, nil
	}
	return s.hosts.Recheck(ctx, false)
}

// ReloadCert reads the certificate of one host again, by its position in Config.Hosts, and
// with force also where nothing seems to have changed, or where the new one is for other
// names (H-32). It is legal in every event; without hosts the error is
// [hosts.ErrUnknownHost].
func (s *Server[T]) ReloadCert(ctx context.Context, index int, force bool) (hosts.HostReport, error) {
	if s.hosts == nil {
		return hosts.HostReport{}, hosts.ErrUnknownHost
	}
	return s.hosts.Reload(ctx, index, force)
}

// ValidateHosts says how every host and its certificate stand, and changes nothing (H-30).
// It is legal in every event, and does nothing without hosts.
func (s *Server[T]) ValidateHosts(ctx context.Context, o hosts.ValidateOptions) (hosts.Report, error) {
	if s.hosts == nil {
		return hosts.Report{}, nil
	}
	return s.hosts.Validate(ctx, o)
}

// renewLocked starts, once, what keeps the certificates of the hosts new until the
// server closes. An issuer must be reachable for its checks, so it does not begin
// before somebody listens.
func (s *core) renewLocked() {
	if s.hosts == nil || s.renewing {
		return
	}
	s.renewing = true
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		// The issuer is user code, and so may be the sources of certificates.
		err := event.Call(func() { s.hosts.Run(s.alive) })
		if p, ok := errors.AsType[*event.Panic](err); ok {
			s.panicked(PanicInfo{Event: "Issuer", Value: p.Value, Stack: p.Stack})
		}
	}()
}
