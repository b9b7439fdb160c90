package client

import (
	"errors"
	"io"
	"net"
)

// The codes of the ways to end are stable: logs, metrics and wsserver.Explain have them.
const (
	whyPeer        = "close/peer"
	whyLost        = "close/lost"
	whyProtocol    = "close/protocol"
	whyUTF8        = "close/utf8"
	whyCorrupt     = "close/corrupt"
	whyTooBig      = "close/too-big"
	whyEventClose  = "close/event-close"
	whyEventError  = "close/event-error"
	whyPanic       = "close/panic"
	whyStream      = "close/stream"
	whyOther       = "close/other"
	whyNotOpened   = "close/not-opened"
	whyQueueFull   = "close/queue-full"
	whyProgram     = "close/program"
	whyAborted     = "close/aborted"
	whyShutdown    = "close/shutdown"
	whyTooBusy     = "close/too-busy"
	whyPing        = "close/ping-timeout"
	whyIdle        = "close/idle"
	whyLifetime    = "close/lifetime"
	whyWrite       = "close/write-timeout"
	whyBudget      = "close/budget"
	whyLoopClosed  = "close/loop-closed"
	whyNotAnswered = "close/not-answered"
)

// causes are the values that end a client.
var causes = []struct {
	err error
	why string
}{
	{ErrCloseCalled, whyProgram}, {ErrAborted, whyAborted}, {ErrServerShutdown, whyShutdown}, {ErrTooBusy, whyTooBusy},
	{ErrPingTimeout, whyPing}, {ErrIdleTimeout, whyIdle}, {ErrLifetime, whyLifetime}, {ErrWriteTimeout, whyWrite},
	{ErrBudget, whyBudget}, {ErrLoopClosed, whyLoopClosed}, {ErrQueueFull, whyQueueFull}, {ErrInvalidUTF8, whyUTF8},
	{ErrCloseTimeout, whyNotAnswered}, {ErrClosed, whyNotOpened},
}

// Why is the stable code of the cause, such as "close/idle": what wsserver.Explain takes
// and the log has. The first cause counts; a close frame that was not answered does not
// change it.
func (i CloseInfo) Why() string {
	if why := whyOf(i.Cause); why == whyEventClose && i.Remote {
		return whyPeer
	} else if why != "" {
		return why
	}
	if i.Remote {
		return whyLost
	}
	return whyOther
}

// whyOf finds the first cause in err, which may be several joined; empty for none that
// is ours.
func whyOf(err error) string {
	switch e := err.(type) {
	case nil:
		return ""
	case *CloseError:
		return whyEventClose
	case *ProtocolError:
		return whyViolation(e)
	case *PanicError:
		return whyPanic
	case *EventError:
		return whyEventError
	case *StreamError:
		return whyStream
	case *net.OpError:
		return whyLost
	case interface{ Why() string }: // of a forwarded connection
		return e.Why()
	case interface{ Unwrap() []error }:
		return whyJoined(err, e.Unwrap())
	}
	for _, c := range causes {
		if err == c.err {
			return c.why
		}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return whyLost
	}
	return whyOf(errors.Unwrap(err))
}

func whyJoined(err error, list []error) string {
	for _, e := range list {
		why := whyOf(e)
		if why == whyCorrupt && errors.Is(err, ErrInvalidUTF8) {
			return whyUTF8
		}
		if why != "" {
			return why
		}
	}
	return ""
}

func whyViolation(e *ProtocolError) string {
	switch e.Code {
	case StatusMessageTooBig:
		return whyTooBig
	case StatusInvalidPayload:
		return whyCorrupt
	}
	return whyProtocol
}

var dropCodes = [DropReasons]string{"drop/newest", "drop/oldest", "drop/replaced", "drop/budget", "drop/expired", "drop/stopped"}

// Code is the stable code of the reason, such as "drop/oldest", for wsserver.Explain.
func (r DropReason) Code() string {
	if int(r) < DropReasons {
		return dropCodes[r]
	}
	return "drop/other"
}

// Code is that of the reason.
func (d Drop) Code() string { return d.Reason.Code() }
