package acme

import (
	"net/netip"
	"strings"

	"github.com/icsws/icsws/hosts"
)

// orders finds the order that a name belongs to, by the rules of [hosts.View.Lookup]: an
// exact name beats a wildcard, that beats "*", and then the first counts.
type orders struct {
	exact    map[string]*hosts.Order
	wildcard map[string]*hosts.Order // by what follows "*."
	any      *hosts.Order
}

func newOrders(list []hosts.Order) *orders {
	t := &orders{exact: make(map[string]*hosts.Order), wildcard: make(map[string]*hosts.Order)}
	for n := range list {
		o := &list[n]
		for _, name := range o.Names {
			t.add(name, o)
		}
		if len(o.Names) == 0 {
			t.add("*", o)
		}
	}
	return t
}

func (t *orders) add(name string, o *hosts.Order) {
	if name == "*" {
		if t.any == nil {
			t.any = o
		}
		return
	}
	m := t.exact
	if suffix, wild := strings.CutPrefix(name, "*."); wild {
		m, name = t.wildcard, suffix
	}
	if m[name] == nil {
		m[name] = o
	}
}

func (t *orders) find(name string) *hosts.Order {
	if o := t.exact[name]; o != nil {
		return o
	}
	if _, suffix, ok := strings.Cut(name, "."); ok {
		if o := t.wildcard[suffix]; o != nil {
			return o
		}
	}
	return t.any
}

func (t *orders) has(name string) bool { return t.find(name) != nil }

// demandName returns a server name in lower case; false if no certificate could be for
// it. Whoever connects chooses it.
func demandName(s string) (string, bool) {
	s = lower(strings.TrimSuffix(s, "."))
	if len(s) == 0 || len(s) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return "", false
		}
	}
	_, err := netip.ParseAddr(s)
	return s, err != nil
}

// isLabel says whether s is letters, digits and hyphens, these not at the ends
// (RFC 1123 section 2.1).
func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

// lower is strings.ToLower for ASCII alone; it turns nothing else into letters.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
