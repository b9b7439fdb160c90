package handshake

import (
	"net/http"
	"strings"
)

// IsUpgrade reports whether the request wants a WebSocket, well made or not:
// Upgrade lists websocket, or there is a Sec-WebSocket-Key or -Version. Check
// judges such a request; any other is for an HTTP handler.
func (r *Request) IsUpgrade() bool {
	f := Fields(r.Raw)
	return f.HasToken("Upgrade", "websocket") ||
		f.Count("Sec-WebSocket-Key") > 0 || f.Count("Sec-WebSocket-Version") > 0
}

// Check judges an upgrade by RFC 6455 section 4.2.1. It returns nil for a good
// one, else 505 for HTTP/2, 405 for a method other than GET, 426 for a version
// other than 13, and 400 for everything else. The origin is for [Origins].
func (r *Request) Check() *Error {
	f := Fields(r.Raw)
	if e := r.checkRequest(f); e != nil {
		return e
	}
	if !f.HasToken("Upgrade", "websocket") {
		return bad("the Upgrade header does not list websocket")
	}
	if !f.HasToken("Connection", "upgrade") {
		return bad("the Connection header does not list Upgrade")
	}
	if e := checkVersion(f); e != nil {
		return e
	}
	if e := checkKey(f); e != nil {
		return e
	}
	_, e := OfferedProtocols(r.Raw)
	return e
}

// checkRequest wants a GET of HTTP/1.1 or higher without a body.
func (r *Request) checkRequest(f Fields) *Error {
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
	case f.Count("Transfer-Encoding") > 0:
		return bad("a WebSocket handshake has no body")
	}
	for v, rest, ok := f.find("Content-Length"); ok; v, rest, ok = rest.find("Content-Length") {
		if v != "0" {
			return bad("a WebSocket handshake has no body")
		}
	}
	return nil
}

// checkVersion comes before the key: another version may have another key.
func checkVersion(f Fields) *Error {
	v, rest, ok := f.find("Sec-WebSocket-Version")
	switch {
	case !ok:
		return bad("the Sec-WebSocket-Version header is missing")
	case rest.Count("Sec-WebSocket-Version") > 0:
		return bad("the request has several Sec-WebSocket-Version headers")
	case v != "13":
		return &Error{
			Status: http.StatusUpgradeRequired,
			Header: http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}},
			Body:   "version " + quote(v) + " of WebSocket is not spoken here, use 13",
		}
	}
	return nil
}

func checkKey(f Fields) *Error {
	v, rest, ok := f.find("Sec-WebSocket-Key")
	switch {
	case !ok:
		return bad("the Sec-WebSocket-Key header is missing")
	case rest.Count("Sec-WebSocket-Key") > 0:
		return bad("the request has several Sec-WebSocket-Key headers")
	case !isKey(v):
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
