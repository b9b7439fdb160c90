package client

import (
	"fmt"
	"unicode/utf8"
)

// StatusCode is a close code (RFC 6455 section 7.4; 1012 to 1014 are from the
// IANA registry). Applications choose theirs from 4000 to 4999; 3000 to 3999 are
// registered by libraries.
type StatusCode uint16

// The close codes. StatusNoCode and StatusAbnormal never travel: they stand in a
// [CloseInfo] for a close frame without a code and for the loss of the connection.
const (
	StatusNormalClosure      StatusCode = 1000
	StatusGoingAway          StatusCode = 1001
	StatusProtocolError      StatusCode = 1002
	StatusUnsupportedData    StatusCode = 1003
	StatusNoCode             StatusCode = 1005
	StatusAbnormal           StatusCode = 1006
	StatusInvalidPayload     StatusCode = 1007
	StatusPolicyViolation    StatusCode = 1008
	StatusMessageTooBig      StatusCode = 1009
	StatusMandatoryExtension StatusCode = 1010
	StatusInternalError      StatusCode = 1011
	StatusServiceRestart     StatusCode = 1012
	StatusTryAgainLater      StatusCode = 1013
	StatusBadGateway         StatusCode = 1014
)

// MaxReason is the longest close reason in bytes: a control frame carries 125, two
// of them the code (RFC 6455 section 5.5).
const MaxReason = 123

// MaxControl is the longest payload of a ping or pong in bytes (RFC 6455 section 5.5).
const MaxControl = 125

var statusText = map[StatusCode]string{
	StatusNormalClosure:      "normal closure",
	StatusGoingAway:          "going away",
	StatusProtocolError:      "protocol error",
	StatusUnsupportedData:    "unsupported data",
	StatusNoCode:             "no code received",
	StatusAbnormal:           "connection lost",
	StatusInvalidPayload:     "invalid payload",
	StatusPolicyViolation:    "policy violation",
	StatusMessageTooBig:      "message too big",
	StatusMandatoryExtension: "mandatory extension",
	StatusInternalError:      "internal error",
	StatusServiceRestart:     "service restart",
	StatusTryAgainLater:      "try again later",
	StatusBadGateway:         "bad gateway",
}

// String returns the number and, for a registered code, its meaning.
func (c StatusCode) String() string {
	if s, ok := statusText[c]; ok {
		return fmt.Sprintf("%d %s", uint16(c), s)
	}
	return fmt.Sprintf("%d", uint16(c))
}

// Sendable reports whether c may stand in a close frame that we send: 1000 to
// 1003, 1007 to 1014 and 3000 to 4999.
func (c StatusCode) Sendable() bool {
	return c >= 1000 && c <= 1003 || c >= 1007 && c <= 1014 || c >= 3000 && c <= 4999
}

// CutReason returns s shortened to [MaxReason] bytes, on a rune boundary.
func CutReason(s string) string {
	if len(s) <= MaxReason {
		return s
	}
	n := MaxReason
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
