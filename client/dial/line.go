package dial

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	lastWords = time.Second // for what a server says that no longer listens
	bodyWait  = time.Second // for the body of a refusal
	maxBody   = 1 << 10     // bytes of it
	maxHops   = 5           // redirects that are followed
)

// line is the connection of an attempt while it is being made. When the attempt ends its
// deadline is over, so that nobody waits for it.
type line struct {
	conn net.Conn // what was dialled, nil before; TLS may be on it
	stop func() bool
	done chan struct{} // closed by cut
	mu   sync.Mutex    // guards the following, and deadlines of conn
	over bool
}

// watch takes a connection, whose deadline ends with ctx.
func (l *line) watch(ctx context.Context, conn net.Conn) {
	l.conn = conn
	l.done = make(chan struct{})
	l.stop = context.AfterFunc(ctx, l.cut)
}

func (l *line) cut() {
	defer close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.conn.SetDeadline(time.Unix(1, 0)) != nil {
		_ = l.conn.Close() // it has none
	}
}

// limit bounds what is read from now on.
func (l *line) limit(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		_ = l.conn.SetReadDeadline(time.Now().Add(d))
	}
}

// release gives the connection away, without a deadline. It reports false if the attempt
// has ended.
func (l *line) release() bool {
	if l.stop == nil || l.stop() {
		return true
	}
	<-l.done
	return false
}

// end closes the connection unless it was given away.
func (l *line) end(given bool) {
	if given || l.conn == nil {
		return
	}
	l.release()
	_ = l.conn.Close()
}
