package admit

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustBan(tb testing.TB, b *Bans, prefix string, d time.Duration, reason string) {
	tb.Helper()
	if err := b.Ban(prefixOf(prefix), d, reason); err != nil {
		tb.Fatal(err)
	}
}

func TestBanKeepsAPrefixOutUntilItEnds(t *testing.T) {
	r, clock := newRules(t, Policy{ExemptClients: []string{"192.0.2.99"}})
	b := r.Bans()
	mustBan(t, b, "192.0.2.0/24", time.Minute, "too\nloud")
	mustBan(t, b, "2001:db8::/32", 0, "")
	mustBan(t, b, "::ffff:203.0.113.0/120", time.Minute, "")
	mustBan(t, b, "192.0.2.7/32", time.Hour, "worse")
	for a, want := range map[string]Reason{
		"192.0.2.1": ReasonBanned, "::ffff:192.0.2.1": ReasonBanned, "192.0.3.1": ReasonNone, "192.0.2.99": ReasonNone,
		"2001:db8::1%eth0": ReasonBanned, "2001:db9::1": ReasonNone, "203.0.113.7": ReasonBanned,
	} {
		_, f := accept(r, ip(a))
		refused(t, f, want)
	}
	_, f := accept(r, ip("192.0.2.1"))
	if f.Entry != "too loud" || f.RetryAfter != time.Minute || f.Prefix != prefixOf("192.0.2.0/24") || f.Status() != 403 {
		t.Errorf("%v", f)
	}
	if ban, ok := b.Match(ip("192.0.2.7")); !ok || ban.Reason != "worse" || ban.Auto || !ban.Since.Equal(noon) {
		t.Errorf("the longest prefix: %+v, %v", ban, ok)
	}
	if _, f := accept(r, ip("2001:db8::1")); f.RetryAfter != 0 {
		t.Errorf("a ban without end: %v", f)
	}
	clock.advance(time.Minute)
	_, f = accept(r, ip("192.0.2.1"))
	refused(t, f, ReasonNone)
	_, f = accept(r, ip("192.0.2.7"))
	refused(t, f, ReasonBanned)
	if list := b.List(); len(list) != 2 || list[0].Prefix != prefixOf("192.0.2.7/32") || list[1].Prefix != prefixOf("2001:db8::/32") {
		t.Errorf("List = %v", list)
	}
	if b.Unban(prefixOf("192.0.2.0/24")) || b.Unban(prefixOf("2001:db8::/48")) || !b.Unban(prefixOf("2001:db8::/32")) || b.Unban(prefixOf("2001:db8::/32")) {
		t.Error("Unban ends what it must not, or does not what it must")
	}
	_, f = accept(r, ip("2001:db8::1"))
	refused(t, f, ReasonNone)
	if _, ok := b.Match(netip.Addr{}); ok {
		t.Error("nobody is banned")
	}
}

func TestBansThatCanNotBeAreTyped(t *testing.T) {
	b := NewBans(0, nil)
	for _, p := range []netip.Prefix{{}, prefixOf("::ffff:0:0/95"), netip.PrefixFrom(ip("192.0.2.1"), 33)} {
		if err := b.Ban(p, 0, ""); !errors.Is(err, ErrBanPrefix) {
			t.Errorf("%v: %v", p, err)
		}
	}
	if err := b.Ban(prefixOf("192.0.2.0/24"), -1, ""); !errors.Is(err, ErrBanTime) || len(b.List()) != 0 {
		t.Error(err)
	}
	mustBan(t, b, "192.0.2.7/24", 0, strings.Repeat("\u00e9\xff", 500)) // masked
	if list := b.List(); len(list) != 1 || list[0].Prefix != prefixOf("192.0.2.0/24") || len(list[0].Reason) > maxReason || strings.Contains(list[0].Reason, "\xff") {
		t.Errorf("%v", list)
	}
}

// There is a bound; bans that are over make room, automatic ones beyond it are counted.
func TestBansAreBounded(t *testing.T) {
	clock := new(hand)
	b := NewBans(3, clock.now)
	mustBan(t, b, "192.0.2.1/32", time.Minute, "")
	mustBan(t, b, "192.0.2.2/32", time.Hour, "")
	mustBan(t, b, "192.0.2.3/32", 0, "")
	if err := b.Ban(prefixOf("192.0.2.4/32"), 0, ""); !errors.Is(err, ErrTooManyBans) {
		t.Errorf("fourth of three: %v", err)
	}
	if _, made, err := b.auto(prefixOf("192.0.2.4/32"), time.Hour, ""); made || !errors.Is(err, ErrTooManyBans) {
		t.Errorf("fourth of three: %v, %v", made, err)
	}
	mustBan(t, b, "192.0.2.2/32", time.Hour, "again")
	clock.advance(time.Minute)
	mustBan(t, b, "192.0.2.4/32", time.Millisecond, "")
	clock.advance(time.Millisecond) // one is over, but not looked for before the second is
	if err := b.Ban(prefixOf("192.0.2.5/32"), 0, ""); !errors.Is(err, ErrTooManyBans) {
		t.Errorf("all were looked at twice in a second: %v", err)
	}
	clock.advance(time.Second)
	mustBan(t, b, "192.0.2.5/32", 0, "")
	if n := len(b.List()); n != 3 || int(b.n.Load()) != 3 {
		t.Errorf("%d bans, %d kept", n, b.n.Load())
	}
}

