package handshake

import (
	"net/http"
	"strings"
)

// IsUpgrade reports whether the request wants a WebSocket, well made or not:
// Upgrade lists websocket, or there is a Sec-WebSocket-Key or -Version. Check
// judges such a request; any other is for an HTTP handler.
func (r *Request) IsUpgrade() bool {
	return r.lists(fieldUpgrade, "websocket") || r.known[fieldKey].n > 0 || r.known[fieldVersion].n > 0
}

// Check judges an upgrade by RFC 6455 section 4.2.1. It returns nil for a good
// one, else 505 for HTTP/2, 405 for a method other than GET, 426 for a version
// other than 13, and 400 for everything else. The origin is for [Origins].
func (r *Request) Check() *Error {
	if e := r.checkRequest(); e != nil {
		return e
	}
	if !r.lists(fieldUpgrade, "websocket") {
		return bad("the Upgrade header does not list websocket")
	}
	if !r.lists(fieldConnection, "upgrade") {
		return bad("the Connection header does not list Upgrade")
	}
	if e := r.known[fieldVersion].checkVersion(); e != nil {
		return e
	}
	if e := r.known[fieldKey].checkKey(); e != nil {
		return e
	}
	_, e := r.OfferedProtocols()
	return e
}

// checkRequest wants a GET of HTTP/1.1 or higher without a body.
func (r *Request) checkRequest() *Error {
	switch {
	case !strings.HasPrefix(r.Proto, "HTTP/1."):
		return versionNotSupported(r.Proto)
	case r.Method != http.MethodGet:
		return &Error{
			Status: http.StatusMethodNotAllowed,
			Header: http.Header{"Allow": {http.MethodGet}},
			Body:   "a WebSocket handshake is a GET",
		}
	case r.Proto == "HTTP/1.0":
		return bad("a WebSocket handshake needs HTTP/1.1")
	case r.known[fieldCoding].n > 0:
		return bad("a WebSocket handshake has no body")
	}
	for v := range r.values(fieldLength) {
		if v != "0" {
			return bad("a WebSocket handshake has no body")
		}
	}
	return nil
}

// checkVersion comes before the key: another version may have another key.
func (l *noted) checkVersion() *Error {
	switch {
	case l.n == 0:
		return bad("the Sec-WebSocket-Version header is missing")
	case l.n > 1:
		return bad("the request has several Sec-WebSocket-Version headers")
	case l.value != "13":
		return &Error{
			Status: http.StatusUpgradeRequired,
			Header: http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}},
			Body:   "version " + quote(l.value) + " of WebSocket is not spoken here, use 13",
		}
	}
	return nil
}

func (l *noted) checkKey() *Error {
	switch {
	case l.n == 0:
		return bad("the Sec-WebSocket-Key header is missing")
	case l.n > 1:
		return bad("the request has several Sec-WebSocket-Key headers")
	case !isKey(l.value):
		return bad("the Sec-WebSocket-Key is not 16 bytes in base64")
	}
	return nil
}

// isKey reports whether s is 16 bytes in base64: 22 characters of its alphabet
// and "==". The four bits that the last one has too many may be anything, as
// they may for encoding/base64.
func isKey(s string) bool {
	if len(s) != 24 || s[22:] != "==" {
		return false
	}
	for i := range 22 {
		c := s[i]
		if letter := lower(c); ('a' > letter || letter > 'z') && ('0' > c || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}
