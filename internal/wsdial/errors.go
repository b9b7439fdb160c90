package wsdial

import (
	"fmt"
	"net/http"

	"github.com/icsws/icsws/internal/handshake"
)

// StatusError is an answer other than 101.
type StatusError struct {
	Status int
	Fields handshake.Fields // header lines of the answer
}

// Error tells the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("wsdial: answered with %d %s", e.Status, http.StatusText(e.Status))
}

// ResponseError is an answer that is not one to a WebSocket handshake.
type ResponseError struct {
	Kind Bad
	Text string // without anything that the peer has sent
}

// Bad says what of an answer is wrong.
type Bad uint8

// The kinds.
const (
	BadHead      Bad = iota // not HTTP/1, or a malformed line
	BadLength               // the head is too long
	BadUpgrade              // a 101 that does not answer our request
	BadProtocol             // a sub-protocol that was not offered
	BadExtension            // likewise an extension
)

// Error tells what is wrong.
func (e *ResponseError) Error() string { return "wsdial: bad answer to the handshake: " + e.Text }

func badResponse(kind Bad, format string, args ...any) error {
	return &ResponseError{kind, fmt.Sprintf(format, args...)}
}

// ViolationError is a frame that breaks RFC 6455.
type ViolationError struct {
	Code uint16 // the close code that answers it
	Text string
}

// Error tells what is wrong.
func (e *ViolationError) Error() string { return "wsdial: protocol violation: " + e.Text }
