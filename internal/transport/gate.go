package transport

import "github.com/icsws/icsws/internal/link"

// SetAcceptData closes the gate, or opens it.
func (c *Conn) SetAcceptData(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused.Load() == !on {
		return
	}
	c.paused.Store(!on)
	if on {
		c.handled = c.svc.now() // the silence was not the peer's
		c.openGateLocked()
	} else if !c.active.Load() && c.State() < link.Closed {
		c.wire.wake() // it waits for input
	}
}

// Gate comes before each of the peer's events: it runs those that are not the peer's, and waits
// while the gate is closed. Only for the reader, outside of an event.
func (c *Conn) Gate() {
	c.tell()
	if !c.paused.Load() {
		return
	}
	for c.waitGate() {
		c.tell()
	}
	c.active.Store(true)
}

// waitGate waits once; it returns false when the gate is open.
func (c *Conn) waitGate() bool {
	c.idle()
	c.mu.Lock()
	if !c.paused.Load() || c.dead != nil || c.State() >= link.Closing {
		c.mu.Unlock()
		return false
	}
	if c.notices.Load() {
		c.mu.Unlock()
		return true
	}
	gate := make(chan struct{})
	c.flowLocked().gate = gate
	c.mu.Unlock()
	<-gate
	return true
}

// Paused reports whether the gate is closed.
func (c *Conn) Paused() bool { return c.paused.Load() }

// Wait waits for ch. Unless strict is set it returns early when the connection is about
// to end, or has something to tell, which the next call does. Only for the reader,
// outside of an event.
func (c *Conn) Wait(ch <-chan struct{}, strict bool) {
	c.tell()
	c.Settle()
	c.idle()
	c.await(ch, strict)
	c.active.Store(true)
}

func (c *Conn) await(ch <-chan struct{}, strict bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var gate chan struct{}
	if !strict {
		if c.dead != nil || c.State() >= link.Closing || c.notices.Load() {
			return
		}
		gate = make(chan struct{})
		c.flowLocked().gate = gate
	}
	c.held = true // the silence is not the peer's
	c.mu.Unlock()
	select {
	case <-ch:
	case <-gate:
	}
	c.mu.Lock()
	c.held = false
	c.handled = c.svc.now()
}

// Settle makes the reader's goroutine its own, before it waits for something else than
// input.
func (c *Conn) Settle() {
	if w, ok := c.wire.(interface{ settle() }); ok {
		w.settle()
	}
}

// Touch restarts the idle clock: the peer has waited for us.
func (c *Conn) Touch() { c.noteMessage() }

// openGateLocked has a reader that waits at the gate look again.
func (c *Conn) openGateLocked() {
	if c.flow.gate != nil {
		close(c.flow.gate)
		c.flow.gate = nil
	}
}

// toClosing leaves the state Open, which opens the gate: the peer's close frame is
// wanted.
func (c *Conn) toClosing() {
	c.state.Store(uint32(max(link.Closing, c.State())))
	c.openGateLocked()
	if c.paused.Load() && !c.active.Load() {
		c.wire.wake()
	}
}
