package transport

import (
	"sync/atomic"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/budget"
)

// heldLocked is what a connection's queue takes of its server's budget.
func (c *Conn) heldLocked() int {
	if c.flow.written {
		return 0
	}
	return c.queue.bytes - c.queue.lent + c.flow.behind.bytes + c.popped
}

// chargeLocked books the present size of the queue.
func (c *Conn) chargeLocked() {
	b := c.set.Budget
	if b == nil {
		return
	}
	now := c.heldLocked()
	p := c.flow.account
	if p == nil {
		if now == 0 {
			return
		}
		p = &consumer{c: c}
		c.flowLocked().account = p
	}
	was := int(p.held.Swap(int64(now)))
	b.Add(now - was)
	switch {
	case was == 0 && now > 0:
		b.Join(p)
	case was > 0 && now == 0:
		b.Leave(p)
	}
}

// relieve has the longest queues pay when the budget is spent. The caller holds no lock.
func (c *Conn) relieve() {
	if c.set.Budget != nil {
		c.set.Budget.Relieve()
	}
}

// consumer is a Conn as the budget sees it.
type consumer struct {
	c    *Conn
	held atomic.Int64 // written under Conn.mu
}

var _ budget.Consumer = (*consumer)(nil)

func (p *consumer) Held() int64 { return p.held.Load() }

// Shed drops what the client's policy allows to drop, or closes it.
func (p *consumer) Shed() {
	c := p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return
	}
	if p := c.limitsNow().Policy; p.Drops() || p == client.QueueDropNewest {
		c.shedLocked(func(e *entry) bool { return e.loose })
		return
	}
	// What is on its way can not be given up, and must not cost others their places.
	c.flowLocked().written = true
	_ = c.closeLocked(client.StatusPolicyViolation, "memory budget spent", false, client.ErrBudget)
	// The close frame goes where the first message would have begun that is not begun.
	c.shedLocked(func(e *entry) bool { return !e.mid })
}

// shedLocked drops the messages for which pick is true.
func (c *Conn) shedLocked(pick func(*entry) bool) {
	for _, q := range c.queuesLocked() {
		for e := q.drop(pick); !e.nothing(); e = q.drop(pick) {
			if e.owner != nil {
				e.owner.lent--
				e.owner.broke = client.ErrClosed
			}
			c.buffered -= e.size()
			c.noteDropLocked(client.DropBudget, e.messages, e.size())
		}
	}
	c.chargeLocked()
	c.relievedLocked()
	c.signalLocked()
}
