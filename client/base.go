package client

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/icsws/icsws/internal/link"
)

// Base is the connection half of a client; embed it by value. Its zero value is
// a client that is not connected. It must not be copied after NewClient.
//
// All methods may be called from any goroutine, and all getters stay valid
// after the end (C-09).
type Base struct {
	_      noCopy
	conn   atomic.Pointer[link.Conn] // set once, after NewClient
	format atomic.Uint32             // of Write
}

// noCopy makes go vet report a copied Base.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

func (b *Base) base() *Base { return b }

var _ interface{ base() *Base } = (*Base)(nil)

func (b *Base) link() *link.Conn {
	if c := b.conn.Load(); c != nil {
		return c
	}
	return closed
}

func init() {
	link.Bind = func(c any, conn *link.Conn) bool {
		b := c.(Client).base()
		return b != nil && b.conn.CompareAndSwap(nil, conn)
	}
	link.ConnOf = func(c any) *link.Conn { return c.(Client).base().conn.Load() }
}

// Send takes m as one message: the kernel has it, or it waits in the client's
// queue, when Send returns. Except under [QueueBlock] it never waits for the peer.
//
// Messages of concurrent calls do not interleave, and each caller's keep their
// order. m.Data is not kept. A text message must be valid UTF-8 (RFC 6455
// section 8.1), else the result is [ErrInvalidUTF8] and the connection stays open.
// [ErrClosed] comes before the client is open and after its end. When the queue
// is full its policy decides (Config.SendQueue); a message that was not taken
// gives [ErrQueueFull].
//
// What an event sends leaves when the event returns, so that many messages make
// one write, or after about a millisecond, or with [Base.Flush]. What other goroutines
// send leaves as soon as those that are ready to run have had their turn.
func (b *Base) Send(m Message) error {
	_, err := b.link().Ops.Send(byte(m.Op), m.Data)
	return err
}

// SendText sends s as one text message, see [Base.Send] (S-02).
func (b *Base) SendText(s string) error {
	_, err := b.link().Ops.Send(byte(OpText), bytesOf(s))
	return err
}

// bytesOf returns the bytes of s without a copy; they must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// SendBinary sends p as one binary message, see [Base.Send] (S-01).
func (b *Base) SendBinary(p []byte) error {
	_, err := b.link().Ops.Send(byte(OpBinary), p)
	return err
}

// Ping sends a ping with payload, at most [MaxControl] bytes, else [ErrTooLong]. The
// server pings by itself, see Config.PingInterval; the answer comes to OnPong. A ping
// may overtake queued messages, and of several that wait only the newest is sent.
func (b *Base) Ping(payload []byte) error { return b.link().Ops.Control(0x9, payload) }

// Pong sends a pong, as [Base.Ping] does a ping: for a class that answers pings itself
// under Config.DisablePong (K-08), or an unasked one (RFC 6455 section 5.5.3).
func (b *Base) Pong(payload []byte) error { return b.link().Ops.Control(0xA, payload) }

// Flush hands what an event has sent so far to the kernel now. It never waits
// for the peer.
func (b *Base) Flush() error { return b.link().Ops.Flush() }

// Close begins the closing handshake (RFC 6455 section 7.1.2): the close frame
// goes behind what is queued, what arrives afterwards is discarded, and all of it
// is bounded by Config.CloseTimeout. It never waits and is legal in every event;
// OnClientDisconnect follows. Code 0 stands for Config.CloseCode and, if reason is
// empty, Config.CloseReason. The reason is cut to [MaxReason] bytes.
//
// Later sends give [ErrClosed], and so does a second Close. A code that may not be
// sent gives [ErrBadCloseCode], a reason that is not UTF-8 [ErrInvalidUTF8].
func (b *Base) Close(code StatusCode, reason string) error {
	return b.link().Ops.Close(uint16(code), reason, false)
}

// CloseAfterFlush is [Base.Close] for a peer that reads slowly: delivering the
// queue is bounded only by Config.WriteTimeout without progress, and
// Config.CloseTimeout begins when the close frame is out. A message in pieces
// that is under way comes to its end first, however long its source takes.
func (b *Base) CloseAfterFlush(code StatusCode, reason string) error {
	return b.link().Ops.Close(uint16(code), reason, true)
}

// Abort drops the connection at once: no close frame, queued data is lost, the
// peer sees a reset where the transport has one. OnClientDisconnect gets
// code 1006, unless a close was under way already.
func (b *Base) Abort() { b.link().Ops.Abort() }

// SetBanner replaces the text that the server sends after OnClientConnect; an
// empty text sends none. Once the banner is out it returns [ErrConnected].
func (b *Base) SetBanner(text string) error { return b.link().Ops.SetBanner(text) }

// SetWriteTimeout changes Config.WriteTimeout for this client, from the next
// stall on (K-02). Zero restores the server's value, a negative one turns the
// limit off.
func (b *Base) SetWriteTimeout(d time.Duration) { b.link().Ops.SetWriteTimeout(d) }

// Server returns the accepting server without its type parameter, nil when there
// is none; wsserver.ServerOf gives the typed one.
func (b *Base) Server() Server {
	s, _ := b.link().Server.(Server)
	return s
}

// Context is done when the connection is gone: shortly before
// OnClientDisconnect, or earlier when it is dropped while an event runs, so that
// the event may wait for it. context.Cause tells why. Under Server.ServeHTTP it carries
// the values of the request's context.
func (b *Base) Context() context.Context { return b.link().Ops.Context() }

// Done is closed when the connection is gone, see [Base.Context].
func (b *Base) Done() <-chan struct{} { return b.Context().Done() }

// Connected reports whether the client is open and not closing (C-19).
func (b *Base) Connected() bool { return b.link().Ops.State() == link.Open }

// Closing reports whether a close frame was sent or received, or the connection
// is gone.
func (b *Base) Closing() bool { return b.link().Ops.State() >= link.Closing }

// BufferedAmount returns the bytes of frames that wait for the peer, including
// those that an event has sent and that are not flushed yet.
func (b *Base) BufferedAmount() int { return b.link().Ops.Counters().Buffered }
