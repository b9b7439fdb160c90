package admit

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestZeroPolicyLetsEverybodyIn(t *testing.T) {
	r, _ := newRules(t, Policy{})
	for _, a := range []netip.Addr{ip("192.0.2.1"), ip("2001:db8::1"), {}} {
		for _, ticket := range admit(t, r, a, 100) {
			if f := r.Handshake(ticket, a); f.Refused() || f.Status() != 0 || f.Text() != "" {
				t.Fatal(f)
			}
		}
	}
	if s := r.Stats(); s.Admitted != 300 || s.Tracked != 2 || s.Refused != [reasons]uint64{} {
		t.Errorf("%+v", s)
	}
	if p := r.Policy(); p.IPv4Prefix != 32 || p.IPv6Prefix != 64 || p.MaxTracked != 65536 || p.MaxBans != 65536 {
		t.Errorf("defaults %+v", p)
	}
}

//
func TestListsDecideByTheAddressOfTheClient(t *testing.T) {
	dir := t.TempDir()
	allowed, denied := filepath.Join(dir, "allowed"), filepath.Join(dir, "denied")
	write(t, allowed, "# partners\n198.51.100.0/24\nunix\n")
	write(t, denied, "198.51.100.66 ; abuse\n")
	r, _ := newRules(t, Policy{
		AllowedClients: []string{"192.0.2.*"}, AllowedFile: allowed,
		DeniedClients: []string{"192.0.2.66"}, DeniedFile: denied,
		ExemptClients: []string{"192.0.2.66", "203.0.113.1"},
	})
	for a, want := range map[string]Reason{
		"192.0.2.1": ReasonNone, "::ffff:192.0.2.1": ReasonNone, "198.51.100.1": ReasonNone, "": ReasonNone,
		"192.0.2.66": ReasonDenied, "198.51.100.66": ReasonDenied, "203.0.113.1": ReasonNotAllowed, "2001:db8::1": ReasonNotAllowed,
	} {
		var peer netip.Addr
		if a != "" {
			peer = ip(a)
		}
		ticket, f := accept(r, peer)
		refused(t, f, want)
		if ticket.Held() != (want == ReasonNone) || f.Refused() && f.Status() != 403 {
			t.Errorf("%s: held %v, status %d", a, ticket.Held(), f.Status())
		}
	}
	if _, f := accept(r, ip("198.51.100.66")); f.Entry != "198.51.100.66" || !strings.Contains(f.Error(), "198.51.100.66") || strings.Contains(f.Text(), "198") {
		t.Errorf("%v; to the peer %q", f, f.Text())
	}
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// the limit holds for each address, and IPv6 addresses of one /64 are one.
func TestMaxPerIPHoldsForEachAddress(t *testing.T) {
	r, _ := newRules(t, Policy{MaxPerIP: 2})
	for _, tt := range []struct{ same, other string }{
		{"192.0.2.1 ::ffff:192.0.2.1", "192.0.2.2"},
		{"2001:db8:0:1::1 2001:db8:0:1:ffff::2%eth0", "2001:db8:0:2::1"},
	} {
		same := strings.Fields(tt.same)
		first, second := admit(t, r, ip(same[0]), 1)[0], admit(t, r, ip(same[1]), 1)[0]
		_, f := accept(r, ip(same[0]))
		refused(t, f, ReasonTooMany)
		if f.RetryAfter != 0 || f.Status() != 429 || !f.Prefix.Contains(ip(same[0]).Unmap()) {
			t.Errorf("%v, status %d", f, f.Status())
		}
		admit(t, r, ip(tt.other), 2)
		if n := r.Connections(ip(same[0])); n != 2 {
			t.Errorf("%d connections, want 2", n)
		}
		if !first.Release() || first.Release() || first.Held() {
			t.Error("a ticket is not given back once")
		}
		admit(t, r, ip(same[1]), 1)
		second.Release()
	}
	if new(Ticket).Release() || r.Connections(netip.Addr{}) != 0 {
		t.Error("nothing was given back")
	}
}

func TestPrefixesAreSettings(t *testing.T) {
	r, _ := newRules(t, Policy{MaxPerIP: 1, IPv4Prefix: 24, IPv6Prefix: 128})
	admit(t, r, ip("192.0.2.1"), 1)
	_, f := accept(r, ip("192.0.2.2"))
	refused(t, f, ReasonTooMany)
	if f.Prefix.String() != "192.0.2.0/24" {
		t.Errorf("prefix %v", f.Prefix)
	}
	admit(t, r, ip("2001:db8::1"), 1)
	admit(t, r, ip("2001:db8::2"), 1)
	_, f = accept(r, ip("2001:db8::1"))
	refused(t, f, ReasonTooMany)
	if f.Prefix.String() != "2001:db8::1/128" {
		t.Errorf("prefix %v", f.Prefix)
	}
}

// one address that comes too often waits, the others do not.
func TestAcceptRateHoldsForEachAddress(t *testing.T) {
	r, clock := newRules(t, Policy{AcceptRate: Rate{Count: 2, Per: time.Second}})
	a, b := ip("192.0.2.1"), ip("2001:db8::1")
	admit(t, r, a, 2)
	ticket, f := accept(r, a)
	refused(t, f, ReasonAcceptRate)
	if f.RetryAfter != 500*time.Millisecond || f.Status() != 429 || ticket.Held() || r.Connections(a) != 2 {
		t.Errorf("%v, status %d, %d connections", f, f.Status(), r.Connections(a))
	}
	admit(t, r, b, 2)
	clock.advance(f.RetryAfter)
	admit(t, r, a, 1)
	_, f = accept(r, a)
	refused(t, f, ReasonAcceptRate)
}

// the rate of handshakes goes with the client's address, and a refusal leaves the
// ticket as it was.
func TestHandshakeRateHoldsForEachAddress(t *testing.T) {
	r, clock := newRules(t, Policy{HandshakeRate: Rate{Count: 2, Per: time.Second}})
	a := ip("192.0.2.1")
	tickets := admit(t, r, a, 3)
	for i, ticket := range tickets {
		want := ReasonNone
		if i == 2 {
			want = ReasonHandshakeRate
		}
		refused(t, r.Handshake(ticket, a), want)
		if !ticket.Held() {
			t.Error("a ticket was taken away")
		}
	}
	clock.advance(500 * time.Millisecond)
	refused(t, r.Handshake(tickets[2], a), ReasonNone)
	refused(t, r.Handshake(admit(t, r, ip("192.0.2.2"), 1)[0], ip("192.0.2.2")), ReasonNone)
	if n := r.Connections(a); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

// One that is refused for itself takes nothing of what all have together.
func TestTotalAcceptRateIsForThoseWhoGetIn(t *testing.T) {
	r, clock := newRules(t, Policy{
		TotalAcceptRate: Rate{Count: 3, Per: time.Second}, MaxPerIP: 1,
		DeniedClients: []string{"192.0.2.66"}, ExemptClients: []string{"192.0.2.99"}, TrustedProxies: []string{"192.0.2.50"},
	})
	admit(t, r, ip("192.0.2.1"), 1)
	for range 10 {
		_, f := accept(r, ip("192.0.2.1"))
		refused(t, f, ReasonTooMany)
		_, f = accept(r, ip("192.0.2.66"))
		refused(t, f, ReasonDenied)
	}
	admit(t, r, ip("192.0.2.2"), 1)
	admit(t, r, ip("192.0.2.50"), 1) // a proxy counts
	tracked := r.Stats().Tracked
	for _, a := range []string{"192.0.2.3", "192.0.2.50", "2001:db8::1"} {
		_, f := accept(r, ip(a))
		refused(t, f, ReasonTotalAcceptRate)
		if f.Status() != 503 || f.RetryAfter <= 0 || f.RetryAfter > time.Second {
			t.Errorf("%v, status %d", f, f.Status())
		}
	}
	_, f := accept(r, netip.Addr{})
	refused(t, f, ReasonTotalAcceptRate)
	if n := r.Stats().Tracked; n != tracked {
		t.Errorf("%d addresses are tracked for nothing", n-tracked)
	}
	admit(t, r, ip("192.0.2.99"), 5) // the monitor
	clock.advance(time.Second)
	admit(t, r, ip("192.0.2.3"), 1)
}

// behind a trusted proxy everything goes by the client.
func TestBehindAProxyTheClientCounts(t *testing.T) {
	r, _ := newRules(t, Policy{
		MaxPerIP: 2, AcceptRate: Rate{Count: 1, Per: time.Hour}, HandshakeRate: Rate{Count: 3, Per: time.Hour},
		TrustedProxies: []string{"192.0.2.0/28", "unix"}, AllowedClients: []string{"203.0.113.0/24"}, DeniedClients: []string{"203.0.113.66", "192.0.2.9"},
	})
	proxy, client := ip("192.0.2.1"), ip("203.0.113.7")
	if !r.Trusts(proxy) || !r.Trusts(netip.Addr{}) || r.Trusts(client) {
		t.Error("the wrong ones are trusted")
	}
	tickets := admit(t, r, proxy, 5) // no limits, and need not be allowed
	tickets = append(tickets, admit(t, r, netip.Addr{}, 5)...)
	refused(t, r.Handshake(tickets[0], client), ReasonNone)
	refused(t, r.Handshake(tickets[9], client), ReasonNone)
	if n := r.Connections(client); n != 2 || r.Connections(proxy) != 0 {
		t.Errorf("%d connections of the client, %d of the proxy; want 2, 0", n, r.Connections(proxy))
	}
	refused(t, r.Handshake(tickets[1], client), ReasonTooMany)
	refused(t, r.Handshake(tickets[1], ip("203.0.113.66")), ReasonDenied)
	refused(t, r.Handshake(tickets[1], ip("198.51.100.1")), ReasonNotAllowed)
	refused(t, r.Handshake(tickets[1], ip("192.0.2.2")), ReasonNotAllowed) // named as a client it is one
	tickets[0].Release()
	refused(t, r.Handshake(tickets[1], client), ReasonNone)
	tickets[1].Release()
	refused(t, r.Handshake(tickets[2], client), ReasonHandshakeRate)
	if n := r.Connections(client); n != 1 || !tickets[2].Held() {
		t.Errorf("%d connections of the client, want 1", n)
	}
	if err := r.Bans().Ban(prefixOf("203.0.113.8/32"), 0, ""); err != nil {
		t.Fatal(err)
	}
	refused(t, r.Handshake(tickets[3], ip("203.0.113.8")), ReasonBanned)
	// The proxy itself, as with a health check, has no limits.
	for range 10 {
		refused(t, r.Handshake(tickets[4], proxy), ReasonNone)
	}
	_, f := accept(r, ip("192.0.2.9"))
	refused(t, f, ReasonDenied)
}

// A connection that something else has accepted gets its ticket with the handshake.
func TestHandshakeWithoutAcceptTakesAPlace(t *testing.T) {
	r, _ := newRules(t, Policy{MaxPerIP: 1, TrustedProxies: []string{"192.0.2.1"}, AllowedClients: []string{"203.0.113.*"}})
	var a, b, c Ticket
	refused(t, r.Handshake(&a, ip("203.0.113.7")), ReasonNone)
	refused(t, r.Handshake(&b, ip("203.0.113.7")), ReasonTooMany)
	if !a.Held() || b.Held() {
		t.Error("the wrong ticket is held")
	}
	for range 2 {
		refused(t, r.Handshake(&b, ip("192.0.2.1")), ReasonNone) // the proxy itself
		refused(t, r.Handshake(&c, ip("192.0.2.1")), ReasonNone)
	}
	a.Release()
	refused(t, r.Handshake(&b, ip("203.0.113.7")), ReasonNone)
	if n := r.Connections(ip("203.0.113.7")); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// A-09, O-22: what is open counts on under the new policy, and is not dropped.
func TestUpdateKeepsWhatIsOpen(t *testing.T) {
	r, _ := newRules(t, Policy{})
	a := ip("192.0.2.1")
	tickets := admit(t, r, a, 3)
	update(t, r, Policy{MaxPerIP: 2, DeniedClients: []string{"203.0.113.1"}})
	_, f := accept(r, a)
	refused(t, f, ReasonTooMany)
	for _, ticket := range tickets {
		if !ticket.Held() {
			t.Error("a connection was dropped")
		}
	}
	tickets[0].Release()
	_, f = accept(r, a)
	refused(t, f, ReasonTooMany)
	tickets[1].Release()
	admit(t, r, a, 1)
	_, f = accept(r, ip("203.0.113.1"))
	refused(t, f, ReasonDenied)
	update(t, r, Policy{MaxPerIP: 1, IPv6Prefix: 56, MaxTracked: 10})
	admit(t, r, a, 1) // with other prefixes the count begins anew
	_, f = accept(r, a)
	refused(t, f, ReasonTooMany)
	if n := r.Connections(a); n != 1 || !tickets[2].Release() || r.Connections(a) != 1 {
		t.Errorf("%d connections, want 1; and the old ones apart", n)
	}
}

func update(tb testing.TB, r *Rules, p Policy) {
	tb.Helper()
	if err := r.Update(tb.Context(), p); err != nil {
		tb.Fatal(err)
	}
}

// O-22: files are read and names are looked up again; with an error nothing changes.
func TestReloadReadsAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "denied")
	write(t, file, "192.0.2.1\n")
	resolver := names{"bad.example": {"203.0.113.1"}}
	r, err := New(t.Context(), Policy{DeniedFile: file, DeniedClients: []string{"bad.example"}}, Options{Resolver: resolver})
	if err != nil {
		t.Fatal(err)
	}
	denied := func(a string, want bool) {
		t.Helper()
		if _, f := accept(r, ip(a)); (f.Reason == ReasonDenied) != want {
			t.Errorf("%s: %v", a, f)
		}
	}
	denied("192.0.2.1", true)
	denied("203.0.113.1", true)
	write(t, file, "192.0.2.2\n")
	resolver["bad.example"] = []string{"203.0.113.2"}
	denied("192.0.2.1", true)
	if err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	denied("192.0.2.1", false)
	denied("192.0.2.2", true)
	denied("203.0.113.1", false)
	denied("203.0.113.2", true)
	write(t, file, "192.0.2.3\nnonsense!\n")
	err = r.Reload(t.Context())
	e, ok := errors.AsType[*EntryError](err)
	if p, isPolicy := errors.AsType[*PolicyError](err); !ok || e.Source != file || e.Line != 2 || !isPolicy || p.Field != "DeniedFile" {
		t.Errorf("Reload = %v", err)
	}
	denied("192.0.2.2", true)
	denied("192.0.2.3", false)
}

// An Update that hangs in a look-up does not undo a later one.
func TestLaterUpdateWins(t *testing.T) {
	slow := make(waiting)
	r, err := New(t.Context(), Policy{}, Options{Resolver: slow})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() { result <- r.Update(t.Context(), Policy{MaxPerIP: 1, DeniedClients: []string{"slow.example"}}) }()
	<-slow // it is looking up
	update(t, r, Policy{MaxPerIP: 2})
	slow <- struct{}{}
	if err := <-result; !errors.Is(err, ErrSuperseded) || r.Policy().MaxPerIP != 2 {
		t.Errorf("Update = %v, MaxPerIP %d; want ErrSuperseded, 2", err, r.Policy().MaxPerIP)
	}
	// Nor does a Reload, whichever began first.
	update(t, r, Policy{})
	policy := Policy{DeniedClients: []string{"slow.example"}}
	go func() { result <- r.Update(t.Context(), policy) }()
	<-slow
	if err := r.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	slow <- struct{}{}
	if err := <-result; err != nil || len(r.Policy().DeniedClients) != 1 {
		t.Errorf("Update = %v; it was undone by a Reload", err)
	}
	go func() { result <- r.Reload(t.Context()) }()
	<-slow
	update(t, r, Policy{MaxPerIP: 3})
	slow <- struct{}{}
	if err := <-result; !errors.Is(err, ErrSuperseded) || r.Policy().MaxPerIP != 3 {
		t.Errorf("Reload = %v, MaxPerIP %d; want ErrSuperseded, 3", err, r.Policy().MaxPerIP)
	}
	// One that never ends is ended by its context.
	ctx, cancel := context.WithCancel(t.Context())
	go func() { result <- r.Update(ctx, Policy{DeniedClients: []string{"slow.example"}}) }()
	<-slow
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want that of the context", err)
	}
}

