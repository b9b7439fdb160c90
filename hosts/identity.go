package hosts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/internal/event"
)

// loadTimeout bounds one reading of a source.
const loadTimeout = 30 * time.Second

// identity is what a host shows in TLS handshakes: one tls.Config for all its
// connections, so that sessions resume, and the certificate of the moment.
type identity struct {
	entry   *Entry
	b       *builder
	policy  *policy
	config  *tls.Config
	each    func(*tls.Config, *tls.ClientHelloInfo) *tls.Config // nil: all share config
	source  CertSource                                          // nil: the certificate is temporary, or comes from the issuer
	current atomic.Pointer[installed]                           // nil while there is none
	failure atomic.Pointer[HostError]                           // of the last attempt to replace it
	renewAt atomic.Pointer[time.Time]                           // when the issuer will; nil if it has not said

	// turn is held by who replaces the certificate; a channel, as sources may be slow.
	turn    chan struct{}
	version string     // of the source, as it was read
	doubt   bool       // reading failed once, and is tried again before it is told
	told    CertResult // what was logged last
	later   []func()   // events of the program, for when the turn is given back

	due     atomic.Int64 // when renewLocked has something to do, in Unix nanoseconds
	mu      sync.Mutex   // held by who renews, guards tickets
	tickets tickets
}

func newIdentity(b *builder, e *Entry, p *policy, source CertSource) *identity {
	id := &identity{entry: e, b: b, policy: p, source: source, turn: make(chan struct{}, 1)}
	id.config = b.base.Clone()
	p.apply(id.config, e)
	id.config.GetCertificate = id.certificate
	return id
}

// seal ends the making of the configuration: OnHostTLS had its say.
func (id *identity) seal() { id.each = id.policy.seal(id.config, id.entry) }

// certificate is the GetCertificate of the host.
func (id *identity) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	in := id.current.Load()
	if id.entry.host.OnDemand && (in == nil || in.temporary || !coversName(in, hello.ServerName)) {
		cert, err := id.demand(hello)
		if err == nil && cert != nil {
			return cert, nil
		}
		if in == nil {
			return nil, id.hostError("OnDemand", errors.Join(ErrNoCertificate, err))
		}
	}
	if in == nil {
		return nil, id.hostError("Cert", ErrNoCertificate)
	}
	c := in.forName(hello.ServerName)
	if c == in.cert && !in.staple.IsZero() {
		c = withoutStale(c, in.staple, id.b.now())
	}
	return c, nil
}

func coversName(in *installed, serverName string) bool {
	return in.forName(serverName).Leaf.VerifyHostname(serverName) == nil
}

func (id *identity) demand(hello *tls.ClientHelloInfo) (cert *tls.Certificate, err error) {
	err = contain("Issuer.DemandCert", func() error {
		cert, err = id.b.opts.Issuer.DemandCert(hello)
		return err
	})
	if err != nil || cert == nil {
		return nil, err
	}
	return cert, id.strong(cert)
}

// strong holds a certificate that was not delivered against the host's level: of its
// chain only the leaf, as this is done for each handshake.
func (id *identity) strong(cert *tls.Certificate) error {
	leaf := cert.Leaf
	if len(cert.Certificate) == 0 {
		return ErrNoCertificate
	}
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	return id.policy.checkChain([]*x509.Certificate{leaf})
}

// configuration returns the host's tls.Config, always the same one. Renewing
// rides on the handshakes, so that no goroutine and no timer is needed.
func (id *identity) configuration() *tls.Config {
	if now := id.b.now(); now.UnixNano() >= id.due.Load() && id.mu.TryLock() {
		defer id.mu.Unlock()
		id.renewLocked(now)
	}
	return id.config
}

// configurationFor returns what the connection of a hello uses.
func (id *identity) configurationFor(hello *tls.ClientHelloInfo) *tls.Config {
	c := id.configuration()
	if id.each != nil {
		c = id.each(c, hello)
	}
	return c
}

// renewLocked replaces what is old and sets the time for the next look.
func (id *identity) renewLocked(now time.Time) {
	next := now.Add(ticketRotation)
	if !id.config.SessionTicketsDisabled {
		next = id.tickets.rotate(id.config, now)
	}
	if in := id.current.Load(); in != nil && in.temporary {
		if at := id.renewTemporary(in, now); at.Before(next) {
			next = at
		}
	}
	id.due.Store(next.UnixNano())
}

// renewTemporary replaces a temporary certificate in its last day and says when
// the next one is due.
func (id *identity) renewTemporary(in *installed, now time.Time) time.Time {
	if at := in.cert.Leaf.NotAfter.Add(-temporaryRenew); now.Before(at) {
		return at
	}
	next, err := id.makeTemporary(now)
	if err != nil {
		id.b.log.Error("hosts: renewing a temporary certificate", "err", err)
		return now.Add(time.Hour)
	}
	if id.current.CompareAndSwap(in, next) { // else a real one came meanwhile
		id.warn("temporary self-signed certificate renewed, no client trusts it",
			"names", id.entry.Names(), "until", next.cert.Leaf.NotAfter)
	}
	return next.cert.Leaf.NotAfter.Add(-temporaryRenew)
}

// makeTemporary is for all names and bind addresses of the host.
func (id *identity) makeTemporary(now time.Time) (*installed, error) {
	names := append([]name(nil), id.entry.names...)
	for _, b := range id.entry.binds {
		if b.ip.IsValid() && !b.ip.IsUnspecified() {
			names = append(names, name{kind: literal, ip: b.ip.WithZone("")})
		}
	}
	cert, err := selfSigned(now, names, id.policy.keyCurve())
	if err != nil {
		return nil, err
	}
	in := &installed{cert: &cert, temporary: true, from: "temporary", loaded: now, concern: ErrTemporary}
	in.chain = append(in.chain, cert.Leaf)
	return in, nil
}

// read asks the source and examines what it has. The caller has the turn.
func (id *identity) read(ctx context.Context) (in *installed, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	version = id.source.Version() // before Load: what changes meanwhile is read again
	cert, notes, err := loadFrom(ctx, id.source, id.b.now())
	if err == nil {
		in, err = id.admit(cert, notes)
	}
	if err != nil {
		return nil, version, err
	}
	in.from, in.modTime = id.source.String(), modTimeOf(id.source)
	return in, version, nil
}

// hostError makes a *HostError of err, with the field that it names itself if it
// does.
func (id *identity) hostError(field string, err error) *HostError {
	if f, ok := errors.AsType[*fieldError](err); ok {
		field, err = f.field, f.err
	}
	return &HostError{id.entry.index, id.entry.host.Tag, field, err}
}

func (id *identity) warn(msg string, args ...any) {
	id.b.log.Warn("hosts: "+msg, append([]any{"host", id.entry.host.Tag, "index", id.entry.index}, args...)...)
}

// contain runs code of the program; a panic of it is a [*PanicError].
func contain(name string, f func() error) (err error) {
	panicked := event.Call(func() { err = f() })
	if p, ok := errors.AsType[*event.Panic](panicked); ok {
		return &PanicError{Func: name, Value: p.Value, Stack: p.Stack}
	}
	return errors.Join(panicked, err)
}
