package banner

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Policy is what is said to clients at the door. The zero value greets nobody and
// has no limit. A Policy is a value: methods do not change it, and its helpers
// work without a Gate.
type Policy struct {
	// Welcome is the first text message to a client that is let in. It is sent as
	// it is, without a line end. Empty means none. Must be valid UTF-8.
	Welcome string

	// TooBusy is told to a client over the limit: the body of the answer with
	// HTTP503, a text message with UpgradeThenClose, nothing with Drop. Empty means
	// a sentence of this package with HTTP503, and no message with
	// UpgradeThenClose. Must be valid UTF-8.
	TooBusy string

	// Mode is how a client over the limit is refused. Zero means HTTP503.
	Mode Mode

	// RetryAfter is the Retry-After header of the 503 (RFC 9110 section 10.2.3), in
	// whole seconds, rounded up. Zero means 30 s; negative means no header.
	RetryAfter time.Duration

	// CloseCode is the close code of UpgradeThenClose. Zero means 1013, "try again
	// later". Others must be codes that an endpoint may send (RFC 6455 section
	// 7.4): 1000 to 1003, 1007 to 1014, 3000 to 4999.
	CloseCode uint16

	// MaxClients is how many clients may be connected at once, at most 2147483647.
	// Zero means no limit. It may change while running: [Gate.SetMaxClients].
	MaxClients int

	// NotifyHandlers asks the server to run the connect and disconnect events also
	// for a client that is refused, as ICS does. Such a client needs a WebSocket,
	// so Mode must be UpgradeThenClose.
	NotifyHandlers bool
}

const (
	defaultRetryAfter = 30 * time.Second
	defaultCloseCode  = 1013 // Try Again Later, in the registry of RFC 6455 section 11.7
	maxMaxClients     = math.MaxInt32
)

// Validate returns the first thing that is wrong with p as a [*PolicyError], or
// nil.
func (p Policy) Validate() error {
	switch {
	case !utf8.ValidString(p.Welcome):
		return wrong("not valid UTF-8", "Welcome")
	case !utf8.ValidString(p.TooBusy):
		return wrong("not valid UTF-8", "TooBusy")
	case p.Mode > Drop:
		return wrong(fmt.Sprintf("%v is unknown", p.Mode), "Mode")
	case p.CloseCode != 0 && !sendable(p.CloseCode):
		return wrong(fmt.Sprintf("%d is not a close code that may be sent", p.CloseCode), "CloseCode")
	case p.NotifyHandlers && p.Mode != UpgradeThenClose:
		return wrong(fmt.Sprintf("a client refused with mode %v has no events", p.Mode), "NotifyHandlers", "Mode")
	}
	return checkMaxClients(p.MaxClients)
}

func checkMaxClients(n int) error {
	if n < 0 || n > maxMaxClients {
		return wrong(fmt.Sprintf("%d is not in 0 to %d", n, maxMaxClients), "MaxClients")
	}
	return nil
}

// sendable reports whether an endpoint may put code into a close frame (RFC 6455
// section 7.4). 1004 to 1006 and 1015 are reserved, 1016 to 2999 not assigned.
func sendable(code uint16) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}

// PolicyError says what is wrong with a [Policy].
type PolicyError struct {
	Fields []string // names of the fields concerned, the one to look at first
	Reason string
}

// Error is the fields and the reason, after the package's name.
func (e *PolicyError) Error() string {
	return "banner: " + strings.Join(e.Fields, ", ") + ": " + e.Reason
}

func wrong(reason string, fields ...string) error {
	return &PolicyError{Fields: fields, Reason: reason}
}
