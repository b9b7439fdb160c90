package admit

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hand is a clock that goes on when it is told to.
type hand struct{ past atomic.Int64 }

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func (h *hand) now() time.Time          { return noon.Add(time.Duration(h.past.Load())) }
func (h *hand) advance(d time.Duration) { h.past.Add(int64(d)) }
func ip(s string) netip.Addr            { return netip.MustParseAddr(s) }
func net4(n uint32) netip.Addr          { return number{0, mapped | uint64(n)}.addr() }
func net6(hi uint64) netip.Addr         { return number{0x2001<<48 + hi, 1}.addr() }
func prefixOf(s string) netip.Prefix    { return netip.MustParsePrefix(s) }
func mustList(tb testing.TB, entries ...string) *List {
	tb.Helper()
	l, err := NewList(tb.Context(), entries, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// newRules returns rules and their clock.
func newRules(tb testing.TB, p Policy) (*Rules, *hand) {
	tb.Helper()
	h := new(hand)
	r, err := New(tb.Context(), p, Options{Clock: h.now})
	if err != nil {
		tb.Fatal(err)
	}
	return r, h
}

// accept is Accept of a fresh ticket.
func accept(r *Rules, a netip.Addr) (*Ticket, Refusal) {
	t := new(Ticket)
	return t, r.Accept(t, a)
}

// admit accepts n connections, all of which must be let in.
func admit(tb testing.TB, r *Rules, a netip.Addr, n int) []*Ticket {
	tb.Helper()
	all := make([]*Ticket, n)
	for i := range all {
		var refusal Refusal
		if all[i], refusal = accept(r, a); refusal.Refused() {
			tb.Fatalf("connection %d of %v: %v", i+1, a, refusal)
		}
	}
	return all
}

// refused fails unless the refusal has the reason, and the setting that goes with it.
func refused(tb testing.TB, got Refusal, want Reason) {
	tb.Helper()
	if got.Reason != want || got.Setting() != about[want].setting {
		tb.Errorf("%v (%q), want %v", got, got.Setting(), want)
	}
}
