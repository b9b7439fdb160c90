package clienttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// Recorder stands in for the connection of one client: it runs the events of its
// class and keeps what the class sends. What the methods of client.Base do and
// return is what they do on a server whose peer takes everything at once.
//
// All methods may be called from any goroutine. Events never overlap, so those
// that run one, and Disconnect, wait for each other and must not be called inside
// of an event of the same client.
type Recorder struct {
	client client.Client
	link   link.Conn
	ctx    context.Context
	cancel context.CancelCauseFunc
	turn   chan struct{} // holds one token while an event runs

	mu      sync.Mutex // guards the following
	state   link.State
	running bool             // an event is
	aborted bool             // the end comes when no event runs
	info    client.CloseInfo // how it ended; final from Closing on
	closed  *client.CloseError
	sent    []client.Message
	banner  string
	greeted bool // the banner is out, or never will be
	counts  link.Counters
}

// Connect gives c a connection, as a server does after NewClient and before
// OnClientConnect, which is the factory's: a test calls it, or not. c must not
// have had a connection before. At most one Options may be given. The connection
// ends with the test, if it has not ended before.
func Connect(tb testing.TB, c client.Client, opts ...Options) *Recorder {
	tb.Helper()
	o := complete(tb, opts)
	r := &Recorder{client: c, turn: make(chan struct{}, 1), state: link.Open, banner: o.Banner}
	r.link = link.Conn{Facts: o.facts(), Ops: (*ops)(r), Server: o.Server}
	r.counts.LastRead = r.link.Opened
	if c == nil || !link.Bind(c, &r.link) {
		tb.Fatalf("clienttest: Connect: the client is nil or has had a connection already")
	}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	tb.Cleanup(func() { r.end(client.CloseInfo{}) })
	return r
}

// Message runs OnMessage with m, as if the peer had sent it, and returns its
// error, or a [*client.PanicError]. After an error the client is closed as on a
// server, see Closed. m.Data is copied, and the copy overwritten when OnMessage
// has returned, so that a class that keeps it without Clone is found out.
//
// It returns [client.ErrClosed] when the client is closing or closed, and
// [client.ErrBadOpcode] or [client.ErrInvalidUTF8] for messages that a server
// does not let through; then OnMessage does not run.
func (r *Recorder) Message(m client.Message) error {
	switch {
	case m.Op != client.OpText && m.Op != client.OpBinary:
		return client.ErrBadOpcode
	case m.Op == client.OpText && !utf8.Valid(m.Data):
		return client.ErrInvalidUTF8
	}
	m.Data = bytes.Clone(m.Data)
	defer spoil(m.Data)
	return r.run("OnMessage", func() error { return r.client.OnMessage(m) }, func() {
		r.counts.MessagesIn++
		r.receivedLocked(len(m.Data))
	})
}

// Text is Message with a text.
func (r *Recorder) Text(s string) error { return r.Message(client.Text(s)) }

// Binary is Message with bytes.
func (r *Recorder) Binary(p []byte) error { return r.Message(client.Binary(p)) }

// Ping runs OnPing, if the class has it, with a copy of payload. The error is
// that of Message.
func (r *Recorder) Ping(payload []byte) error {
	call := func([]byte) error { return nil }
	if h, ok := r.client.(client.PingHandler); ok {
		call = h.OnPing
	}
	return r.control("OnPing", call, payload, true)
}

// Pong runs OnPong, if the class has it, with a copy of payload. The error is
// that of Message.
func (r *Recorder) Pong(payload []byte) error {
	call := func([]byte) error { return nil }
	if h, ok := r.client.(client.PongHandler); ok {
		call = h.OnPong
	}
	return r.control("OnPong", call, payload, false)
}

// errLongControl is for what RFC 6455 section 5.5 forbids.
var errLongControl = errors.New("clienttest: a ping or pong carries at most 125 bytes")

// control runs the event of a control frame.
func (r *Recorder) control(name string, call func([]byte) error, payload []byte, answered bool) error {
	if len(payload) > 125 {
		return errLongControl
	}
	p := bytes.Clone(payload)
	defer spoil(p)
	return r.run(name, func() error { return call(p) }, func() {
		r.receivedLocked(len(p))
		if answered {
			r.counts.BytesOut += uint64(transport.FrameSize(len(p)))
		}
	})
}

