package wsserver

import (
	"context"
	"sync"
	"time"
)

// openContext is the context of an open request: it ends with the handshake's
// time, with NewClient, and when the server begins to close. Few factories look at
// it, so the real one is made when something is asked that needs it.
type openContext struct {
	alive    context.Context // the server's
	parent   context.Context // of the HTTP request, or nil
	deadline time.Time       // zero for none

	mu    sync.Mutex // guards the following
	real  context.Context
	stop  func() // cancels it
	ended bool
}

func (c *openContext) get() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real != nil {
		return c.real
	}
	ctx, cancel := context.WithCancelCause(c.values())
	unhook := func() bool { return true }
	if c.parent != nil {
		unhook = context.AfterFunc(c.alive, func() { cancel(ErrServerClosed) })
	}
	timeout := func() {}
	if !c.deadline.IsZero() {
		ctx, timeout = context.WithDeadline(ctx, c.deadline)
	}
	c.real, c.stop = ctx, func() { unhook(); timeout(); cancel(nil) }
	if c.ended {
		c.stop()
	}
	return c.real
}

// values is the context that the real one derives from.
func (c *openContext) values() context.Context {
	if c.parent != nil {
		return c.parent
	}
	return c.alive
}

// end cancels the context: NewClient is over.
func (c *openContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.stop != nil {
		c.stop()
	}
}

// Deadline returns the time at which the handshake is given up.
func (c *openContext) Deadline() (time.Time, bool) { return c.get().Deadline() }

// Done is closed at that time, or earlier.
func (c *openContext) Done() <-chan struct{} { return c.get().Done() }

// Err tells that Done is closed.
func (c *openContext) Err() error { return c.get().Err() }

// Value returns that of the HTTP request, and what package context itself asks for.
func (c *openContext) Value(key any) any { return c.get().Value(key) }
