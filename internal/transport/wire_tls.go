package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// TLS is a TLS connection, of either side, whose ciphertext never blocks a sender:
// what the kernel does not take at once is held below the records, and no
// frame is encrypted while something is held. So queue policies act on plaintext
// frames, and no write deadline ever breaks the record stream.
type TLS struct {
	*tls.Conn
	low *lowerConn
}

// NewTLS returns conn as the server side of TLS; its handshake comes next.
func NewTLS(conn net.Conn, config *tls.Config) *TLS {
	low := &lowerConn{Conn: conn, wire: NewWire(conn).wire}
	return &TLS{tls.Server(low, config), low}
}

// NewTLSClient returns conn as the client side of TLS; its handshake comes next.
func NewTLSClient(conn net.Conn, config *tls.Config) *TLS {
	low := &lowerConn{Conn: conn, wire: NewWire(conn).wire}
	return &TLS{tls.Client(low, config), low}
}

// NetConn returns the connection below TLS.
func (t *TLS) NetConn() net.Conn { return t.low.Conn }

// maxHeld bounds held ciphertext. One record of ours is held at most, so more than
// that are answers to a flood of key updates: they end the connection.
const maxHeld = 64 << 10

var errHeld = errors.New("transport: too many TLS answers are waiting")

// lowerConn is what tls.Conn writes to. Until it is attached it is the plain
// connection with its deadlines.
type lowerConn struct {
	net.Conn
	c    *Conn // nil until attached
	wire wire  // then in place of Conn
	own  empty // not nil when wire does not wait for tls.Conn

	mu   sync.Mutex // guards the following
	held []byte     // ciphertext that the kernel did not take
	busy bool       // somebody is writing to the connection
}

// empty is a stream that tells when it is empty.
type empty interface {
	// tryRead returns errEmpty in place of waiting.
	tryRead(p []byte) (int, error)
}

func (l *lowerConn) attach(c *Conn) {
	l.wire.attach(c)
	l.c = c
}

// Read reads ciphertext. When there is none, the batch of input is over. What TLS
// has said since the last Read, such as the answer to a key update, must not wait
// for more input.
func (l *lowerConn) Read(p []byte) (int, error) {
	if l.c == nil {
		return l.Conn.Read(p)
	}
	l.kick()
	if l.own != nil {
		return l.own.tryRead(p)
	}
	return l.wire.read(l.c, p)
}

// Write takes p: all of it, at once. It is called by writers, and by the reader
// when TLS itself has something to say.
func (l *lowerConn) Write(p []byte) (int, error) {
	if l.c == nil {
		return l.Conn.Write(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) > maxHeld {
		return 0, errHeld
	}
	if l.busy || len(l.held) > 0 {
		l.held = append(l.held, p...)
		return len(p), nil
	}
	l.busy = true
	l.mu.Unlock()
	n, _, err := l.wire.tryWrite(p, nil, nil)
	l.mu.Lock()
	l.busy = false
	if err != nil {
		return n, err
	}
	if rest := p[n:]; len(rest) > 0 {
		if l.held == nil {
			l.held = *helds.Get().(*[]byte)
		}
		l.held = append(l.held, rest...)
	}
	return len(p), nil
}

// helds is memory for what one record leaves. It is given back when that is written, so
// that a long message makes no garbage with each of its records.
var helds = sync.Pool{New: func() any { b := make([]byte, 0, heldRecord); return &b }}

const heldRecord = maxRecord + 512

// flush writes what is held, waiting up to stall without progress. Only the
// drainer calls it.
func (l *lowerConn) flush(stall time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.held) > 0 {
		p := l.held
		l.held, l.busy = nil, true
		l.mu.Unlock()
		err := l.wire.write(p, stall)
		l.mu.Lock()
		l.busy = false
		if err != nil {
			return err
		}
		if cap(p) == heldRecord {
			p = p[:0]
			helds.Put(&p)
		}
	}
	return nil
}

// kick has the drainer write what is held, unless a writer will.
func (l *lowerConn) kick() {
	if !l.holds() {
		return
	}
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.c.dead == nil && !l.c.writing && !l.c.draining {
		l.c.drainLocked()
	}
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
type tlsWire struct {
	conn   *TLS
	dozing atomic.Bool // the reader is woken to doze
}

func (w *tlsWire) attach(c *Conn) { w.conn.low.attach(c) }

func (w *tlsWire) fill(c *Conn) (int, error) {
	n, err := fillTiny(c, w.conn.Conn)
	if err == errWoken && w.dozing.Swap(false) {
		if c.mayDoze() {
			return 0, errDoze
		}
	}
	return n, err
}

func (w *tlsWire) read(_ *Conn, p []byte) (int, error) { return w.conn.Conn.Read(p) }

// wake interrupts the read below TLS, which takes it for temporary.
func (w *tlsWire) wake() { w.conn.low.wire.wake() }

// doze has the reader rest where there is a poller of ours. Elsewhere a fresh goroutine
// would have to read TLS, and soon have as large a stack.
func (w *tlsWire) doze() {
	low := w.conn.low.wire // the reader may take another, once it dozes
	if w.conn.low.c.set.Dormant && adoptable(low) {
		w.dozing.Store(true)
		low.wake()
	}
}

func (w *tlsWire) rest(c *Conn) bool {
	if d, ok := c.adopt(); ok {
		return d.rest(c)
	}
	c.svc.keepWarm(c)
	return false
}

func (w *tlsWire) tryWrite(x, y, z []byte) (n int, blocked bool, err error) {
	b := x
	if len(y)+len(z) > 0 {
		// One record for what is written together.
		buf := getCork(len(x) + len(y) + len(z))
		defer putCork(buf)
		buf.b = append(append(append(buf.b, x...), y...), z...)
		b = buf.b
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
	return w.conn.low.wire.closeWrite()
}

func (w *tlsWire) finish() {
	_ = w.conn.Conn.CloseWrite()
	_ = w.conn.low.flush(lingerTime)
	w.drop(false)
}

func (w *tlsWire) discard(deadline time.Time, max int64) {
	w.conn.low.wire.discard(deadline, max)
}

func (w *tlsWire) drop(reset bool) {
	w.conn.low.wire.drop(reset)
}
