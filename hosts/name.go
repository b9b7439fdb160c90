package hosts

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Sizes in bytes, without a final dot (RFC 1035 section 2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// nameBuf is room on the caller's stack for a name in lower case.
type nameBuf [maxName]byte

type kind uint8

const (
	exact kind = iota
	wildcard
	catchAll
	literal
)

// name is one of Host.Names in canonical form.
type name struct {
	kind kind
	host string     // exact: the name; wildcard: what follows "*."
	ip   netip.Addr // literal
}

func (n name) String() string {
	switch n.kind {
	case wildcard:
		return "*." + n.host
	case catchAll:
		return "*"
	case literal:
		return n.ip.String()
	default:
		return n.host
	}
}

// parseName reads a name as Host.Names has it.
func parseName(s string) (name, error) {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) >= 0 {
		a, err := toASCII(s)
		if err != nil {
			return name{}, fmt.Errorf("%w: %q: %w", ErrIDNA, s, err)
		}
		s = a
	}
	host, wild := strings.CutPrefix(s, "*")
	if bare, ok := cutPort(host); wild && ok && (bare == "" || bare == ".") {
		return name{kind: catchAll}, nil
	}
	if wild {
		host, wild = strings.CutPrefix(host, ".")
		if !wild {
			return name{}, fmt.Errorf("%w: %q", ErrName, s)
		}
	}
	var buf nameBuf
	folded, ip, ok := canonical(&buf, host)
	switch {
	case !ok, wild && ip.IsValid(), wild && len(folded)+len("*.") > maxName:
		return name{}, fmt.Errorf("%w: %q", ErrName, s)
	case wild:
		return name{kind: wildcard, host: string(folded)}, nil
	case ip.IsValid():
		return name{kind: literal, ip: ip}, nil
	}
	return name{kind: exact, host: string(folded)}, nil
}

// toASCII turns a name into its A-label form (RFC 5891 section 5, with the mapping of
// UTS #46); a wildcard's star and a port stay.
func toASCII(s string) (string, error) {
	rest, wild := strings.CutPrefix(s, "*.")
	host, ok := cutPort(rest)
	if !ok {
		return "", ErrName
	}
	a, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return "", err
	}
	if wild {
		a = "*." + a
	}
	return a, nil
}

// canonical reduces an authority, host[:port] (RFC 3986 section 3.2), to either
// a lower-case name in buf or an address without zone. An unbracketed IPv6
// address is taken too.
func canonical(buf *nameBuf, authority string) (host []byte, ip netip.Addr, ok bool) {
	s, ok := cutPort(authority)
	if !ok || s == "" {
		return nil, netip.Addr{}, false
	}
	if authority[0] == '[' || strings.IndexByte(s, ':') >= 0 {
		ip, ok = parseIPv6(s)
		return nil, ip, ok
	}
	s = strings.TrimSuffix(s, ".")
	if ip, ok = parseIPv4(s); ok {
		return nil, ip, true
	}
	host, ok = fold(buf, s)
	return host, netip.Addr{}, ok
}

// cutPort takes brackets and port away. It reports false if what follows the
// host is no port.
func cutPort(authority string) (host string, ok bool) {
	rest := ""
	if inner, bracketed := strings.CutPrefix(authority, "["); bracketed {
		if host, rest, ok = strings.Cut(inner, "]"); !ok || host == "" {
			return "", false
		}
	} else {
		i := strings.IndexByte(authority, ':')
		if i < 0 || i != strings.LastIndexByte(authority, ':') {
			return authority, true // no port, or an IPv6 address
		}
		host, rest = authority[:i], authority[i:]
	}
	if rest == "" {
		return host, true
	}
	return host, rest[0] == ':' && isPort(rest[1:])
}

// isPort says whether s is up to five digits; none at all are allowed
// (RFC 3986 section 3.2.3).
func isPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) <= 5
}

func parseIPv6(s string) (netip.Addr, bool) {
	s, _, _ = strings.Cut(s, "%") // a zone means nothing outside the client
	ip, err := netip.ParseAddr(s)
	return ip.Unmap(), err == nil && ip.Is6()
}

func parseIPv4(s string) (netip.Addr, bool) {
	for i := range len(s) {
		if s[i] != '.' && (s[i] < '0' || s[i] > '9') {
			return netip.Addr{}, false // most names end here, without an error value
		}
	}
	ip, err := netip.ParseAddr(s)
	return ip, err == nil
}

// fold copies host into buf in lower case (RFC 4343). It reports false if host
// is not made of labels of letters, digits, "-" and "_"; the last is no host
// name by the book, but common in private networks.
func fold(buf *nameBuf, host string) ([]byte, bool) {
	if len(host) > maxName {
		return nil, false
	}
	label := 0 // bytes of the current label
	for i := range len(host) {
		c := host[i]
		switch {
		case c == '.' && label > 0:
			buf[i], label = c, 0
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return nil, false
		}
		if label++; label > maxLabel {
			return nil, false
		}
		buf[i] = c
	}
	return buf[:len(host)], label > 0
}
