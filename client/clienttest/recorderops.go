package clienttest

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// ops is a Recorder as client.Base sees it. It checks what internal/engine checks,
// in the same order.
type ops Recorder

func (o *ops) Send(op byte, p []byte) (wire int, err error) {
	r, m := (*Recorder)(o), client.Message{Op: client.Opcode(op), Data: p}
	switch {
	case m.Op != client.OpText && m.Op != client.OpBinary:
		return 0, client.ErrBadOpcode
	case m.Op == client.OpText && !utf8.Valid(p):
		return 0, client.ErrInvalidUTF8
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != link.Open {
		return 0, client.ErrClosed
	}
	return r.sendLocked(m.Clone()), nil
}

// sendLocked keeps m.
func (r *Recorder) sendLocked(m client.Message) (wire int) {
	wire = transport.FrameSize(len(m.Data))
	r.sent = append(r.sent, m)
	r.counts.MessagesOut++
	r.counts.BytesOut += uint64(wire)
	return wire
}

// Close is CloseAfterFlush too: everything is flushed at once. Code 0 is 1000, as
// with a zero Config.
func (o *ops) Close(code uint16, reason string, afterFlush bool) error {
	r, c := (*Recorder)(o), client.StatusCode(code)
	if c == 0 {
		c = client.StatusNormalClosure
	}
	if !c.Sendable() {
		return client.ErrBadCloseCode
	}
	if !utf8.ValidString(reason) {
		return client.ErrInvalidUTF8
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closeLocked(c, client.CutReason(reason), client.ErrCloseCalled)
}

// closeLocked begins the closing handshake; it ends with Disconnect.
func (r *Recorder) closeLocked(code client.StatusCode, reason string, cause error) error {
	if r.state != link.Open {
		return client.ErrClosed
	}
	r.state = link.Closing
	r.info = client.CloseInfo{Code: code, Reason: reason, Cause: cause}
	r.closed = &client.CloseError{Code: code, Reason: reason}
	r.counts.BytesOut += uint64(transport.FrameSize(2 + len(reason)))
	return nil
}

// Abort ends the connection, inside of an event as soon as that returns, and its
// context at once.
func (o *ops) Abort() {
	r := (*Recorder)(o)
	r.mu.Lock()
	if r.state == link.Open {
		r.state = link.Closing
		r.info = client.CloseInfo{Code: client.StatusAbnormal, Cause: client.ErrAborted}
		r.closed = &client.CloseError{Code: client.StatusAbnormal}
	}
	r.aborted = true
	wait, cause := r.running, r.info.Cause
	r.mu.Unlock()
	r.cancel(cause)
	if !wait {
		r.end(client.CloseInfo{})
	}
}

// Control counts a ping or pong; it is not recorded.
func (o *ops) Control(_ byte, payload []byte) error {
	r := (*Recorder)(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(payload) > client.MaxControl:
		return client.ErrTooLong
	case r.state != link.Open:
		return client.ErrClosed
	}
	r.counts.BytesOut += uint64(transport.FrameSize(len(payload)))
	return nil
}

func (o *ops) Flush() error {
	r := (*Recorder)(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.aborted || r.state == link.Closed {
		return client.ErrClosed
	}
	return nil
}

func (o *ops) SetBanner(text string) error {
	if !utf8.ValidString(text) {
		return client.ErrInvalidUTF8
	}
	r := (*Recorder)(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.greeted {
		return client.ErrConnected
	}
	r.banner = text
	return nil
}

func (o *ops) SetWriteTimeout(time.Duration) {}

func (o *ops) State() link.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

func (o *ops) Counters() link.Counters {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts
}

func (o *ops) Context() context.Context { return o.ctx }
