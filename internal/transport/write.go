package transport

import "errors"

// attempt is a write that does not wait: the cork, and frames behind it.
type attempt struct {
	cork  []byte
	whole []byte // frames as they are
	first byte   // or a message: the first byte of its next frame,
	rest  []byte // what is left of it,
	max   int    // and how much of it goes into a frame
	head  []byte // of the frame that is written now
	body  []byte // its payload

	n       int // written of cork, head and body
	total   int // written in all
	blocked bool
	answer  bool // to the handshake: neither the queue nor the rate counts it
	err     error
}

// writeLocked writes the cork and f, which may be nil. It gives up the lock
// meanwhile. What the kernel does not take is queued.
func (c *Conn) writeLocked(f *Frame) {
	var a attempt
	var free *cork
	a.cork, free = c.uncorkLocked()
	c.attemptLocked(&a, f)
	putCork(free)
}

// attemptLocked writes a.cork and f.
func (c *Conn) attemptLocked(a *attempt, f *Frame) {
	c.writing = true
	if c.set.Sent {
		c.unlocked(func() { c.try(a, f) })
	} else {
		c.mu.Unlock()
		c.try(a, f)
		c.mu.Lock()
	}
	c.writing = false
	switch {
	case c.dead != nil:
	case a.err != nil:
		c.brokenLocked(a.err)
	default:
		if !a.answer {
			c.buffered -= a.total
		}
		if a.blocked || c.wire.holds() { // the reader may have had TLS say something meanwhile
			c.queueRestLocked(a, f)
			c.drainLocked()
			c.chargeLocked()
		}
	}
	c.relievedLocked()
	c.signalLocked()
	c.settledLocked()
}

// unlocked runs f, in which there is user code, without the lock. If that ends its
// goroutine, the connection ends too: others must not wait for what it was about to do.
func (c *Conn) unlocked(f func()) {
	returned := false
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		if !returned {
			c.writing, c.draining = false, false
			c.brokenLocked(errExited)
		}
	}()
	f()
	returned = true
}

var errExited = errors.New("transport: runtime.Goexit was called")

// try writes the cork and the frames of f until the kernel takes no more. A frame
// is one call, and the first takes the cork along.
func (c *Conn) try(a *attempt, f *Frame) {
	switch {
	case f == nil:
	case f.Whole != nil:
		a.whole = f.Whole
		a.body = f.Whole
	default:
		a.first, a.rest, a.max = f.First, f.Payload, f.Max
		if a.max <= 0 {
			a.max = len(a.rest)
		}
		c.cut(a)
	}
	for {
		a.n, a.blocked, a.err = c.wire.tryWrite(a.cork, a.head, a.body)
		a.total += a.n
		if c.set.Sent {
			c.tellSent(a.n, a.cork, a.head, a.body)
		}
		if a.err != nil || a.blocked || len(a.rest) == 0 || c.wire.holds() {
			return
		}
		a.cork = nil
		c.cut(a)
	}
}

// cut makes the next frame of the message.
func (c *Conn) cut(a *attempt) {
	n := min(len(a.rest), a.max)
	a.body, a.rest = a.rest[:n], a.rest[n:]
	if len(a.rest) > 0 {
		a.head = AppendHeader(c.header[:0], a.first&^finBit, n)
	} else {
		a.head = AppendHeader(c.header[:0], a.first, n)
	}
	a.first &= finBit // a continuation follows
}

// queueRestLocked queues what an attempt has left. The queue is empty.
func (c *Conn) queueRestLocked(a *attempt, f *Frame) {
	left := len(a.cork) + len(a.head) + len(a.body) - a.n
	if left > 0 && f != nil && f.Whole != nil && a.n >= len(a.cork) && left > joinLimit/4 {
		c.queueWholeLocked(f, a.whole[len(a.whole)-left:])
	} else if left > 0 {
		b := make([]byte, 0, left)
		n := a.n
		for _, p := range [...][]byte{a.cork, a.head, a.body} {
			k := min(n, len(p))
			n -= k
			b = append(b, p[k:]...)
		}
		c.ownQueueLocked().add(entry{b: b, mid: true, free: a.answer})
	}
	if len(a.rest) > 0 {
		b := AppendMessage(make([]byte, 0, MessageSize(len(a.rest), a.max)), a.first, a.rest, a.max)
		c.ownQueueLocked().add(entry{b: b, several: true})
	}
}

// queueWholeLocked queues the rest of frames that need no copy.
func (c *Conn) queueWholeLocked(f *Frame, rest []byte) {
	e := entry{b: rest, mid: true, owner: f.owner}
	if f.owner != nil {
		f.owner.lent++
	}
	if f.fragmented() && f.owner == nil {
		// Behind the frame that is begun control frames may go.
		at := 0
		for done := len(f.Whole) - len(rest); at < done; {
			at += frameLen(f.Whole[at:])
		}
		e.b = f.Whole[len(f.Whole)-len(rest) : at]
		if len(e.b) > 0 {
			c.ownQueueLocked().add(e)
		}
		e = entry{b: f.Whole[at:], several: true}
	}
	if len(e.b) > 0 {
		c.ownQueueLocked().add(e)
	}
}
