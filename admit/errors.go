package admit

import (
	"errors"
	"fmt"
)

// What can be wrong with an entry or with a list. They come inside an [*EntryError],
// some with more text.
var (
	ErrEntry      = errors.New("neither an address, a prefix, a range, a pattern nor a host name") // also an empty entry of a slice
	ErrHostBits   = errors.New("the address has bits behind the prefix")                           // 192.0.2.7/24
	ErrRange      = errors.New("not a range from a lower to a higher address of one family")       // 192.0.2.9-192.0.2.1
	ErrPattern    = errors.New("asterisks must stand for the last parts of an address")            // 192.*.2.1, *.example
	ErrZone       = errors.New("an address with a zone")                                           // fe80::1%eth0
	ErrNotASCII   = errors.New("not ASCII, write a name in its xn-- form")                         // also control characters
	ErrUnresolved = errors.New("the name has no address")                                          // wraps what the resolver said
	ErrTooLong    = errors.New("line too long")                                                    // 1024 bytes
	ErrTooMany    = errors.New("too many entries")                                                 // see NewList
	ErrNoEntries  = errors.New("no entries")                                                       // an allow list that would let nobody in
	ErrBan        = errors.New("not a line of a snapshot of bans")                                 // only from Bans.Restore
)

// Errors of [Bans] and [Rules].
var (
	// ErrTooManyBans: Policy.MaxBans bans are in force.
	ErrTooManyBans = errors.New("admit: too many bans")
	// ErrBanPrefix: the prefix is not valid.
	ErrBanPrefix = errors.New("admit: not a prefix")
	// ErrBanTime: the time is negative.
	ErrBanTime = errors.New("admit: negative time of a ban")
	// ErrSuperseded: a later Update has taken effect while this one was resolving
	// names or reading files.
	ErrSuperseded = errors.New("admit: superseded by a later update")
)

// EntryError says which entry of a list, or which line of a text, is wrong.
type EntryError struct {
	Source string // field of Policy or path of a file; empty where there is none
	Line   int    // from 1; of a slice the position of the entry
	Entry  string // at most 100 bytes of it
	Err    error  // one of the errors above, or of a resolver
}

// Error names source, line and entry.
func (e *EntryError) Error() string {
	source := e.Source
	if source != "" {
		source += ", "
	}
	return fmt.Sprintf("admit: %sentry %d: %q: %v", source, e.Line, e.Entry, e.Err)
}

// Unwrap returns e.Err.
func (e *EntryError) Unwrap() error { return e.Err }

// PolicyError says which field of a [Policy] is wrong, and why.
type PolicyError struct {
	Field string // such as "AcceptRate"
	Err   error  // names the value; for lists it joins up to 20 EntryErrors
}

// Error names the field.
func (e *PolicyError) Error() string { return "admit: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the field.
func (e *PolicyError) Unwrap() error { return e.Err }

func wrong(field, format string, args ...any) error {
	return &PolicyError{field, fmt.Errorf(format, args...)}
}
