package banner

import (
	"errors"
	"sync/atomic"
)

var (
	// ErrTooBusy is what [Gate.Enter] returns when MaxClients places are taken.
	ErrTooBusy = errors.New("banner: too many clients")

	// ErrPlaceHeld is what [Gate.Enter] returns when the [Place] is held already.
	ErrPlaceHeld = errors.New("banner: place is held already")
)

// Gate counts clients against a limit. It is made by [NewGate]; all methods may be
// called concurrently.
//
// A place is taken, not looked for: however many goroutines call Enter, there are
// never more than MaxClients places taken by it.
type Gate struct {
	policy Policy

	// The limit in the upper 32 bits, the places taken in the lower: one
	// compare-and-swap sees both, so that none slips in while the limit falls.
	state atomic.Uint64
}

// NewGate returns an empty gate for p, or the [*PolicyError] of p.Validate.
func NewGate(p Policy) (*Gate, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	g := &Gate{policy: p}
	g.state.Store(pack(p.MaxClients, 0))
	return g, nil
}

// pack and unpack know the layout of Gate.state. Neither half exceeds 2^31-1.
func pack(limit, count int) uint64 { return uint64(limit)<<32 | uint64(count) }

func unpack(s uint64) (limit, count int) { return int(s >> 32), int(uint32(s)) }

// Enter takes a place and notes it in p, without allocating. It returns ErrTooBusy
// when all are taken and ErrPlaceHeld when p holds one already; then nothing has
// changed.
func (g *Gate) Enter(p *Place) error {
	if !g.reserve() {
		if p.Held() {
			return ErrPlaceHeld
		}
		return ErrTooBusy
	}
	if !p.gate.CompareAndSwap(nil, g) {
		g.release()
		return ErrPlaceHeld
	}
	return nil
}

func (g *Gate) reserve() bool {
	for {
		old := g.state.Load()
		limit, count := unpack(old)
		if limit == 0 {
			limit = maxMaxClients // the count must not run into the limit's bits
		}
		if count >= limit {
			return false
		}
		if g.state.CompareAndSwap(old, old+1) {
			return true
		}
	}
}

// release is called once for each reserve, so the count does not go below zero.
func (g *Gate) release() { g.state.Add(^uint64(0)) }

// Count returns how many places are taken.
func (g *Gate) Count() int {
	_, count := unpack(g.state.Load())
	return count
}

// MaxClients returns the present limit; 0 = none.
func (g *Gate) MaxClients() int {
	limit, _ := unpack(g.state.Load())
	return limit
}

// SetMaxClients changes the limit; 0 = none. A limit below Count drops nobody: the
// gate lets nobody in until enough have left. Once SetMaxClients has returned, no
// Enter goes by the old limit. The error is a [*PolicyError], for a number that is
// negative or above 2147483647.
func (g *Gate) SetMaxClients(n int) error {
	if err := checkMaxClients(n); err != nil {
		return err
	}
	for {
		old := g.state.Load()
		_, count := unpack(old)
		if g.state.CompareAndSwap(old, pack(n, count)) {
			return nil
		}
	}
}
