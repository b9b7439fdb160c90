package hosts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ValidateOptions are for [Set.Validate].
type ValidateOptions struct {
	// StopOnFirst ends at the first host that failed.
	StopOnFirst bool
	// AllowSelfSigned takes a self-signed certificate as good, whatever
	// Options.AllowSelfSigned says.
	AllowSelfSigned bool
}

// Validate says how the hosts stand now, without reading anything again (H-30). The
// error joins a [*HostError] for each host whose status is [CertFail] and, unless no host
// has a port, what is wrong with the addresses, see [Set.Addresses]. It ends with ctx.
func (s *Set) Validate(ctx context.Context, o ValidateOptions) (Report, error) {
	var (
		report Report
		errs   []error
	)
	for _, e := range s.entries {
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		st := e.Status()
		if o.AllowSelfSigned && st.Result == CertWarn && onlySelfSigned(st.Err) {
			st.Result, st.Err = CertOK, nil
		}
		r := HostReport{Index: e.index, Tag: e.host.Tag, Status: st}
		if st.Result == CertFail {
			r.Err = st.Err
			if _, ok := errors.AsType[*HostError](st.Err); !ok {
				r.Err = e.identity.hostError("Cert", st.Err)
			}
			errs = append(errs, r.Err)
		}
		report.Hosts = append(report.Hosts, r)
		if r.Err != nil && o.StopOnFirst {
			break
		}
	}
	if slices.ContainsFunc(s.entries, func(e *Entry) bool { return len(e.wishes()) > 0 }) {
		errs = append(errs, s.addrErr)
	}
	return report, errors.Join(errs...)
}

// onlySelfSigned looks into what status joined.
func onlySelfSigned(err error) bool {
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return errors.Is(err, ErrSelfSigned)
	}
	return !slices.ContainsFunc(all.Unwrap(), func(e error) bool { return !errors.Is(e, ErrSelfSigned) })
}

// Recheck reads the sources that changed, all of them with force, and puts what they
// have in use for new handshakes; connections that are open do not notice (H-31).
// What can not be used never replaces anything: not loadable, not valid now, below
// the host's level and, unless forced, not for the host's first name where the one in
// use is. The error joins the [*HostError] of each host where that happened. Hosts
// that an issuer has delivered to are left to it.
func (s *Set) Recheck(ctx context.Context, force bool) (Report, error) {
	return s.recheck(ctx, force, false)
}

// Reload is [Set.Recheck] for the host with this position in the slice given to New
// (H-32). The error is [ErrUnknownHost] if there is no such enabled host.
func (s *Set) Reload(ctx context.Context, index int, force bool) (HostReport, error) {
	for _, e := range s.entries {
		if e.index == index {
			r := e.recheck(ctx, force, false)
			return r, r.Err
		}
	}
	return HostReport{}, fmt.Errorf("%w: index %d", ErrUnknownHost, index)
}

// recheck with patience gives a source that fails for the first time another try
// before it tells: files of a pair are replaced one after the other.
func (s *Set) recheck(ctx context.Context, force, patient bool) (Report, error) {
	var (
		report Report
		errs   []error
	)
	for _, e := range s.entries {
		if ctx.Err() != nil {
			return report, errors.Join(append(errs, context.Cause(ctx))...)
		}
		r := e.recheck(ctx, force, patient)
		if r.Err != nil {
			errs = append(errs, r.Err)
		}
		report.Hosts = append(report.Hosts, r)
	}
	return report, errors.Join(errs...)
}

func (e *Entry) recheck(ctx context.Context, force, patient bool) HostReport {
	r := HostReport{Index: e.index, Tag: e.host.Tag}
	if id := e.identity; id != nil {
		r.New, r.Err = id.recheck(ctx, force, patient)
		r.Status = id.status()
	}
	return r
}

