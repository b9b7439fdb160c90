package transport

import (
	"context"
	"errors"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// flow is what a connection keeps once its sending is out of the ordinary. Conn.mu
// guards it.
type flow struct {
	turn
	limits     *client.SendQueue // nil: the server's
	rate       *rate             // nil: no limit
	account    *consumer         // nil: nothing was ever charged
	gate       chan struct{}     // closed when the gate may be open; nil when nobody waits there
	unsent     int               // bytes that were given up
	written    bool              // written off: the queue does not count for the budget any more
	interrupts uint              // calls of Interrupt
	endAt      time.Duration     // when a connection that we have dialled ended, since Service.epoch; 0: not yet

	messagesDropped, bytesDropped uint64

	congested bool // TrySend would block, until the queue falls to its low water
	refused   bool // a message was not taken meanwhile: OnReadyToSend will follow
	ready     bool // it is due
	drops     [client.DropReasons]client.Drop
}

var (
	errDone    = errors.New("transport: context is done")
	errStopped = errors.New("transport: an event has closed")
)

func (c *Conn) flowLocked() *flow {
	if c.flow == &calm {
		c.flow = new(flow)
	}
	return c.flow
}

// calm is the flow of all connections that have none of their own. It is never written.
var calm flow

func (c *Conn) congestedLocked() bool { return c.flow.congested }

// relievedLocked is called whenever something was written or given up.
func (c *Conn) relievedLocked() {
	f := c.flow
	if !f.congested || c.boundedLocked() > c.limitsNow().LowWater {
		return
	}
	f.congested = false
	if f.refused && c.State() == link.Open {
		f.refused, f.ready = false, true
		c.noticeLocked()
	}
}

// noteDropLocked counts messages that the peer will not get.
func (c *Conn) noteDropLocked(why client.DropReason, messages, bytes int) {
	f := c.flowLocked()
	f.messagesDropped += uint64(messages)
	f.bytesDropped += uint64(bytes)
	d := &f.drops[why]
	if d.Messages == 0 {
		d.Reason, d.Since = why, time.Now()
	}
	d.Messages += messages
	d.Bytes += bytes
	c.noticeLocked()
}

// noticeLocked has the reader look at what there is to tell.
func (c *Conn) noticeLocked() {
	if c.notices.Swap(true) {
		return
	}
	c.openGateLocked()
	if !c.active.Load() && c.State() < link.Closed {
		c.wire.wake()
	}
}

// HasNotices reports whether there is something to tell the class.
func (c *Conn) HasNotices() bool { return c.notices.Load() }

// TakeNotices returns what there is to tell the class, once. Only for who runs the events.
func (c *Conn) TakeNotices() (ready bool, drops []client.Drop) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notices.Store(false)
	f := c.flow
	if f == &calm {
		return false, nil
	}
	ready, f.ready = f.ready, false
	for i := range f.drops {
		if f.drops[i].Messages > 0 {
			drops = append(drops, f.drops[i])
			f.drops[i] = client.Drop{}
		}
	}
	return ready, drops
}

// tell runs the events for what has happened. Only for the reader, outside of an event.
func (c *Conn) tell() {
	if c.notices.Load() {
		c.events.Notice()
	}
}

// WaitWritable waits while a TrySend would say ErrWouldBlock.
func (c *Conn) WaitWritable(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.boundedLocked() >= c.limitsNow().HighWater {
		c.flushLocked()
	}
	if n := c.boundedLocked(); n > 0 && n >= c.limitsNow().HighWater {
		c.flowLocked().congested = true
	}
	for calls := c.flow.interrupts; ; {
		switch {
		case c.sealed || c.dead != nil || c.State() != link.Open:
			return client.ErrClosed
		case c.flow.interrupts != calls:
			return client.ErrInterrupted
		case !c.congestedLocked():
			return nil
		}
		if err := c.waitRoomLocked(nil, ctx.Done()); err != nil {
			return context.Cause(ctx)
		}
	}
}

// Interrupt ends every wait for room.
func (c *Conn) Interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flowLocked().interrupts++
	c.signalLocked()
}
