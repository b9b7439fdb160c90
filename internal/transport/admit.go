package transport

import (
	"context"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// Terms are what a message asks for beyond the queue of its client.
type Terms struct {
	Policy  client.QueuePolicy // QueueDefault: the client's
	Key     string
	Timeout time.Duration // 0: the client's
	Try     bool          // neither wait, nor drop, nor close
	Context context.Context
}

func (t *Terms) done() <-chan struct{} {
	if t == nil || t.Context == nil {
		return nil
	}
	return t.Context.Done()
}

// limitsNow are the bounds of the queue.
func (c *Conn) limitsNow() *client.SendQueue {
	if c.flow.limits != nil {
		return c.flow.limits
	}
	return &c.set.Queue
}

// SetSendQueue replaces the server's bounds.
func (c *Conn) SetSendQueue(q *client.SendQueue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flowLocked().limits = q
	c.signalLocked() // who waits looks again
	c.relievedLocked()
}

// policy is what happens to a message that finds the queue full.
func (c *Conn) policy(t *Terms) client.QueuePolicy {
	if t != nil && t.Policy != client.QueueDefault {
		return t.Policy
	}
	return c.limitsNow().Policy
}

// joins reports whether small messages share an entry of the queue.
func (c *Conn) joins() bool {
	q := c.limitsNow()
	return q.MaxMessages <= 0 && !q.Policy.Drops()
}

// Admit does the waiting and the dropping of Send ahead of it, for a message of about n
// bytes that is made only then.
func (c *Conn) Admit(n int, t *Terms, noWait bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.admitLocked(n, t, noWait)
}

// Fits reports whether what Admit has allowed is still true.
func (c *Conn) Fits(n int, t *Terms) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fitsLocked(n) || c.replacesLocked(n, t)
}

// Uncompressed reports whether a message must not refer to earlier ones, because it may
// be dropped or has to wait while another is sent in pieces. The answer holds as long
// as the caller keeps streams from beginning.
func (c *Conn) Uncompressed(t *Terms) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flow.taken != nil || c.draining && c.policy(t).Drops()
}

// boundedLocked is what counts of the bytes that wait: what a message in pieces has lent
// is bounded by itself, and must not cost the others their room.
func (c *Conn) boundedLocked() int {
	return c.buffered + c.heldBytes() - c.queue.lent - c.flow.popped
}

// fitsLocked reports whether n more bytes fit; an empty queue takes any size.
func (c *Conn) fitsLocked(n int) bool {
	return fits(c.limitsNow(), n, c.boundedLocked(), c.waitingLocked())
}

// fits is fitsLocked for a queue that holds so much.
func fits(q *client.SendQueue, n, bytes, messages int) bool {
	return bytes == 0 || n <= q.MaxBytes-bytes && (q.MaxMessages <= 0 || messages < q.MaxMessages)
}

// waitingLocked is the number of messages in the queue.
func (c *Conn) waitingLocked() int {
	return c.queue.messages + c.flow.behind.messages
}

// admitLocked makes sure that n bytes may be written: waiting, dropping or closing as
// the policy says.
func (c *Conn) admitLocked(n int, t *Terms, noWait bool) error {
	var timeout <-chan time.Time
	calls := c.flow.interrupts
	for {
		if c.sealed || c.dead != nil || c.State() != link.Open {
			return client.ErrClosed
		}
		if t != nil && t.Try {
			return c.tryLocked(n)
		}
		if c.fitsLocked(n) || c.replacesLocked(n, t) {
			return nil
		}
		if c.flushLocked(); c.fitsLocked(n) {
			return nil
		}
		if c.writing {
			// What is being written may leave no queue at all, and its write does not
			// wait.
			if err := c.waitRoomLocked(nil, nil); err != nil {
				return err
			}
			continue
		}
		if p := c.policy(t); p != client.QueueBlock || noWait {
			return c.fullLocked(n, p)
		}
		if d := c.blockTime(t); d > 0 && timeout == nil {
			timer := time.NewTimer(d)
			defer timer.Stop()
			timeout = timer.C
		}
		if err := c.waitRoomLocked(timeout, t.done()); err != nil {
			return c.refusedLocked(err, t)
		}
		if c.flow.interrupts != calls {
			return client.ErrInterrupted
		}
	}
}