// waiting is a resolver that says when it is asked, and answers when it is told.
type waiting chan struct{}

func (w waiting) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	w <- struct{}{}
	select {
	case <-w:
		return []netip.Addr{ip("192.0.2.1")}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestPoliciesAreChecked(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	write(t, empty, "# nobody\n")
	for field, p := range map[string]Policy{
		"MaxPerIP":        {MaxPerIP: -1},
		"IPv4Prefix":      {IPv4Prefix: 33},
		"IPv6Prefix":      {IPv6Prefix: 16},
		"MaxTracked":      {MaxTracked: -1},
		"MaxBans":         {MaxBans: 1<<20 + 1},
		"AcceptRate":      {AcceptRate: Rate{Count: -1}},
		"HandshakeRate":   {HandshakeRate: Rate{Burst: 1}},
		"TotalAcceptRate": {TotalAcceptRate: Rate{Per: 1}},
		"AutoBan.After":   {AutoBan: BanRule{After: 1 << 16}},
		"AutoBan":         {AutoBan: BanRule{For: time.Hour}},
		"AllowedClients":  {AllowedClients: []string{""}},
		"DeniedClients":   {DeniedClients: []string{"1.2.3"}},
		"TrustedProxies":  {TrustedProxies: []string{"1.2.3.4/8"}},
		"ExemptClients":   {ExemptClients: []string{"*.example"}},
		"AllowedFile":     {AllowedFile: filepath.Join(dir, "none")},
		"DeniedFile":      {DeniedFile: dir},
	} {
		_, err := New(t.Context(), p, Options{})
		if e, ok := errors.AsType[*PolicyError](err); !ok || e.Field != field || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, p := range []Policy{{AllowedFile: empty}, {AllowedClients: []string{"# nobody"}}} {
		if _, err := New(t.Context(), p, Options{}); !errors.Is(err, ErrNoEntries) {
			t.Errorf("an empty allow list: %v", err)
		}
	}
	for _, rule := range []BanRule{{After: -1}, {After: 1, Within: -1}, {After: 1, For: 1 << 62}} {
		if err := (Policy{AutoBan: rule}).Validate(); err == nil {
			t.Errorf("%+v is fine", rule)
		}
	}
	err := Policy{MaxPerIP: -1, MaxBans: -1}.Validate()
	if s := err.Error(); !strings.Contains(s, "MaxPerIP") || !strings.Contains(s, "MaxBans") {
		t.Errorf("%v, want both", err)
	}
}

// A policy that its owner changes later is not the one in force.
func TestPolicyIsCopied(t *testing.T) {
	p := Policy{DeniedClients: []string{"192.0.2.1"}}
	r, _ := newRules(t, p)
	p.DeniedClients[0] = "nonsense!"
	if err := r.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	r.Policy().DeniedClients[0] = "192.0.2.2"
	if got := r.Policy().DeniedClients[0]; got != "192.0.2.1" {
		t.Errorf("the policy in force has %q", got)
	}
}

// Whoever comes and goes, the count is right in the end, and never above the limit.
func TestTicketsAreCountedExactly(t *testing.T) {
	const limit = 3
	r, _ := newRules(t, Policy{MaxPerIP: limit})
	proxied := ip("192.0.2.200")
	var inside [4]atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				n := (g + i) % len(inside)
				a := net4(0xc0000200 + uint32(n))
				var ticket Ticket
				if i%5 == 0 {
					if r.Accept(&ticket, proxied).Refused() {
						continue // its own limit
					}
				}
				if i%2 == 0 && r.Accept(&ticket, a).Refused() || i%2 == 1 && r.Handshake(&ticket, a).Refused() {
					ticket.Release()
					continue
				}
				if in := inside[n].Add(1); in > limit {
					t.Errorf("%d inside", in)
				}
				runtime.Gosched()
				inside[n].Add(-1)
				var both sync.WaitGroup
				var once atomic.Int32
				for range 2 {
					both.Go(func() {
						if ticket.Release() {
							once.Add(1)
						}
					})
				}
				if both.Wait(); once.Load() != 1 {
					t.Errorf("given back %d times", once.Load())
				}
			}
		})
	}
	for i := range 50 {
		update(t, r, Policy{MaxPerIP: limit, MaxTracked: 10 + i})
	}
	wg.Wait()
	for n := range inside {
		if open := r.Connections(net4(0xc0000200 + uint32(n))); open != 0 {
			t.Errorf("%d connections are left", open)
		}
	}
	if open := r.Connections(proxied); open != 0 {
		t.Errorf("%d connections are left of the address before", open)
	}
}

