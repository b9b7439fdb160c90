package memnet

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// DefaultBuffer is how many unread bytes a connection holds in each direction
// when nothing else is said. A Write of more waits for the reader.
const DefaultBuffer = 64 << 10

// Conn is one end of a connection in memory. It is a [net.Conn]: all methods
// may be called at the same time, and bytes of concurrent writes do not mix.
//
// Its errors are those of a TCP connection: a [*net.OpError] that wraps
// [net.ErrClosed] after Close, [os.ErrDeadlineExceeded] after a deadline,
// ECONNRESET after a reset by the peer, EPIPE on writing to an end that is
// closed for reading, and plain [io.EOF] at the end of the stream.
type Conn struct {
	in, out       *flow
	local, remote *net.TCPAddr
	abortive      atomic.Bool // Close resets
	closed        atomic.Bool
}

// Pipe returns the two ends of a new connection. Each direction holds at most
// buffer unread bytes; zero or less means DefaultBuffer.
func Pipe(buffer int) (*Conn, *Conn) {
	return pair(nextPort(), nextPort(), buffer)
}

// pair connects two addresses.
func pair(a, b *net.TCPAddr, buffer int) (*Conn, *Conn) {
	if buffer <= 0 {
		buffer = DefaultBuffer
	}
	ab, ba := newFlow(buffer), newFlow(buffer)
	return &Conn{in: ba, out: ab, local: a, remote: b},
		&Conn{in: ab, out: ba, local: b, remote: a}
}

// Read reads what is there and waits only while there is nothing.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.opError("read", err)
}

// Write returns when the connection holds all of p, or with an error and the
// number of bytes that it took.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.opError("write", err)
}

// CloseWrite ends the outgoing stream: the peer reads what is buffered, then
// io.EOF. Reading goes on.
func (c *Conn) CloseWrite() error {
	return c.opError("close", c.out.end())
}

// SetLinger chooses what Close does: with 0 it resets the connection, with any
// other value, as at first, it ends it in order.
func (c *Conn) SetLinger(sec int) error {
	c.abortive.Store(sec == 0)
	return nil
}

// Close closes the connection. Blocked calls on this end return net.ErrClosed.
// The peer reads what is buffered and then io.EOF, or ECONNRESET when
// SetLinger(0) came before; its writes fail at once. A second Close does nothing
// and returns net.ErrClosed.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return c.opError("close", net.ErrClosed)
	}
	reset := c.abortive.Load()
	c.out.closeWrite(reset)
	c.in.closeRead(reset)
	return nil
}

// Buffered is the number of bytes that the peer has written and this end has
// not read.
func (c *Conn) Buffered() int { return c.in.buffered() }

// LocalAddr is a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline makes reads fail from t on, blocked ones too; the zero time
// means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.opError("set", c.in.setReadDeadline(t))
}

// SetWriteDeadline makes writes fail from t on, blocked ones too; the zero time
// means never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.opError("set", c.out.setWriteDeadline(t))
}

// opError dresses err as package net does; EOF stays bare.
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