// An automatic ban does not shorten or replace one that somebody made.
func TestAutomaticBanYieldsToAManualOne(t *testing.T) {
	clock := new(hand)
	b := NewBans(10, clock.now)
	p := prefixOf("192.0.2.1/32")
	mustBan(t, b, p.String(), time.Minute, "by hand")
	if _, made, err := b.auto(p, time.Hour, "auto"); made || err != nil {
		t.Error("replaced", err)
	}
	clock.advance(time.Minute)
	if ban, made, err := b.auto(p, time.Hour, "auto"); !made || err != nil || !ban.Auto {
		t.Error("not made when the other is over", err)
	}
	if _, made, _ := b.auto(p, time.Minute, "shorter"); made {
		t.Error("shortened")
	}
	if ban, made, _ := b.auto(p, 2*time.Hour, "longer"); !made || !ban.Until.Equal(clock.now().Add(2*time.Hour)) {
		t.Error("not prolonged")
	}
	mustBan(t, b, p.String(), time.Second, "by hand")
	if got := b.List()[0]; got.Auto || got.Reason != "by hand" {
		t.Errorf("%+v", got)
	}
}

// So many violations within a time make a ban, which ends.
func TestViolationsMakeABan(t *testing.T) {
	clock := new(hand)
	var mu sync.Mutex
	var told []Ban
	r, err := New(t.Context(), Policy{
		MaxPerIP: 1, AutoBan: BanRule{After: 3, Within: time.Minute, For: time.Hour},
		ExemptClients: []string{"192.0.2.99"}, TrustedProxies: []string{"192.0.2.50"},
	}, Options{Clock: clock.now, OnBan: func(b Ban) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, b)
	}})
	if err != nil {
		t.Fatal(err)
	}
	a := ip("2001:db8::1")
	admit(t, r, a, 1)
	for range 2 {
		_, f := accept(r, a)
		refused(t, f, ReasonTooMany)
	}
	clock.advance(time.Minute) // too late for the third
	for range 2 {
		if r.Violation(a, "nonsense") {
			t.Error("banned too early")
		}
	}
	if !r.Violation(a, "non\nsense") {
		t.Error("not banned")
	}
	_, f := accept(r, ip("2001:db8::ffff")) // the /64
	refused(t, f, ReasonBanned)
	if f.Entry != "non sense" || f.Prefix != prefixOf("2001:db8::/64") || f.RetryAfter != time.Hour {
		t.Errorf("%v", f)
	}
	if len(told) != 1 || told[0].Prefix != f.Prefix || !told[0].Auto {
		t.Errorf("told of %v", told)
	}
	clock.advance(time.Hour)
	for range 3 { // the count began anew
		_, f = accept(r, a)
		refused(t, f, ReasonTooMany)
	}
	_, f = accept(r, a)
	refused(t, f, ReasonBanned)
	for _, other := range []string{"192.0.2.99", "192.0.2.50"} {
		for range 10 {
			if r.Violation(ip(other), "x") {
				t.Errorf("%s is banned", other)
			}
		}
	}
	if r.Violation(netip.Addr{}, "x") {
		t.Error("nobody is banned")
	}
	if s := r.Stats(); s.AutoBans != 2 || s.LostBans != 0 || s.Refused[ReasonBanned] != 2 || s.Bans == 0 {
		t.Errorf("%+v", s)
	}
}