// Who passes the limits of an address, and comes a moment too late for the rate of all,
// leaves no place behind.
func TestTooLateForTheTotalLeavesNoPlace(t *testing.T) {
	r, _ := newRules(t, Policy{TotalAcceptRate: Rate{Count: 1}})
	a := ip("192.0.2.1")
	p := placeOf(a, false)
	if f, _ := r.limiter.enter(&p, true, 0); f.Refused() || r.Connections(a) != 1 {
		t.Fatal(f)
	}
	admit(t, r, ip("192.0.2.2"), 1) // is quicker
	refused(t, r.book(&p, r.limiter.limits.Load().total, 0), ReasonTotalAcceptRate)
	if n := r.Connections(a); n != 0 {
		t.Errorf("%d connections, want 0", n)
	}
}

// A peer without an address is not the address zero.
func TestNoAddressIsNoAddress(t *testing.T) {
	r, _ := newRules(t, Policy{MaxPerIP: 1})
	for range 2 {
		ticket := admit(t, r, netip.Addr{}, 1)[0]
		refused(t, r.Handshake(ticket, netip.Addr{}), ReasonNone)
		if n := r.Connections(ip("::")); n != 0 {
			t.Errorf("%d connections of ::", n)
		}
		refused(t, r.Handshake(ticket, ip("::")), ReasonNone)
		if n := r.Connections(ip("::")); n != 1 {
			t.Errorf("%d connections of ::, want 1", n)
		}
		ticket.Release()
	}
}

