package admit

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"
)

// Reason says why a connection was refused.
type Reason uint8

// The reasons, with the setting that decides.
const (
	ReasonNone            Reason = iota // not refused
	ReasonDenied                        // DeniedClients or DeniedFile has the address
	ReasonNotAllowed                    // AllowedClients and AllowedFile do not have it
	ReasonBanned                        // Bans
	ReasonTotalAcceptRate               // TotalAcceptRate
	ReasonAcceptRate                    // AcceptRate
	ReasonHandshakeRate                 // HandshakeRate
	ReasonTooMany                       // MaxPerIP
	ReasonNetwork                       // MaxTracked: the network of the address has used up what it may have
	reasons
)

// about says of each reason its name, the setting, and what the peer is told.
var about = [reasons]struct{ name, setting, text string }{
	ReasonNone:            {"none", "", ""},
	ReasonDenied:          {"denied", "DeniedClients", "your address is not welcome here"},
	ReasonNotAllowed:      {"not allowed", "AllowedClients", "your address is not welcome here"},
	ReasonBanned:          {"banned", "Bans", "your address is not welcome here at the moment"},
	ReasonTotalAcceptRate: {"total accept rate", "TotalAcceptRate", "too many connections at the moment, try again later"},
	ReasonAcceptRate:      {"accept rate", "AcceptRate", "too many connections from your address, try again later"},
	ReasonHandshakeRate:   {"handshake rate", "HandshakeRate", "too many requests from your address, try again later"},
	ReasonTooMany:         {"too many", "MaxPerIP", "too many connections from your address"},
	ReasonNetwork:         {"network", "MaxTracked", "too many connections from your network, try again later"},
}

// String returns the reason in words.
func (r Reason) String() string {
	if r < reasons {
		return about[r].name
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Refusal says why a connection was refused. The zero value is none: the connection was
// let in. As an error it is for logs; what a peer may know is Text.
type Refusal struct {
	Reason Reason
	Prefix netip.Prefix // address or network that a limit or a ban is about; invalid for other reasons
	Entry  string       // the entry of DeniedClients, or the reason of the ban
	// RetryAfter is when the same would be let in, if nobody else comes: the wait of a
	// rate, the rest of a ban. Zero where time alone does not help.
	RetryAfter time.Duration
}

// Refused reports whether the connection was refused.
func (r Refusal) Refused() bool { return r.Reason != ReasonNone }

// Setting returns the field of [Policy] that decided, or "Bans".
func (r Refusal) Setting() string {
	if r.Reason < reasons {
		return about[r.Reason].setting
	}
	return ""
}

// Text returns one sentence for the peer, which tells nothing about the settings.
func (r Refusal) Text() string {
	if r.Reason < reasons {
		return about[r.Reason].text
	}
	return ""
}

// Status returns the HTTP status for it: 403 for lists and bans, 503 for TotalAcceptRate,
// 429 for the limits of an address (RFC 6585 section 4); 0 for no refusal.
func (r Refusal) Status() int {
	switch r.Reason {
	case ReasonNone:
		return 0
	case ReasonDenied, ReasonNotAllowed, ReasonBanned:
		return http.StatusForbidden
	case ReasonTotalAcceptRate:
		return http.StatusServiceUnavailable
	}
	return http.StatusTooManyRequests
}

// Error tells reason, setting and everything else.
func (r Refusal) Error() string {
	s := "admit: refused: " + r.Reason.String()
	if setting := r.Setting(); setting != "" {
		s += " (" + setting + ")"
	}
	if r.Prefix.IsValid() {
		s += " " + r.Prefix.String()
	}
	if r.Entry != "" {
		s += fmt.Sprintf(" %q", r.Entry)
	}
	if r.RetryAfter > 0 {
		s += ", " + r.RetryAfter.String() + " to go"
	}
	return s
}
