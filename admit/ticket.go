package admit

import (
	"net/netip"
	"sync/atomic"
)

// Ticket is what one connection holds of [Rules]. The zero value holds nothing. It
// belongs to the goroutine that admits the connection, and must not be copied; only
// Release may be called from elsewhere, once the others have returned.
type Ticket struct {
	held atomic.Bool
	place
}

// uncounted is the level of a place that no tally has.
const uncounted = -1

// place is where a connection is counted.
type place struct {
	level   int8 // of levels, or uncounted
	address bool // addr is one
	exempt  bool
	levels  *levels // nil if uncounted
	addr    number
}

// placeOf returns a place for a, not counted yet. The zero Addr stands for a peer
// without an address.
func placeOf(a netip.Addr, exempt bool) place {
	p := place{level: uncounted, address: a.IsValid(), exempt: exempt}
	if p.address {
		p.addr = numberOf(a)
	}
	return p
}

// is reports whether the ticket is held for a.
func (t *Ticket) is(a netip.Addr) bool {
	if !t.held.Load() {
		return false
	}
	want := placeOf(a, false)
	return t.address == want.address && t.addr == want.addr
}

// put makes the ticket hold p, and gives back what it held.
func (t *Ticket) put(p place) {
	t.Release()
	t.place = p
	t.held.Store(true)
}

// Held reports whether the ticket holds anything.
func (t *Ticket) Held() bool { return t.held.Load() }

// Release gives back what the ticket holds, and reports whether that was anything: of
// several calls one returns true, the others do no harm.
func (t *Ticket) Release() bool {
	if !t.held.CompareAndSwap(true, false) {
		return false
	}
	t.place.leave()
	return true
}

// leave takes one connection off its tally.
func (p *place) leave() {
	if p.level == uncounted {
		return
	}
	level := int(p.level)
	p.levels.tables[level].known(p.levels.key(p.addr, level), func(y *tally) { y.open-- })
}
