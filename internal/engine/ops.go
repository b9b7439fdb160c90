package engine

import (
	"context"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// ops is a Session as client.Base sees it.
type ops Session

func (o *ops) Send(op byte, p []byte) (int, error) {
	return (*Session)(o).Send(client.Opcode(op), p, false)
}

func (o *ops) Close(code uint16, reason string, afterFlush bool) error {
	s, c := (*Session)(o), client.StatusCode(code)
	if c == 0 {
		if c = s.engine.CloseCode; reason == "" {
			reason = s.engine.CloseReason
		}
	}
	if !c.Sendable() {
		return client.ErrBadCloseCode
	}
	if !utf8.ValidString(reason) {
		return client.ErrInvalidUTF8
	}
	if s.State() != link.Open {
		return client.ErrClosed
	}
	return s.CloseWith(c, client.CutReason(reason), afterFlush, client.ErrCloseCalled)
}

// Abort ends the context too, before it returns.
func (o *ops) Abort() {
	s := (*Session)(o)
	s.Conn.Abort(client.ErrAborted)
	s.Dropped(s.Conn.Info().Cause)
}

func (o *ops) Control(op byte, payload []byte) error {
	s := (*Session)(o)
	switch {
	case len(payload) > client.MaxControl:
		return client.ErrTooLong
	case s.State() != link.Open:
		return client.ErrClosed
	}
	return s.SendControl(op, payload)
}

func (o *ops) Flush() error {
	s := (*Session)(o)
	if st := s.State(); st == link.Connecting || st == link.Closed {
		return client.ErrClosed
	}
	return s.Conn.Flush()
}

func (o *ops) SetBanner(text string) error {
	if !utf8.ValidString(text) {
		return client.ErrInvalidUTF8
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.greeted {
		return client.ErrConnected
	}
	o.banner = text
	return nil
}

func (o *ops) SetWriteTimeout(d time.Duration) { o.Conn.SetWriteTimeout(d) }
func (o *ops) State() link.State               { return o.Conn.State() }
func (o *ops) Counters() link.Counters         { return o.Conn.Counters() }

// Context is made when it is first asked for: most clients never do.
func (o *ops) Context() context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ctx == nil {
		base := o.base
		if base == nil {
			base = context.Background()
		}
		o.ctx, o.cancel = context.WithCancelCause(base)
		if o.over != nil {
			o.cancel(o.over)
		}
	}
	return o.ctx
}

// bytesOf returns the bytes of s without a copy; they must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
