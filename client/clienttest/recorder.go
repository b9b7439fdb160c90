package clienttest

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// Recorder stands in for the connection of one client: it runs the events of its
// class and keeps what the class sends. What the methods of client.Base do and
// return is what they do on a server whose peer takes everything at once; after
// [Recorder.Stall] the peer takes nothing.
//
// All methods may be called from any goroutine. Events never overlap, so those
// that run one wait for each other and must not be called inside of an event of the
// same client: Message and its like, Resume, Wake and Disconnect.
//
// A limit on the bandwidth and a write timeout change nothing here, nor does a loop: the
// Recorder runs the events, save that after DetachPump they wait for AttachPump.
type Recorder struct {
	tb     testing.TB
	client client.Client
	link   link.Conn
	ctx    context.Context
	cancel context.CancelCauseFunc
	turn   chan struct{} // holds one token while events run

	mu      sync.Mutex // guards the following
	state   link.State
	running bool             // an event is
	aborted bool             // the end comes when no event runs
	told    bool             // the last events have run
	info    client.CloseInfo // how it ended; final from Closing on, but for Unsent
	closed  *client.CloseError
	sent    []client.Message
	banner  string
	greeted bool // the banner is out, or never will be
	counts  link.Counters
	inbound
	outbound
}

// Connect gives c a connection, as a server does after NewClient and before
// OnClientConnect, which is the factory's: a test calls it, or not. c must not
// have had a connection before. At most one Options may be given. The connection
// ends with the test, if it has not ended before.
func Connect(tb testing.TB, c client.Client, opts ...Options) *Recorder {
	tb.Helper()
	o := complete(tb, opts)
	r := &Recorder{tb: tb, client: c, turn: make(chan struct{}, 1), state: link.Open, banner: o.Banner}
	r.link = link.Conn{Facts: o.facts(), Ops: (*ops)(r), Server: o.Server}
	r.counts.LastRead = r.link.Opened
	r.limits = o.SendQueue
	if c == nil || !link.Bind(c, &r.link) {
		tb.Fatalf("clienttest: Connect: the client is nil or has had a connection already")
	}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	tb.Cleanup(func() { r.end(client.CloseInfo{}) })
	return r
}

// Greet is the moment after OnClientConnect, when a server sends the banner:
// Options.Banner or what the class has set, if it is not empty. From then on
// SetBanner returns [client.ErrConnected]. The first event calls Greet too.
func (r *Recorder) Greet() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.greetLocked()
}

func (r *Recorder) greetLocked() {
	if r.greeted {
		return
	}
	r.greeted = true
	if r.banner != "" && r.state == link.Open {
		_, _ = r.takeLocked(client.Text(r.banner), terms{noWait: true})
	}
}

// Sent returns copies of all messages that the peer has got, oldest first, the
// banner included. One that was sent in pieces is in it when it is complete. What
// waits in the queue is not, see [Recorder.Stall].
func (r *Recorder) Sent() []client.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.sent)
	for i, m := range all {
		all[i] = m.Clone()
	}
	return all
}

// Closed is the close frame that the client has caused, by Close, by the error of
// an event, by a full queue, or by a message that was broken off; with
// [client.StatusAbnormal] it is Abort. It is nil before.
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
//
// Before it returns, the last events run: OnMessage for the rest of a record, and
// OnDropped. Their errors are only logged, but a panic fails the test.
func (r *Recorder) Disconnect(info client.CloseInfo) client.CloseInfo {
	r.tb.Helper()
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	info = r.end(info)
	r.lastEvents(info)
	return info
}

// end makes the connection closed.
func (r *Recorder) end(info client.CloseInfo) client.CloseInfo {
	r.mu.Lock()
	if r.state < link.Closing {
		r.info = described(info)
	}
	r.dropLocked()
	r.info.Unsent += r.unsent
	r.unsent = 0
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
