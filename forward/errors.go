package forward

import (
	"errors"
	"fmt"
	"net/http"
	"os"
)

var (
	// ErrTargetClosed: the target has ended the connection in order; its client got 1000, or
	// the target's close code.
	ErrTargetClosed error = targetEnd{"close/target-closed", "forward: closed by the target"}
	// ErrTargetText: the target of a connection with Target.Text sent what is not UTF-8.
	ErrTargetText error = targetEnd{"close/target", "forward: the target sent text that is not UTF-8"}
	// ErrForwarded: the call makes no sense for a connection that is forwarded.
	ErrForwarded = errors.New("forward: the connection is forwarded")
)

// targetEnd is an end of a forwarded connection, with its code for client.CloseInfo.Why.
type targetEnd struct{ why, text string }

func (e targetEnd) Error() string { return e.text }
func (e targetEnd) Why() string   { return e.why }

// FieldError names a field of a [Target] or of [HTTPOptions] with a value that it can not
// have.
type FieldError struct {
	Field string // such as "Port"
	Why   string
}

// Error tells field and reason.
func (e *FieldError) Error() string { return "forward: " + e.Field + ": " + e.Why }

func badField(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// TargetError is a target that could not be reached, or that failed later.
type TargetError struct {
	Op     string // "dial", "tls", "proxy header", "handshake", "read" or "write"
	Target string // as Target.String has it
	Err    error
}

// Error tells what was being done and why it failed.
func (e *TargetError) Error() string {
	return fmt.Sprintf("forward: %s %s: %v", e.Op, e.Target, e.Err)
}

// Unwrap returns the reason.
func (e *TargetError) Unwrap() error { return e.Err }

// Why is the code of the end that this error was the cause of.
func (e *TargetError) Why() string { return "close/target" }

// Timeout reports whether the target took too long.
func (e *TargetError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.Is(e.Err, os.ErrDeadlineExceeded) || errors.As(e.Err, &t) && t.Timeout()
}

// StatusError is the answer of a WebSocket target that is not 101; it is in a
// [*TargetError].
type StatusError struct{ Status int }

// Error tells the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("answered with %d %s", e.Status, http.StatusText(e.Status))
}
