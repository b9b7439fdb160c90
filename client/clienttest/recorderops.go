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
	return (*Recorder)(o).send(client.Message{Op: client.Opcode(op), Data: p}, terms{})
}

func (o *ops) SendWith(ctx context.Context, op byte, p []byte, so link.SendOptions) (wire int, err error) {
	return (*Recorder)(o).send(client.Message{Op: client.Opcode(op), Data: p}, terms{SendOptions: so, ctx: ctx})
}

func (o *ops) Stream(ctx context.Context, op byte, total int64, so link.StreamOptions) link.Stream {
	if o.State() != link.Open {
		return link.Failed(client.ErrClosed)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return &stream{r: (*Recorder)(o), ctx: ctx, op: client.Opcode(op), total: max(total, -1), progress: so.Progress}
}

func (o *ops) WaitWritable(ctx context.Context) error {
	r := (*Recorder)(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, bytes := r.waitingLocked(); r.noSlotLocked() || bytes > 0 && bytes >= r.limits.HighWater {
		r.congested = true
	}
	for calls := r.interrupts; ; {
		switch {
		case r.state != link.Open:
			return client.ErrClosed
		case r.interrupts != calls:
			return client.ErrInterrupted
		case !r.congested:
			return nil
		}
		if err := r.waitLocked(nil, ctx); err != nil {
			return err
		}
	}
}

func (o *ops) Interrupt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.interrupts++
	(*Recorder)(o).signalLocked()
}

func (o *ops) SetSendQueue(q any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limits = *q.(*client.SendQueue)
	(*Recorder)(o).relievedLocked()
	return o.usableLocked()
}

func (o *ops) SetBandwidthLimit(int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.usableLocked()
}

func (o *ops) SetAcceptData(on bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.paused = !on
	return o.usableLocked()
}

// AttachLoop leaves the events where they are, as a Recorder is what runs them.
func (o *ops) AttachLoop(v any) error {
	if v != nil {
		l := link.LoopOf(v)
		if l == nil {
			return client.ErrNoLoop
		}
		if !l.Join(nobody{}) {
			return client.ErrLoopClosed
		}
		l.Leave(nobody{})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.detached = false
	return o.usableLocked()
}

// nobody has a seat and no events.
type nobody struct{}

func (nobody) Run(int) (int, bool) { return 0, false }
func (nobody) Room()               {}
func (nobody) Closed()             {}

func (o *ops) DetachLoop() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.detached = true
	return o.usableLocked()
}

// usableLocked returns ErrClosed when the connection has ended.
func (o *ops) usableLocked() error {
	if o.state == link.Closed {
		return client.ErrClosed
	}
	return nil
}

// SetRecordLength has the default of Config.MaxMessageSize as its limit.
func (o *ops) SetRecordLength(n int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n < 0 || n > maxMessage {
		return client.ErrRecordLength
	}
	o.recordLen = n
	return o.usableLocked()
}

// maxMessage is the default of Config.MaxMessageSize.
const maxMessage = 1 << 20

// Close with code 0 is 1000, as with a zero Config.
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
	return r.closeLocked(c, client.CutReason(reason), afterFlush, client.ErrCloseCalled)
}

// closeLocked begins the closing handshake; it ends with Disconnect. The close frame
// goes behind what waits; only afterFlush lets a message in pieces come to its end.
func (r *Recorder) closeLocked(code client.StatusCode, reason string, afterFlush bool, cause error) error {
	if r.state != link.Open {
		return client.ErrClosed
	}
	r.state = link.Closing
	r.info = client.CloseInfo{Code: code, Reason: reason, Cause: cause}
	r.closed = &client.CloseError{Code: code, Reason: reason}
	if afterFlush && r.stream != nil {
		r.sealing = true
		r.signalLocked()
		return nil
	}
	r.sealLocked()
	return nil
}

// sealLocked sends our close frame: what waits for the end of a message in pieces
// will not be sent.
func (r *Recorder) sealLocked() {
	r.sealed = true
	for _, q := range r.behind {
		r.unsent += q.size
	}
	r.behind = nil
	size := transport.FrameSize(2 + len(r.closed.Reason))
	r.counts.BytesOut += uint64(size)
	if r.stalled {
		r.last = size
	}
	r.signalLocked()
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
	r.dropLocked()
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
	c := o.counts
	c.Buffered = (*Recorder)(o).bufferedLocked() + o.last
	return c
}

func (o *ops) Context() context.Context { return o.ctx }
