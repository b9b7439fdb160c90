package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// Code is what the program ends with.
type Code int

// The codes, for all commands. [Codes] says what they mean.
const (
	OK           Code = 0
	Failed       Code = 1
	Usage        Code = 2
	NoConnection Code = 3
	TimedOut     Code = 4
	Refused      Code = 5
	Interrupted  Code = 130
)

// CodeText is a code with its meaning.
type CodeText struct {
	Code Code
	Text string
}

// Codes returns the one table of exit codes, in order.
func Codes() []CodeText {
	return []CodeText{
		{OK, "all is well"},
		{Failed, "what was checked is not in order, or something failed"},
		{Usage, "the command line is wrong"},
		{NoConnection, "no connection: name, network, proxy or TLS"},
		{TimedOut, "no answer in time"},
		{Refused, "the peer refused: an HTTP status or a close code"},
		{Interrupted, "interrupted by a signal"},
	}
}

// Error is an error with the code that the program ends with. Err may be nil: then
// everything was said already.
type Error struct {
	Code Code
	Err  error
}

// Error is the text of Err.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Fail returns an error with a code.
func Fail(code Code, format string, args ...any) error {
	return &Error{code, fmt.Errorf(format, args...)}
}

// Silent returns an error for a code whose reason was printed; nil for [OK].
func Silent(code Code) error {
	if code == OK {
		return nil
	}
	return &Error{Code: code}
}

// usageError is about the command line.
type usageError struct {
	command string // whose help is advised; empty for that of the program
	text    string
}

func (e *usageError) Error() string { return e.text }

// BadUsage returns an error about the command line, which names the command's help.
func BadUsage(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// errInterrupted is the cause of a context that a signal has ended.
var errInterrupted = errors.New("interrupted")

// CodeOf returns the code for an error of a command.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return Usage
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if ne, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || ok && ne.Timeout() {
		return TimedOut
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return NoConnection
	}
	return Failed
}
