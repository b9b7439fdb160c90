package handshake

import (
	"iter"
	"strings"
)

// field is a header that a handshake is judged by. Each is looked at more than
// once, so the parser notes where they are.
type field uint8

const (
	fieldUpgrade field = iota
	fieldConnection
	fieldKey
	fieldVersion
	fieldProtocol
	fieldExtensions
	fieldOrigin
	fieldLength
	fieldCoding
	knownFields
)

var fieldNames = [knownFields]string{
	"Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", protocolHeader,
	"Sec-WebSocket-Extensions", "Origin", "Content-Length", "Transfer-Encoding",
}

// fieldsOf are the known fields by the length of their names.
var fieldsOf = func() (t [32][]field) {
	for f, name := range fieldNames {
		t[len(name)] = append(t[len(name)], field(f))
	}
	return t
}()

// noted is what a request has under one name.
type noted struct {
	value string // of the first line
	rest  uint32 // where in Raw the next line begins
	n     uint32 // how many there are
}

// note counts a line of Raw that is a known field; next is where it ends.
func (r *Request) note(name, value string, next int) {
	if len(name) >= len(fieldsOf) {
		return
	}
	for _, f := range fieldsOf[len(name)] {
		if !equalFold(name, fieldNames[f]) {
			continue
		}
		l := &r.known[f]
		if l.n++; l.n == 1 {
			l.value, l.rest = trimOWS(value), uint32(next)
		}
		return
	}
}

// noteAll fills known from Raw.
func (r *Request) noteAll() {
	for rest := r.Raw; rest != ""; {
		var line string
		line, rest = cutLine(rest)
		if name, value, ok := strings.Cut(line, ":"); ok {
			r.note(name, value, len(r.Raw)-len(rest))
		}
	}
}

// values are the values of a known field, as [Fields.Values].
func (r *Request) values(f field) iter.Seq[string] {
	return func(yield func(string) bool) {
		l := &r.known[f]
		if l.n == 0 || !yield(l.value) || l.n == 1 {
			return
		}
		Fields(r.Raw[l.rest:]).Values(fieldNames[f])(yield)
	}
}

// lists is HasToken for a known field.
func (r *Request) lists(f field, token string) bool {
	for v := range r.values(f) {
		if hasElement(v, token) {
			return true
		}
	}
	return false
}
