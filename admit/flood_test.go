package admit

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// inUse returns the bytes in use after a collection.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// a million addresses, each of a /64 of its own, cost no more than MaxTracked
// addresses may, whether they leave again or stay.
func TestFloodOfAddressesCostsBoundedMemory(t *testing.T) {
	const tracked = 1 << 16
	for stay, flood := range map[bool]uint64{false: 300_000, true: 1_000_000} {
		r, clock := newRules(t, Policy{
			MaxPerIP: 5, MaxTracked: tracked, AutoBan: BanRule{After: 3},
			AcceptRate: Rate{Count: 10}, HandshakeRate: Rate{Count: 1, Per: time.Minute}, TotalAcceptRate: Rate{Count: 2_000_000},
		})
		before := inUse()
		most := int64(0)
		for i := range flood {
			a := net6(i * 7919)
			var ticket Ticket
			switch f := r.Accept(&ticket, a); f.Reason {
			case ReasonNone:
				r.Handshake(&ticket, a)
				r.Violation(a, "x")
			case ReasonNetwork:
			default:
				t.Fatal(f)
			}
			if !stay {
				ticket.Release()
			}
			clock.advance(time.Microsecond)
			if i%(flood/10) == 0 {
				most = max(most, inUse()-before)
			}
		}
		most = max(most, inUse()-before)
		s := r.Stats()
		t.Logf("stay %v: %d KiB; %+v", stay, most>>10, s)
		// 64 bytes for each address and each network, the empty rest of the tables, the
		// bans, and what the test itself leaves.
		if bound := int64(64*(tracked+tracked/4) + 256<<10); most > bound {
			t.Errorf("stay %v: %d bytes, at most %d", stay, most, bound)
		}
		if s.Tracked > tracked || s.Networks > tracked/4 || s.StoodIn == 0 {
			t.Errorf("stay %v: %+v", stay, s)
		}
		runtime.KeepAlive(r)
	}
}

// Visitors who leave without a trace are forgotten at once, so that the table never
// fills: memory follows those who are there.
func TestVisitorsLeaveNoTrace(t *testing.T) {
	r, clock := newRules(t, Policy{MaxPerIP: 5, AcceptRate: Rate{Count: 1000}})
	before := inUse()
	for i := range uint64(300_000) {
		admit(t, r, net6(i), 1)[0].Release()
		clock.advance(10 * time.Microsecond)
	}
	if s, bytes := r.Stats(), inUse()-before; s.Tracked > 2000 || s.StoodIn > 0 || bytes > 256<<10 {
		t.Errorf("%d bytes; %+v", bytes, s)
	}
	runtime.KeepAlive(r)
}

// when MaxTracked addresses are held, a new one counts for its network, then for a
// larger one, then for nothing; none is refused for that alone.
func TestNetworksStandInForAddresses(t *testing.T) {
	const tracked = 16 // and 2 networks of each size
	r, _ := newRules(t, Policy{MaxPerIP: 2, MaxTracked: tracked})
	for i := range uint32(tracked) {
		admit(t, r, net4(0x0a000000+i), 2)
	}
	// /24: four times the limit.
	first := admit(t, r, ip("192.0.2.1"), 8)[0]
	_, f := accept(r, ip("192.0.2.2"))
	refused(t, f, ReasonNetwork)
	if f.Prefix != prefixOf("192.0.2.0/24") || f.Status() != 429 {
		t.Errorf("%v", f)
	}
	admit(t, r, ip("192.0.3.1"), 8)
	// /16: sixteen times.
	admit(t, r, ip("192.0.4.1"), 16)
	admit(t, r, ip("192.0.5.1"), 16)
	_, f = accept(r, ip("192.0.6.1"))
	refused(t, f, ReasonNetwork)
	if f.Prefix != prefixOf("192.0.0.0/16") {
		t.Errorf("%v", f)
	}
	admit(t, r, ip("2001:db8::1"), 32)
	_, f = accept(r, ip("2001:db8:ffff::1"))
	refused(t, f, ReasonNetwork)
	if f.Prefix != prefixOf("2001:db8::/32") {
		t.Errorf("%v", f)
	}
	// Nothing.
	rest := admit(t, r, ip("203.0.113.1"), 100)
	if s := r.Stats(); s.Tracked != tracked || s.Networks != 4 || s.Unbounded != 100 || s.StoodIn != 8+8+32+32+3 {
		t.Errorf("%+v", s)
	}
	refused(t, r.Handshake(rest[0], ip("203.0.113.1")), ReasonNone)
	rest[0].Release()
	// A place of the network is given back to it.
	first.Release()
	admit(t, r, ip("192.0.2.2"), 1)
	_, f = accept(r, ip("192.0.2.2"))
	refused(t, f, ReasonNetwork)
	// Those who are known by themselves are not concerned.
	_, f = accept(r, net4(0x0a000000))
	refused(t, f, ReasonTooMany)
}

