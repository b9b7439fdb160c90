package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// queue holds what the peer did not take at once, in order. Each entry is one or
// more whole frames, except that the first may be the rest of some.
type queue struct {
	entries [][]byte
	head    int
	begun   bool // the first entry is the rest of a frame
	open    bool // the last entry is ours and may take more frames
}

// joinLimit bounds what small frames share: an entry of their own would cost
// them many times their size.
const joinLimit = 2 << 10

func (q *queue) len() int    { return len(q.entries) - q.head }
func (q *queue) empty() bool { return q.len() == 0 }

// push adds a frame; join lets it share an entry, so that len counts less.
func (q *queue) push(f *Frame, join bool) {
	n := f.Size()
	if last := len(q.entries) - 1; join && q.open && len(q.entries[last])+n <= joinLimit {
		q.entries[last] = f.append(q.entries[last])
		return
	}
	if f.Whole != nil && n > joinLimit/4 {
		q.add(f.Whole, false)
		return
	}
	q.add(f.append(make([]byte, 0, n)), true)
}

// add appends an entry. The slice does not grow by what has left at its front.
func (q *queue) add(b []byte, open bool) {
	if q.head > len(q.entries)/2 {
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.head = q.entries[:n], 0
	}
	q.entries = append(q.entries, b)
	q.open = open
}

// pushRest adds what is left of three pieces after n bytes of them are written.
// The queue is empty.
func (q *queue) pushRest(n int, pieces ...[]byte) {
	total := 0
	for _, p := range pieces {
		total += len(p)
	}
	if n == total {
		return
	}
	rest := make([]byte, 0, total-n)
	for _, p := range pieces {
		k := min(n, len(p))
		n -= k
		rest = append(rest, p[k:]...)
	}
	q.add(rest, false)
	q.begun = true
}

// pop takes the first entry.
func (q *queue) pop() []byte {
	b := q.entries[q.head]
	q.entries[q.head], q.begun = nil, false
	if q.head++; q.head == len(q.entries) {
		*q = queue{}
	}
	return b
}

// drainLocked starts the drainer. It ends when nothing is left to write, or
// with the connection.
func (c *Conn) drainLocked() {
	c.draining = true
	// What others corked while a write was under way follows what it left.
	if c.cork != nil {
		c.queue.add(append([]byte(nil), *c.cork...), true)
		putCork(c.cork)
		c.cork = nil
	}
	go c.drain()
}

// drain writes the queue, waiting for the peer.
func (c *Conn) drain() {
	for {
		c.mu.Lock()
		b := c.nextLocked()
		if b == nil {
			// An empty queue still leaves what the wire itself holds back.
			if c.dead != nil || !c.wire.holds() {
				c.draining = false
				c.flushLocked()
				c.settledLocked()
				c.mu.Unlock()
				return
			}
		}
		c.mu.Unlock()
		before := c.svc.now()
		err := c.writeAll(b)
		now := c.svc.now()
		c.mu.Lock()
		if c.dead == nil {
			c.buffered -= len(b)
			if err == nil && now-before > time.Millisecond {
				c.drained = now // what had to wait was taken by the peer, not by a buffer
			}
		}
		if err != nil && c.dead == nil {
			c.drainFailedLocked(err)
		}
		c.signalLocked()
		c.mu.Unlock()
	}
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
func (c *Conn) nextLocked() (b []byte) {
	if c.dead != nil {
		return nil
	}
	for _, p := range []*[]byte{&c.pongs, &c.pings} {
		if *p != nil && !c.queue.begun {
			b = append(b, *p...)
			*p = nil
		}
	}
	if b != nil {
		return b
	}
	if !c.queue.empty() {
		return c.gatherLocked()
	}
	b, c.last = c.last, nil
	return b
}

// gatherLocked takes the first entry, or several small ones for one write.
func (c *Conn) gatherLocked() []byte {
	b := c.queue.pop()
	if len(b) >= corkLimit {
		return b
	}
	b = b[:len(b):len(b)] // it may be shared
	for !c.queue.empty() && len(b)+len(c.queue.entries[c.queue.head]) <= 2*corkLimit {
		b = append(b, c.queue.pop()...)
	}
	return b
}

// writeAll writes b in slices, so that progress is seen and the stall limit
// starts anew with each byte that the peer takes.
func (c *Conn) writeAll(b []byte) error {
	for {
		n := min(len(b), sliceLimit)
		if err := c.wire.write(b[:n], c.stall()); err != nil {
			return err
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
}

// stallSlices is how finely a write looks for progress: a connection tells how
// much it wrote, but not when.
const stallSlices = 8

// writeWaiting writes p to a connection that may block, until it is done or no
// byte has moved for stall, or up to a slice longer.
func writeWaiting(w net.Conn, p []byte, stall time.Duration) error {
	if stall <= 0 {
		_, err := w.Write(p)
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
		n, err := w.Write(p)
		if p = p[n:]; err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if n > 0 {
			still = 0 // it moved, perhaps at the very end of the slice
		} else if still++; still >= slices {
			return err
		}
	}
}

// waitRoomLocked waits until room was made, the connection ended, or timeout
// fires. It gives up the lock meanwhile.
func (c *Conn) waitRoomLocked(timeout <-chan time.Time) error {
	if c.room == nil {
		c.room = make(chan struct{})
	}
	room := c.room
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-room:
		return nil
	case <-timeout:
		return client.ErrQueueFull
	}
}

// signalLocked wakes those who wait for room.
func (c *Conn) signalLocked() {
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
	c.state.Store(uint32(max(link.Closing, c.State())))
	c.queue = queue{}
	c.pongs, c.pings, c.last = nil, nil, nil
	c.buffered = 0
	if c.cork != nil {
		putCork(c.cork)
		c.cork = nil
	}
	c.signalLocked()
	c.settledLocked()
	cause := c.info.Cause
	// Closing waits for the reader to leave the descriptor, and we may be the reader.
	go func() {
		c.wire.drop(reset)
		c.events.Dropped(cause)
	}()
}
