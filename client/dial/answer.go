package dial

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/icsws/icsws/internal/handshake"
)

// refused is the error for an answer of the server, or of a proxy.
func (a *attempt) refused(l *line, br *bufio.Reader, stage Stage, status int, fields handshake.Fields) *DialError {
	e := a.failed(stage, ReasonStatus, nil)
	switch {
	case stage == StageProxy && status == http.StatusProxyAuthRequired:
		e.Reason = ReasonProxyAuth
	case stage == StageProxy:
		e.Reason = ReasonProxy
	case redirects(status):
		e.Reason = ReasonRedirect
	}
	e.HTTPStatus, e.Header = status, fields.Header()
	e.RetryAfter = retryAfter(fields.Get("Retry-After"), time.Now())
	if status != http.StatusNoContent && status != http.StatusNotModified {
		l.limit(bodyWait)
		e.Body = readBody(br, fields)
	}
	return e
}

// readBody reads the beginning of a body, or what comes of it in time (RFC 9112 section 6.3).
func readBody(br *bufio.Reader, fields handshake.Fields) string {
	var r io.Reader = br
	if fields.HasToken("Transfer-Encoding", "chunked") {
		r = httputil.NewChunkedReader(br)
	} else if v := fields.Get("Content-Length"); v != "" {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			n = 0
		}
		r = io.LimitReader(br, int64(n))
	}
	b := make([]byte, maxBody)
	n, _ := io.ReadFull(r, b) // as much as there is
	return strings.ToValidUTF8(string(b[:n]), "?")
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(v string, now time.Time) time.Duration {
	if v == "" {
		return 0
	}
	const most = 10 * 365 * 24 * time.Hour
	if strings.Trim(v, "0123456789") == "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n > int64(most/time.Second) {
			return most
		}
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), most)
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow takes the target of a redirect. Servers write its scheme as that of HTTP.
func (a *attempt) follow(location string, hop int) error {
	if location == "" {
		return errors.New("there is no Location")
	}
	u, err := a.to.url.Parse(location)
	if err != nil {
		return errors.New("its Location is not a URL")
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	next, err := parseURL(u.String())
	switch {
	case err != nil:
		return errors.New("its Location is not a URL of WebSocket")
	case a.to.secure && !next.secure:
		return errors.New("it leads from wss to ws")
	case hop > maxHops:
		return errors.New("that is one too many")
	}
	if !a.to.sees(next) {
		strip(a.header)
		a.host, a.elsewhere = "", true
	}
	a.to = next
	return nil
}