func TestEveryKindOfRefusalCountsAsViolation(t *testing.T) {
	for _, p := range []Policy{
		{MaxPerIP: 1}, {AcceptRate: Rate{Count: 1, Per: time.Hour}}, {HandshakeRate: Rate{Count: 1, Per: time.Hour}},
	} {
		p.AutoBan.After, p.MaxBans = 2, 1
		r, _ := newRules(t, p)
		for _, a := range []netip.Addr{ip("192.0.2.1"), ip("192.0.2.2")} {
			var last Reason
			for range 4 {
				var ticket Ticket
				f := r.Accept(&ticket, a)
				if !f.Refused() {
					f = r.Handshake(&ticket, a)
				}
				last = f.Reason
			}
			if want := a == ip("192.0.2.1"); (last == ReasonBanned) != want {
				t.Errorf("%+v: %v is refused for %v", p, a, last)
			}
		}
		if s := r.Stats(); s.AutoBans != 1 || s.LostBans != 1 {
			t.Errorf("%d made, %d lost; want 1, 1", s.AutoBans, s.LostBans)
		}
	}
	r, _ := newRules(t, Policy{})
	for range 100 {
		if r.Violation(ip("192.0.2.1"), "") {
			t.Fatal("banned without a rule")
		}
	}
}

func TestSnapshotIsRestored(t *testing.T) {
	clock := new(hand)
	b := NewBans(10, clock.now)
	mustBan(t, b, "192.0.2.0/24", time.Minute, "  two  words # and a sign ")
	mustBan(t, b, "2001:db8::/32", 0, "")
	if _, made, err := b.auto(prefixOf("203.0.113.7/32"), time.Hour, "accept rate"); !made || err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Nanosecond)
	mustBan(t, b, "198.51.100.0/24", 10*time.Minute, "x")
	var text bytes.Buffer
	if err := b.Snapshot(&text); err != nil {
		t.Fatal(err)
	}
	c := NewBans(4, clock.now)
	mustBan(t, c, "192.0.2.0/24", 0, "other")
	if n, err := c.Restore(bytes.NewReader(text.Bytes())); n != 4 || err != nil {
		t.Fatalf("Restore = %d, %v of\n%s", n, err, &text)
	}
	for i, want := range b.List() {
		got := c.List()[i]
		if got.Prefix != want.Prefix || !got.Since.Equal(want.Since) || !got.Until.Equal(want.Until) || got.Auto != want.Auto || got.Reason != want.Reason {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	clock.advance(2 * time.Minute) // one is over
	d := NewBans(3, clock.now)
	if n, err := d.Restore(bytes.NewReader(text.Bytes())); n != 3 || err != nil {
		t.Errorf("Restore = %d, %v; want 3", n, err)
	}
	e := NewBans(3, clock.now)
	mustBan(t, e, "192.0.2.9/32", 0, "")
	if n, err := e.Restore(bytes.NewReader(text.Bytes())); n != 0 || !errors.Is(err, ErrTooManyBans) || len(e.List()) != 1 {
		t.Errorf("Restore = %d, %v; want none", n, err)
	}
	if err := b.Snapshot(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("Snapshot = %v", err)
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestBadLinesOfASnapshotAreNamed(t *testing.T) {
	good := "192.0.2.0/24 - 2026-06-01T11:00:00Z set x"
	for _, bad := range []string{
		"192.0.2.0", "192.0.2.1/24 - 2026-06-01T11:00:00Z set x", "192.0.2.0/24", "192.0.2.0/24 - - set", "192.0.2.0/24 soon 2026-06-01T11:00:00Z set",
		"192.0.2.0/24 - 2026-06-01T11:00:00Z me x", "::ffff:192.0.2.0/120 - 2026-06-01T11:00:00Z set", "192.0.2.0/24  - 2026-06-01T11:00:00Z set",
		"192.0.2.0/24 0001-01-01T00:00:00Z 2026-06-01T11:00:00Z set", good + strings.Repeat("x", maxLine),
	} {
		b := NewBans(10, new(hand).now)
		n, err := b.Restore(strings.NewReader("# bans\n" + good + "\n" + bad + "\n"))
		if e, ok := errors.AsType[*EntryError](err); !ok || e.Line != 3 || !errors.Is(err, ErrBan) || n != 0 || len(b.List()) != 0 {
			t.Errorf("%.50q: %d, %v", bad, n, err)
		}
	}
}

// Bans, look-ups and lists at once; for the race detector.
func TestBansMayBeUsedAtOnce(t *testing.T) {
	b := NewBans(50, nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				p := netip.PrefixFrom(net4(uint32(i%100)<<8), 24+g%8).Masked()
				_ = b.Ban(p, time.Duration(i), "x")
				b.Match(p.Addr())
				_, _, _ = b.auto(p, time.Hour, "y")
				b.Unban(p)
				_ = b.Snapshot(new(bytes.Buffer))
			}
		})
	}
	wg.Wait()
	for _, ban := range b.List() {
		b.Unban(ban.Prefix)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep = time.Time{}
	b.sweepLocked(time.Now())
	if len(b.kept) != 0 || b.n.Load() != 0 || fmt.Sprint(b.lengths) != "[[] []]" {
		t.Errorf("%d are left, %d counted, lengths %v", len(b.kept), b.n.Load(), b.lengths)
	}
}
