package transport

import (
	"math/bits"
	"sync/atomic"
)

// SizeClasses is how many classes of sizes are counted: up to 16 bytes, 64, and so on in
// powers of 4 to 16 MiB, and above.
const SizeClasses = 12

// SizeLimit is the largest size of a class; the last has none.
func SizeLimit(class int) uint64 { return 16 << (2 * class) }

func sizeClass(n int) int {
	if n <= 16 {
		return 0
	}
	return min((bits.Len(uint(n-1))-3)/2, SizeClasses-1)
}

// tally counts sizes where nobody else does: for a batch of messages. It is part of
// objects that are borrowed for the batch, so that an idle connection has none, and its
// messages cost no atomic operation each.
type tally struct {
	n    [SizeClasses]uint32
	seen uint32 // a bit for each class with a number
	sum  uint64
}

func (t *tally) note(n int) {
	class := sizeClass(n)
	t.n[class]++
	t.seen |= 1 << class
	t.sum += uint64(n)
}

// flush adds what was counted to where all can see it.
func (t *tally) flush(to *sizes) {
	if t.seen == 0 {
		return
	}
	for ; t.seen != 0; t.seen &= t.seen - 1 {
		class := bits.TrailingZeros32(t.seen)
		to.n[class].Add(uint64(t.n[class]))
		t.n[class] = 0
	}
	to.sum.Add(t.sum)
	t.sum = 0
}

// sizes are the counts of a lane.
type sizes struct {
	n   [SizeClasses]atomic.Uint64
	sum atomic.Uint64
}

func (s *sizes) note(n int) {
	s.n[sizeClass(n)].Add(1)
	s.sum.Add(uint64(n))
}

// Sizes are counts of sizes in bytes.
type Sizes struct {
	Count [SizeClasses]uint64 // by class
	Sum   uint64              // of all sizes
}

func (s *sizes) addTo(total *Sizes) {
	for i := range s.n {
		total.Count[i] += s.n[i].Load()
	}
	total.Sum += s.sum.Load()
}

// Sizes returns the sizes of messages that were received, of the frames of those that
// were sent, and of what waited for a peer when a message had to be queued for it.
func (s *Service) Sizes() (received, sent, queued Sizes) {
	for i := range s.lanes {
		l := &s.lanes[i]
		l.received.addTo(&received)
		l.sent.addTo(&sent)
		l.queued.addTo(&queued)
	}
	return received, sent, queued
}
