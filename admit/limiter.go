package admit

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// limiter counts connections, and judges rates, for each address.
type limiter struct {
	clock  func() time.Time
	epoch  time.Time
	total  shared // state of TotalAcceptRate
	limits atomic.Pointer[limits]
	levels atomic.Pointer[levels]

	stoodIn   atomic.Uint64 // connections that counted for a network
	unbounded atomic.Uint64 // and for nothing
}

// limits are the settings of a limiter. They do not change.
type limits struct {
	perIP                  int64 // 0: none
	accept, shake, total   bucket
	violations             uint16 // that make a ban; 0: none do
	within                 int64  // nanoseconds
	tracked                int
	ipv4Prefix, ipv6Prefix int
}

func newLimiter(clock func() time.Time, c *limits) *limiter {
	l := &limiter{clock: clock, epoch: clock()}
	l.update(c)
	return l
}

func (l *limiter) now() int64 { return int64(l.clock().Sub(l.epoch)) }

// update changes the settings. Calls must not overlap. What is counted stays, unless a
// prefix has another length: then connections that are open go on counting by the old
// one, apart from those that come.
func (l *limiter) update(c *limits) {
	old := l.limits.Swap(c)
	if old == nil || old.ipv4Prefix != c.ipv4Prefix || old.ipv6Prefix != c.ipv6Prefix {
		l.levels.Store(newLevels(c.ipv4Prefix, c.ipv6Prefix, c.tracked))
	} else if c.tracked < old.tracked {
		for _, t := range l.levels.Load().tables {
			t.trim(l.now())
		}
	}
}

// enter counts a connection from p's address, unless a limit is reached, and returns
// where. accept is whether AcceptRate is asked. banned reports that the refusal was one
// violation too many.
func (l *limiter) enter(p *place, accept bool, now int64) (r Refusal, banned bool) {
	if !p.address {
		return Refusal{}, false
	}
	c, v := l.limits.Load(), l.levels.Load()
	for level, t := range v.tables {
		found := t.with(v.key(p.addr, level), sizeOf(c.tracked, level), now, func(y *tally) {
			if !p.exempt {
				if r = c.judge(y, level, accept, now); r.Refused() {
					r.Prefix = p.addr.prefix(v.bits(p.addr, level))
					banned = level == 0 && c.violate(y, now)
					return
				}
			}
			y.open++
			p.level, p.levels = int8(level), v
		})
		if found {
			if level > 0 {
				l.stoodIn.Add(1)
			}
			return r, banned
		}
	}
	l.unbounded.Add(1)
	return Refusal{}, false
}

// judge asks the limits of one address or network for a connection.
func (c *limits) judge(y *tally, level int, accept bool, now int64) Refusal {
	n := share(level)
	if c.perIP > 0 && int64(y.open) >= c.perIP*n {
		return refusal(level, ReasonTooMany, 0)
	}
	if !accept {
		return Refusal{}
	}
	return refusal(level, ReasonAcceptRate, c.accept.times(n).take(&y.accepted, now))
}

// refusal returns the refusal for a wait, or for a limit that is no matter of time.
func refusal(level int, reason Reason, wait time.Duration) Refusal {
	switch {
	case wait == 0 && reason != ReasonTooMany:
		return Refusal{}
	case level > 0:
		return Refusal{Reason: ReasonNetwork, RetryAfter: wait}
	}
	return Refusal{Reason: reason, RetryAfter: wait}
}

// handshake asks HandshakeRate for the address that p is counted for.
func (l *limiter) handshake(p *place, now int64) (r Refusal, banned bool) {
	c := l.limits.Load()
	if p.level == uncounted || p.exempt || c.shake.every == 0 {
		return Refusal{}, false
	}
	level := int(p.level)
	p.levels.tables[level].known(p.levels.key(p.addr, level), func(y *tally) {
		wait := c.shake.times(share(level)).take(&y.shook, now)
		if r = refusal(level, ReasonHandshakeRate, wait); r.Refused() {
			r.Prefix = p.addr.prefix(p.levels.bits(p.addr, level))
			banned = level == 0 && c.violate(y, now)
		}
	})
	return r, banned
}

// violation counts a violation of an address that is tracked, or can be, and reports
// whether it was one too many.
func (l *limiter) violation(a netip.Addr) (banned bool) {
	c, v, now := l.limits.Load(), l.levels.Load(), l.now()
	v.tables[0].with(v.key(numberOf(a), 0), c.tracked, now, func(y *tally) { banned = c.violate(y, now) })
	return banned
}

// violate counts a violation. The first one begins a time; when that is over the count
// begins anew.
func (c *limits) violate(y *tally, now int64) (banned bool) {
	if c.violations == 0 {
		return false
	}
	if y.forgotten <= now {
		y.forgotten, y.violations = now+c.within, 0
	}
	y.violations++
	if y.violations < c.violations {
		return false
	}
	y.forgotten, y.violations = 0, 0
	return true
}

// prefix returns what a ban of a means.
func (l *limiter) prefix(a netip.Addr) netip.Prefix {
	v, n := l.levels.Load(), numberOf(a)
	return n.prefix(v.bits(n, 0))
}

// connections returns how many connections count for a itself.
func (l *limiter) connections(a netip.Addr) (open int) {
	v := l.levels.Load()
	v.tables[0].known(v.key(numberOf(a), 0), func(y *tally) { open = int(y.open) })
	return open
}
