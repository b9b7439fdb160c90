package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// wire is the byte stream below a Conn. fill and read belong to the reader;
// tryWrite, write and holds to whoever has Conn.writing or Conn.draining.
type wire interface {
	attach(c *Conn)
	// fill reads at least one byte into the input buffer, or fails. Before it waits
	// it calls c.idle, and it waits without a borrowed buffer if that is empty.
	fill(c *Conn) (int, error)
	// read is fill into p.
	read(c *Conn, p []byte) (int, error)
	// tryWrite writes what goes of x, y and z without waiting. blocked tells that
	// write has to be called, for the rest or for what holds reports.
	tryWrite(x, y, z []byte) (n int, blocked bool, err error)
	// write writes p and what is held, waiting up to stall without progress.
	write(p []byte, stall time.Duration) error
	// wake has a fill or read that waits, or the next one, return errWoken. It may be
	// called at any time.
	wake()
	// holds reports whether taken bytes are still on their way to the kernel.
	holds() bool
	// closeWrite ends our side of the stream, with a TLS alert if there is TLS.
	closeWrite() error
	// finish is closeWrite and drop in one.
	finish()
	// discard reads and drops until the end of input, the deadline or max bytes.
	discard(deadline time.Time, max int64)
	// drop closes the connection; with reset the peer gets no orderly end. It may be
	// called at any time, more than once, and may wait for fill to return.
	drop(reset bool)
}

// errWoken says that nothing came: the reader is wanted for something else. crypto/tls
// takes it for temporary.
var errWoken error = temporaryError("transport: woken")

type temporaryError string

func (e temporaryError) Error() string { return string(e) }
func (temporaryError) Timeout() bool   { return true }
func (temporaryError) Temporary() bool { return true }

// longAgo is the read deadline that wakes a reader. No other one is set while it reads.
var longAgo = time.Unix(1, 0)

// woken turns the error of a read that was woken into errWoken, and lets the next one wait.
func woken(conn net.Conn, err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	_ = conn.SetReadDeadline(time.Time{})
	return errWoken
}

// Wire is an open connection, ready for [Conn.Init].
type Wire struct{ wire }

// NewWire returns the wire over an open connection: a socket, a [TLS] of ours
// after its handshake, or any net.Conn.
func NewWire(conn net.Conn) Wire {
	if t, ok := conn.(*TLS); ok {
		return Wire{&tlsWire{conn: t}}
	}
	if w := newSocketWire(conn); w != nil {
		return Wire{w}
	}
	return Wire{&netWire{conn: conn}}
}

// fillTiny reads into the input buffer of c from a stream that can not wait
// without a buffer: an empty input waits with the few bytes in c.
func fillTiny(c *Conn, r io.Reader) (int, error) {
	in := c.in
	tiny := in.tiny[:]
	if in.pieces != nil {
		tiny = in.pieces.tiny[:]
	}
	if in.r < in.w || in.midFrame() {
		n, err := r.Read(c.space())
		in.w += max(n, 0)
		return n, err
	}
	c.release()
	n, err := r.Read(tiny)
	if n > 0 {
		in.w += copy(c.space(), tiny[:n])
	}
	return n, err
}

// dropConn closes conn, with a reset if that is wanted and possible.
func dropConn(conn net.Conn, reset bool) {
	if l, ok := conn.(interface{ SetLinger(int) error }); ok && reset {
		_ = l.SetLinger(0)
	}
	_ = conn.Close()
}

// discardFrom reads conn until its end, the deadline or max bytes.
func discardFrom(conn net.Conn, deadline time.Time, max int64) {
	_ = conn.SetReadDeadline(deadline)
	b := getInput(false)
	defer putInput(b)
	for again := true; max > 0; {
		n, err := conn.Read(*b)
		if err != nil && again && errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(deadline) {
			again = false // a late call to doze has moved the deadline
			_ = conn.SetReadDeadline(deadline)
			continue
		}
		if err != nil {
			return
		}
		max -= int64(n)
	}
}

func closeWrite(conn net.Conn) error {
	if w, ok := conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// netWire is the wire over any net.Conn: pipes, a tls.Conn of somebody else,
// sockets where there is no non-blocking write. Writing may block, so all of it is
// done by the drainer.
type netWire struct{ conn net.Conn }

func (w *netWire) attach(*Conn) {}

func (w *netWire) fill(c *Conn) (int, error) {
	c.idle()
	n, err := fillTiny(c, w.conn)
	return n, woken(w.conn, err)
}

func (w *netWire) read(c *Conn, p []byte) (int, error) {
	c.idle()
	n, err := w.conn.Read(p)
	return n, woken(w.conn, err)
}

func (w *netWire) wake() { _ = w.conn.SetReadDeadline(longAgo) }

func (w *netWire) tryWrite(_, _, _ []byte) (int, bool, error) { return 0, true, nil }

func (w *netWire) write(p []byte, stall time.Duration) error {
	for len(p) > 0 {
		n := len(p)
		if _, ok := w.conn.(*tls.Conn); ok {
			n = min(n, foreignRecord)
		}
		if err := writeWaiting(w.conn, p[:n], stall); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// foreignRecord is what a peer behind a tls.Conn of somebody else has to take within
// the write timeout: such a connection does not recover from a deadline, nor does it
// tell what it wrote until then.
const foreignRecord = 2 << 10

func (w *netWire) holds() bool { return false }

func (w *netWire) closeWrite() error { return closeWrite(w.conn) }

func (w *netWire) finish() {
	if t, ok := w.conn.(*tls.Conn); ok {
		_ = t.CloseWrite()
	}
	w.drop(false)
}

func (w *netWire) discard(deadline time.Time, max int64) {
	if _, ok := w.conn.(interface{ CloseWrite() error }); ok {
		discardFrom(w.conn, deadline, max)
	}
}

func (w *netWire) drop(reset bool) {
	conn := w.conn
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // tls.Conn.Close would wait to send its alert
	}
	dropConn(conn, reset)
}
