package admit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// each form of an entry, with addresses that it means and others.
func TestEntriesMeanAddresses(t *testing.T) {
	for _, tt := range []struct {
		entry   string
		in, out string
	}{
		{"192.0.2.7", "192.0.2.7 ::ffff:192.0.2.7", "192.0.2.6 192.0.2.8 ::192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7 ::ffff:192.0.2.7", "192.0.2.8"},
		{"192.0.2.0/24", "192.0.2.0 192.0.2.255 ::ffff:192.0.2.1", "192.0.1.255 192.0.3.0 2001:db8::1"},
		{"192.0.2.6/31", "192.0.2.6 192.0.2.7", "192.0.2.5 192.0.2.8"},
		{"0.0.0.0/0", "0.0.0.0 255.255.255.255 ::ffff:1.2.3.4", ":: ::1 2001:db8::1 ffff::"},
		{"2001:db8::/32", "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8::1%eth0", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9:: 192.0.2.1"},
		{"2001:DB8::1", "2001:db8::1", "2001:db8::2"},
		{"[2001:db8::1]", "2001:db8::1", "2001:db8::2"},
		{"2001:db8::8000:0:0:0/65", "2001:db8::8000:0:0:0 2001:db8::ffff:ffff:ffff:ffff", "2001:db8::7fff:ffff:ffff:ffff 2001:db8:0:1::"},
		{"::/0", ":: ::1 ::ffff:0:0:1 ::1:0:0:0 ::fffe:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "192.0.2.1 0.0.0.0 255.255.255.255"},
		{"::/64", ":: ::1:0:0:0", "192.0.2.1 0:0:0:1::"},
		{"::/80", ":: ::fffe:ffff:ffff", "0.0.0.0 255.255.255.255 ::1:0:0:0"},
		{"192.0.2.*", "192.0.2.0 192.0.2.255", "192.0.3.0 192.0.1.255"},
		{"10.*", "10.0.0.0 10.255.255.255", "11.0.0.0 9.255.255.255"},
		{"10.1.*", "10.1.0.0 10.1.255.255", "10.2.0.0 10.0.255.255"},
		{"10.1.*.*", "10.1.0.0 10.1.255.255", "10.2.0.0"},
		{"*.*.*.*", "0.0.0.0 255.255.255.255", "2001:db8::1"},
		{"2001:db8:*", "2001:db8:: 2001:db8:ffff::", "2001:db9::"},
		{"2001:db8:0:1:0:0:0:*", "2001:db8:0:1:: 2001:db8:0:1::ffff", "2001:db8:0:1::1:0"},
		{"*:*", ":: 2001:db8::1", "192.0.2.1"},
		{"10.0.0.1-10.0.0.9", "10.0.0.1 10.0.0.5 10.0.0.9", "10.0.0.0 10.0.0.10"},
		{"10.0.0.1 - 10.0.0.1", "10.0.0.1", "10.0.0.2"},
		{"2001:db8::1-2001:db8::ffff", "2001:db8::1 2001:db8::ffff", "2001:db8:: 2001:db8::1:0"},
		{"::1-2001:db8::", "::1 ::ffff:0:0:0 2001:db8::", ":: 192.0.2.1"},
		{"[::1]-[::3]", "::2", "::4"},
		{"*", "192.0.2.1 2001:db8::1 ::", ""},
		{" 192.0.2.7 # the office", "192.0.2.7", "192.0.2.8"},
		{"192.0.2.7;the office", "192.0.2.7", "192.0.2.8"},
		{"192.0.2.7, 198.51.100.0/24,", "192.0.2.7 198.51.100.9", "192.0.2.8"},
		{"unix", "", "192.0.2.1 ::"},
	} {
		l := mustList(t, tt.entry)
		for _, a := range strings.Fields(tt.in) {
			if entry, ok := l.Match(ip(a)); !ok || !strings.Contains(tt.entry, entry) {
				t.Errorf("%q: Match(%s) = %q, %v; want the entry", tt.entry, a, entry, ok)
			}
		}
		for _, a := range strings.Fields(tt.out) {
			if entry, ok := l.Match(ip(a)); ok {
				t.Errorf("%q: Match(%s) = %q", tt.entry, a, entry)
			}
		}
	}
}

// A peer on a Unix socket has no address.
func TestPeerWithoutAddressIsNamedUnix(t *testing.T) {
	for entry, want := range map[string]bool{"unix": true, "unix:": true, "*": true, "0.0.0.0/0": false, "::/0": false} {
		if got, ok := mustList(t, entry).Match(netip.Addr{}); ok != want || ok && got != entry {
			t.Errorf("%q: %q, %v", entry, got, ok)
		}
	}
	for _, l := range []*List{nil, {}, mustList(t), mustList(t, "# nobody")} {
		if _, ok := l.Match(ip("192.0.2.1")); ok || l.Len() != 0 || l.has(netip.Addr{}) || len(slices.Collect(l.Entries())) != 0 {
			t.Error("an empty list matches")
		}
	}
}

// what is written wrongly is an error that names it, and never looked up.
func TestBadEntriesAreTyped(t *testing.T) {
	for _, tt := range []struct {
		entry string
		want  error
	}{
		{"", ErrEntry}, {" \t", ErrEntry}, {"192.0.2", ErrEntry}, {"192.0.2.300", ErrEntry}, {"192.0.2.07", ErrEntry},
		{"192.0.2.1:80", ErrEntry}, {"0x7f000001", ErrEntry}, {"a.0x1", ErrEntry}, {"1", ErrEntry}, {"99999999999999999999", ErrEntry},
		{"192.0.2.0/33", ErrEntry}, {"192.0.2.0/", ErrEntry}, {"/24", ErrEntry}, {"192.0.2.0/024", ErrEntry}, {"a.example/24", ErrEntry},
		{"::ffff:0:0/90", ErrEntry}, {"[2001:db8::1", ErrEntry}, {"[192.0.2.1]", ErrEntry}, {"a..example", ErrEntry},
		{".", ErrEntry}, {"two words", ErrEntry}, {"a!b", ErrEntry}, {strings.Repeat("a", 64) + ".example", ErrEntry},
		{strings.Repeat("a.", 130) + "example", ErrEntry},
		{"192.0.2.7/24", ErrHostBits}, {"2001:db8::1/64", ErrHostBits}, {"192.0.2.1/0", ErrHostBits},
		{"192.0.2.9-192.0.2.1", ErrRange}, {"192.0.2.1-", ErrRange}, {"192.0.2.1-9", ErrRange}, {"192.0.2.1-2001:db8::1", ErrRange},
		{"2001:db8::1-192.0.2.1", ErrRange}, {"192.0.2.1-192.0.2.3-192.0.2.5", ErrRange},
		{"*.example", ErrPattern}, {"a*", ErrPattern}, {"192.*.2.1", ErrPattern}, {"192.0.2.1*", ErrPattern}, {"192.0.300.*", ErrPattern},
		{"*.1", ErrPattern}, {"1.2.3.4.*", ErrPattern}, {"**", ErrPattern}, {"2001::db8:*", ErrPattern}, {"2001:*:1:*", ErrPattern},
		{"0:0:0:0:0:ffff:*", ErrPattern}, {"1:2:3:4:5:6:7:8:*", ErrPattern}, {"2001:x:*", ErrPattern}, {":*", ErrPattern},
		{"fe80::1%eth0", ErrZone}, {"fe80::/64%eth0", ErrZone},
		{"b\u00fccher.example", ErrNotASCII}, {"a\x00b", ErrNotASCII},
	} {
		_, err := NewList(t.Context(), []string{"192.0.2.1", tt.entry}, failing{t})
		e, ok := errors.AsType[*EntryError](err)
		if !ok || !errors.Is(err, tt.want) || e.Line != 2 || !strings.Contains(tt.entry, e.Entry) {
			t.Errorf("%q: %v, want %v", tt.entry, err, tt.want)
		}
	}
}

// failing is a resolver that must not be asked.
type failing struct{ t *testing.T }

func (f failing) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	f.t.Errorf("%q was looked up", host)
	return nil, errors.New("no")
}

// Of several entries the one that means least is named, and of equal ones the first.
func TestSmallestEntryIsNamed(t *testing.T) {
	l := mustList(t, "*", "10.0.0.0/8", "10.0.0.0 - 10.255.255.255", "10.1.0.0/16", "10.0.255.0-10.1.0.255", "10.1.0.7", "10.1.0.7/32", "::/0")
	for a, want := range map[string]string{
		"9.9.9.9": "*", "10.0.0.1": "10.0.0.0/8", "10.1.2.3": "10.1.0.0/16", "10.0.255.9": "10.0.255.0-10.1.0.255",
		"10.1.0.6": "10.0.255.0-10.1.0.255", "10.1.0.7": "10.1.0.7", "10.1.1.0": "10.1.0.0/16", "11.0.0.0": "*", "2001:db8::1": "::/0",
	} {
		if got, _ := l.Match(ip(a)); got != want {
			t.Errorf("Match(%s) = %q, want %q", a, got, want)
		}
	}
	if l.Len() != 8 || slices.Collect(l.Entries())[2] != "10.0.0.0 - 10.255.255.255" {
		t.Errorf("%d entries: %q", l.Len(), slices.Collect(l.Entries()))
	}
}

// names is a resolver from a table.
type names map[string][]string

func (n names) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" || ctx.Err() != nil {
		return nil, fmt.Errorf("network %q: %w", network, ctx.Err())
	}
	addrs, ok := n[host]
	if !ok {
		return nil, errNoHost
	}
	all := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		if a != "" {
			all[i] = ip(a)
		}
	}
	return all, nil
}

