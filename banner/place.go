package banner

import "sync/atomic"

// Place is one client's hold on a [Gate]. It is meant as a field of whatever
// stands for the connection; the zero value holds nothing. It must not be copied.
type Place struct {
	gate atomic.Pointer[Gate] // nil unless held
}

// Leave gives the place back and reports whether one was held. It may be called
// more than once and from any goroutine: only one call gives the place back. After
// that the Place may enter again.
func (p *Place) Leave() bool {
	g := p.gate.Swap(nil)
	if g == nil {
		return false
	}
	g.release()
	return true
}

// Held reports whether a place is held.
func (p *Place) Held() bool { return p.gate.Load() != nil }