func (c *Conn) blockTime(t *Terms) time.Duration {
	if t != nil && t.Timeout > 0 {
		return t.Timeout
	}
	return c.limitsNow().BlockTimeout
}

// tryLocked is the admission of TrySend.
func (c *Conn) tryLocked(n int) error {
	q := c.limitsNow()
	ok := func() bool { return !c.congestedLocked() && c.boundedLocked() < q.HighWater && c.fitsLocked(n) }
	if ok() {
		return nil
	}
	if c.flushLocked(); ok() || c.boundedLocked() == 0 {
		return nil
	}
	f := c.flowLocked()
	f.congested, f.refused = true, true
	return client.ErrWouldBlock
}

// fullLocked decides about a message of n bytes that finds the queue full, under a
// policy that does not wait.
func (c *Conn) fullLocked(n int, p client.QueuePolicy) error {
	if p.Drops() && c.evictLocked(n) {
		return nil
	}
	if p.Drops() || p == client.QueueDropNewest {
		c.noteDropLocked(client.DropNewest, 1, n)
		f := c.flowLocked()
		f.congested, f.refused = true, true
		return client.ErrQueueFull
	}
	_ = c.closeLocked(client.StatusPolicyViolation, "send queue full", false, client.ErrQueueFull)
	return client.ErrQueueFull
}

// refusedLocked is the end of a wait that failed.
func (c *Conn) refusedLocked(err error, t *Terms) error {
	f := c.flowLocked()
	f.congested, f.refused = true, true
	if c.boundedLocked() == 0 { // nothing will be written that could tell
		c.relievedLocked()
	}
	if err == errDone {
		return context.Cause(t.Context)
	}
	return err
}

// queuesLocked are those that hold messages, oldest first.
func (c *Conn) queuesLocked() []*queue {
	if c.flow.behind.empty() {
		return []*queue{c.queue}
	}
	return []*queue{c.queue, &c.flow.behind}
}

// evictLocked drops the oldest messages until n bytes fit. It drops none if that would
// not do.
func (c *Conn) evictLocked(n int) bool {
	if !c.evictableLocked(n) {
		return false
	}
	for _, list := range c.queuesLocked() {
		for !c.fitsLocked(n) {
			e := list.drop(func(e *entry) bool { return e.loose })
			if e.nothing() {
				break
			}
			c.buffered -= e.size()
			c.noteDropLocked(client.DropOldest, e.messages, e.size())
		}
	}
	c.chargeLocked()
	return true
}

// evictableLocked reports whether evictLocked can make n bytes fit. It looks at no more
// messages than that would drop.
func (c *Conn) evictableLocked(n int) bool {
	q, bytes, messages := c.limitsNow(), c.boundedLocked(), c.waitingLocked()
	for _, list := range c.queuesLocked() {
		for i := list.head; i < len(list.entries) && !fits(q, n, bytes, messages); i++ {
			if e := &list.entries[i]; e.loose {
				bytes -= e.size()
				messages -= e.messages
			}
		}
	}
	return fits(q, n, bytes, messages)
}

// replacesLocked reports whether a message with a key fits in the place of another.
func (c *Conn) replacesLocked(n int, t *Terms) bool {
	if t == nil || t.Key == "" {
		return false
	}
	for _, list := range c.queuesLocked() {
		if e := list.find(t.Key); e != nil {
			return n-e.size() <= c.limitsNow().MaxBytes-c.boundedLocked()
		}
	}
	return false
}

// replaceLocked puts f in the place of a message with the same key that waits in q.
func (c *Conn) replaceLocked(q *queue, f *Frame) bool {
	e := q.find(f.key())
	if e == nil || f.Kept {
		return false
	}
	old := e.size()
	e.b, e.several = f.append(make([]byte, 0, f.Size())), f.fragmented()
	q.bytes += e.size() - old
	c.buffered -= old
	c.noteDropLocked(client.DropReplaced, 1, old)
	return true
}

// waitRoomLocked waits until room was made, the connection ended, or timeout or done
// fire. It gives up the lock meanwhile.
func (c *Conn) waitRoomLocked(timeout <-chan time.Time, done <-chan struct{}) error {
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
	case <-done:
		return errDone
	}
}
