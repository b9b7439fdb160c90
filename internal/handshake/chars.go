package handshake

import "strings"

// Classes of bytes, as bits in charClass.
const (
	tokenChar  = 1 << iota // RFC 9110 section 5.6.2
	valueChar              // field content, RFC 9110 section 5.5, with obs-text
	hostChar               // what a Host header may hold, RFC 3986 section 3.2.2 and a port
	targetChar             // a request target: no controls, no space, no fragment
	plainChar              // a path of these is the same escaped or not: unreserved, RFC 3986 section 2.3
)

var charClass = func() (t [256]uint8) {
	for c := range t {
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[c] |= valueChar
		}
		if c > ' ' && c != 0x7f && c != '#' {
			t[c] |= targetChar
		}
	}
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for _, c := range []byte(alnum + "!#$%&'*+-.^_`|~") {
		t[c] |= tokenChar
	}
	for _, c := range []byte(alnum + "-._~!$%&'()*+,;=:[]") {
		t[c] |= hostChar
	}
	for _, c := range []byte(alnum + "-._~/") {
		t[c] |= plainChar
	}
	return t
}()

// allOf reports whether every byte of s is of the class.
func allOf(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if charClass[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isToken(s string) bool { return s != "" && allOf(s, tokenChar) }

// equalFold is strings.EqualFold for ASCII: there, the Kelvin sign equals k.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// trimOWS removes optional white space (RFC 9110 section 5.6.3) at both ends.
func trimOWS(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// cutElement cuts the first element off a comma list. An empty element is
// possible and means nothing (RFC 9110 section 5.6.1.2).
func cutElement(list string) (element, rest string) {
	element, rest, _ = strings.Cut(list, ",")
	return trimOWS(element), rest
}
