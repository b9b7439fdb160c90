package forwarded

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseNode reads a node of Forwarded (RFC 7239 section 6): an address, with brackets if
// it is an IPv6 one and has a port, and maybe a port, which may be obfuscated.
func parseNode(s string) (netip.AddrPort, error) {
	switch {
	case s == "", s[0] == '_', strings.EqualFold(s, "unknown"):
		return netip.AddrPort{}, ErrHidden
	case len(s) > len("unknown:") && strings.EqualFold(s[:len("unknown:")], "unknown:"):
		return netip.AddrPort{}, ErrHidden
	}
	if i := strings.LastIndex(s, ":_"); i > 0 && isToken(s[i+1:]) {
		s = s[:i]
	}
	return parseAddress(s)
}

// parseAddress reads an address with or without brackets and port. The port is 0 if
// there is none.
func parseAddress(s string) (netip.AddrPort, error) {
	host, port := s, ""
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if host, port, ok = strings.Cut(inner, "]"); !ok || !strings.Contains(host, ":") {
			return netip.AddrPort{}, ErrAddress
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 && i == strings.LastIndexByte(s, ':') {
		host, port = s[:i], s[i:]
	}
	a, err := netip.ParseAddr(host)
	if a = a.Unmap(); err != nil || a.IsUnspecified() || a.IsMulticast() {
		return netip.AddrPort{}, ErrAddress
	}
	n := uint64(0)
	if port != "" {
		digits, ok := strings.CutPrefix(port, ":")
		if n, err = strconv.ParseUint(digits, 10, 16); !ok || err != nil || len(digits) > 5 {
			return netip.AddrPort{}, ErrAddress
		}
	}
	return plain(netip.AddrPortFrom(a, uint16(n))), nil
}

// parseProto returns a scheme in lower case.
func parseProto(s string) (string, error) {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || strings.IndexByte("0123456789+-.", s[i]) < 0) {
			return "", ErrProto
		}
	}
	if s == "" || len(s) > 32 {
		return "", ErrProto
	}
	return strings.ToLower(s), nil
}

// checkHost lets through what a Host header may be: a name or an address, and maybe a
// port. None at all is fine.
func checkHost(s string) error {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && strings.IndexByte("0123456789-._~:[]", c) < 0 {
			return ErrHost
		}
	}
	if len(s) > 255+len(":65535") {
		return ErrHost
	}
	return nil
}
