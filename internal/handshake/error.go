package handshake

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// ErrSilent is returned by [Read] when the peer left, or its time was up, before
// it had sent a byte. There is nobody to answer: close the connection.
var ErrSilent = errors.New("handshake: peer sent nothing")

// Error is a request refused, and the answer to it.
type Error struct {
	Status int         // 400, 403, 405, 408, 426, 431 or 505 from this package
	Header http.Header // what the status asks for, such as Allow; may be nil
	Body   string      // one sentence for the peer

	// Setting is the field of the server's configuration that decided, for the
	// log. It is not sent. Empty where no setting would have helped.
	Setting string

	// Err is the error of the reader behind a 408, else nil.
	Err error
}

// Error is the status, the sentence and the setting.
func (e *Error) Error() string {
	s := "handshake: " + strconv.Itoa(e.Status) + ": " + e.Body
	if e.Setting != "" {
		s += " (" + e.Setting + ")"
	}
	return s
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Append appends the answer to dst, as [AppendResponse] does. head says that
// the request was a HEAD.
func (e *Error) Append(dst []byte, head bool) []byte {
	return AppendResponse(dst, e.Status, e.Header, e.Body, head)
}

// UpgradeRequired is the answer to a request that is not an upgrade where
// nothing but WebSocket is served: 426 with "Upgrade: websocket" (RFC 9110
// section 15.5.22).
func UpgradeRequired() *Error {
	return &Error{
		Status: http.StatusUpgradeRequired,
		Header: http.Header{"Upgrade": {"websocket"}},
		Body:   "only WebSocket is served here",
	}
}

// bad makes a 400.
func bad(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Body: fmt.Sprintf(format, args...)}
}

// quote quotes what the peer sent for the sentence about it. It is ASCII and
// short, whatever the peer sent.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
