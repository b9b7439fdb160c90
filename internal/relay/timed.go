package relay

import (
	"net"
	"sync"
	"time"
)

// longAgo is the deadline that ends what waits.
var longAgo = time.Unix(1, 0)

// timed is the connection to a target. It keeps its deadlines, which several goroutines
// have a say in.
type timed struct {
	net.Conn
	raw     net.Conn      // below TLS, if there is TLS
	timeout time.Duration // of each write; not above 0: none
	idle    time.Duration // of each read; 0: none

	mu    sync.Mutex // guards the following
	stuck bool       // nothing may wait for a write any more
	until time.Time  // if not zero, that is the read deadline for good
}

// swap puts TLS on the connection.
func (t *timed) swap(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Conn = c
}

// Write writes within the timeout.
func (t *timed) Write(p []byte) (int, error) {
	if t.timeout > 0 {
		t.mu.Lock()
		if !t.stuck {
			_ = t.SetWriteDeadline(time.Now().Add(t.timeout))
		}
		t.mu.Unlock()
	}
	return t.Conn.Write(p)
}

// Read reads within the idle time.
func (t *timed) Read(p []byte) (int, error) {
	if t.idle > 0 {
		t.mu.Lock()
		if t.until.IsZero() {
			_ = t.SetReadDeadline(time.Now().Add(t.idle))
		}
		t.mu.Unlock()
	}
	return t.Conn.Read(p)
}

// cut ends what waits, for good.
func (t *timed) cut() {
	t.cutWrites()
	t.cutReads(longAgo)
}

// cutWrites ends a write that waits, and those to come.
func (t *timed) cutWrites() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stuck = true
	_ = t.SetWriteDeadline(longAgo)
}

// lastWrites has writes end at that time, if they may not have to already.
func (t *timed) lastWrites(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stuck {
		t.stuck = true
		_ = t.SetWriteDeadline(at)
	}
}

// cutReads has reads end at that time.
func (t *timed) cutReads(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = at
	_ = t.SetReadDeadline(at)
}

// last gives the connection until then to say goodbye.
func (t *timed) last(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stuck, t.until = true, at
	_ = t.SetDeadline(at)
}

// Close does not wait to say so, as TLS would.
func (t *timed) Close() error { return t.raw.Close() }

// closeWrite ends our side of the stream, where that can be done.
func (t *timed) closeWrite() {
	if w, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
}
