package admit

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// span is the addresses from first to last that an entry means. Spans do not cross the
// border between the families.
type span struct {
	first, last number
	entry       int32
}

// meaning is what an entry means: up to two spans, peers without an address, or what a
// name stands for.
type meaning struct {
	spans [2]span
	n     int
	unix  bool
	name  string
}

// add adds the addresses from a to b, of one family. IPv6 leaves out the numbers of IPv4.
func (m *meaning) add(a, b number) {
	if a.less(firstIPv4) && !b.less(lastIPv4) {
		m.push(a, firstIPv4.minus(number{0, 1}))
		if a = lastIPv4.next(); b == lastIPv4 {
			return
		}
	}
	m.push(a, b)
}

func (m *meaning) push(a, b number) {
	m.spans[m.n] = span{first: a, last: b}
	m.n++
}

// parseEntry reads one entry, without space around it.
func parseEntry(s string) (m meaning, err error) {
	switch {
	case s == "*":
		m.unix = true
		m.push(number{}, last)
		return m, nil
	case s == "unix", s == "unix:":
		m.unix = true
		return m, nil
	case strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0:
		return m, ErrNotASCII
	case strings.Contains(s, "%"):
		return m, ErrZone
	case strings.Contains(s, "/"):
		return m, m.parsePrefix(s)
	case strings.Contains(s, "*"):
		return m, m.parsePattern(s)
	}
	if from, to, ok := strings.Cut(s, "-"); ok {
		if a, err := parseAddr(strings.TrimSpace(from)); err == nil {
			return m, m.parseRange(a, strings.TrimSpace(to))
		}
	}
	if a, err := parseAddr(s); err == nil {
		m.add(numberOf(a), numberOf(a))
		return m, nil
	}
	if !isName(s) {
		return m, ErrEntry
	}
	m.name = s
	return m, nil
}

// parseAddr takes an IPv6 address with and without brackets.
func parseAddr(s string) (netip.Addr, error) {
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") && strings.Contains(inner, ":") {
		s = strings.TrimSuffix(inner, "]")
	}
	return netip.ParseAddr(s)
}

func (m *meaning) parsePrefix(s string) error {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() && p.Bits() < mappedBits {
		return ErrEntry
	}
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += mappedBits
	}
	n := numberOf(p.Addr())
	if n != n.mask(bits) {
		return fmt.Errorf("%w, write %v", ErrHostBits, p.Masked())
	}
	m.add(n, n.fill(bits))
	return nil
}

func (m *meaning) parseRange(from netip.Addr, s string) error {
	to, err := parseAddr(s)
	if err != nil {
		return ErrRange
	}
	a, b := numberOf(from), numberOf(to)
	if a.isIPv4() != b.isIPv4() || b.less(a) {
		return ErrRange
	}
	m.add(a, b)
	return nil
}

// parsePattern reads "10.1.*" and "2001:db8:*": asterisks for the last parts.
func (m *meaning) parsePattern(s string) error {
	separator, most, size := ".", 4, 8
	if strings.Contains(s, ":") {
		separator, most, size = ":", 8, 16
	}
	parts := strings.Split(s, separator)
	fixed := len(parts)
	for fixed > 0 && parts[fixed-1] == "*" {
		fixed--
	}
	if fixed == len(parts) || len(parts) > most || strings.Contains(s, "::") {
		return ErrPattern
	}
	start := make([]string, most)
	for i := range start {
		start[i] = "0"
		if i < fixed {
			start[i] = parts[i]
		}
	}
	a, err := netip.ParseAddr(strings.Join(start, separator))
	if err != nil || a.Is4In6() {
		return ErrPattern
	}
	bits := fixed * size
	if a.Is4() {
		bits += mappedBits
	}
	m.add(numberOf(a), numberOf(a).fill(bits))
	return nil
}

// isName reports whether s is a host name. What ends in a number is an address that is
// written wrongly, and must not be looked up.
func isName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.IndexFunc(label, notInName) >= 0 {
			return false
		}
	}
	_, err := strconv.ParseUint(label, 0, 64)
	return err != nil && strings.Trim(label, "0123456789") != ""
}

func notInName(r rune) bool {
	switch {
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == '-', r == '_':
		return false
	}
	return true
}
