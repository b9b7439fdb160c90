package multilisten

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Defaults and bounds of a [ProxyPolicy].
const (
	proxyTimeout   = 5 * time.Second
	proxyMaxHeader = 4096
	proxyV1Max     = 107              // with its CR LF
	proxyV2Max     = 16 + (1<<16 - 1) // what the length field can say
)

// ProxyPolicy says from which peers a PROXY protocol header is taken, of version 1 or
// 2: the proxy in front sends it before anything else and says in it where the client
// really is (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt).
//
// A peer that is not trusted has no header read: if it sends one, those bytes are
// part of its request, which they spoil.
type ProxyPolicy struct {
	// Trusted are the addresses of the proxies. A TCP binding needs at least one. An
	// IPv4 address that came over an IPv6 socket is an IPv4 address here, zones are
	// ignored. Whoever can connect to a Unix socket is trusted on it: its Mode is
	// what says who.
	Trusted []netip.Prefix

	// Require refuses trusted peers that send no header. Otherwise they are clients
	// of their own, such as a health check without PROXY protocol.
	Require bool

	// Timeout bounds the wait for the header, from the first call that needs it. Zero
	// means 5 s. Negative is an error.
	Timeout time.Duration

	// MaxHeader is the size of the largest header in bytes. Zero means 4096; the
	// protocol allows 65551. Version 1 never has more than 107.
	MaxHeader int
}

// check is about the fields alone; tcp wants trusted prefixes. The error is a
// *FieldError.
func (p *ProxyPolicy) check(tcp bool) error {
	for _, t := range p.Trusted {
		switch {
		case !t.IsValid():
			return &FieldError{Field: "Proxy.Trusted", Err: errors.New("an invalid prefix")}
		case t.Addr().Is4In6():
			return &FieldError{Field: "Proxy.Trusted", Err: fmt.Errorf("write %v as a prefix of IPv4", t)}
		}
	}
	switch {
	case tcp && len(p.Trusted) == 0:
		return &FieldError{Field: "Proxy.Trusted", Err: errNotSet}
	case p.Timeout < 0:
		return &FieldError{Field: "Proxy.Timeout", Err: fmt.Errorf("%v is negative", p.Timeout)}
	case p.MaxHeader < 0 || p.MaxHeader > proxyV2Max:
		return &FieldError{Field: "Proxy.MaxHeader", Err: fmt.Errorf("%d is not from 0 to %d", p.MaxHeader, proxyV2Max)}
	}
	return nil
}

// clone is what Open keeps: no later change of p reaches it.
func (p *ProxyPolicy) clone() *ProxyPolicy {
	if p == nil {
		return nil
	}
	c := *p
	c.Trusted = slices.Clone(p.Trusted)
	if c.Timeout == 0 {
		c.Timeout = proxyTimeout
	}
	if c.MaxHeader == 0 {
		c.MaxHeader = proxyMaxHeader
	}
	return &c
}

// trusts reports whether headers of a peer count.
func (p *ProxyPolicy) trusts(peer net.Addr) bool {
	switch a := peer.(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		ip := a.AddrPort().Addr().Unmap().WithZone("")
		return slices.ContainsFunc(p.Trusted, func(t netip.Prefix) bool { return t.Contains(ip) })
	}
	return false
}

// wrap returns c, or a *ProxyConn around it if its peer is trusted. It reads nothing.
func (p *ProxyPolicy) wrap(c net.Conn) net.Conn {
	if p == nil || !p.trusts(c.RemoteAddr()) {
		return c
	}
	return &ProxyConn{conn: c, policy: p, done: make(chan struct{})}
}

// Listener returns a listener whose trusted connections are [*ProxyConn], for a
// listener that is no binding; a [Binding] has its field Proxy. The error is a
// [*FieldError].
func (p *ProxyPolicy) Listener(l net.Listener) (net.Listener, error) {
	_, unix := l.Addr().(*net.UnixAddr)
	if err := p.check(!unix); err != nil {
		return nil, fmt.Errorf("multilisten: %w", err)
	}
	return &proxyListener{Listener: l, policy: p.clone()}, nil
}

type proxyListener struct {
	net.Listener
	policy *ProxyPolicy
}

// Accept waits for the next connection, not for its header.
func (l *proxyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.policy.wrap(c), nil
}