var errNoHost = errors.New("no such host")

// names are looked up when a list is made, and a look-up that fails is an error.
func TestNamesAreResolvedAtLoad(t *testing.T) {
	many := slices.Repeat([]string{"192.0.2.1"}, maxAddresses+1)
	resolver := names{"gw.example": {"192.0.2.7", "::ffff:192.0.2.8", "2001:db8::7"}, "nobody.example": nil, "odd.example": {""}, "many.example": many}
	l, err := NewList(t.Context(), []string{"gw.example", "192.0.2.0/24"}, resolver)
	if err != nil {
		t.Fatal(err)
	}
	resolver["gw.example"] = []string{"203.0.113.1"} // too late
	for a, want := range map[string]string{"192.0.2.7": "gw.example", "192.0.2.8": "gw.example", "2001:db8::7": "gw.example", "192.0.2.9": "192.0.2.0/24", "203.0.113.1": ""} {
		if got, _ := l.Match(ip(a)); got != want {
			t.Errorf("Match(%s) = %q, want %q", a, got, want)
		}
	}
	for name, want := range map[string]error{"none.example": errNoHost, "nobody.example": ErrUnresolved, "odd.example": ErrUnresolved, "many.example": ErrTooMany} {
		_, err := NewList(t.Context(), []string{name}, resolver)
		if e, ok := errors.AsType[*EntryError](err); !ok || e.Entry != name || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	entries := make([]string, maxNames+1)
	for i := range entries {
		entries[i] = "gw.example"
	}
	if _, err := NewList(t.Context(), entries, resolver); !errors.Is(err, ErrTooMany) {
		t.Errorf("%d names: %v, want ErrTooMany", len(entries), err)
	}
}

func TestContextEndsLoading(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	cancel(why)
	if _, err := NewList(ctx, []string{"192.0.2.1"}, nil); !errors.Is(err, why) {
		t.Errorf("NewList = %v, want the cause", err)
	}
}

func TestTextOfAListHasLinesAndComments(t *testing.T) {
	text := "\ufeff# those of the house\r\n\r\n192.0.2.0/24 ; lab\r\n  2001:db8::/32, 10.*\r\n;\r\n203.0.113.7"
	l, err := ReadList(t.Context(), iotest.OneByteReader(strings.NewReader(text)), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"192.0.2.0/24", "2001:db8::/32", "10.*", "203.0.113.7"}
	if got := slices.Collect(l.Entries()); !slices.Equal(got, want) {
		t.Errorf("entries %q, want %q", got, want)
	}
}

func TestErrorsOfATextNameTheLines(t *testing.T) {
	text := "192.0.2.1\n#\n192.0.2.300\n" + "10.0.0.1 #" + strings.Repeat("x", maxLine) + "\n1-\n"
	_, err := ReadList(t.Context(), strings.NewReader(text), nil)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatal(err)
	}
	var got []string
	for _, err := range joined.Unwrap() {
		e, _ := errors.AsType[*EntryError](err)
		got = append(got, fmt.Sprint(e.Line, errors.Is(err, ErrTooLong)))
	}
	if want := []string{"3 false", "4 true"}; !slices.Equal(got, want) {
		t.Errorf("errors %q, want %q", got, want)
	}
	_, err = ReadList(t.Context(), strings.NewReader(strings.Repeat("x y\n", 100)), nil)
	if n := strings.Count(err.Error(), "\n") + 1; n != maxErrors {
		t.Errorf("%d errors, want %d", n, maxErrors)
	}
	why := errors.New("disk")
	if _, err := ReadList(t.Context(), iotest.ErrReader(why), nil); !errors.Is(err, why) {
		t.Errorf("%v, want that of the reader", err)
	}
}

