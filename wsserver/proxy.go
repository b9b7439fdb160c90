package wsserver

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/icsws/icsws/multilisten"
)

// below is the connection under a PROXY header that was not read yet, whose addresses
// nobody has to wait for.
func below(conn net.Conn) net.Conn {
	if p, ok := conn.(*multilisten.ProxyConn); ok {
		return p.NetConn()
	}
	return conn
}

// proxied reads the PROXY header of a connection, where its binding wants one: the client
// is whom it names. Without one that is allowed to be missing it is the peer. False means
// that the connection was refused.
func (s *core) proxied(a *arrival) bool {
	p, ok := a.conn.(*multilisten.ProxyConn)
	if !ok {
		return true
	}
	ctx, cancel := context.Background(), func() {}
	if !a.deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, a.deadline)
	}
	defer cancel()
	if err := p.Handshake(ctx); err != nil {
		s.refusedProxy(a, err)
		return false
	}
	a.remote, a.local = addrPort(p.RemoteAddr()), addrPort(p.LocalAddr())
	if p.Buffered() == 0 { // else the first bytes of the request are still in it
		s.mu.Lock()
		a.conn, a.raw = p.NetConn(), p.NetConn()
		s.mu.Unlock()
	}
	return true
}

// refusedProxy reports a bad header. There is nobody to answer who would understand.
func (s *core) refusedProxy(a *arrival, err error) {
	info := s.rejection(a, ReasonProxy, 0, "bad PROXY header")
	info.Setting, info.Err = "Bindings.Proxy", err
	switch {
	case s.isClosing():
		info.Reason = ReasonShutdown
	case errors.Is(err, io.EOF): // such as the check of a balancer
		info.Reason, info.Text = ReasonTimeout, "no PROXY header"
	}
	s.reject(info)
}
