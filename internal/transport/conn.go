package transport

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/link"
)

// Events are what the filter reports between messages. They are called on the
// reader's goroutine; the payloads are valid until the call returns.
type Events interface {
	Ping(payload []byte)
	Pong(payload []byte)
	// Message is a message that needs no engine: a frame that is here as a whole, or an
	// inflated one.
	Message(op client.Opcode, p []byte)
	// Fragment is a piece of a message, under Pieces. Text is cut between runes.
	Fragment(op client.Opcode, p []byte, first, final bool)
	// Notice tells that TakeNotices has something.
	Notice()
	// Sent tells that a frame with that first byte and n bytes of payload is written,
	// under Settings.Sent. It comes on the goroutine that writes.
	Sent(first byte, n int)
	// Dropped comes when the connection was given up, while an event may run: on a
	// goroutine of its own, perhaps never.
	Dropped(cause error)
	// Resume comes after Rest, on a fresh goroutine: the reader goes on there.
	Resume()
	// Await is called by the reader before it ends the connection for what it has read:
	// it returns when the events of what came before have run.
	Await()
	// Owes reports whether what came waits for its event: then silence is not the peer's.
	// Later reports whether FlushSoon will be called when somebody else has done his
	// work. Conn.mu is held by the callers of both.
	Owes() bool
	Later() bool
}

// Conn is one connection; the engine's connection object embeds it. Init comes first,
// then Attach and Open (on a server with HoldBack before and Answer after it), then Read
// from one goroutine, the reader, until it fails, then Finish and Linger on the same
// goroutine.
type Conn struct {
	svc    *Service
	set    *Settings
	events Events
	wire   wire
	in     *inbound // the reader's own; &ended while the reader is away

	inflater *deflate.Decompressor // nil without permessage-deflate
	pieces   bool                  // messages go to Events.Fragment
	number   uint8                 // for its lane

	// In an order without gaps: each connection has them.
	state        atomic.Uint32 // a link.State
	active       activity      // the reader has input or is inside a handler
	slow         atomic.Bool   // SetBandwidth was called
	lastRead     atomic.Int64  // when the last byte came, in time since Service.epoch
	lastMessage  atomic.Int64  // likewise, the last data frame
	rtt          atomic.Int64
	messagesIn   atomic.Uint64
	bytesIn      atomic.Uint64
	writeTimeout atomic.Int64 // replaces Settings.WriteTimeout unless 0
	paused       atomic.Bool  // nothing is read; written under mu
	notices      atomic.Bool  // there is something to tell the class; set under mu

	warmAt  int32 // in Service.warm, from 1; guarded by Service.mu
	alarmAt int32 // in the lane's clock, likewise; guarded by clock.mu

	mu sync.Mutex // guards the following
	outbound
	ending
	timers
}

// Init makes c ready. w is the open connection; buffered are bytes that were read
// from it already; inflate is nil unless permessage-deflate was negotiated.
func (c *Conn) Init(svc *Service, set *Settings, w Wire, buffered []byte, inflate *deflate.Decompressor, events Events) {
	c.svc, c.set, c.events, c.wire = svc, set, events, w.wire
	if set.Dialed {
		c.wire = &maskWire{wire: w.wire}
	}
	c.flow, c.waiting, c.queue = &calm, &none, &nothing
	c.inflater = inflate
	c.number = uint8(svc.conns.Add(1))
	c.takeInput()
	c.in.prepend(buffered)
	c.bytesIn.Store(uint64(len(buffered)))
	now := int64(svc.now())
	c.lastRead.Store(now)
	c.lastMessage.Store(now)
	c.active.Store(true) // until the reader first finds nothing to read
}

// Attach takes the wire over from whoever did the handshake.
func (c *Conn) Attach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wire.attach(c)
	if c.svc.crowded.Load() || c.set.Inline {
		c.adoptLocked()
	}
}

const stateOpen = link.Open

// Open lets the connection be used: the handshake is answered. The clocks start.
func (c *Conn) Open() {
	if c.state.CompareAndSwap(uint32(link.Connecting), uint32(link.Open)) {
		c.startTimers()
		if c.set.Bandwidth > 0 && !c.slow.Load() {
			c.SetBandwidth(c.set.Bandwidth)
		}
		c.svc.keepWarm(c)
	}
}

// State tells where the connection stands.
func (c *Conn) State() link.State { return link.State(c.state.Load()) }

// SetWriteTimeout replaces the server's write timeout; 0 restores it.
func (c *Conn) SetWriteTimeout(d time.Duration) { c.writeTimeout.Store(int64(d)) }

func (c *Conn) stall() time.Duration {
	if d := c.writeTimeout.Load(); d != 0 {
		return time.Duration(d)
	}
	return c.set.WriteTimeout
}

// CountMessage counts a received message of n bytes. Only for the reader.
func (c *Conn) CountMessage(n int) {
	c.messagesIn.Add(1)
	c.in.sizes.note(n)
}

// Counters returns a snapshot of the traffic figures.
func (c *Conn) Counters() link.Counters {
	n := link.Counters{
		MessagesIn: c.messagesIn.Load(), BytesIn: c.bytesIn.Load(),
		RTT: time.Duration(c.rtt.Load()),
	}
	if c.svc != nil {
		n.LastRead = c.svc.epoch.Add(time.Duration(c.lastRead.Load()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n.MessagesOut, n.BytesOut, n.Buffered = c.messagesOut, c.bytesOut, c.buffered+c.heldBytes()
	n.MessagesDropped, n.BytesDropped = c.flow.messagesDropped, c.flow.bytesDropped
	if w, ok := c.wire.(*maskWire); ok {
		n.BytesOut += w.keyBytes.Load()
	}
	return n
}

// The rest makes a Conn a net.Conn for the engine. The engine's own writes are
// its answer to the synthetic handshake and close frames with codes of its own:
// they go nowhere. Deadlines are kept elsewhere.

// Write swallows p.
func (c *Conn) Write(p []byte) (int, error) { return len(p), nil }

// Close does nothing: the connection ends in Finish and Linger.
func (c *Conn) Close() error { return nil }

// LocalAddr returns nothing of use; the client's facts have the address.
func (c *Conn) LocalAddr() net.Addr { return noAddr{} }

// RemoteAddr returns nothing of use; the client's facts have the address.
func (c *Conn) RemoteAddr() net.Addr { return noAddr{} }

// SetDeadline does nothing.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

type noAddr struct{}

func (noAddr) Network() string { return "icsws" }
func (noAddr) String() string  { return "icsws" }

var _ net.Conn = (*Conn)(nil)
