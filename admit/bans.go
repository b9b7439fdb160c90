package admit

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// Ban keeps the addresses of a prefix out.
type Ban struct {
	Prefix netip.Prefix
	Since  time.Time
	Until  time.Time // zero: until Unban
	Reason string    // for logs; peers are not told
	Auto   bool      // made by Policy.AutoBan
}

func (b *Ban) over(now time.Time) bool { return !b.Until.IsZero() && !now.Before(b.Until) }

// rest is how long the ban lasts; 0 if it has no end.
func (b *Ban) rest(now time.Time) time.Duration {
	if b.Until.IsZero() {
		return 0
	}
	return b.Until.Sub(now)
}

// maxReason is how many bytes of a reason are kept.
const maxReason = 200

// Bans are the bans in force, of which there is a bounded number. [Rules.Bans] are those
// of a server; NewBans makes others.
type Bans struct {
	clock func() time.Time
	n     atomic.Int32 // bans kept; with none a look-up takes no lock

	mu      sync.RWMutex // guards the following
	kept    map[netip.Prefix]*Ban
	lengths [2][]length // of the prefixes that are kept, longest first; IPv4, IPv6
	most    int
	sweep   time.Time // when it is worth looking for bans that are over
}

// length is how many prefixes of a length there are.
type length struct{ bits, n int }

// NewBans returns an empty set of at most so many bans; most of 0 or less means 65,536.
// A nil clock is time.Now.
func NewBans(most int, clock func() time.Time) *Bans {
	if clock == nil {
		clock = time.Now
	}
	b := &Bans{clock: clock, kept: make(map[netip.Prefix]*Ban)}
	if most <= 0 {
		most = defaultBans
	}
	b.limit(most)
	return b
}

// limit changes the number of bans that there may be. It ends none.
func (b *Bans) limit(most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = min(most, math.MaxInt32)
}

// Ban keeps the addresses of p out for so long; 0 is until Unban. It takes the place of
// a ban of the same prefix. Connections that are open stay. Of reason 200 bytes are
// kept, without control characters.
//
// The errors are [ErrBanPrefix], [ErrBanTime] and [ErrTooManyBans].
func (b *Bans) Ban(p netip.Prefix, d time.Duration, reason string) error {
	now := b.clock()
	ban := Ban{Prefix: unmapped(p), Since: now, Reason: clean(reason)}
	switch {
	case !ban.Prefix.IsValid():
		return ErrBanPrefix
	case d < 0:
		return ErrBanTime
	case d > 0:
		ban.Until = now.Add(d)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.keepLocked(ban, now) {
		return ErrTooManyBans
	}
	return nil
}

// auto makes the automatic ban of a prefix; false if there is no room, or a ban that
// lasts as long or was not made automatically.
func (b *Bans) auto(p netip.Prefix, d time.Duration, reason string) (Ban, bool, error) {
	now := b.clock()
	ban := Ban{Prefix: p, Since: now, Until: now.Add(d), Reason: reason, Auto: true}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.kept[p]
	if old != nil && !old.over(now) && (!old.Auto || !old.Until.Before(ban.Until)) {
		return *old, false, nil
	}
	if !b.keepLocked(ban, now) {
		return Ban{}, false, ErrTooManyBans
	}
	return ban, true, nil
}

func (b *Bans) keepLocked(ban Ban, now time.Time) bool {
	if _, ok := b.kept[ban.Prefix]; !ok {
		if len(b.kept) >= b.most {
			b.sweepLocked(now)
		}
		if len(b.kept) >= b.most {
			return false
		}
		b.countLocked(ban.Prefix, 1)
	}
	b.kept[ban.Prefix] = &ban
	return true
}

// sweepLocked drops the bans that are over, at most once a second: looking at all of
// them for each one that does not fit would be a way to keep the server busy.
func (b *Bans) sweepLocked(now time.Time) {
	if now.Before(b.sweep) {
		return
	}
	b.sweep = now.Add(time.Second)
	for p, ban := range b.kept {
		if ban.over(now) {
			b.dropLocked(p)
		}
	}
}

func (b *Bans) dropLocked(p netip.Prefix) {
	delete(b.kept, p)
	b.countLocked(p, -1)
}

// countLocked counts n prefixes more of p's length.
func (b *Bans) countLocked(p netip.Prefix, n int) {
	b.n.Add(int32(n))
	list := &b.lengths[family(p.Addr())]
	i, ok := slices.BinarySearchFunc(*list, p.Bits(), func(l length, bits int) int { return cmp.Compare(bits, l.bits) })
	if !ok {
		*list = slices.Insert(*list, i, length{bits: p.Bits()})
	}
	if (*list)[i].n += n; (*list)[i].n == 0 {
		*list = slices.Delete(*list, i, i+1)
	}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// Unban ends the ban of exactly this prefix, and reports whether there was one.
func (b *Bans) Unban(p netip.Prefix) bool {
	p = unmapped(p)
	now := b.clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	ban, ok := b.kept[p]
	if !ok {
		return false
	}
	b.dropLocked(p)
	return !ban.over(now)
}

// Match returns the ban that keeps a out: of several the one with the longest prefix.
func (b *Bans) Match(a netip.Addr) (Ban, bool) {
	if b.n.Load() == 0 || !a.IsValid() {
		return Ban{}, false
	}
	a = a.Unmap().WithZone("")
	now := b.clock()
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, l := range b.lengths[family(a)] {
		p, err := a.Prefix(l.bits)
		if err != nil {
			continue
		}
		if ban, ok := b.kept[p]; ok && !ban.over(now) {
			return *ban, true
		}
	}
	return Ban{}, false
}

// List returns the bans in force, in the order of their prefixes.
func (b *Bans) List() []Ban {
	now := b.clock()
	b.mu.RLock()
	list := make([]Ban, 0, len(b.kept))
	for _, ban := range b.kept {
		if !ban.over(now) {
			list = append(list, *ban)
		}
	}
	b.mu.RUnlock()
	slices.SortFunc(list, func(x, y Ban) int { return x.Prefix.Compare(y.Prefix) })
	return list
}

// unmapped returns p masked, and as an IPv4 prefix if it is one; the zero Prefix if it
// is not valid.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.IsValid() && p.Addr().Is4In6() {
		if p.Bits() < mappedBits {
			return netip.Prefix{}
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
	}
	return p.Masked()
}

// clean makes one line of a reason.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s[:min(len(s), 4*maxReason)])
	for len(s) > maxReason {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.TrimSpace(s)
}
