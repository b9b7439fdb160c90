package forwarded

import "strings"

// lastComma returns the index of the last comma that is not in a quoted string, or -1.
// It reads from the right: the element behind the comma is the proxy's, what is before
// it may be anything.
func lastComma(s string) (int, error) {
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case ',':
			return i, nil
		case '"':
			if i = opening(s[:i]); i < 0 {
				return 0, ErrSyntax
			}
		}
	}
	return -1, nil
}

// opening returns the index of the quote that opens the string at the end of s, or -1: the
// last one that has an even number of backslashes before it.
func opening(s string) int {
	for {
		i := strings.LastIndexByte(s, '"')
		if i < 0 || (i-len(strings.TrimRight(s[:i], `\`)))%2 == 0 {
			return i
		}
		s = s[:i]
	}
}

// pairs are the parameters of an element that matter here, without quotes.
type pairs struct{ node, by, proto, host string }

// parsePairs reads a forwarded-element (RFC 7239 section 4). No parameter may be there
// twice.
func parsePairs(s string) (p pairs, err error) {
	var seen [4]bool
	for more := true; more; {
		var name, value string
		if name, value, s, more, err = cutPair(s); err != nil {
			return pairs{}, err
		}
		for i, known := range [...]struct {
			name string
			to   *string
		}{{"for", &p.node}, {"by", &p.by}, {"proto", &p.proto}, {"host", &p.host}} {
			if !strings.EqualFold(name, known.name) {
				continue
			}
			if seen[i] {
				return pairs{}, ErrSyntax
			}
			seen[i], *known.to = true, value
		}
	}
	return p, nil
}

// cutPair takes the first pair off s. An empty one has no name.
func cutPair(s string) (name, value, rest string, more bool, err error) {
	s = trim(s)
	if rest, more = strings.CutPrefix(s, ";"); more || s == "" {
		return "", "", rest, more, nil
	}
	name, s, ok := strings.Cut(s, "=")
	if !ok || !isToken(name) {
		return "", "", "", false, ErrSyntax
	}
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = cutQuoted(s)
	} else {
		end := len(s) - len(strings.TrimLeftFunc(s, isBare))
		value, rest, ok = s[:end], s[end:], end > 0
	}
	if rest = trim(rest); !ok || rest != "" && rest[0] != ';' {
		return "", "", "", false, ErrSyntax
	}
	rest, more = strings.CutPrefix(rest, ";")
	return name, value, rest, more, nil
}

// cutQuoted takes the quoted string off the begin of s (RFC 9110 section 5.6.4).
func cutQuoted(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s[1:], `"\`) + 1
	if end > 0 && s[end] == '"' { // the usual case needs no copy
		return s[1:end], s[end+1:], plainText(s[1:end])
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
		}
		if !plainText(s[i : i+1]) {
			return "", "", false
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// plainText reports whether s may be in a quoted string.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isBare accepts what may be in a value without quotes: a token, and the colons and
// brackets of addresses, which many proxies write without quotes.
func isBare(r rune) bool {
	return r < 0x80 && (tokenChar(byte(r)) || strings.ContainsRune(":[]", r))
}

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenChar(s[i]) {
			return false
		}
	}
	return s != ""
}

// tokenChar accepts a tchar (RFC 9110 section 5.6.2).
func tokenChar(c byte) bool {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