func TestRefusalsAreErrorsAndTexts(t *testing.T) {
	for reason := ReasonNone; reason <= reasons; reason++ {
		f := Refusal{Reason: reason, Prefix: prefixOf("192.0.2.0/24"), Entry: "secret", RetryAfter: time.Second}
		if known := reason > ReasonNone && reason < reasons; known != (f.Text() != "") || known != (f.Setting() != "") {
			t.Errorf("%v: text %q, setting %q", reason, f.Text(), f.Setting())
		}
		if s := f.Error(); strings.Contains(f.Text(), "secret") || strings.Contains(f.Text(), "192") ||
			!strings.Contains(s, "secret") || !strings.Contains(s, "192.0.2.0/24") || !strings.Contains(s, "1s") || !strings.Contains(s, f.Setting()) {
			t.Errorf("%v: %q, to the peer %q", reason, s, f.Text())
		}
	}
	var err error = Refusal{Reason: ReasonBanned}
	if f, ok := errors.AsType[Refusal](err); !ok || f.Reason != ReasonBanned {
		t.Error("a refusal is no error")
	}
	if reasons.String() != "reason(9)" {
		t.Error(reasons)
	}
}

func TestAdmittingDoesNotAllocate(t *testing.T) {
	r, _ := newRules(t, Policy{
		MaxPerIP: 100, AcceptRate: Rate{Count: 1e6}, HandshakeRate: Rate{Count: 1e6}, TotalAcceptRate: Rate{Count: 1e6},
		DeniedClients: []string{"10.0.0.0/8"}, TrustedProxies: []string{"10.0.0.1"}, AutoBan: BanRule{After: 10},
	})
	if err := r.Bans().Ban(prefixOf("192.0.2.128/25"), 0, "x"); err != nil {
		t.Fatal(err)
	}
	a, denied, banned := ip("192.0.2.1"), ip("10.1.1.1"), ip("192.0.2.200")
	var ticket, other Ticket
	if n := testing.AllocsPerRun(1000, func() {
		r.Accept(&ticket, a)
		r.Handshake(&ticket, a)
		ticket.Release()
		r.Accept(&other, denied)
		r.Accept(&other, banned)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
