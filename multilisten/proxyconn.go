package multilisten

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// ProxyConn is a connection of a peer that is trusted to send a PROXY header. Accept
// returns it before a byte of the header is there, so that a slow proxy stops nobody.
//
// The header is read by [ProxyConn.Handshake], or else by the first Read, RemoteAddr
// or LocalAddr, which then wait for it; so call Handshake on the connection's own
// goroutine before anything asks for an address. No byte behind the header is read
// with it: afterwards NetConn may be used in place of the ProxyConn, unless Buffered
// says that bytes which were no header are still to be read.
//
// All methods may be called concurrently.
type ProxyConn struct {
	conn   net.Conn
	policy *ProxyPolicy
	done   chan struct{} // closed when the header was read, or was not to be had
	header *ProxyHeader  // final once done is closed, as is err
	err    error         //

	mu       sync.Mutex // guards the following
	begun    bool
	expired  error     // why the wait for the header was cut short
	deadline time.Time // for reading, as the user has set it
	rest     []byte    // read, and no header
}

var _ net.Conn = (*ProxyConn)(nil)

// ErrNoProxyHeader is in the error of a trusted peer that sent something else although
// the policy requires a header.
var ErrNoProxyHeader = errors.New("no PROXY header")

// ErrProxyHeader is in the error of a header that breaks the rules of the protocol, or
// is longer than MaxHeader.
var ErrProxyHeader = errors.New("bad PROXY header")

// ProxyError says why the header of a trusted peer could not be had. It unwraps to
// [ErrNoProxyHeader], [ErrProxyHeader], io.EOF if the peer left without a byte, as some
// health checks do, os.ErrDeadlineExceeded, or what the network said. The connection
// is of no further use; close it.
type ProxyError struct {
	Peer net.Addr // the trusted peer, not the client behind it
	Err  error
}

// Error names the peer.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("multilisten: PROXY header of %v: %v", e.Peer, e.Err)
}

// Unwrap returns Err.
func (e *ProxyError) Unwrap() error { return e.Err }

// Timeout reports whether the header did not come in time.
func (e *ProxyError) Timeout() bool {
	return errors.Is(e.Err, os.ErrDeadlineExceeded) || errors.Is(e.Err, context.DeadlineExceeded)
}

// Handshake reads the header, bounded by ctx and by ProxyPolicy.Timeout. If it was
// read already, or is being read, it waits for that and returns the same. The error is
// a [*ProxyError], or that of ctx if another call reads. A read deadline that was set
// before counts, and holds again afterwards.
func (c *ProxyConn) Handshake(ctx context.Context) error {
	c.mu.Lock()
	mine := !c.begun
	c.begun = true
	c.mu.Unlock()
	if mine {
		c.receive(ctx)
	}
	select {
	case <-c.done:
		return c.err
	default:
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// receive is run once.
func (c *ProxyConn) receive(ctx context.Context) {
	late := fmt.Errorf("none within %v: %w", c.policy.Timeout, os.ErrDeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, c.policy.Timeout, late)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.expire(context.Cause(ctx)) })
	header, rest, err := readProxyHeader(c.conn, c.policy)
	stop()

	c.mu.Lock()
	if c.expired != nil {
		_ = c.conn.SetReadDeadline(c.deadline)
		if err != nil {
			err = c.expired
		}
	}
	c.rest = rest
	c.header = header
	if err != nil {
		c.err = &ProxyError{Peer: c.conn.RemoteAddr(), Err: err}
	}
	close(c.done)
	c.mu.Unlock()
}

// longAgo is the deadline that ends what waits.
var longAgo = time.Unix(1, 0)

// expire ends the wait for the header.
func (c *ProxyConn) expire(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.receivedLocked() {
		c.expired = why
		_ = c.conn.SetReadDeadline(longAgo)
	}
}

func (c *ProxyConn) receivedLocked() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// readProxyHeader reads a header and no byte more. With nil for header and error the
// peer sent none, and the bytes are what it sent instead.
func readProxyHeader(r io.Reader, p *ProxyPolicy) (*ProxyHeader, []byte, error) {
	var b []byte
	for {
		n, err := proxyNeeds(b, p.MaxHeader)
		switch {
		case errors.Is(err, ErrNoProxyHeader) && !p.Require:
			return nil, b, nil
		case err != nil:
			return nil, nil, err
		case n == 0:
			h, err := parseProxyHeader(b)
			if err != nil {
				return nil, nil, err
			}
			return h, nil, nil
		}
		b = slices.Grow(b, n)
		m, err := r.Read(b[len(b) : len(b)+n])
		if b = b[:len(b)+m]; m > 0 || err == nil {
			continue
		}
		if err == io.EOF && len(b) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, nil, err
	}
}

// Header returns the header, after [ProxyConn.Handshake]. It is nil before, and if the
// peer sent none. It must not be changed.
func (c *ProxyConn) Header() *ProxyHeader {
	select {
	case <-c.done:
		return c.header
	default:
		return nil
	}
}

// Buffered returns how many bytes were read that belong to no header and that Read has
// not yet returned: at most 15, and only for peers that need not send one. While there
// are any, nobody may read from NetConn.
func (c *ProxyConn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.rest)
}

// NetConn returns the connection as it was accepted, such as a *net.TCPConn.
func (c *ProxyConn) NetConn() net.Conn { return c.conn }

// SyscallConn gives access to the socket, for options too: its Control may be used at
// any time, its Read only once the handshake is over and nothing is Buffered. It is
// errors.ErrUnsupported if NetConn has no socket.
func (c *ProxyConn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return s.SyscallConn()
}

// RemoteAddr returns where the client is: the source address of the header if there is
// one, else the peer. It waits for the header.
func (c *ProxyConn) RemoteAddr() net.Addr {
	if c.Handshake(context.Background()) == nil && c.header != nil && c.header.Source != nil {
		return c.header.Source
	}
	return c.conn.RemoteAddr()
}

// LocalAddr returns where the client connected to: the destination address of the
// header if there is one, else the address of the socket. It waits for the header.
func (c *ProxyConn) LocalAddr() net.Addr {
	if c.Handshake(context.Background()) == nil && c.header != nil && c.header.Destination != nil {
		return c.header.Destination
	}
	return c.conn.LocalAddr()
}

// Read reads what follows the header. It waits for the header, and returns its error.
func (c *ProxyConn) Read(p []byte) (int, error) {
	if err := c.Handshake(context.Background()); err != nil {
		return 0, err
	}
	c.mu.Lock()
	n := copy(p, c.rest)
	if c.rest = c.rest[n:]; len(c.rest) == 0 {
		c.rest = nil
	}
	c.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	return c.conn.Read(p)
}

// Write writes. It does not wait for the header.
func (c *ProxyConn) Write(p []byte) (int, error) { return c.conn.Write(p) }

// Close closes the connection; a wait for the header ends.
func (c *ProxyConn) Close() error { return c.conn.Close() }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *ProxyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets the deadline of Read. It bounds the wait for the header as well.
func (c *ProxyConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.expired != nil && !c.receivedLocked() {
		return nil // receive sets it
	}
	return c.conn.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of Write.
func (c *ProxyConn) SetWriteDeadline(t time.Time) error { return c.conn.SetWriteDeadline(t) }
