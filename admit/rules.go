package admit

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what [New] takes besides the policy. The zero value works.
type Options struct {
	// Resolver looks up the names in lists. Nil is net.DefaultResolver.
	Resolver Resolver
	// OnBan gets each automatic ban. It is called without a lock, on the goroutine of
	// the connection that caused the ban, and holds up that connection only.
	OnBan func(Ban)
	// Clock tells the time; it must not block. Nil is time.Now.
	Clock func() time.Time
}

// Rules are a [Policy] at work. New makes them. All methods may be called from any
// goroutine.
type Rules struct {
	opt     Options
	current atomic.Pointer[compiled]
	limiter *limiter
	bans    *Bans

	admitted atomic.Uint64
	refused  [reasons]atomic.Uint64
	autoBans atomic.Uint64
	lostBans atomic.Uint64

	calls  atomic.Uint64 // of Update
	mu     sync.Mutex    // held while a policy is put in force; guards the following
	latest uint64        // call that is in force
}

// New compiles a policy. It looks names up, one after the other, and reads files; ctx
// bounds the former. The error joins [*PolicyError]s.
func New(ctx context.Context, p Policy, o Options) (*Rules, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	c, err := p.compile(ctx, o.Resolver)
	if err != nil {
		return nil, err
	}
	r := &Rules{opt: o, bans: NewBans(c.policy.MaxBans, o.Clock), limiter: newLimiter(o.Clock, c.policy.limits())}
	r.current.Store(c)
	return r, nil
}

// Policy returns a copy of the policy in force, with defaults in place of zeros.
func (r *Rules) Policy() Policy { return r.current.Load().policy.withDefaults() }

// Update puts another policy in force, and looks names up and reads files as New does.
// With an error nothing changes. Connections that are open stay, also those that the new
// policy would refuse, and go on counting (see Policy.IPv4Prefix for the exception), and
// so do bans. Of calls that overlap the one that began last wins, and the others return
// [ErrSuperseded] if they come too late.
func (r *Rules) Update(ctx context.Context, p Policy) error {
	call := r.calls.Add(1)
	c, err := p.compile(ctx, r.opt.Resolver)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if call < r.latest {
		return ErrSuperseded
	}
	r.latest = call
	r.limiter.update(c.policy.limits())
	r.bans.limit(c.policy.MaxBans)
	r.current.Store(c)
	return nil
}

// Reload looks the names of the policy in force up again and reads its files again. With
// an error nothing changes. It yields to each Update: if one takes effect meanwhile,
// Reload returns [ErrSuperseded].
func (r *Rules) Reload(ctx context.Context) error {
	old := r.current.Load()
	c, err := old.policy.compile(ctx, r.opt.Resolver)
	if err != nil {
		return err
	}
	if !r.current.CompareAndSwap(old, c) {
		return ErrSuperseded
	}
	return nil
}

// Bans returns the bans. They stay the same set for the life of the rules.
func (r *Rules) Bans() *Bans { return r.bans }

// Trusts reports whether a peer is one of TrustedProxies. The zero Addr is a peer
// without an IP address.
func (r *Rules) Trusts(peer netip.Addr) bool { return r.current.Load().proxies.has(peer) }

// Accept judges a connection that was just accepted from peer; the zero Addr is a peer
// without an IP address. If it is let in, t is held until Release, and it counts for
// peer, unless that is a trusted proxy. What t held before it gives back.
//
// Of a connection that begins with a PROXY header, the peer is the address in the header,
// provided that Trusts has agreed to whom it came from.
func (r *Rules) Accept(t *Ticket, peer netip.Addr) Refusal {
	c := r.current.Load()
	proxy := c.proxies.has(peer)
	p := placeOf(peer, c.exempt.has(peer) || proxy)
	refusal := r.accept(c, &p, peer, proxy)
	if refusal.Refused() {
		r.refused[refusal.Reason].Add(1)
		return refusal
	}
	t.put(p)
	r.admitted.Add(1)
	return Refusal{}
}

func (r *Rules) accept(c *compiled, p *place, peer netip.Addr, proxy bool) Refusal {
	if refusal := r.listed(c, peer, proxy, p.exempt); refusal.Refused() {
		return refusal
	}
	var total bucket
	if proxy || !p.exempt {
		total = r.limiter.limits.Load().total
	}
	now := r.limiter.now()
	if wait := r.limiter.total.peek(total, now); wait > 0 {
		return Refusal{Reason: ReasonTotalAcceptRate, RetryAfter: wait}
	}
	if !proxy {
		refusal, tooOften := r.limiter.enter(p, true, now)
		if tooOften {
			r.ban(c, peer, refusal.Reason.String())
		}
		if refusal.Refused() {
			return refusal
		}
	}
	return r.book(p, total, now)
}

