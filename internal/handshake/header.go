package handshake

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// HeaderError is a header field that cannot be part of a 101.
type HeaderError struct {
	Name   string // as given
	Reason string // what is wrong with it
}

// Error names the field; its value is not told, it may be a secret.
func (e *HeaderError) Error() string {
	return "handshake: header " + strconv.QuoteToASCII(e.Name) + ": " + e.Reason
}

// ValidateHeader returns a [*HeaderError] for the first field, by name, that
// [AppendSwitching] would refuse: a name that is not a token, a value with a
// line break, NUL or another control character, or a name that belongs to the
// handshake or to the framing of the connection: Upgrade, Connection,
// Sec-WebSocket-*, Content-Length, Transfer-Encoding, Trailer, TE, Keep-Alive,
// Proxy-Connection.
func ValidateHeader(h http.Header) error {
	if len(h) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if err := validateField(name, h[name]); err != nil {
			return err
		}
	}
	return nil
}

func validateField(name string, values []string) error {
	switch {
	case !isToken(name):
		return &HeaderError{name, "not a valid name"}
	case isProtected(name):
		return &HeaderError{name, "belongs to the handshake"}
	}
	for _, v := range values {
		if !allOf(v, valueChar) {
			return &HeaderError{name, "control character in the value"}
		}
	}
	return nil
}

// isProtected reports whether a 101 may have the field only once, from us.
func isProtected(name string) bool {
	const prefix = "Sec-WebSocket-"
	return isFraming(name) || equalFold(name, "Upgrade") ||
		len(name) >= len(prefix) && equalFold(name[:len(prefix)], prefix)
}

// isFraming reports whether the field says where a message or the connection
// ends, which only the writer of the answer knows.
func isFraming(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "content-length", "transfer-encoding", "trailer", "te", "keep-alive", "proxy-connection":
		return true
	}
	return false
}

// appendField appends one line a value. Header names of WebSocket get their
// spelling in RFC 6455, which [http.Header] does not keep.
func appendField(dst []byte, name string, values ...string) []byte {
	const canonical = "Sec-Websocket-"
	for _, v := range values {
		if rest, ok := strings.CutPrefix(name, canonical); ok {
			dst = append(append(dst, "Sec-WebSocket-"...), rest...)
		} else {
			dst = append(dst, name...)
		}
		dst = append(dst, ": "...)
		dst = append(dst, v...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}
