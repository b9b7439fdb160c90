package transport

import "time"

// hearing is when the peer of a connection that we have dialled was heard of. Only the
// reader touches it.
type hearing struct {
	asked  time.Duration // when the last batch was over
	before time.Duration // when something came before the last read
	prompt bool          // that read did not have to wait
}

// atOnce is less than a read takes that has to wait.
const atOnce = time.Millisecond

// ask is called when a batch is over.
func (c *Conn) ask() {
	if c.set.Dialed {
		c.in.hears.asked = c.svc.now()
	}
}

// hear notes that something has come now, and before that at last, in nanoseconds.
func (c *Conn) hear(now time.Duration, last int64) {
	if c.set.Dialed {
		h := &c.in.hears
		h.before, h.prompt = time.Duration(last), c.prompt(now)
	}
}

// prompt reports whether a read that has returned just now did not have to wait.
func (c *Conn) prompt(now time.Duration) bool {
	return c.active.Load() || now-c.in.hears.asked < atOnce
}

// foundFrame is called by the reader for a frame that ends the connection, and foundLoss
// when reading failed, before it waits for events.
func (c *Conn) foundFrame() {
	h := &c.in.hears
	c.found(time.Duration(c.lastRead.Load()), h.before, h.prompt)
}

func (c *Conn) foundLoss() {
	now := c.svc.now()
	c.found(now, time.Duration(c.lastRead.Load()), c.prompt(now))
}

// found notes when the connection ended. What is there at once when an event has returned
// may have been there for as long as that took: then it is when the peer was heard of
// before.
func (c *Conn) found(at, before time.Duration, prompt bool) {
	if prompt {
		at = before
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.endAtLocked(at)
	}
}

func (c *Conn) endAtLocked(at time.Duration) {
	if c.set.Dialed && c.flow.endAt == 0 {
		c.flowLocked().endAt = max(at, 1)
	}
}

// EndedAt is when a connection that we have dialled ended, which may be long before its last
// events: when its closing handshake began, or when it was lost. It is complete after Finish.
func (c *Conn) EndedAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.svc.epoch.Add(c.flow.endAt)
}
