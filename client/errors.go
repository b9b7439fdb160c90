package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
)

// Errors of the methods of [Base]. Each may arrive wrapped; compare with errors.Is.
var (
	// ErrClosed: the client is not open yet, is closing, or has ended. It is a
	// net.ErrClosed too.
	ErrClosed = fmt.Errorf("client: not connected: %w", net.ErrClosed)
	// ErrQueueFull: the message was not taken, because the send queue is full.
	ErrQueueFull = errors.New("client: send queue full")
	// ErrInvalidUTF8: a text message or a close reason is not valid UTF-8
	// (RFC 6455 section 8.1). Returned by Send, the connection stays open; as the cause
	// of an end, the peer sent it (1007).
	ErrInvalidUTF8 = errors.New("client: invalid UTF-8")
	// ErrBadCloseCode: the close code must not be sent, see [StatusCode.Sendable].
	ErrBadCloseCode = errors.New("client: close code may not be sent")
	// ErrBadOpcode: a message to send is neither text nor binary.
	ErrBadOpcode = errors.New("client: not a data opcode")
	// ErrTooLong: the payload of a ping or pong is longer than [MaxControl].
	ErrTooLong = errors.New("client: control payload too long")
	// ErrCompression: the message could not be compressed, nothing was sent.
	ErrCompression = errors.New("client: compression failed")
	// ErrConnected: the setting has no effect any more, because the banner is out.
	ErrConnected = errors.New("client: already connected")
	// ErrWouldBlock: TrySend did not take the message, because the send queue is full.
	ErrWouldBlock = errors.New("client: send would block")
	// ErrInterrupted: Interrupt was called, or Progress returned false.
	ErrInterrupted = errors.New("client: interrupted")
	// ErrMessageLength: a message of [Base.NewMessage] was not as long as announced.
	ErrMessageLength = errors.New("client: message is not as long as announced")
	// ErrRecordLength: the record length is negative or above Config.MaxMessageSize.
	ErrRecordLength = errors.New("client: impossible record length")
	// ErrOptions: options of a send that do not go together, or not with this call.
	ErrOptions = errors.New("client: options do not fit")
	// ErrNoLoop: what was given as a [Loop] was not made by pump.New.
	ErrNoLoop = errors.New("client: not a loop of package pump")
	// ErrNoClient: no connected client has that id.
	ErrNoClient = errors.New("client: no such client")
)

// Causes of an end, in [CloseInfo] and as the cause of [Base.Context]. A close
// frame of the peer is a [*CloseError], a lost connection the read or write error,
// malformed input a [*ProtocolError], a panic a [*PanicError], an error of an event
// an [*EventError], a message that was broken off a [*StreamError].
var (
	// ErrCloseCalled: Close or CloseAfterFlush was called.
	ErrCloseCalled = errors.New("client: closed by the program")
	// ErrAborted: Abort was called.
	ErrAborted = errors.New("client: aborted by the program")
	// ErrServerShutdown: the server shuts down (1001).
	ErrServerShutdown = errors.New("client: server shuts down")
	// ErrTooBusy: the client was over the limit and told so (1013).
	ErrTooBusy = errors.New("client: server too busy")
	// ErrPingTimeout: the peer showed no sign of life after a ping (1011).
	ErrPingTimeout = timeout("client: no answer to a ping")
	// ErrIdleTimeout: no data message within Config.IdleTimeout (1001).
	ErrIdleTimeout = timeout("client: idle")
	// ErrLifetime: the connection reached Config.MaxLifetime (1012).
	ErrLifetime = timeout("client: end of lifetime")
	// ErrWriteTimeout: the peer took no byte for Config.WriteTimeout (1006).
	ErrWriteTimeout = timeout("client: write stalled")
	// ErrBudget: the memory budget of the server was spent and this client's queue was
	// among the longest (1008).
	ErrBudget = errors.New("client: memory budget spent")
	// ErrLoopClosed: the loop that runs the events of the client was closed (1001).
	// Returned by AttachPump, the loop is closed and nothing has changed.
	ErrLoopClosed = errors.New("client: loop closed")
	// ErrCloseTimeout: the peer did not answer our close frame in time. It joins the
	// cause of the close itself.
	ErrCloseTimeout = timeout("client: close frame not answered")
)

// timeoutError is a cause that is also an os.ErrDeadlineExceeded.
type timeoutError string

func timeout(s string) error                { return timeoutError(s) }
func (e timeoutError) Error() string        { return string(e) }
func (e timeoutError) Timeout() bool        { return true }
func (e timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// CloseError is a close frame. Returned by an event or by OnClientConnect it is
// the frame to send; as a cause of an end with [CloseInfo].Remote it is the frame
// that came.
type CloseError struct {
	Code   StatusCode // must be [StatusCode.Sendable] to be sent, else 1011 is
	Reason string     // UTF-8, cut to [MaxReason] bytes when sent
}

// Error tells code and reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return "client: close " + e.Code.String()
	}
	return fmt.Sprintf("client: close %v: %q", e.Code, e.Reason)
}

// RejectError, returned by a factory or a hook before the handshake is answered,
// is the HTTP response.
type RejectError struct {
	Status int         // 300 to 599; anything else answers 500
	Header http.Header // further header lines, such as WWW-Authenticate; may be nil
	Body   string      // sent as text/plain unless Header says otherwise
}

// Error tells status and body.
func (e *RejectError) Error() string {
	return fmt.Sprintf("client: rejected with %d %s: %s", e.Status, http.StatusText(e.Status), e.Body)
}

// ProtocolError is a violation of RFC 6455 or RFC 7692 by the peer.
type ProtocolError struct {
	Code StatusCode // the close code that answered it: 1002, 1007 or 1009
	Text string     // what was wrong, sent as the close reason
}

// Error tells what was wrong.
func (e *ProtocolError) Error() string { return "client: protocol violation: " + e.Text }

// EventError is an error that an event returned and that is not a [*CloseError];
// the peer got 1011 without its text.
type EventError struct {
	Event string // such as "OnMessage"
	Err   error
}

// Error tells the event and its error.
func (e *EventError) Error() string { return "client: " + e.Event + ": " + e.Err.Error() }

// Unwrap returns the error of the event.
func (e *EventError) Unwrap() error { return e.Err }

// PanicError is a panic in an event; the peer got 1011.
type PanicError struct {
	Event string // such as "OnMessage"
	Value any    // what was given to panic
	Stack []byte // of the goroutine, as debug.Stack prints it
}

// Error tells the event and the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("client: panic in %s: %v", e.Event, e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
