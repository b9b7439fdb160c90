package handshake

import (
	"strconv"
	"strings"
)

// parseRule parses an entry in lower case.
func parseRule(entry string) (rule originRule, err error) {
	rest := entry
	if scheme, after, ok := strings.Cut(entry, "://"); ok {
		switch {
		case scheme == "ws" || scheme == "wss":
			return rule, errOriginScheme
		case !isScheme(scheme):
			return rule, originForm(entry)
		}
		rule.scheme, rest = scheme, after
	}
	rest, rule.wildcard = strings.CutPrefix(rest, "*.")
	rest, everyPort := strings.CutSuffix(rest, ":*")
	if strings.Contains(rest, "*") {
		return rule, errOriginLabel
	}
	var ok bool
	rule.host, rule.port, ok = splitAuthority(rest)
	switch {
	case !ok || strings.HasSuffix(rest, ":") || rule.wildcard && rule.host[0] == '[' || everyPort && rule.port != 0:
		return rule, originForm(entry)
	case rule.host == "null" && rule.scheme == "":
		return rule, errOriginNull
	case everyPort:
		rule.port = anyPort
	}
	return rule, checkOriginHost(rule.host, rule.wildcard)
}

// parseOrigin parses an Origin header other than null. It allocates nothing.
func parseOrigin(s string) (p origin, ok bool) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found || !isScheme(scheme) {
		return p, false
	}
	host, port, ok := splitAuthority(rest)
	if port == 0 {
		port = defaultPort(scheme)
	}
	return origin{scheme, host, port}, ok
}

// isScheme reports whether s is a scheme, RFC 3986 section 3.1.
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= lower(c) && lower(c) <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// splitAuthority splits host[:port]. The port is 0 where none is written; an
// IPv6 address keeps its brackets.
func splitAuthority(s string) (host string, port int, ok bool) {
	host = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.IndexByte(s[i:], ']') < 0 {
		var digits string
		host, digits = s[:i], s[i+1:]
		if port, ok = parsePort(digits); !ok {
			return "", 0, false
		}
	}
	return host, port, isHostName(host)
}

func parsePort(digits string) (port int, ok bool) {
	if digits == "" { // RFC 3986 section 3.2.3: the default
		return 0, true
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n), err == nil && n != 0
}

// isHostName accepts what browsers put into an origin: names, IPv4 addresses,
// IPv6 addresses in brackets.
func isHostName(s string) bool {
	inner, v6 := strings.CutPrefix(s, "[")
	if v6 {
		if inner, v6 = strings.CutSuffix(inner, "]"); !v6 {
			return false
		}
	}
	for i := range len(inner) {
		c := inner[i]
		switch l := lower(c); {
		case '0' <= c && c <= '9', 'a' <= l && l <= 'f', c == '.':
		case v6 && c == ':':
		case !v6 && ('g' <= l && l <= 'z' || c == '-' || c == '_' || c == '~'):
		default:
			return false
		}
	}
	return inner != ""
}

// defaultPort returns 0 for a scheme without one, such as chrome-extension.
func defaultPort(scheme string) int {
	switch {
	case equalFold(scheme, "https"), equalFold(scheme, "wss"):
		return 443
	case equalFold(scheme, "http"), equalFold(scheme, "ws"):
		return 80
	}
	return 0
}
