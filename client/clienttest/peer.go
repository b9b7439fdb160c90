package clienttest

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// Peer is a WebSocket client that a test drives. Like a browser it reads in the
// background, answers pings and close frames by itself, and keeps messages until
// they are asked for. Its methods may be called from any goroutine, but those
// that end the test on failure only from the test's own; the others are
// TryReceive, Received, Pause, Resume, IgnorePings, IgnoreClose, Drop and the
// getters.
//
// Every blocking call is bounded by DialOptions.Timeout. A server that breaks the
// protocol fails the test.
type Peer struct {
	tb      testing.TB
	conn    net.Conn
	br      *bufio.Reader
	header  http.Header
	timeout time.Duration
	turn    chan struct{} // holds one token while a frame is written
	done    chan struct{} // closed by read at its end

	mu          sync.Mutex // guards the following
	cond        sync.Cond  // something below has changed
	inbox       []client.Message
	pongs       [][]byte
	closed      *client.CloseError // how the connection ended
	err         error              // why nothing more can be read
	closing     bool               // Close was called
	answering   bool               // the server's close frame is being answered
	ignorePings bool
	ignoreClose bool
	paused      bool
	peeking     bool // read waits for the first byte of a frame
	gone        bool // this end has been closed
}

// newPeer starts the reader, which ends with the test.
func newPeer(tb testing.TB, conn net.Conn, br *bufio.Reader, header http.Header, timeout time.Duration) *Peer {
	p := &Peer{
		tb:      tb,
		conn:    conn,
		br:      br,
		header:  header,
		timeout: timeout,
		turn:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	p.cond.L = &p.mu
	go p.read()
	tb.Cleanup(p.end)
	return p
}

// end closes this end and waits for the reader. A test that has seen the close
// frame may count on the answer.
func (p *Peer) end() {
	p.mu.Lock()
	p.waitLocked(func() bool { return !p.answering })
	p.mu.Unlock()
	p.hangUp()
	<-p.done
	if errors.Is(p.err, wstest.ErrBadFrame) {
		p.tb.Errorf("the server breaks the protocol: %v", p.err)
	}
}

func (p *Peer) hangUp() {
	p.update(func() { p.gone = true })
	p.conn.Close()
}

// Drop resets the connection without a close frame. The server sees ECONNRESET.
func (p *Peer) Drop() {
	conn := p.conn
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = c.NetConn() // below TLS, which would say good-bye
	}
	if c, ok := conn.(interface{ SetLinger(int) error }); ok {
		c.SetLinger(0)
	}
	conn.Close()
	p.hangUp()
}

// IgnorePings leaves pings without an answer from now on.
func (p *Peer) IgnorePings() {
	p.update(func() { p.ignorePings = true })
}

// IgnoreClose leaves the server's close frame without an answer.
func (p *Peer) IgnoreClose() {
	p.update(func() { p.ignoreClose = true })
}

// Pause stops reading, so that the server cannot write any more when the
// connection is full. A frame that has begun to arrive is still read.
func (p *Peer) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
	if p.peeking {
		p.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	}
}

// Resume goes on reading after Pause.
func (p *Peer) Resume() {
	p.update(func() { p.paused = false })
}

// SubProtocol is the sub-protocol that the server has chosen, or empty.
func (p *Peer) SubProtocol() string { return p.header.Get("Sec-WebSocket-Protocol") }

// Header is the header of the 101.
func (p *Peer) Header() http.Header { return p.header }

// NetConn is the connection under the WebSocket, to write what no method does.
// Reading from it takes bytes away from the Peer.
func (p *Peer) NetConn() net.Conn { return p.conn }
