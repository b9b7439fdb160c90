package dial

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/link"
)

// Send sends m on the open connection, as client.Base.Send does there. Without a
// connection it fails with client.ErrClosed (D-25), unless Options.QueueWhileDown lets m
// wait for the next one; then nil says that it waits. Messages that wait are sent in
// order, and later ones behind them.
//
// m.Data is not kept. A message that was taken by a connection and not written when that
// was lost is not sent again: CloseInfo.Unsent tells how much that was.
func (c *Conn) Send(m client.Message) error {
	return c.SendWith(context.Background(), m, client.SendOptions{}).Err
}

// SendText sends s as one text message, see [Conn.Send] (D-24, D-25).
func (c *Conn) SendText(s string) error { return c.Send(client.Text(s)) }

// SendBinary sends p as one binary message, see [Conn.Send].
func (c *Conn) SendBinary(p []byte) error { return c.Send(client.Binary(p)) }

// SendWith is [Conn.Send] with options and a result (D-27 to D-30). A message that waits
// for a connection has a WireSize of 0.
func (c *Conn) SendWith(ctx context.Context, m client.Message, o client.SendOptions) client.SendResult {
	c.mu.Lock()
	sess := c.sess
	if c.o.QueueWhileDown > 0 && (!c.ready || c.queue.len() > 0) {
		sess = nil // OnOpen, and what waits, come first
	}
	c.mu.Unlock()
	if sess != nil {
		res := sess.Client.SendWith(ctx, m, o)
		if c.o.QueueWhileDown == 0 || !errors.Is(res.Err, client.ErrClosed) {
			return res
		}
	}
	return client.SendResult{PayloadSize: len(m.Data), Err: c.keep(ctx, m, o)}
}

// keep lets m wait for a connection.
func (c *Conn) keep(ctx context.Context, m client.Message, o client.SendOptions) error {
	switch {
	case ctx != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case m.Op != client.OpText && m.Op != client.OpBinary:
		return client.ErrBadOpcode
	case m.Op == client.OpText && !utf8.Valid(m.Data):
		return client.ErrInvalidUTF8
	}
	if _, err := link.MessageOptions(o); err != nil {
		return err
	}
	c.mu.Lock()
	if c.o.QueueWhileDown == 0 || c.run == nil || c.run.stopped || c.run.over {
		c.mu.Unlock()
		return client.ErrClosed
	}
	ok := c.queue.push(&c.o, waiting{m, o, time.Now()})
	c.tellLocked()
	c.ageLocked()
	c.flushLocked() // the connection may have opened meanwhile
	c.mu.Unlock()
	if !ok {
		return client.ErrQueueFull
	}
	return nil
}

// tellLocked has drops told, if there are any and nobody does.
func (c *Conn) tellLocked() {
	if c.queue.dropped && !c.tells && c.run != nil && !c.run.over {
		c.tells = true
		before := c.run.before
		c.run.helpers.Go(func() { <-before; c.tellSoon() })
	}
}

// ageLocked has the queue looked at when its oldest message is too old.
func (c *Conn) ageLocked() {
	switch {
	case c.o.QueueMaxAge <= 0:
	case len(c.queue.rest()) == 0:
		if c.aging != nil {
			c.aging.Stop()
			c.aging = nil
		}
	case c.aging == nil:
		c.aging = time.AfterFunc(time.Until(c.queue.oldest().Add(c.o.QueueMaxAge)), c.aged)
	}
}

// aged runs on the timer's goroutine.
func (c *Conn) aged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aging = nil
	c.queue.expire(&c.o, time.Now())
	c.tellLocked()
	c.ageLocked()
	c.changeLocked() // nothing may wait any more
}

// flushLocked has what waits sent, if there is a connection and nobody does.
func (c *Conn) flushLocked() {
	if c.ready && !c.sends && c.queue.len() > 0 && c.stateLocked() == Open {
		c.sends = true
		sess := c.sess
		c.run.helpers.Go(func() { c.flush(sess) })
	}
}

// flush sends what waits. It ends when nothing does, or with the connection.
func (c *Conn) flush(sess *engine.Session) {
	for c.flushOne(sess) {
	}
	c.mu.Lock()
	c.sends = false
	c.changeLocked()
	c.flushLocked() // there may be another connection
	c.mu.Unlock()
	c.tellDrops()
}

// flushOne sends the first message that waits. It returns false when there is no more to
// be done.
func (c *Conn) flushOne(sess *engine.Session) bool {
	c.mu.Lock()
	w, ok := c.queue.take(&c.o, time.Now())
	c.mu.Unlock()
	if !ok {
		return false
	}
	w.o.Policy, w.o.Key, w.o.Timeout = client.QueueBlock, "", 0 // nobody waits for it
	err := sess.Client.SendWith(sess.Client.Context(), w.m, w.o).Err
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.queue.done(true)
	case c.stateLocked() != Open, c.sess != sess:
		c.queue.done(false) // for the next connection
		return false
	case errors.Is(err, client.ErrQueueFull), errors.Is(err, client.ErrInterrupted): // again
		c.queue.done(false)
	default: // it would fail on every connection
		c.queue.done(true)
		c.queue.note(client.DropNewest, len(w.m.Data), time.Now())
	}
	return true
}

// WaitOpen waits until there is a connection and OnOpen has returned. It fails with
// client.ErrClosed when it is not started or has stopped, or Stop is called, or with the
// cause of ctx.
func (c *Conn) WaitOpen(ctx context.Context) (OpenInfo, error) {
	var info OpenInfo
	err := c.wait(ctx, func() bool { info = c.open; return c.ready && c.stateLocked() == Open })
	return info, err
}

// WaitSent waits until no message waits for a connection any more: the connection has
// them all, and Stop delivers what it has. Errors are those of WaitOpen.
func (c *Conn) WaitSent(ctx context.Context) error {
	return c.wait(ctx, func() bool { return c.queue.len() == 0 })
}

// wait waits until ok, which is called under the lock.
func (c *Conn) wait(ctx context.Context, ok func() bool) error {
	for {
		c.mu.Lock()
		switch {
		case c.run == nil || c.run.over:
			c.mu.Unlock()
			return client.ErrClosed
		case ok():
			c.mu.Unlock()
			return nil
		case c.run.stopped:
			c.mu.Unlock()
			return client.ErrClosed
		case c.changed == nil:
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// changeLocked wakes those who wait.
func (c *Conn) changeLocked() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// Ping sends a ping on the open connection, see client.Base.Ping.
func (c *Conn) Ping(payload []byte) error {
	if obj := c.Client(); obj != nil {
		return obj.Ping(payload)
	}
	return client.ErrClosed
}

// Client is the object of the class that has the connection, nil while there is none.
// Without Handler.NewClient it is one of a class of this package: all of client.Base can
// be used, such as SendReader for a message in pieces.
func (c *Conn) Client() client.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sess == nil {
		return nil
	}
	return c.sess.Client
}

// BufferedAmount is how many bytes wait: of frames for the open connection, and of the
// payload of messages for the next one (D-39).
func (c *Conn) BufferedAmount() int {
	n := 0
	if obj := c.Client(); obj != nil {
		n = obj.BufferedAmount()
	}
	return n + c.QueuedAmount()
}

// QueuedAmount is how many bytes of payload wait for a connection.
func (c *Conn) QueuedAmount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queue.bytes
}
