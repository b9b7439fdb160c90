package admit

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every entry is understood or refused by a typed error, what it means is in order, and
// does not mix the families.
func FuzzParseEntry(f *testing.F) {
	for _, s := range []string{
		"192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "192.0.2.*", "10.*", "2001:db8:*", "10.0.0.1-10.0.0.9", "a.example",
		"unix", "*", "::ffff:0:0/96", "::/0", "[::1]", "::-ffff::", "*:*", "*.*.*.*", "fe80::1%1", "1.2.3.4/0", "0x1", "a-b", "::/80",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseEntry(s)
		if err != nil {
			if !slices.ContainsFunc([]error{ErrEntry, ErrHostBits, ErrRange, ErrPattern, ErrZone, ErrNotASCII}, func(e error) bool { return errors.Is(err, e) }) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if m.n == 0 && !m.unix && m.name == "" {
			t.Errorf("%q means nothing", s)
		}
		if m.name != "" && (m.n > 0 || !isName(s)) {
			t.Errorf("%q is the name %q and more", s, m.name)
		}
		for _, p := range m.spans[:m.n] {
			if p.last.less(p.first) || s != "*" && p.first.isIPv4() != p.last.isIPv4() {
				t.Errorf("%q: from %v to %v", s, p.first.addr(), p.last.addr())
			}
			if s != "*" && p.first.less(firstIPv4) && firstIPv4.less(p.last) {
				t.Errorf("%q: %v to %v has IPv4 in it", s, p.first.addr(), p.last.addr())
			}
		}
		if p, err := netip.ParsePrefix(s); err == nil && p.Masked() == p && !p.Addr().Is4In6() {
			if m.spans[0].first.addr() != p.Addr() || !p.Contains(m.spans[m.n-1].last.addr()) {
				t.Errorf("%q: from %v to %v", s, m.spans[0].first.addr(), m.spans[m.n-1].last.addr())
			}
		}
	})
}

// A list answers as one that goes through its entries.
func FuzzListAgreesWithSearch(f *testing.F) {
	f.Add([]byte("\x00\x10\x20\x01\x10\x18\x02\x11\x11\x03\x00\xff"), byte(0x11))
	f.Add([]byte("\x00\x00\xff\x01\x10\x20\x00\x18\x30\x02\xff\xff"), byte(0xff))
	f.Fuzz(func(t *testing.T, data []byte, ask byte) {
		var spans []span
		at := func(b byte) number { // small numbers, the border of the families, the end
			switch b >> 6 {
			case 0:
				return number{0, uint64(b & 0x3f)}
			case 1:
				return number{0, mapped | uint64(b&0x3f)}
			case 2:
				return number{1, uint64(b & 0x3f)}
			}
			return last.minus(number{0, uint64(^b & 0x3f)})
		}
		for i := 0; i+2 < len(data) && len(spans) < 100; i += 3 {
			s := span{at(data[i+1]), at(data[i+2]), int32(len(spans))}
			if s.last.less(s.first) {
				s.first, s.last = s.last, s.first
			}
			spans = append(spans, s)
		}
		n, want := at(ask), int32(-1)
		var size number
		for _, s := range spans {
			if z := s.last.minus(s.first); !n.less(s.first) && !s.last.less(n) && (want < 0 || z.less(size)) {
				want, size = s.entry, z
			}
		}
		starts, owners := flatten(spans)
		got := int32(-1)
		for i := range starts {
			if i > 0 && (!starts[i-1].less(starts[i]) || owners[i-1] == owners[i]) {
				t.Fatalf("pieces %v %v", starts, owners)
			}
			if !n.less(starts[i]) {
				got = owners[i]
			}
		}
		if got != want {
			t.Errorf("%v: entry %d, want %d of %v", n, got, want, spans)
		}
		entries := slices.Repeat([]string{"x"}, len(spans))
		if _, ok := (&List{entries: entries, starts: starts, owners: owners}).Match(n.addr()); ok != (want >= 0) {
			t.Errorf("Match(%v) = %v, want entry %d", n.addr(), ok, want)
		}
	})
}

// Any text is a list or an error with a line; nothing is looked up that has no name.
func FuzzReadList(f *testing.F) {
	f.Add([]byte("192.0.2.1\n# x\n10.*,::1\r\n"))
	f.Add([]byte("\ufeff*;\n\n\n1-2\nunix"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := ReadList(t.Context(), bytes.NewReader(text), names{})
		if err != nil {
			if e, ok := errors.AsType[*EntryError](err); !ok || e.Line < 1 || e.Line > bytes.Count(text, []byte("\n"))+1 || len(e.Entry) > 100 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for entry := range l.Entries() {
			if entry == "" || strings.TrimSpace(entry) != entry || !bytes.Contains(text, []byte(entry)) {
				t.Errorf("%q: entry %q", text, entry)
			}
		}
	})
}

// What is restored can be written again, and is the same then.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(banComment + "192.0.2.0/24 2026-06-01T13:00:00Z 2026-06-01T11:00:00Z set too loud\n"))
	f.Add([]byte("2001:db8::/64 - 2026-06-01T11:00:00.5+02:00 auto\n\n10.0.0.1/32 - 0001-01-01T00:00:00Z set  a\x00b "))
	f.Fuzz(func(t *testing.T, text []byte) {
		clock := new(hand)
		b := NewBans(100, clock.now)
		n, err := b.Restore(bytes.NewReader(text))
		if err != nil {
			e, ok := errors.AsType[*EntryError](err)
			if n != 0 || len(b.List()) != 0 || !errors.Is(err, ErrTooManyBans) && (!ok || !errors.Is(err, ErrBan) || e.Line < 1) {
				t.Errorf("%q: %d, %v", text, n, err)
			}
			return
		}
		var first, second bytes.Buffer
		c := NewBans(100, clock.now)
		if err := b.Snapshot(&first); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Restore(bytes.NewReader(first.Bytes())); err != nil {
			t.Fatalf("%q became %q: %v", text, &first, err)
		}
		if _ = c.Snapshot(&second); first.String() != second.String() {
			t.Errorf("%q became %q", &first, &second)
		}
		for _, ban := range b.List() {
			if got, ok := c.Match(ban.Prefix.Addr()); !ok || ban.over(clock.now().Add(-time.Hour)) && got.Reason == "" && ban.Reason != "" {
				t.Errorf("%q: %v is gone", text, ban)
			}
		}
	})
}
