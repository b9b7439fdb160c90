package engine

import (
	"context"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
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

// A stream that can not begin fails at its first call.
func (o *ops) Stream(ctx context.Context, op byte, total int64, so link.StreamOptions) link.Stream {
	s := (*Session)(o)
	switch {
	case s.State() != link.Open:
		return link.Failed(client.ErrClosed)
	case ctx == nil:
		ctx = context.Background()
	}
	c := transport.StreamConfig{Context: ctx, Op: client.Opcode(op), Total: total, Progress: so.Progress}
	if s.zip != nil {
		c.Lock = &s.zip.mu
		if !so.Plain {
			c.Zip = s.zip.Zip
		}
	}
	return s.NewStream(c)
}

func (o *ops) SendWith(ctx context.Context, op byte, p []byte, so link.SendOptions) (int, error) {
	return (*Session)(o).SendWith(ctx, client.Opcode(op), p, so)
}

func (o *ops) SetRecordLength(n int) error {
	s := (*Session)(o)
	limit := s.engine.Settings.MaxMessage
	switch {
	case n < 0 || limit >= 0 && int64(n) > limit:
		return client.ErrRecordLength
	case s.State() == link.Closed:
		return client.ErrClosed
	}
	r := s.record.Load()
	if r == nil {
		s.record.CompareAndSwap(nil, new(records))
		r = s.record.Load()
	}
	r.n.Store(int64(n))
	return nil
}

// usable returns ErrClosed when the connection has ended.
func (o *ops) usable() error {
	if o.Conn.State() == link.Closed {
		return client.ErrClosed
	}
	return nil
}

func (o *ops) SetSendQueue(q any) error {
	o.Conn.SetSendQueue(q.(*client.SendQueue))
	return o.usable()
}

func (o *ops) SetBandwidthLimit(bytesPerSecond int) error {
	o.SetBandwidth(bytesPerSecond)
	return o.usable()
}

func (o *ops) SetAcceptData(on bool) error {
	o.Conn.SetAcceptData(on)
	if m := (*Session)(o).mailbox(); m != nil && on {
		m.kick()
	}
	return o.usable()
}

func (o *ops) AttachLoop(v any) error {
	if v == nil {
		return (*Session)(o).Choose(new(alone))
	}
	l := link.LoopOf(v)
	if l == nil {
		return client.ErrNoLoop
	}
	return (*Session)(o).Choose(l)
}

func (o *ops) DetachLoop() error { return (*Session)(o).Choose(nil) }

func (o *ops) WaitWritable(ctx context.Context) error { return o.Conn.WaitWritable(ctx) }
func (o *ops) Interrupt()                             { o.Conn.Interrupt() }

func (o *ops) SetWriteTimeout(d time.Duration) { o.Conn.SetWriteTimeout(d) }
func (o *ops) State() link.State               { return o.Conn.State() }
func (o *ops) Counters() link.Counters         { return o.Conn.Counters() }

// Context is made when it is first asked for: most clients never do.
func (o *ops) Context() context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.context == nil {
		o.context = &life{}
	}
	l := o.context
	if l.ctx == nil {
		base := l.base
		if base == nil {
			base = context.Background()
		}
		l.ctx, l.cancel = context.WithCancelCause(base)
		if o.over != nil {
			l.cancel(o.over)
		}
	}
	return l.ctx
}

// bytesOf returns the bytes of s without a copy; they must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
