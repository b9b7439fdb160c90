package deflate

import "strings"

// An extension is one element of a Sec-WebSocket-Extensions line.
type extension struct {
	name   string
	params []parameter
}

type parameter struct {
	name, value string
	hasValue    bool // "name=" something
}

// parseExtensions reads one line (RFC 6455 section 9.1):
//
//	extension-list  = 1#extension
//	extension       = token *( ";" extension-param )
//	extension-param = token [ "=" (token | quoted-string) ]
//
// Empty elements of the list are allowed, as in all lists of HTTP.
func parseExtensions(line string) (list []extension, ok bool) {
	s := scanner{rest: line}
	for {
		s.space()
		if s.rest == "" {
			return list, true
		}
		if s.take(',') {
			continue
		}
		e, ok := s.extension()
		if !ok {
			return nil, false
		}
		list = append(list, e)
		if s.rest != "" && !s.take(',') {
			return nil, false
		}
	}
}

// A scanner consumes rest from its front.
type scanner struct{ rest string }

// extension leaves the scanner before the comma or at the end.
func (s *scanner) extension() (e extension, ok bool) {
	if e.name = s.token(); e.name == "" {
		return e, false
	}
	for s.space(); s.take(';'); s.space() {
		p, ok := s.parameter()
		if !ok {
			return e, false
		}
		e.params = append(e.params, p)
	}
	return e, true
}

func (s *scanner) parameter() (p parameter, ok bool) {
	s.space()
	if p.name = s.token(); p.name == "" {
		return p, false
	}
	s.space()
	if p.hasValue = s.take('='); !p.hasValue {
		return p, true
	}
	s.space()
	if s.take('"') {
		p.value, ok = s.quoted()
		return p, ok
	}
	p.value = s.token()
	return p, p.value != ""
}

// quoted reads up to the closing quote. What is inside must be a token too.
func (s *scanner) quoted() (value string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s.rest); i++ {
		c := s.rest[i]
		if c == '"' {
			s.rest = s.rest[i+1:]
			return b.String(), b.Len() > 0
		}
		if c == '\\' {
			if i++; i == len(s.rest) {
				break
			}
			c = s.rest[i]
		}
		if !isTokenByte(c) {
			break
		}
		b.WriteByte(c)
	}
	return "", false
}

func (s *scanner) token() string {
	n := 0
	for n < len(s.rest) && isTokenByte(s.rest[n]) {
		n++
	}
	t := s.rest[:n]
	s.rest = s.rest[n:]
	return t
}

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

// take consumes c if it is next.
func (s *scanner) take(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// isTokenByte is tchar of RFC 9110 section 5.6.2.
func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