// book books a connection that is counted already, unless others were quicker.
func (r *Rules) book(p *place, total bucket, now int64) Refusal {
	wait := r.limiter.total.take(total, now)
	if wait == 0 {
		return Refusal{}
	}
	p.leave()
	return Refusal{Reason: ReasonTotalAcceptRate, RetryAfter: wait}
}

// listed asks the lists and the bans.
func (r *Rules) listed(c *compiled, a netip.Addr, proxy, exempt bool) Refusal {
	if entry, ok := c.denied.Match(a); ok {
		return Refusal{Reason: ReasonDenied, Entry: entry}
	}
	if c.restricted && !proxy && !c.allowed.has(a) {
		return Refusal{Reason: ReasonNotAllowed}
	}
	if proxy || exempt {
		return Refusal{}
	}
	if ban, ok := r.bans.Match(a); ok {
		return Refusal{Reason: ReasonBanned, Prefix: ban.Prefix, Entry: ban.Reason, RetryAfter: ban.rest(r.opt.Clock())}
	}
	return Refusal{}
}

// Handshake judges a request to upgrade from client: the peer that Accept was given, or
// whom a trusted proxy has named. For another one than the ticket counts for, the lists,
// the bans and MaxPerIP are asked first, and from then on the ticket counts for that
// one. A ticket that is not held becomes so, for connections that something else has
// accepted; there a client that is a trusted proxy counts as the proxy itself. When
// Handshake refuses, the ticket is what it was.
func (r *Rules) Handshake(t *Ticket, client netip.Addr) Refusal {
	refusal := r.handshake(t, client)
	if refusal.Refused() {
		r.refused[refusal.Reason].Add(1)
	}
	return refusal
}

func (r *Rules) handshake(t *Ticket, client netip.Addr) Refusal {
	c, now := r.current.Load(), r.limiter.now()
	if t.is(client) {
		return r.shake(c, &t.place, client, now)
	}
	proxy := !t.Held() && c.proxies.has(client)
	p := placeOf(client, c.exempt.has(client) || proxy)
	if refusal := r.listed(c, client, proxy, p.exempt); refusal.Refused() {
		return refusal
	}
	if proxy {
		t.put(p)
		return Refusal{}
	}
	refusal, tooOften := r.limiter.enter(&p, false, now)
	if tooOften {
		r.ban(c, client, refusal.Reason.String())
	}
	if refusal.Refused() {
		return refusal
	}
	if refusal := r.shake(c, &p, client, now); refusal.Refused() {
		p.leave()
		return refusal
	}
	t.put(p)
	return Refusal{}
}

func (r *Rules) shake(c *compiled, p *place, client netip.Addr, now int64) Refusal {
	refusal, tooOften := r.limiter.handshake(p, now)
	if tooOften {
		r.ban(c, client, refusal.Reason.String())
	}
	return refusal
}

// Violation counts something that a client did wrong for AutoBan, such as a handshake
// that breaks the rules, and reports whether it made a ban. what is the reason of that
// ban. Trusted proxies and exempt clients are not counted.
func (r *Rules) Violation(client netip.Addr, what string) (banned bool) {
	c := r.current.Load()
	if c.policy.AutoBan.After == 0 || !client.IsValid() || c.proxies.has(client) || c.exempt.has(client) {
		return false
	}
	return r.limiter.violation(client) && r.ban(c, client, clean(what))
}

// ban makes an automatic ban.
func (r *Rules) ban(c *compiled, a netip.Addr, reason string) (made bool) {
	ban, made, err := r.bans.auto(r.limiter.prefix(a), c.policy.AutoBan.For, reason)
	if err != nil {
		r.lostBans.Add(1)
	}
	if !made {
		return false
	}
	r.autoBans.Add(1)
	if r.opt.OnBan != nil {
		r.opt.OnBan(ban)
	}
	return true
}

// Connections returns how many connections count for the address, or for those that
// share its prefix.
func (r *Rules) Connections(a netip.Addr) int {
	if !a.IsValid() {
		return 0
	}
	return r.limiter.connections(a)
}