// Networks have rates too, and do not violate anything.
func TestNetworksHaveRates(t *testing.T) {
	hour := Rate{Count: 2, Per: time.Hour}
	r, clock := newRules(t, Policy{AcceptRate: hour, HandshakeRate: hour, MaxTracked: 1, AutoBan: BanRule{After: 1}})
	admit(t, r, ip("192.0.2.99"), 1)
	tickets := admit(t, r, ip("192.0.2.1"), 8)
	_, f := accept(r, ip("192.0.2.2"))
	refused(t, f, ReasonNetwork)
	if want := time.Hour / 8; f.RetryAfter != want {
		t.Errorf("to go %v, want %v", f.RetryAfter, want)
	}
	for _, ticket := range tickets {
		refused(t, r.Handshake(ticket, ip("192.0.2.1")), ReasonNone)
	}
	refused(t, r.Handshake(tickets[0], ip("192.0.2.1")), ReasonNetwork)
	clock.advance(f.RetryAfter)
	refused(t, r.Handshake(tickets[0], ip("192.0.2.1")), ReasonNone)
	if s := r.Stats(); s.AutoBans+s.LostBans != 0 || s.Refused[ReasonNetwork] != 2 {
		t.Errorf("%+v", s)
	}
}

// What an address has done is not forgotten because others come.
func TestFloodDoesNotWashViolationsAway(t *testing.T) {
	r, _ := newRules(t, Policy{
		AcceptRate: Rate{Count: 1, Per: time.Hour}, MaxTracked: 1024,
		AutoBan: BanRule{After: 3, Within: time.Hour},
	})
	a := ip("192.0.2.1")
	admit(t, r, a, 1)
	r.Violation(a, "x")
	for i := range uint64(100_000) {
		ticket, _ := accept(r, net6(i))
		ticket.Release()
	}
	r.Violation(a, "x")
	_, f := accept(r, a)
	refused(t, f, ReasonAcceptRate) // the third violation
	_, f = accept(r, a)
	refused(t, f, ReasonBanned)
}

// The lengths that stand in are shorter ones.
func TestLadderGoesDown(t *testing.T) {
	for v4 := 24; v4 <= 32; v4++ {
		for v6 := 32; v6 <= 128; v6++ {
			v := newLevels(v4, v6, 1)
			for i := 1; i < depth; i++ {
				if v.ipv4[i] >= v.ipv4[i-1] || v.ipv6[i] >= v.ipv6[i-1] || v.ipv4[i] <= mappedBits || v.ipv6[i] <= 0 {
					t.Fatalf("%d, %d: %v %v", v4, v6, v.ipv4, v.ipv6)
				}
			}
		}
	}
	v := newLevels(32, 64, 1)
	if v.ipv4 != [depth]int{128, 120, 112} || v.ipv6 != [depth]int{64, 48, 32} {
		t.Errorf("%v %v", v.ipv4, v.ipv6)
	}
}

// busy is a policy in which everything is on.
var busy = Policy{
	MaxPerIP: 1000, AcceptRate: Rate{Count: 1e8}, HandshakeRate: Rate{Count: 1e8}, TotalAcceptRate: Rate{Count: 1e8},
	DeniedClients: []string{"10.0.0.0/8"}, TrustedProxies: []string{"10.0.0.1"}, AutoBan: BanRule{After: 60_000},
}

func benchRules(b *testing.B, p Policy) *Rules {
	b.Helper()
	r, err := New(b.Context(), p, Options{})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// What admitting one connection costs, from Accept to Release, with all processors at
// it: of addresses of their own, and of one address.
func BenchmarkAdmit(b *testing.B) {
	for name, spread := range map[string]uint64{"addresses": 1, "one": 0} {
		b.Run(name, func(b *testing.B) {
			r := benchRules(b, busy)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var ticket Ticket
				for i := uint64(0); pb.Next(); i++ {
					a := net6(i % 10_000 * spread)
					if f := r.Accept(&ticket, a); f.Refused() {
						b.Error(f)
						return
					}
					r.Handshake(&ticket, a)
					ticket.Release()
				}
			})
		})
	}
}

// What a peer that is refused costs.
func BenchmarkRefuse(b *testing.B) {
	once := Rate{Count: 1, Per: time.Hour}
	for _, bb := range []struct {
		name   string
		policy Policy
		peer   netip.Addr
		want   Reason
	}{
		{"denied", Policy{DeniedClients: []string{"192.0.2.0/24"}}, ip("192.0.2.1"), ReasonDenied},
		{"banned", Policy{}, ip("203.0.113.1"), ReasonBanned},
		{"rate", Policy{AcceptRate: once}, ip("192.0.2.1"), ReasonAcceptRate},
		{"total", Policy{TotalAcceptRate: once}, ip("192.0.2.1"), ReasonTotalAcceptRate},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := benchRules(b, bb.policy)
			mustBan(b, r.Bans(), "203.0.113.0/24", 0, "")
			accept(r, bb.peer)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var ticket Ticket
				for pb.Next() {
					if f := r.Accept(&ticket, bb.peer); f.Reason != bb.want {
						b.Error(f)
						return
					}
				}
			})
		})
	}
}

// What a flood of addresses that never come twice costs, when the table is full.
func BenchmarkFlood(b *testing.B) {
	for name, held := range map[string]bool{"idle": false, "held": true} {
		b.Run(name, func(b *testing.B) {
			r := benchRules(b, busy)
			for i := range uint64(1 << 17) {
				ticket, _ := accept(r, net6(i<<20))
				if !held {
					ticket.Release()
				}
			}
			b.ReportAllocs()
			i := uint64(0)
			for b.Loop() {
				i++
				var ticket Ticket
				r.Accept(&ticket, net6(i*7919<<8))
				ticket.Release()
			}
		})
	}
}
