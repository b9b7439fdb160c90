package wsserver

import (
	"errors"
	"slices"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/multilisten"
)

// Kind says what a code is about; the code begins with it.
type Kind string

// The kinds.
const (
	KindReject  Kind = "reject"  // a connection was refused: RejectInfo.Code
	KindDrop    Kind = "drop"    // messages to a client were dropped: client.Drop.Code
	KindClose   Kind = "close"   // a client has ended: client.CloseInfo.Why
	KindError   Kind = "error"   // an error of a method, or one that nobody was waiting for: CodeOf
	KindWarning Kind = "warning" // the configuration and the machine do not fit: Server.Warnings
)

// Explanation is what is known of a code. All codes with their explanations are in
// docs/codes.md.
type Explanation struct {
	Code     string            // stable, such as "reject/origin"
	Kind     Kind              // what is before the slash
	Name     string            // of a refusal or drop: in words, as Stats and the log count it
	Status   int               // HTTP status of a refusal; 0 for none, or where it varies
	Close    client.StatusCode // close code of an end; 0 where it varies
	Sentence string            // what happened
	Advice   string            // what to do about it; empty for nothing
	Setting  string            // the field of Config that decides; may be empty
}

// Explain returns what a code of a refusal, a drop, an end, an error or a warning means.
// Codes do not change their meaning; new ones may come.
func Explain(code string) (Explanation, bool) {
	i := slices.IndexFunc(explanations, func(e Explanation) bool { return e.Code == code })
	if i < 0 {
		return Explanation{}, false
	}
	return explanations[i], true
}

// Explanations returns all of them, by kind and in a fixed order. The slice is the
// caller's own.
func Explanations() []Explanation { return slices.Clone(explanations) }

// explanations are the one table; Name and Kind are filled in from what they belong to.
var explanations = slices.Concat(
	ofKind(KindReject, rejectExplanations[:]), ofKind(KindDrop, dropExplanations[:]),
	ofKind(KindClose, closeExplanations), ofKind(KindError, errorExplanations), ofKind(KindWarning, warningExplanations),
)

func ofKind(k Kind, list []Explanation) []Explanation {
	for i := range list {
		e := &list[i]
		switch e.Kind = k; k {
		case KindReject:
			e.Name = Reason(i).String()
		case KindDrop:
			e.Name = client.DropReason(i).String()
		}
	}
	return list
}

// Code is the stable code of the reason, such as "reject/origin", for [Explain].
func (r Reason) Code() string {
	if r < reasons {
		return rejectExplanations[r].Code
	}
	return "reject/other"
}

// Code is that of the reason.
func (i RejectInfo) Code() string { return i.Reason.Code() }

// errorCodes are the errors of methods, and of causes that are errors too.
var errorCodes = []struct {
	err  error
	code string
}{
	{ErrServerClosed, "error/server-closed"}, {ErrListening, "error/listening"},
	{client.ErrQueueFull, "error/queue-full"}, {client.ErrWouldBlock, "error/would-block"},
	{client.ErrInvalidUTF8, "error/utf8"}, {client.ErrBadCloseCode, "error/close-code"},
	{client.ErrBadOpcode, "error/opcode"}, {client.ErrTooLong, "error/control-too-long"},
	{client.ErrCompression, "error/compression"}, {client.ErrConnected, "error/connected"},
	{client.ErrInterrupted, "error/interrupted"}, {client.ErrMessageLength, "error/message-length"},
	{client.ErrRecordLength, "error/record-length"}, {client.ErrOptions, "error/options"},
	{client.ErrNotOffered, "error/not-offered"}, {client.ErrNoLoop, "error/no-loop"}, {client.ErrNoClient, "error/no-client"},
	{multilisten.ErrIndex, "error/no-binding"}, {multilisten.ErrNotListening, "error/not-listening"},
	{multilisten.ErrOpen, "error/binding-open"}, {client.ErrClosed, "error/closed"},
	{client.ErrForwardURL, "error/forward-url"}, {forward.ErrForwarded, "error/forwarded"}, {ErrHandingOver, "error/handing-over"},
}

// CodeOf returns the stable code of an error: of a cause that is in a client.CloseInfo
// or client.Base.Context, such as "close/idle", of an error that a method has returned,
// such as "error/queue-full", or of a [*ServerError], such as "error/accept". It is empty
// for nil, and "error/other" for what is not ours.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	if code := codeOfType(err); code != "" {
		return code
	}
	for _, e := range errorCodes {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	if why := (client.CloseInfo{Cause: err}).Why(); why != "close/other" {
		return why
	}
	return "error/other"
}

// codeOfType is for the types of errors, which say more than what they wrap.
func codeOfType(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := err.(type) {
		case *ServerError:
			return e.Code()
		case *ConfigError:
			return "error/config"
		case *ClassError:
			return "error/class"
		case *multilisten.ListenError:
			return "error/listen"
		case *client.QueueError:
			return "error/send-queue"
		case *HandOverError:
			return "error/hand-over"
		case *client.RejectError:
			return ReasonRejected.Code()
		case *client.CloseError, *client.ProtocolError, *client.EventError, *client.PanicError, *client.StreamError:
			return client.CloseInfo{Cause: err}.Why()
		case interface{ Unwrap() []error }:
			for _, part := range e.Unwrap() {
				if code := codeOfType(part); code != "" {
					return code
				}
			}
		}
	}
	return ""
}