// Greet is the moment after OnClientConnect, when a server sends the banner:
// Options.Banner or what the class has set, if it is not empty. From then on
// SetBanner returns [client.ErrConnected]. The first event calls Greet too.
func (r *Recorder) Greet() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.greeted {
		return
	}
	r.greeted = true
	if r.banner != "" && r.state == link.Open {
		r.sendLocked(client.Text(r.banner))
	}
}

// Sent returns copies of all messages that the client has sent, oldest first, the
// banner included.
func (r *Recorder) Sent() []client.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.sent)
	for i, m := range all {
		all[i] = m.Clone()
	}
	return all
}

// Closed is the close frame that the client has caused, by Close or by the error
// of an event; with [client.StatusAbnormal] it is Abort. It is nil before.
func (r *Recorder) Closed() *client.CloseError {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed == nil {
		return nil
	}
	c := *r.closed
	return &c
}

// Disconnect ends the connection and returns what OnClientDisconnect is told. If
// the client closed first that is its own doing, else it is info, where a zero
// Code means that the peer is gone (1006, Remote, io.EOF) and a nil Cause the
// close frame with that Code. Then Context is done with the Cause, and sends
// return [client.ErrClosed]. A second call returns the same.
func (r *Recorder) Disconnect(info client.CloseInfo) client.CloseInfo {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	return r.end(info)
}

// end makes the connection closed.
func (r *Recorder) end(info client.CloseInfo) client.CloseInfo {
	r.mu.Lock()
	if r.state < link.Closing {
		r.info = described(info)
	}
	r.state, r.greeted = link.Closed, true
	info = r.info
	r.mu.Unlock()
	r.cancel(info.Cause)
	return info
}

// described fills in what the test left open.
func described(info client.CloseInfo) client.CloseInfo {
	if info.Code == 0 {
		info.Code, info.Remote = client.StatusAbnormal, true
	}
	switch {
	case info.Cause != nil:
	case info.Code == client.StatusAbnormal:
		info.Cause = io.EOF
	default:
		info.Cause = &client.CloseError{Code: info.Code, Reason: info.Reason}
	}
	return info
}

// run runs an event unless the client is closing; count is called before it, with
// the lock held.
func (r *Recorder) run(name string, call func() error, count func()) error {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.Greet()
	if !r.begin(count) {
		return client.ErrClosed
	}
	defer r.finish() // deferred, because an event may end the goroutine
	if err := event.Do(event.Func(call)); err != nil {
		return r.failed(name, err)
	}
	return nil
}

func (r *Recorder) begin(count func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != link.Open {
		return false
	}
	count()
	r.running = true
	return true
}

// finish ends an event, and with it a connection that was aborted inside of it.
func (r *Recorder) finish() {
	r.mu.Lock()
	r.running = false
	aborted := r.aborted
	r.mu.Unlock()
	if aborted {
		r.end(client.CloseInfo{})
	}
}

// failed closes for an event that returned an error or panicked, and returns
// what the test is told.
func (r *Recorder) failed(name string, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := errors.AsType[*event.Panic](err); ok {
		err = &client.PanicError{Event: name, Value: p.Value, Stack: p.Stack}
		_ = r.closeLocked(client.StatusInternalError, "", err)
		return err
	}
	if ce, ok := errors.AsType[*client.CloseError](err); ok && ce.Code.Sendable() && utf8.ValidString(ce.Reason) {
		_ = r.closeLocked(ce.Code, client.CutReason(ce.Reason), ce)
		return err
	}
	_ = r.closeLocked(client.StatusInternalError, "", &client.EventError{Event: name, Err: err})
	return err
}

// receivedLocked counts a masked frame with n bytes of payload.
func (r *Recorder) receivedLocked(n int) {
	const maskKey = 4
	r.counts.BytesIn += uint64(transport.FrameSize(n) + maskKey)
	r.counts.LastRead = time.Now()
}

// spoil overwrites what an event was lent.
func spoil(p []byte) {
	for i := range p {
		p[i] = '#'
	}
}
