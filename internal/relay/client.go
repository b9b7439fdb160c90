package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/internal/wsdial"
)

// Session is the connection to the peer.
type Session interface {
	CloseWith(code client.StatusCode, reason string, afterFlush bool, cause error) error
}

// What a target may still send after the end is read so long and so far, as with peers, so
// that no reset destroys what it has not read yet.
const (
	lingerTime  = time.Second
	lingerBytes = 4 << 20
	maxLinger   = 1024 // targets at once
)

// queueBytes bounds what waits for the peer, if Config.SendQueue does not do so earlier:
// more would only be memory, as the target waits.
const queueBytes = 256 << 10

// Client is the class of a client that is forwarded.
type Client struct {
	client.Base
	to        *Conn
	sess      Session       // set by Begin
	lingering *atomic.Int32 // of all clients of the server
	cut       func() bool   // see begin; nil before
	cutDone   chan struct{}

	moved  atomic.Int64  // when something last came from the target or went there, under IdleTimeout
	broken atomic.Bool   // a write to the target has failed
	over   chan struct{} // closed by End

	mu     sync.Mutex // guards the following
	info   client.CloseInfo
	begun  bool
	failed error // the first write that failed
}

var _ client.FragmentHandler = (*Client)(nil)

// Client returns the class that has c as its target. lingering counts the targets that are
// waited for after the end.
func (c *Conn) Client(lingering *atomic.Int32) *Client {
	c.conn.idle = c.target.IdleTimeout
	return &Client{to: c, lingering: lingering, over: make(chan struct{})}
}

// Drop gives up a target whose client has no session.
func (c *Client) Drop() { _ = c.to.conn.Close() }

// Queue is what the client wants of its queue: within that of the server, it waits.
func Queue(q client.SendQueue) client.SendQueue {
	return client.SendQueue{MaxBytes: min(q.WithDefaults().MaxBytes, queueBytes), Policy: client.QueueBlock}
}

// Begin is called when OnClientConnect is over; Run follows, on a goroutine of its own.
func (c *Client) Begin(s Session) {
	c.mu.Lock()
	c.sess, c.begun = s, true
	c.mu.Unlock()
	c.touch()
	// An event may be waiting for the target when the connection ends.
	c.cutDone = make(chan struct{})
	c.cut = context.AfterFunc(c.Context(), func() {
		defer close(c.cutDone)
		c.to.conn.cutWrites()
	})
}

// End tells that the session has ended. It does not wait.
func (c *Client) End(info client.CloseInfo) {
	c.mu.Lock()
	c.info = info
	begun := c.begun
	c.mu.Unlock()
	close(c.over)
	if !begun {
		c.Drop()
		return
	}
	c.to.conn.cutReads(longAgo)
}

// AttachPump fails: waiting for a target would hold up all clients of the loop.
func (c *Client) AttachPump(client.Loop) error { return forward.ErrForwarded }

// DetachPump fails likewise.
func (c *Client) DetachPump() error { return forward.ErrForwarded }

// OnMessage gets records, if somebody has asked for them.
func (c *Client) OnMessage(m client.Message) error {
	return c.OnFragment(client.Fragment{Op: m.Op, Data: m.Data, First: true, Final: true})
}

// OnFragment writes to the target. After an error nothing is written any more; Run tells the
// peer.
func (c *Client) OnFragment(f client.Fragment) error {
	if c.broken.Load() {
		return nil
	}
	c.touch()
	var err error
	switch {
	case c.to.ws != nil && f.First:
		err = c.to.ws.WriteFrame(byte(f.Op), f.Final, f.Data)
	case c.to.ws != nil:
		err = c.to.ws.WriteFrame(wsdial.Continuation, f.Final, f.Data)
	case len(f.Data) > 0:
		_, err = c.to.conn.Write(f.Data)
	}
	if err != nil {
		c.mu.Lock()
		c.failed = c.failure("write", err)
		c.mu.Unlock()
		c.broken.Store(true)
		_ = c.SetAcceptData(false) // there is no use for it
		// What the target has said before comes first, and perhaps that it has ended.
		c.to.conn.cutReads(time.Now().Add(lingerTime))
	}
	c.touch()
	return nil
}

func (c *Client) failure(op string, err error) error {
	return &forward.TargetError{Op: op, Target: c.to.name, Err: err}
}

func (c *Client) touch() {
	if c.to.conn.idle > 0 {
		c.moved.Store(time.Now().UnixNano())
	}
}

