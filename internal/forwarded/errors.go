package forwarded

import (
	"errors"
	"fmt"
)

// What can be wrong. All but ErrHeader come inside an [*Error].
var (
	ErrHeader   = errors.New("forwarded: want Forwarded, X-Forwarded-For, X-Real-IP or nothing")
	ErrSyntax   = errors.New("malformed element")                      // RFC 7239 section 4
	ErrAddress  = errors.New("not the address of a host")              // also one that no host has, such as 0.0.0.0
	ErrHidden   = errors.New("a trusted proxy does not tell its peer") // "unknown", an obfuscated identifier, or no "for"
	ErrProto    = errors.New("not a scheme")                           // RFC 3986 section 3.1
	ErrHost     = errors.New("not a host")                             // RFC 3986 section 3.2
	ErrRepeated = errors.New("more than one value")                    // X-Real-IP
	ErrTooLong  = errors.New("the lines of the header are too long")   // Rules.MaxBytes
	ErrTooMany  = errors.New("too many proxies")                       // Rules.MaxHops
)

// Error says what is wrong with a header that a trusted proxy has sent.
type Error struct {
	Header string // such as "X-Forwarded-For"
	Hop    int    // position of the element from the right, from 1; 0 if none is meant
	Value  string // at most 100 bytes of the element
	Err    error  // one of the errors above
}

// Error names header, element and what is wrong with it.
func (e *Error) Error() string {
	if e.Hop == 0 {
		return "forwarded: " + e.Header + ": " + e.Err.Error()
	}
	return fmt.Sprintf("forwarded: %s: element %d from the right, %q: %v", e.Header, e.Hop, e.Value, e.Err)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

func excerpt(s string) string { return s[:min(len(s), 100)] }
