package transport

import (
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// outbound is what waits to be written. Conn.mu guards it. At any time at most
// one goroutine writes: the one that set writing, for a write that does not wait,
// or the drainer, while draining is set.
type outbound struct {
	cork     *[]byte // frames that gather for one write
	corkTick uint32  // the service's tick when the cork was begun
	writing  bool
	draining bool
	watched  bool // in the service's list

	header   [MaxHeader]byte // of the frame that is written past the cork
	queue    queue
	buffered int // bytes of frames that are not written yet

	pongs []byte // the newest pong, while draining
	pings []byte // the newest ping, while draining
	last  []byte // our close frame, while draining

	sealed bool          // our close frame is written or queued: no data after it
	dead   error         // writing failed or the connection was dropped
	room   chan struct{} // closed when room was made; nil when nobody waits

	messagesOut, bytesOut uint64
}

// Frame is one data frame to send.
type Frame struct {
	First    byte   // first byte: FIN, reserved bits, opcode
	Payload  []byte // not kept
	Whole    []byte // in place of the above: a frame that never changes, which may be kept
	NoWait   bool   // QueueBlock acts as QueueClose
	Admitted bool   // Admit was called
}

// Size is the number of bytes of the frame with its header.
func (f *Frame) Size() int {
	if f.Whole != nil {
		return len(f.Whole)
	}
	return FrameSize(len(f.Payload))
}

// append appends the frame to dst.
func (f *Frame) append(dst []byte) []byte {
	if f.Whole != nil {
		return append(dst, f.Whole...)
	}
	return append(AppendHeader(dst, f.First, len(f.Payload)), f.Payload...)
}

// Send takes f, or returns why not. It waits only under QueueBlock. Under
// QueueClose a full queue ends the connection.
func (c *Conn) Send(f Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !f.Admitted {
		if err := c.admitLocked(f.Size(), f.NoWait); err != nil {
			return err
		}
	}
	if c.sealed || c.dead != nil {
		return client.ErrClosed
	}
	c.messagesOut++
	c.sendLocked(&f)
	return nil
}

// Admit does the waiting of Send ahead of it, for a frame of about n bytes that
// is made only then.
func (c *Conn) Admit(n int, noWait bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.admitLocked(n, noWait)
}

// Fits reports whether Admit would return at once.
func (c *Conn) Fits(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fitsLocked(n)
}

// admitLocked makes sure that n bytes may be written, waiting for room if it must.
func (c *Conn) admitLocked(n int, noWait bool) error {
	var timeout <-chan time.Time
	for {
		if c.sealed || c.dead != nil || c.State() != link.Open {
			return client.ErrClosed
		}
		if c.fitsLocked(n) {
			return nil
		}
		if c.flushLocked(); c.fitsLocked(n) {
			return nil
		}
		if c.writing {
			// What is being written may leave no queue at all, and its write does not wait.
			if err := c.waitRoomLocked(nil); err != nil {
				return err
			}
			continue
		}
		if c.set.Queue.Policy != client.QueueBlock || noWait {
			_ = c.closeLocked(client.StatusPolicyViolation, "send queue full", false, client.ErrQueueFull)
			return client.ErrQueueFull
		}
		if d := c.set.Queue.BlockTimeout; d > 0 && timeout == nil {
			t := time.NewTimer(d)
			defer t.Stop()
			timeout = t.C
		}
		if err := c.waitRoomLocked(timeout); err != nil {
			return err
		}
	}
}

// fitsLocked reports whether n more bytes fit; an empty queue takes any size.
func (c *Conn) fitsLocked(n int) bool {
	if c.buffered == 0 {
		return true
	}
	q := &c.set.Queue
	return n <= q.MaxBytes-c.buffered && (q.MaxMessages <= 0 || c.queue.len() < q.MaxMessages)
}

// sendLocked takes f; there is room.
func (c *Conn) sendLocked(f *Frame) {
	n := f.Size()
	c.buffered += n
	c.bytesOut += uint64(n)
	switch {
	case c.draining:
		c.queue.push(f, c.set.Queue.MaxMessages <= 0)
	case c.writing || c.active.Load() && n < largeFrame:
		c.corkLocked(f)
	case f.Whole != nil:
		c.writeLocked(f.Whole, nil)
		c.flushLocked()
	default:
		c.writeLocked(AppendHeader(c.header[:0], f.First, len(f.Payload)), f.Payload)
		c.flushLocked()
	}
}

// corkLocked appends f to the cork and has it watched, or flushes it when full.
func (c *Conn) corkLocked(f *Frame) {
	if c.cork == nil {
		c.cork = getCork()
		c.corkTick = c.svc.tick.Load()
	}
	*c.cork = f.append(*c.cork)
	if c.writing {
		return // the writer looks at the cork when it is done
	}
	if len(*c.cork) >= corkLimit {
		c.flushLocked()
		return
	}
	if !c.watched {
		c.watched = true
		c.svc.watch(c)
	}
}

// writeLocked writes the cork, head and payload with one system call. It gives up
// the lock meanwhile; head and payload are not kept.
func (c *Conn) writeLocked(head, payload []byte) {
	cork := c.cork
	c.cork = nil
	c.writing = true
	c.mu.Unlock()
	var first []byte
	if cork != nil {
		first = *cork
	}
	n, blocked, err := c.wire.tryWrite(first, head, payload)
	c.mu.Lock()
	c.writing = false
	switch {
	case c.dead != nil:
	case err != nil:
		c.brokenLocked(err)
	default:
		c.buffered -= n
		if blocked || c.wire.holds() { // the reader may have had TLS say something meanwhile
			c.queue.pushRest(n, first, head, payload)
			c.drainLocked()
		}
	}
	if cork != nil {
		putCork(cork)
	}
	c.signalLocked()
	c.settledLocked()
}

// flushLocked writes the cork, unless somebody else is writing and will.
func (c *Conn) flushLocked() {
	for c.cork != nil && !c.writing && !c.draining && c.dead == nil {
		c.writeLocked(nil, nil)
	}
}

// Flush writes the cork now.
func (c *Conn) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return client.ErrClosed
	}
	c.flushLocked()
	return nil
}

// flushIfOlder is the watchdog's look: a cork that was begun before the last tick
// is flushed. It returns false when the cork is empty: no more looks are needed.
func (c *Conn) flushIfOlder(tick uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cork == nil || c.dead != nil {
		c.watched = false
		return false
	}
	if tick-c.corkTick > 1 {
		c.flushLocked()
	}
	return true
}

// WriteRaw sends bytes that are no frame: the answer to the handshake. It is
// called before Open and before anything else is sent, never waits and is not
// bounded by the queue.
func (c *Conn) WriteRaw(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffered += len(p)
	c.writeLocked(p, nil)
	c.flushLocked()
}

// brokenLocked ends the connection because writing failed.
func (c *Conn) brokenLocked(err error) {
	c.endLocked(client.CloseInfo{Code: client.StatusAbnormal, Remote: true, Cause: err})
	c.dropLocked(err, false)
}
