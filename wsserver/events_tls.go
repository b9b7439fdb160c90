package wsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/event"
)

// TLSPhase is how far a TLS handshake has come.
type TLSPhase uint8

// The phases. Each TLSStart is followed by a TLSDone or a TLSFailed.
const (
	TLSStart  TLSPhase = iota // the connection is accepted
	TLSHello                  // the client has said what it wants; not where TLS was set up elsewhere
	TLSDone                   // TLSStatus.State is set
	TLSFailed                 // TLSStatus.Err is set; an OnReject with ReasonTLS follows
)

var tlsPhaseNames = [...]string{"start", "hello", "done", "failed"}

// String returns the phase in a word.
func (p TLSPhase) String() string {
	if int(p) < len(tlsPhaseNames) {
		return tlsPhaseNames[p]
	}
	return fmt.Sprintf("phase(%d)", uint8(p))
}

// TLSStatus is the progress of one TLS handshake.
type TLSStatus struct {
	Phase   TLSPhase
	Remote  netip.AddrPort
	Local   netip.AddrPort
	Binding string
	// ServerName is what the client asked for (RFC 6066 section 3), and HostTag the tag of
	// the host whose certificate it is shown. Both are known from TLSHello on.
	ServerName, HostTag string
	State               *tls.ConnectionState // must not be changed
	Err                 error
}

// sighting is a handshake whose progress somebody wants to know. It travels in the
// context of the handshake, as the configuration is that of many.
type sighting struct {
	s      *core
	view   *hosts.View
	status TLSStatus
}

type sightingKey struct{}

// sight begins to tell of a handshake; nil if nobody wants to know.
func (s *core) sight(ctx context.Context, a *arrival) (context.Context, *sighting) {
	if s.cfg.Events.OnTLSStatus == nil {
		return ctx, nil
	}
	t := &sighting{s: s, view: a.view, status: TLSStatus{Remote: a.remote, Local: a.local, Binding: a.binding}}
	t.tell(TLSStart)
	return context.WithValue(ctx, sightingKey{}, t), t
}

func (t *sighting) tell(p TLSPhase) {
	t.status.Phase = p
	told := t.status
	t.s.user("OnTLSStatus", func() { t.s.cfg.Events.OnTLSStatus(told) })
}

// named notes what the client asked for.
func (t *sighting) named(serverName string) {
	t.status.ServerName = serverName
	if t.view == nil {
		return
	}
	if e := shown(t.view, serverName); e != nil {
		t.status.HostTag = e.Tag()
	}
}

// ended tells how a handshake ended. t may be nil.
func (t *sighting) ended(state *tls.ConnectionState, err error) {
	if t == nil {
		return
	}
	if t.status.Err = err; err != nil {
		t.tell(TLSFailed)
		return
	}
	if t.status.Phase == TLSStart { // nobody of ours has seen the hello
		t.named(state.ServerName)
	}
	t.status.State = state
	t.tell(TLSDone)
}

// announced is c with the events of a hello before its own look-up, c itself without
// them. view is nil without hosts.
func (s *core) announced(c *tls.Config, view *hosts.View) *tls.Config {
	e := &s.cfg.Events
	if e.OnTLSHello == nil && e.OnTLSStatus == nil {
		return c
	}
	look := c.GetConfigForClient
	c = c.Clone()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if t, ok := hello.Context().Value(sightingKey{}).(*sighting); ok {
			t.named(hello.ServerName)
			t.tell(TLSHello)
		}
		if e.OnTLSHello != nil && !s.checks(hello) {
			switch chosen, err := s.onTLSHello(hello); {
			case err != nil:
				return nil, err
			case chosen != nil && view != nil:
				return shown(view, hello.ServerName).Under(chosen, hello)
			case chosen != nil:
				return hosts.Within(c, chosen), nil
			}
		}
		if look == nil {
			return nil, nil
		}
		return look(hello)
	}
	return c
}

// checks reports whether a hello is that of a TLS-ALPN-01 check for our issuer.
func (s *core) checks(hello *tls.ClientHelloInfo) bool {
	return s.cfg.Issuer != nil && len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == hosts.ALPNChallenge
}

func (s *core) onTLSHello(hello *tls.ClientHelloInfo) (c *tls.Config, err error) {
	err = event.Do(event.Func(func() (err error) {
		c, err = s.cfg.Events.OnTLSHello(hello)
		return err
	}))
	if p, ok := errors.AsType[*event.Panic](err); ok {
		s.panicked(PanicInfo{Event: "OnTLSHello", Value: p.Value, Stack: p.Stack})
		err = &client.PanicError{Event: "OnTLSHello", Value: p.Value, Stack: p.Stack} // it is told
	}
	return c, err
}

// onClientAuth is Events.OnTLSClientAuth for package hosts. Who panics accepts nobody.
func (s *core) onClientAuth() func(*hosts.ClientAuth) {
	f := s.cfg.Events.OnTLSClientAuth
	if f == nil {
		return nil
	}
	return func(a *hosts.ClientAuth) {
		returned := false
		defer func() { a.Accept = a.Accept && returned }()
		s.user("OnTLSClientAuth", func() { f(a); returned = true })
	}
}

// errHostTLS ends the handshakes of a host whose OnHostTLS did not come to its end.
var errHostTLS = errors.New("wsserver: OnHostTLS panicked")

// onHostTLS is Config.OnHostTLS for package hosts. What it wanted to demand is not known
// when it panics, so nobody is let in.
func (s *core) onHostTLS() func(*hosts.Entry, *tls.Config) {
	f := s.cfg.OnHostTLS
	if f == nil {
		return nil
	}
	return func(h *hosts.Entry, c *tls.Config) {
		returned := false
		s.user("OnHostTLS", func() { f(h, c); returned = true })
		if !returned {
			c.VerifyConnection = func(tls.ConnectionState) error { return errHostTLS }
		}
	}
}

// onNewCert is Events.OnNewCert for package hosts.
func (s *core) onNewCert() func(*hosts.Entry, hosts.CertStatus) {
	f := s.cfg.Events.OnNewCert
	if f == nil {
		return nil
	}
	return func(h *hosts.Entry, st hosts.CertStatus) {
		s.user("OnNewCert", func() { f(h, st) })
	}
}

// onCertError reports a certificate that could not be loaded or obtained.
func (s *core) onCertError(_ *hosts.Entry, err error) { s.fault("certificate", "", err) }
