package transport

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// TLS is a server-side TLS connection whose ciphertext never blocks a sender:
// what the kernel does not take at once is held below the records, and no new
// record is made while something is held. So queue policies act on plaintext
// frames, and no write deadline ever breaks the record stream.
type TLS struct {
	*tls.Conn
	low *lowerConn
}

// NewTLS returns conn as the server side of TLS; Handshake comes next.
func NewTLS(conn net.Conn, config *tls.Config) *TLS {
	low := &lowerConn{Conn: conn}
	return &TLS{tls.Server(low, config), low}
}

// Handshake runs the TLS handshake, bounded by ctx.
func (t *TLS) Handshake(ctx context.Context) error { return t.HandshakeContext(ctx) }

// NetConn returns the connection below TLS.
func (t *TLS) NetConn() net.Conn { return t.low.Conn }

// lowerConn is what tls.Conn writes to. Until it is attached it is the plain
// connection with its deadlines.
type lowerConn struct {
	net.Conn
	c    *Conn
	sock *socketIO // nil where there are no non-blocking attempts

	mu   sync.Mutex // guards the following
	held []byte     // ciphertext that the kernel did not take
	busy bool       // somebody is writing to the connection
}

func (l *lowerConn) attach(c *Conn) {
	l.c = c
	l.sock = newSocketIO(l.Conn, c)
}

// Read reads ciphertext. When there is none, the batch of input is over.
func (l *lowerConn) Read(p []byte) (int, error) {
	switch {
	case l.c == nil:
		return l.Conn.Read(p)
	case l.sock != nil:
		return l.sock.read(p)
	}
	l.c.idle()
	return l.Conn.Read(p)
}

// Write takes p: all of it, at once. It is called by writers, and by the reader
// when TLS itself has something to say.
func (l *lowerConn) Write(p []byte) (int, error) {
	if l.c == nil {
		return l.Conn.Write(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || len(l.held) > 0 || l.sock == nil {
		l.held = append(l.held, p...)
		return len(p), nil
	}
	l.busy = true
	l.mu.Unlock()
	n, _, err := l.sock.tryWrite(p, nil, nil)
	l.mu.Lock()
	l.busy = false
	if err != nil {
		return n, err
	}
	l.held = append(l.held, p[n:]...)
	return len(p), nil
}

// flush writes what is held, waiting up to stall without progress. Only the
// drainer calls it.
func (l *lowerConn) flush(stall time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.held) > 0 {
		p := l.held
		l.held, l.busy = nil, true
		l.mu.Unlock()
		err := writeWaiting(l.Conn, p, stall)
		l.mu.Lock()
		l.busy = false
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lowerConn) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held) > 0
}

// Deadlines of tls.Conn must not reach the writes of what is held.

func (l *lowerConn) SetDeadline(t time.Time) error {
	if l.c != nil {
		return nil
	}
	return l.Conn.SetDeadline(t)
}

func (l *lowerConn) SetWriteDeadline(t time.Time) error {
	if l.c != nil {
		return nil
	}
	return l.Conn.SetWriteDeadline(t)
}

// maxRecord is the plaintext of the largest TLS record.
const maxRecord = 16 << 10

// tlsWire is the wire over a TLS connection of ours.
type tlsWire struct{ conn *TLS }

func (w *tlsWire) attach(c *Conn) { w.conn.low.attach(c) }

func (w *tlsWire) fill(c *Conn) (int, error) {
	n, err := fillTiny(c, w.conn.Conn)
	w.kick(c)
	return n, err
}

func (w *tlsWire) read(c *Conn, p []byte) (int, error) {
	n, err := w.conn.Conn.Read(p)
	w.kick(c)
	return n, err
}

// kick has the drainer write what TLS itself said while the reader read.
func (w *tlsWire) kick(c *Conn) {
	if !w.conn.low.holds() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead == nil && !c.writing && !c.draining {
		c.drainLocked()
	}
}

func (w *tlsWire) tryWrite(x, y, z []byte) (n int, blocked bool, err error) {
	b := x
	if len(y)+len(z) > 0 {
		// One record for what is written together.
		buf := getCork()
		defer putCork(buf)
		*buf = append(append(append(*buf, x...), y...), z...)
		b = *buf
	}
	for n < len(b) {
		if w.conn.low.holds() {
			return n, true, nil
		}
		k, err := w.conn.Conn.Write(b[n:min(n+maxRecord, len(b))])
		if n += k; err != nil {
			return n, false, err
		}
	}
	return n, w.conn.low.holds(), nil
}

func (w *tlsWire) write(p []byte, stall time.Duration) error {
	for {
		if err := w.conn.low.flush(stall); err != nil || len(p) == 0 {
			return err
		}
		k, err := w.conn.Conn.Write(p[:min(maxRecord, len(p))])
		if err != nil {
			return err
		}
		p = p[k:]
	}
}

func (w *tlsWire) holds() bool { return w.conn.low.holds() }

// closeWrite sends the TLS alert and then ends the stream below.
func (w *tlsWire) closeWrite() error {
	if err := w.conn.Conn.CloseWrite(); err != nil {
		return err
	}
	if err := w.conn.low.flush(lingerTime); err != nil {
		return err
	}
	return closeWrite(w.conn.low.Conn)
}

func (w *tlsWire) discard(deadline time.Time, max int64) {
	discardFrom(w.conn.low.Conn, deadline, max)
}

func (w *tlsWire) drop(reset bool) { dropConn(w.conn.low.Conn, reset) }