// Run takes what the target sends to the peer until one of both has ended, and closes the
// session if it is the target. The result is what was wrong with that, or nil. Finish
// follows.
func (c *Client) Run() error {
	if c.to.ws != nil {
		return c.tell(c.messages())
	}
	return c.tell(c.stream())
}

// Finish waits for the end of the session and says goodbye to the target.
func (c *Client) Finish() {
	defer c.Drop()
	<-c.over
	if !c.cut() {
		<-c.cutDone
	}
	c.leave()
}

// errEnded: the session has ended; there is nobody to tell.
var errEnded = errors.New("relay: the session has ended")

// unsent is why a message was not taken for a peer that is there: the program's doing.
type unsent struct{ err error }

func (u *unsent) Error() string { return "relay: not taken for the peer: " + u.err.Error() }

// closing is the close frame of a target.
type closing struct {
	code   uint16
	reason string
}

func (c *closing) Error() string { return "relay: closed by the target" }

// tell closes the session for what has ended the stream of the target, and returns what was
// wrong with it.
func (c *Client) tell(err error) error {
	var end *closing
	var own *unsent
	var bad *forward.TargetError
	code, reason, cause := client.StatusInternalError, "the target failed", err
	switch {
	case err == errEnded:
		return nil
	case errors.As(err, &own):
		_ = c.sess.CloseWith(code, "", true, own.err)
		return nil
	case errors.As(err, &end):
		if code, reason = client.StatusCode(end.code), end.reason; code == 0 {
			code = client.StatusNormalClosure
		}
		_ = c.sess.CloseWith(code, reason, true, forward.ErrTargetClosed)
		return nil
	case err == io.EOF && c.to.ws == nil:
		_ = c.sess.CloseWith(client.StatusNormalClosure, "", true, forward.ErrTargetClosed)
		return nil
	case err == client.ErrIdleTimeout:
		_ = c.sess.CloseWith(client.StatusGoingAway, "idle", false, err)
		return nil
	case errors.Is(err, client.ErrInvalidUTF8):
		cause, reason = c.failure("read", forward.ErrTargetText), "the target sent text that is not UTF-8"
	case !errors.As(err, &bad):
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // without a close frame
		}
		cause = c.failure("read", err)
	}
	_ = c.sess.CloseWith(code, reason, true, cause)
	return cause
}

// readError says what an error of reading means.
func (c *Client) readError(err error) (fatal error) {
	if c.ended() {
		return errEnded
	}
	if err == io.EOF || !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if c.broken.Load() {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.failed
	}
	if time.Since(time.Unix(0, c.moved.Load())) < c.to.conn.idle {
		return nil // the client has spoken
	}
	return client.ErrIdleTimeout
}

// sendError says what an error of sending to the peer means.
func (c *Client) sendError(err error) error {
	if errors.Is(err, client.ErrInvalidUTF8) {
		return err
	}
	if errors.Is(err, client.ErrClosed) || c.Context().Err() != nil {
		return errEnded // or is about to
	}
	return &unsent{err} // such as after Interrupt; without its target it must not stay
}

func (c *Client) ended() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// leave says goodbye to the target. The peer's end of the stream becomes that of ours.
func (c *Client) leave() {
	if c.lingering.Add(1) > maxLinger || c.to.ws == nil && !c.info.Clean() {
		c.lingering.Add(-1)
		return
	}
	defer c.lingering.Add(-1)
	c.to.conn.last(time.Now().Add(lingerTime))
	t := time.AfterFunc(lingerTime, c.Drop) // TLS has a time of its own for its goodbye
	defer t.Stop()
	if c.to.ws != nil {
		code, reason := goodbye(c.info)
		if err := c.to.ws.WriteClose(code, reason); err != nil && !errors.Is(err, net.ErrClosed) {
			return
		}
	} else {
		c.to.conn.closeWrite()
	}
	_, _ = io.CopyN(io.Discard, c.to.conn, lingerBytes)
}

// goodbye is the close frame for a WebSocket target: the peer's, and 1001 for every other
// end (RFC 6455 section 7.4.1: 1005, 1006 and 1015 do not travel).
func goodbye(info client.CloseInfo) (code uint16, reason string) {
	var ce *client.CloseError
	switch {
	case info.Remote && info.Code == client.StatusNoCode:
		return 0, ""
	case info.Remote && errors.As(info.Cause, &ce) && ce.Code.Sendable():
		return uint16(ce.Code), ce.Reason
	}
	return uint16(client.StatusGoingAway), ""
}
