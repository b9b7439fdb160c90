package transport

import (
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// outbound is what waits to be written. Conn.mu guards it. At any time at most
// one goroutine writes: the one that set writing, for a write that does not wait,
// or the drainer, while draining is set.
type outbound struct {
	cork     *cork  // frames that gather for one write
	lone     []byte // in its place: the only one, which never changes and needs no copy
	corkTick uint32 // the service's tick when the cork was begun
	writing  bool
	draining bool
	watched  bool // in the service's list of corks
	dirty    bool // in the list of a flusher
	replies  int8 // sent for the last message that was the last here: 2 is several
	sealed   bool // our close frame is written or queued: no data after it

	header   [MaxHeader]byte // of the frame that is written past the cork
	held     bool            // the reader waits for its limit
	queue    *queue          // &nothing until something had to wait
	buffered int             // bytes of frames that are not written yet

	dead error         // writing failed or the connection was dropped
	room chan struct{} // closed when room was made; nil when nobody waits

	flow    *flow       // &calm until something was out of the ordinary
	waiting *controls   // &none until control frames had to wait
	popped  int         // bytes that the drainer writes now
	sent    *sentFrames // nil unless Settings.Sent; belongs to whoever writes

	messagesOut, bytesOut uint64
}

// controls are control frames that wait while the queue is drained.
type controls struct {
	pong, ping []byte // the newest of each
	last       []byte // our close frame
}

// none is what connections have without any. It is never written.
var none controls

func (c *Conn) controls() *controls {
	if c.waiting == &none {
		c.waiting = new(controls)
	}
	return c.waiting
}

// Frame is one data message to send, and how.
type Frame struct {
	First    byte   // first byte: FIN, reserved bits, opcode
	NoWait   bool   // QueueBlock acts as QueueClose
	Admitted bool   // Admit was called
	Kept     bool   // must not be dropped: what follows refers to it
	Max      int    // payload of each frame; 0 = one frame
	Payload  []byte // not kept
	Whole    []byte // in place of First and Payload: frames that never change, which may be kept
	Terms    *Terms // nil: those of the client

	owner *Stream // that has lent Whole
}

// Size is the number of bytes of its frames with their headers.
func (f *Frame) Size() int {
	if f.Whole != nil {
		return len(f.Whole)
	}
	return MessageSize(len(f.Payload), f.Max)
}

// append appends the frames to dst.
func (f *Frame) append(dst []byte) []byte {
	if f.Whole != nil {
		return append(dst, f.Whole...)
	}
	return AppendMessage(dst, f.First, f.Payload, f.Max)
}

func (f *Frame) fragmented() bool {
	if f.Whole != nil {
		return f.Max > 0 && len(f.Whole) > f.Max
	}
	return f.Max > 0 && len(f.Payload) > f.Max
}

func (f *Frame) key() string {
	if f.Terms == nil {
		return ""
	}
	return f.Terms.Key
}

// Send takes f, or returns why not. What happens when the queue is full is up to
// its policy; it waits only under QueueBlock.
func (c *Conn) Send(f Frame) error {
	err := c.take(&f)
	if b := c.set.Budget; b != nil {
		b.Relieve()
		b.Await()
	}
	return err
}

func (c *Conn) take(f *Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock() // deferred, as wherever is written: Events.Sent may end the goroutine
	return c.takeLocked(f)
}

func (c *Conn) takeLocked(f *Frame) error {
	if !f.Admitted {
		if err := c.admitLocked(f.Size(), f.Terms, f.NoWait); err != nil {
			return err
		}
	}
	if c.sealed || c.dead != nil || c.State() != link.Open {
		return client.ErrClosed
	}
	c.messagesOut++
	n := f.Size()
	c.bytesOut += uint64(n)
	c.buffered += n
	if c.flow.taken != nil {
		c.lane().sent.note(n)
		c.waitTurnLocked(f)
		c.lane().queued.note(c.buffered)
		return nil
	}
	c.sendLocked(f)
	return nil
}

// sendLocked takes f; there is room, and it is counted.
func (c *Conn) sendLocked(f *Frame) {
	switch {
	case c.draining || c.flow.rate != nil && !c.writing:
		if !c.replaceLocked(c.queue, f) {
			c.queueCorkLocked()
			c.ownQueueLocked().push(f, c.joins())
		}
		c.lane().sent.note(f.Size())
		c.lane().queued.note(c.buffered)
		c.startDrainLocked()
	case c.writing || c.gathersLocked(f):
		c.corkLocked(f)
	default:
		c.lane().sent.note(f.Size())
		c.writeLocked(f)
		c.flushLocked()
	}
}

// gathersLocked reports whether f may wait a moment for company: until the reader has
// nothing left to read, or, from others, until those who are about to run had their turn.
// The answer to the last message that is here has none, unless there were several to the
// one before: it goes at once, and needs no watching.
func (c *Conn) gathersLocked(f *Frame) bool {
	switch {
	case f.owner != nil || f.Size() >= largeFrame:
		return false
	case !c.active.Load():
		return !c.set.Sent
	case f.Whole == nil && c.active.answered():
		several := c.replies > 1
		c.replies = 1
		return several
	}
	c.replies = 2
	return true
}

// startDrainLocked has the queue written, unless somebody else will.
func (c *Conn) startDrainLocked() {
	if !c.draining && !c.writing && c.dead == nil {
		c.drainLocked()
	}
	c.chargeLocked()
}

// corkLocked appends f to the cork and sees to it that it is flushed.
func (c *Conn) corkLocked(f *Frame) {
	if !c.corkedLocked() {
		c.corkTick = c.svc.tick.Load()
	}
	if f.Whole != nil && !c.corkedLocked() {
		c.lone = f.Whole
	} else {
		c.copyLocked(f)
	}
	switch {
	case c.writing: // the writer looks at the cork when it is done
	case c.cork != nil && len(c.cork.b) >= corkLimit:
		c.flushLocked()
	case !c.active.Load():
		if !c.dirty {
			c.dirty = true
			if !c.events.Later() {
				c.FlushSoon()
			}
		}
	case !c.watched:
		c.watched = true
		c.svc.watch(c)
	}
}

// copyLocked copies f into the cork.
func (c *Conn) copyLocked(f *Frame) {
	size := f.Size()
	n := len(c.lone) + size
	if c.cork == nil {
		c.cork = getCork(n)
		c.cork.b = append(c.cork.b, c.lone...)
		if isData(c.lone) {
			c.cork.sizes.note(len(c.lone))
		}
		c.lone = nil
	} else if n += len(c.cork.b); n > cap(c.cork.b) {
		larger := getCork(n)
		larger.b = append(larger.b, c.cork.b...)
		larger.sizes, c.cork.sizes = c.cork.sizes, tally{}
		putCork(c.cork)
		c.cork = larger
	}
	k := c.cork
	at := len(k.b)
	k.b = f.append(k.b)
	if k.b[at]&opClose == 0 { // no control frame
		k.sizes.note(size)
	}
}

// corkedLocked reports whether frames wait for company.
func (c *Conn) corkedLocked() bool { return c.cork != nil || c.lone != nil }

// uncorkLocked takes them; free has to be called when they are of no more use.
func (c *Conn) uncorkLocked() (frames []byte, free *cork) {
	frames, free = c.lone, c.cork
	switch {
	case free != nil:
		frames = free.b
		free.sizes.flush(&c.lane().sent)
	case isData(frames):
		c.lane().sent.note(len(frames))
	}
	c.lone, c.cork = nil, nil
	return frames, free
}

// flushLocked writes the cork, unless somebody else is writing and will.
func (c *Conn) flushLocked() {
	for c.corkedLocked() && !c.writing && !c.draining && c.dead == nil {
		if c.flow.rate != nil {
			c.drainLocked()
			return
		}
		c.writeLocked(nil)
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

// flushWatched flushes the cork and ends the watching.
func (c *Conn) flushWatched() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched = false
	c.flushLocked()
}

// flushIfOlder is the watchdog's look: a cork that was begun before the last tick
// is flushed. It returns false when the cork is empty: no more looks are needed.
func (c *Conn) flushIfOlder(tick uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.corkedLocked() || c.dead != nil {
		c.watched = false
		return false
	}
	if tick-c.corkTick > 1 {
		c.flushLocked()
	}
	return true
}

// HoldBack keeps what is sent from now on behind the answer to the handshake. Open and
// Answer have to follow soon, from the same goroutine: senders may wait for them.
func (c *Conn) HoldBack() {
	c.mu.Lock()
	c.writing = true
	c.mu.Unlock()
}

// Answer writes p, the answer to the handshake, and then what was held back. p is no
// frame: neither the queue nor the rate bounds it.
func (c *Conn) Answer(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	if c.dead != nil {
		return
	}
	if c.set.Sent {
		c.sent = &sentFrames{raw: len(p)}
	}
	c.attemptLocked(&attempt{cork: p, answer: true}, nil)
	c.flushLocked()
}

// brokenLocked ends the connection because writing failed.
func (c *Conn) brokenLocked(err error) {
	c.endLocked(client.CloseInfo{Code: client.StatusAbnormal, Remote: true, Cause: err})
	c.dropLocked(err, false)
}
