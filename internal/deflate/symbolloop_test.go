package deflate

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// anySymbols is a block of n symbols with random codes, for a receiver that has a
// whole window. Each symbol is as likely as any other, so long words are many.
func anySymbols(rnd *rand.Rand, n int) []byte {
	lit := randomCode(rnd, numLit, 2+rnd.IntN(30), maxCodeLen, rnd.Float64())
	dist := randomCode(rnd, numDist, 2+rnd.IntN(numDist-1), maxCodeLen, rnd.Float64())
	if s := rnd.IntN(numLit); lit[endOfBlock] == 0 { // some symbol's word becomes the end
		for lit[s] == 0 {
			s = (s + 1) % numLit
		}
		lit[s], lit[endOfBlock] = 0, lit[s]
	}
	b := dynamic(lengthsOf(lit), lengthsOf(dist))
	lits, dists := slices.Sorted(maps.Keys(lengthsOf(lit))), slices.Sorted(maps.Keys(lengthsOf(dist)))
	for range n {
		s := lits[rnd.IntN(len(lits))]
		if s == endOfBlock {
			continue
		}
		b.symbols(s)
		if s > endOfBlock {
			b.bits(rnd.Uint64()&(1<<litEntries[s].bits()-1), litEntries[s].bits())
			d := dists[rnd.IntN(len(dists))]
			b.distance(d).bits(rnd.Uint64()&(1<<distEntries[d].bits()-1), distEntries[d].bits())
		}
	}
	return b.symbols(endOfBlock).wire()
}

func TestStreamFollowsAnySymbols(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	window := appendWindowed(nil, nil, randomBytes(1, maxWindow), maxWindow)
	for i := range 300 {
		p := newPair(Params{ClientTakeover: true})
		p.inflate(t, window, window)
		wire := anySymbols(rnd, 1+rnd.IntN(3000))
		if _, err := p.inflate(t, wire, cut(rnd, wire, 1+rnd.IntN(len(wire)))...); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

// Literals of one bit and the longest matches come to the end of the ring in every
// way there is.
func TestStreamFillsTheRingExactly(t *testing.T) {
	random := randomBytes(1, maxWindow)
	for literals := range 20 {
		b := dynamic(lengths{'a': 1, endOfBlock: 2, lastLength: 2}, lengths{0: 1, 29: 1})
		for range 10 {
			for range literals {
				b.symbols('a')
			}
			b.symbols(lastLength).distance(0).symbols(lastLength).distance(29).bits(uint64(literals), 13)
		}
		block := b.symbols(endOfBlock).wire()
		for n := maxWindow - maxMatch - 40; n < maxWindow-maxMatch+10; n++ {
			wire := append(appendWindowed(nil, nil, random[:n], maxWindow), syncTail...)
			wire = append(wire, block...)
			if _, err := newPair(Params{}).inflate(t, wire, wire); err != nil {
				t.Fatalf("%d bytes, then %d literals: %v", n, literals, err)
			}
		}
	}
}

// The longest symbols there are follow any number of the shortest.
func TestStreamHasEnoughBitsForTheLongestSymbol(t *testing.T) {
	lit, dist := lengths{lastLength - 1: 15, endOfBlock: 15}, lengths{29: 15, 28: 15}
	for i := range 14 {
		lit['a'+i], dist[i] = uint8(i+1), uint8(i+1)
	}
	b := dynamic(lit, dist)
	for i := range 200 {
		for range i % 23 {
			b.symbols('a')
		}
		b.symbols(lastLength-1).bits(uint64(i)&31, 5).distance(28+i&1).bits(uint64(i)*41&8191, 13)
	}
	wire := append(appendWindowed(nil, nil, randomBytes(1, maxWindow), maxWindow), syncTail...)
	wire = append(wire, b.symbols(endOfBlock).wire()...)
	if _, err := newPair(Params{}).inflate(t, wire, wire); err != nil {
		t.Error(err)
	}
}

// Every short distance, with every length, and bytes behind it that a copy in larger
// steps would spoil: the next match takes them up again.
func TestMatchesOverlapTheirOwnSource(t *testing.T) {
	start := randomBytes(1, 40)
	for distance := 1; distance <= len(start); distance++ {
		b := fixed()
		for _, c := range start {
			b.symbols(int(c))
		}
		for length := 3; length < maxMatch; length++ {
			sym, extra := distSymbol(uint32(distance - 1))
			b.symbols(firstLength+int(lengthSymbols[length-3])).bits(uint64(length-3)&(1<<lengthExtra(length-3)-1), lengthExtra(length-3))
			b.distance(int(sym)).bits(uint64(distance-1)&(1<<extra-1), extra)
			b.symbols(length & 0xff)
		}
		wire := b.symbols(endOfBlock).wire()
		if _, err := newPair(Params{}).inflate(t, wire, wire); err != nil {
			t.Fatalf("distance %d: %v", distance, err)
		}
	}
}
