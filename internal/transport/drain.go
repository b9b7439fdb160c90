package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"

	"github.com/icsws/icsws/client"
)

// drainLocked starts the drainer. It ends when nothing is left to write, or
// with the connection.
func (c *Conn) drainLocked() {
	c.draining = true
	c.queueCorkLocked() // what others corked while a write was under way follows what it left
	go c.drain()
}

// queueCorkLocked queues what is corked.
func (c *Conn) queueCorkLocked() {
	if !c.corkedLocked() {
		return
	}
	b, free := c.uncorkLocked()
	if free != nil {
		b = append([]byte(nil), b...)
		putCork(free)
	}
	c.ownQueueLocked().add(entry{b: b})
}

// drain writes the queue, waiting for the peer.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		e := c.nextLocked()
		if e.nothing() {
			// An empty queue still leaves what the wire itself holds back.
			if c.dead != nil || !c.wire.holds() {
				break
			}
		}
		popped := &c.popped
		if e.owner != nil {
			popped = &c.flow.popped
		}
		*popped = e.size()
		before := c.svc.now()
		var err error
		c.unlocked(func() { err = c.writeEntry(&e) })
		now := c.svc.now()
		if e.owner != nil {
			e.owner.lent--
		}
		switch {
		case c.dead != nil:
		case err != nil:
			c.drainFailedLocked(err)
		case now-before > time.Millisecond:
			c.drained = now // what had to wait was taken by the peer, not by a buffer
		}
		*popped = 0
		c.chargeLocked()
		c.relievedLocked()
		c.signalLocked()
	}
	c.draining = false
	c.queue = &nothing
	c.flushLocked()
	c.settledLocked()
}

// drainFailedLocked tells a peer that takes nothing from one that is gone.
func (c *Conn) drainFailedLocked(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.endLocked(client.CloseInfo{Code: client.StatusAbnormal, Cause: client.ErrWriteTimeout})
		c.dropLocked(client.ErrWriteTimeout, true)
		return
	}
	c.brokenLocked(err)
}

// nextLocked takes what is written next: a whole number of frames, or the rest of
// one. Control frames go between data frames, before those that wait.
func (c *Conn) nextLocked() (e entry) {
	if c.dead != nil {
		return e
	}
	front := c.queue.front()
	if w := c.waiting; front == nil || !front.mid {
		e.b = append(w.pong, w.ping...)
		if e.b != nil {
			w.pong, w.ping = nil, nil
		}
	}
	switch {
	case e.b != nil:
		return e
	case front == nil:
		if e.b = c.waiting.last; e.b != nil {
			c.waiting.last = nil
		}
		return e
	case front.several && !front.mid:
		return c.frontFrameLocked(front)
	}
	return c.gatherLocked()
}

// frontFrameLocked takes one frame of several.
func (c *Conn) frontFrameLocked(front *entry) entry {
	n := frameLen(front.b)
	if n >= len(front.b) {
		return c.queue.pop()
	}
	e := entry{b: front.b[:n]}
	front.b, front.loose = front.b[n:], false
	if front.key != "" {
		delete(c.queue.keys, front.key)
		front.key = ""
	}
	c.queue.bytes -= n
	return e
}

// gatherLocked takes the first entry, or several small ones for one write.
func (c *Conn) gatherLocked() entry {
	e := c.queue.pop()
	if len(e.b) >= corkLimit || e.owner != nil || e.free {
		return e
	}
	e.b = e.b[:len(e.b):len(e.b)] // it may be shared
	for {
		next := c.queue.front()
		if next == nil || next.owner != nil || next.several || len(e.b)+len(next.b) > 2*corkLimit {
			return e
		}
		more := c.queue.pop()
		e.b = append(e.b, more.b...)
	}
}

// writeEntry writes e, waiting for the peer.
func (c *Conn) writeEntry(e *entry) error {
	if e.free {
		err := c.wire.write(e.b, c.stall())
		if err == nil && c.set.Sent {
			c.tellSent(len(e.b), e.b)
		}
		return err
	}
	if err := c.writeAll(e.b); err != nil || e.span == nil {
		return err
	}
	return c.writeSpan(e.span, e.owner)
}

// writeAll writes b in slices, so that progress is seen and the stall limit
// starts anew with each byte that the peer takes.
func (c *Conn) writeAll(b []byte) error {
	for {
		n := min(len(b), c.slice())
		c.throttle(n)
		if err := c.wire.write(b[:n], c.stall()); err != nil {
			return err
		}
		c.wrote(b[:n])
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
}

// wrote books b as written.
func (c *Conn) wrote(b []byte) {
	c.moved(len(b))
	if c.set.Sent {
		c.tellSent(len(b), b)
	}
}

// moved books n bytes of what the drainer writes as written.
func (c *Conn) moved(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil || n == 0 {
		return
	}
	c.buffered -= n
	if c.flow.popped > 0 {
		c.flow.popped -= n
	} else {
		c.popped -= n
	}
	c.relievedLocked()
	c.signalLocked()
}

// stallSlices is how finely a write looks for progress: a connection tells how
// much it wrote, but not when.
const stallSlices = 8

// writeWaiting writes p to a connection that may block, until it is done or no
// byte has moved for stall, or up to a slice longer.
func writeWaiting(w net.Conn, p []byte, stall time.Duration) error {
	return moving(w, stall, func() (int, bool, error) {
		n, err := w.Write(p)
		p = p[n:]
		return n, len(p) == 0, err
	})
}

// moving calls move, which writes to w, until it is done, fails, or no byte has moved
// for stall.
func moving(w net.Conn, stall time.Duration, move func() (n int, done bool, err error)) error {
	if stall <= 0 {
		_, _, err := move()
		return err
	}
	slices := stallSlices
	if _, ok := w.(*tls.Conn); ok {
		slices = 1 // which never recovers from a timeout
	}
	defer w.SetWriteDeadline(time.Time{})
	for still := 0; ; {
		if err := w.SetWriteDeadline(time.Now().Add(stall / time.Duration(slices))); err != nil {
			return err
		}
		n, done, err := move()
		if done || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if n > 0 {
			still = 0 // it moved, perhaps at the very end of the slice
		} else if still++; still >= slices {
			return err
		}
	}
}

// signalLocked wakes those who wait for room.
func (c *Conn) signalLocked() {
	c.wakeStreamLocked()
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// dropLocked gives up what is queued: nothing is written any more, and the
// connection below is closed, so that the reader ends.
func (c *Conn) dropLocked(err error, reset bool) {
	if c.dead != nil {
		return
	}
	c.dead = err
	c.toClosing()
	if n := c.buffered + c.heldBytes() - len(c.waiting.last); n > 0 {
		c.flowLocked().unsent += n
		c.flow.behind = queue{}
	}
	c.queue, c.waiting = &nothing, &none
	c.buffered = 0
	_, free := c.uncorkLocked()
	putCork(free)
	c.chargeLocked()
	c.signalLocked()
	c.openGateLocked()
	c.settledLocked()
	cause, wire := c.info.Cause, c.wire
	// Closing waits for the reader to leave the descriptor, and we may be the reader.
	go func() {
		wire.drop(reset)
		c.events.Dropped(cause)
	}()
}
