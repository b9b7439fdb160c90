package banner

import (
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// busyBody is told where TooBusy is empty and HTTP wants a body; busyReason is the
// reason of the close frame, within its 123 bytes (RFC 6455 section 5.5).
const (
	busyBody   = "too many clients are connected, try again later"
	busyReason = "too many clients"
)

// Refusal returns the HTTP answer to a client over the limit: 503, a fresh header
// and the body. It is the same for every Mode.
func (p Policy) Refusal() (status int, header http.Header, body string) {
	header = http.Header{
		"Cache-Control": {"no-store"},
		"Content-Type":  {"text/plain; charset=utf-8"},
	}
	if s := p.retryAfter(); s != "" {
		header.Set("Retry-After", s)
	}
	body = p.TooBusy
	if body == "" {
		body = busyBody
	}
	return http.StatusServiceUnavailable, header, body
}

// retryAfter is RetryAfter in whole seconds, rounded up; empty = no header.
func (p Policy) retryAfter() string {
	d := p.RetryAfter
	switch {
	case d < 0:
		return ""
	case d == 0:
		d = defaultRetryAfter
	}
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(seconds, 10)
}

// RefuseHTTP writes the answer of Refusal to w. Fields that w has already are kept
// unless the answer has them too.
func (p Policy) RefuseHTTP(w http.ResponseWriter) {
	status, header, body := p.Refusal()
	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	io.WriteString(w, body) // a client that has gone needs no answer
}

// BusyClose returns what UpgradeThenClose sends to a client over the limit: the
// text message, empty for none, then the code and the reason of the close frame.
// It is the same for every Mode.
func (p Policy) BusyClose() (text string, code uint16, reason string) {
	code = p.CloseCode
	if code == 0 {
		code = defaultCloseCode
	}
	return p.TooBusy, code, busyReason
}