// lock takes the turn to replace the certificate.
func (id *identity) lock(ctx context.Context) error {
	select {
	case id.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unlock gives the turn back and then tells the program what happened, so that it may
// recheck in its events.
func (id *identity) unlock() {
	later := id.later
	id.later = nil
	<-id.turn
	for _, event := range later {
		event()
	}
}

// errAgain asks for another try soon.
var errAgain = errors.New("try again")

func (id *identity) recheck(ctx context.Context, force, patient bool) (replaced bool, err error) {
	if err := id.lock(ctx); err != nil {
		return false, id.hostError("Cert", err)
	}
	defer id.unlock()
	defer id.tell()
	now := id.current.Load()
	if id.source == nil || now != nil && now.delivered || !force && !id.changed() {
		return false, nil
	}
	in, version, err := id.read(ctx)
	if err == nil && !force {
		err = id.worse(now, in)
	}
	if err != nil {
		if id.doubt = patient && !id.doubt; id.doubt {
			return false, errAgain
		}
		return false, id.failed("Cert", err)
	}
	id.version, id.doubt = version, false
	if f := id.failure.Load(); f != nil && (f.Field != "AutoOrder" || !in.same(now)) {
		id.failure.Store(nil)
	}
	if in.same(now) {
		return false, nil
	}
	id.install(in)
	return true, nil
}

// changed says whether the source may have something new; one that failed is read
// again each time.
func (id *identity) changed() bool {
	if f := id.failure.Load(); f != nil && f.Field != "AutoOrder" || id.doubt {
		return true
	}
	return id.source.Version() != id.version
}

// worse refuses a certificate of somebody else that was put in the place of the
// right one.
func (id *identity) worse(now, next *installed) error {
	first := id.entry.names[0]
	if now != nil && !now.temporary && covers(now.cert.Leaf, first) && !covers(next.cert.Leaf, first) {
		return fmt.Errorf("%w %s: the certificate of %s stays", ErrCoverage, first, now.loaded.UTC().Format(time.RFC3339))
	}
	return nil
}

// install puts in into use and tells of it. The caller has the turn.
func (id *identity) install(in *installed) {
	id.current.Store(in)
	id.b.log.Info("hosts: new certificate in use", "host", id.entry.host.Tag, "index", id.entry.index,
		"subject", in.cert.Leaf.Subject.String(), "until", in.cert.Leaf.NotAfter, "from", in.from)
	if f := id.b.opts.OnNewCert; f != nil {
		st := id.status()
		id.later = append(id.later, func() { id.call("OnNewCert", func() { f(id.entry, st) }) })
	}
}

// failed keeps and tells why a certificate was not replaced. The caller has the turn.
func (id *identity) failed(field string, err error) *HostError {
	e := id.hostError(field, err)
	before := id.failure.Swap(e)
	if before == nil || before.Error() != e.Error() {
		id.b.log.Error("hosts: certificate not replaced", "host", e.Tag, "index", e.Index, "err", e)
		if f := id.b.opts.OnCertError; f != nil {
			id.later = append(id.later, func() { id.call("OnCertError", func() { f(id.entry, e) }) })
		}
	}
	return e
}

func (id *identity) call(what string, f func()) {
	if err := contain(what, func() error { f(); return nil }); err != nil {
		id.b.log.Error("hosts: "+what, "err", err)
	}
}

// deliver takes a certificate of the issuer: it is for those names of the host that
// it covers, and the host's main one if it covers the first.
func (id *identity) deliver(c *tls.Certificate) error {
	_ = id.lock(context.Background()) // short, as loading is bounded
	defer id.unlock()
	in, err := id.examine(c)
	if err != nil {
		return id.hostError("AutoOrder", err) // which the issuer reports, or mends
	}
	now := id.current.Load()
	first := id.entry.names[0]
	in.delivered, in.from = true, "issuer"
	in.byName = make(map[string]*tls.Certificate)
	if now != nil && now.delivered {
		for n, c := range now.byName {
			in.byName[n] = c
		}
	}
	for _, n := range id.entry.names {
		if n.kind != catchAll && covers(in.cert.Leaf, n) {
			in.byName[n.String()] = in.cert
		}
	}
	if now != nil && !now.temporary && covers(now.cert.Leaf, first) && !covers(in.cert.Leaf, first) {
		if !slices.ContainsFunc(id.entry.names, func(n name) bool { return covers(in.cert.Leaf, n) }) {
			return id.hostError("AutoOrder", ErrCoverage)
		}
		more := *now // its main certificate stays
		more.byName, more.delivered = in.byName, true
		in = &more
	} else {
		id.renewAt.Store(nil) // the issuer says it anew
	}
	id.failure.Store(nil)
	id.install(in)
	return nil
}

// tell logs a status that has become worse or better with time. The caller has the
// turn.
func (id *identity) tell() {
	st := id.status()
	if st.Result == id.told {
		return
	}
	id.told = st.Result
	switch {
	case st.Result == CertWarn || st.Result == CertFail:
		id.warn("certificate", "result", st.Result.String(), "until", st.NotAfter, "err", st.Err)
	case st.Result == CertOK:
		id.b.log.Info("hosts: certificate is good", "host", id.entry.host.Tag, "index", id.entry.index, "until", st.NotAfter)
	}
}
