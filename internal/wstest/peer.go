package wstest

import (
	"bufio"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// Peer is one end of a connection that a test drives by hand. It is for one
// goroutine, the test's own, save that writing and reading may go on at the
// same time in two.
type Peer struct {
	// Conn is the connection. Bytes that were read ahead are not in it.
	Conn net.Conn
	// Timeout bounds each call; 10 s at first.
	Timeout time.Duration
	// Agreement is what the handshake has agreed on; nil without compression.
	Agreement *Agreement
	// Deflater and Inflater belong to the agreement; a test may replace them.
	Deflater *Deflater
	Inflater *Inflater

	tb     testing.TB
	br     *bufio.Reader
	server bool // this end plays the server
	keys   *rand.Rand

	// What has been read and not yet asked for.
	messages []Message
	pongs    [][]byte
	joiner   Joiner
	closing  *Frame // the close frame that came
	err      error  // why no more can be read
}

// Wrap makes a Peer of a connection that has had no handshake. It is closed at
// the end of the test.
func Wrap(tb testing.TB, conn net.Conn) *Peer {
	p := &Peer{
		Conn:    conn,
		Timeout: 10 * time.Second,
		tb:      tb,
		br:      bufio.NewReader(conn),
		keys:    rand.New(rand.NewPCG(1, 2)),
	}
	tb.Cleanup(func() { conn.Close() })
	return p
}

// bound gives the call that has begun its deadline.
func (p *Peer) bound() {
	p.tb.Helper()
	// An error means that the connection is closed, which the call will tell.
	_ = p.Conn.SetDeadline(time.Now().Add(p.Timeout))
}

// masks tells whether this end masks what it sends.
func (p *Peer) masks() bool { return !p.server }

// Drop resets the connection: no close frame, no end of stream.
func (p *Peer) Drop() {
	if c, ok := p.under().(interface{ SetLinger(int) error }); ok {
		c.SetLinger(0)
	}
	p.under().Close()
}

// CloseWrite ends the outgoing stream and leaves the incoming one open (FIN).
func (p *Peer) CloseWrite() {
	p.tb.Helper()
	c, ok := p.under().(interface{ CloseWrite() error })
	if !ok {
		p.tb.Fatalf("wstest: %T has no CloseWrite", p.under())
	}
	if err := c.CloseWrite(); err != nil {
		p.tb.Fatalf("wstest: CloseWrite: %v", err)
	}
}

// under is the connection below TLS.
func (p *Peer) under() net.Conn {
	if c, ok := p.Conn.(interface{ NetConn() net.Conn }); ok {
		return c.NetConn()
	}
	return p.Conn
}