func TestListHasABound(t *testing.T) {
	line := strings.Repeat("::,", 256) + "\n"
	_, err := ReadList(t.Context(), strings.NewReader(strings.Repeat(line, maxEntries/256+1)), nil)
	if !errors.Is(err, ErrTooMany) || strings.Count(err.Error(), "\n") != 0 {
		t.Errorf("%v, want one ErrTooMany", err)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	l := mustList(t, "10.0.0.0/8", "2001:db8::/32")
	a, b, c := ip("10.1.2.3"), ip("2001:db8::1"), ip("::ffff:192.0.2.1")
	if n := testing.AllocsPerRun(100, func() { l.Match(a); l.Match(b); l.Match(c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// some is a list of n entries of all kinds, and addresses to look up, half of them in it.
func some(n int) (entries []string, ask []netip.Addr) {
	for i := range n {
		base := uint32(i)*2654435761 | 1<<24
		a := net4(base &^ 0xff)
		switch i % 4 {
		case 0:
			entries, ask = append(entries, a.String()+"/24"), append(ask, net4(base|7))
		case 1:
			entries, ask = append(entries, a.String()), append(ask, a)
		case 2:
			entries, ask = append(entries, net6(uint64(base)<<16).String()), append(ask, net6(uint64(base)<<16))
		case 3:
			p := netip.PrefixFrom(net6(uint64(base)<<8), 48).Masked()
			entries, ask = append(entries, p.String()), append(ask, p.Addr().Next())
		}
		ask = append(ask, net4(base^0x55555555))
	}
	return entries, ask
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			entries, ask := some(n)
			l := mustList(b, entries...)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				l.Match(ask[i])
				if i++; i == len(ask) {
					i = 0
				}
			}
		})
	}
}

func BenchmarkNewList(b *testing.B) {
	entries, _ := some(10_000)
	b.ReportAllocs()
	for b.Loop() {
		mustList(b, entries...)
	}
}
