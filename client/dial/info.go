package dial

import (
	"errors"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/logkey"
)

// Info is a picture of a [Conn] at one moment (D-01, D-34 to D-38).
type Info struct {
	URL                   string // without user info
	State                 State
	CompressionOffered    bool // Options.Compression is on
	CompressionNegotiated bool // the open connection has it
	Reconnect             bool // Options.NoReconnect is not set
	MaxWait               time.Duration
	PingInterval          time.Duration // below 0: none are sent
	Attempt               int           // number of the last attempt, from 1, since the last stable connection
	Opened                int           // how many connections were open so far
	NextAttempt           time.Time     // zero unless it waits for that
	LastError             *DialError    // of the last attempt, nil if that succeeded
	BufferedAmount        int           // see Conn.BufferedAmount
	QueuedAmount          int           // see Conn.QueuedAmount
	QueuedMessages        int           // that wait for a connection
	Open                  OpenInfo      // of the open connection, or of the last one
}

// Info tells how things are.
func (c *Conn) Info() Info {
	buffered := c.BufferedAmount()
	c.mu.Lock()
	defer c.mu.Unlock()
	i := Info{
		URL: cleanURL(c.o.URL), State: c.stateLocked(),
		CompressionOffered: c.o.Compression.Mode != client.CompressionOff,
		Reconnect:          !c.o.NoReconnect, MaxWait: c.o.MaxWait, PingInterval: c.o.PingInterval,
		Attempt: c.number, Opened: c.opened, NextAttempt: c.next, LastError: c.failed,
		BufferedAmount: buffered, QueuedAmount: c.queue.bytes, QueuedMessages: c.queue.len(), Open: c.open,
	}
	i.CompressionNegotiated = c.sess != nil && c.open.Compression
	return i
}

// state tells of a change.
func (c *Conn) state(s State) {
	if f := c.h.OnState; f != nil {
		c.telling.lock()
		defer c.telling.unlock()
		c.user("OnState", func() { f(c, s) })
	}
}

// tellError tells of an attempt that failed. From now on nothing of e changes.
func (c *Conn) tellError(e *DialError) {
	c.mu.Lock()
	c.failed = e
	c.mu.Unlock()
	c.log.Warn("attempt failed", logkey.Addr, logURL(e.URL), logkey.Code, e.Reason.Code(), logkey.Err, e.Err, logkey.Status, e.HTTPStatus,
		logkey.Attempt, e.Attempt, logkey.Wait, e.NextWait, logkey.Final, e.Final)
	if f := c.h.OnError; f != nil {
		c.telling.lock()
		defer c.telling.unlock()
		c.user("OnError", func() { f(c, e) })
	}
}

// tellSoon is tellDrops by whoever has set tells.
func (c *Conn) tellSoon() {
	c.tellDrops()
	c.mu.Lock()
	c.tells = false
	c.mu.Unlock()
	c.tellDrops() // what came just before
}

// tellDrops tells what was dropped from the queue.
func (c *Conn) tellDrops() {
	for {
		c.telling.lock()
		c.mu.Lock()
		list := c.queue.notices()
		c.mu.Unlock()
		for _, d := range list {
			c.logDrop(d)
			if f := c.h.OnDropped; f != nil {
				c.user("OnDropped", func() { f(c, d) })
			}
		}
		c.telling.unlock()
		if len(list) == 0 {
			return
		}
	}
}

func (c *Conn) logDrop(d client.Drop) {
	c.log.Warn("messages dropped", logkey.Code, d.Code(), logkey.Reason, d.Reason.String(),
		logkey.Messages, d.Messages, logkey.Bytes, d.Bytes, logkey.Since, d.Since)
}

// cleanURL is a URL without user info.
func cleanURL(raw string) string {
	t, err := parseURL(raw)
	if err != nil {
		return ""
	}
	return t.url.String()
}

// logURL is a URL for the log: a query may be a secret.
func logURL(u string) string {
	u, _, _ = strings.Cut(u, "?")
	return u
}

// user runs a function of the program that is not an event of a connection.
func (c *Conn) user(name string, f func()) {
	c.logged(name, contained(func() error { f(); return nil }))
}

// logged logs how a function of the program ended, if it did not return.
func (c *Conn) logged(name string, err error) {
	if p, ok := errors.AsType[*event.Panic](err); ok {
		c.logPanic(name, p.Value, p.Stack)
	} else if err != nil {
		c.log.Error("event failed", logkey.Event, name, logkey.Err, err)
	}
}

func (c *Conn) logPanic(name string, value any, stack []byte) {
	c.log.Error("panic", logkey.Event, name, logkey.Value, value, logkey.Stack, string(stack))
}

// line is the end of a run for the log.
func (c *Conn) line(s StopInfo) []any {
	return []any{logkey.Addr, logURL(c.Info().URL), logkey.Attempt, s.Attempts, logkey.Err, s.Err}
}

// State tells where it stands (D-33).
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stateLocked()
}

func (c *Conn) stateLocked() State {
	switch {
	case c.run == nil || c.run.over:
		return Closed
	case c.sess == nil && c.run.stopped:
		return Closing
	case c.sess == nil:
		return Connecting
	}
	switch c.sess.State() {
	case link.Connecting:
		return Connecting
	case link.Open:
		return Open
	}
	return Closing
}
