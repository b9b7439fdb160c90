package handshake

import (
	"iter"
	"net/http"
	"net/textproto"
	"strings"
)

// Fields are header lines in one string, as in [Request.Raw]: each
// "name: value" and its line end, which is CRLF or LF. It is what a client keeps
// of its request: one string instead of a map.
//
// Names are compared without case. Values come without the white space around
// them and point into the string; nothing is allocated. Lines without a colon
// are skipped.
type Fields string

// find returns the value of the first line with that name, and what follows it.
func (f Fields) find(name string) (value string, rest Fields, ok bool) {
	for f != "" {
		line := string(f)
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line, f = line[:i], f[i+1:]
		} else {
			f = ""
		}
		if len(line) > len(name) && line[len(name)] == ':' && equalFold(line[:len(name)], name) {
			return trimOWS(strings.TrimSuffix(line[len(name)+1:], "\r")), f, true
		}
	}
	return "", "", false
}

// Get returns the value of the first line with that name, "" without one.
func (f Fields) Get(name string) string {
	v, _, _ := f.find(name)
	return v
}

// Count returns how many lines have that name.
func (f Fields) Count(name string) (n int) {
	for _, rest, ok := f.find(name); ok; _, rest, ok = rest.find(name) {
		n++
	}
	return n
}

// Values returns the value of each line with that name, in their order.
func (f Fields) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for v, rest, ok := f.find(name); ok; v, rest, ok = rest.find(name) {
			if !yield(v) {
				return
			}
		}
	}
}

// HasToken reports whether the comma list under that name has the token, without
// case. Several lines are one list (RFC 9110 section 5.3).
func (f Fields) HasToken(name, token string) bool {
	for v, rest, ok := f.find(name); ok; v, rest, ok = rest.find(name) {
		if hasElement(v, token) {
			return true
		}
	}
	return false
}

// hasElement reports whether a comma list has the token, without case.
func hasElement(list, token string) bool {
	for list != "" {
		var element string
		if element, list = cutElement(list); equalFold(element, token) {
			return true
		}
	}
	return false
}

// Header parses all lines into a new map with canonical names. As in
// [http.Request], Host is not in it.
func (f Fields) Header() http.Header {
	n := strings.Count(string(f), "\n")
	h := make(http.Header, max(n-1, 0)) // one of them is Host
	values := make([]string, 0, n)      // all of them in one allocation
	for rest := string(f); rest != ""; {
		var line string
		line, rest = cutLine(rest)
		name, value, ok := strings.Cut(line, ":")
		if !ok || equalFold(name, "Host") {
			continue
		}
		name, value = canonical(name), trimOWS(value)
		if several := h[name]; several != nil {
			h[name] = append(several, value)
			continue
		}
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return h
}

// canonical is [textproto.CanonicalMIMEHeaderKey]. What every handshake has, and
// in a spelling that is not the canonical one, costs no allocation.
func canonical(name string) string {
	switch name {
	case "Sec-WebSocket-Key":
		return "Sec-Websocket-Key"
	case "Sec-WebSocket-Version":
		return "Sec-Websocket-Version"
	case "Sec-WebSocket-Protocol":
		return "Sec-Websocket-Protocol"
	case "Sec-WebSocket-Extensions":
		return "Sec-Websocket-Extensions"
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}
