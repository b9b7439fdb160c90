package deflate

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// checkCode fails unless h is complete, within its limit, and gives a code word
// to each symbol in use.
func checkCode(t *testing.T, h *huffman) {
	t.Helper()
	sum := 0
	for s, n := range h.lens {
		if h.freq[s] > 0 && n == 0 || int(n) > h.limit {
			t.Fatalf("symbol %d of frequency %d has %d bits; the limit is %d", s, h.freq[s], n, h.limit)
		}
		if n > 0 {
			sum += 1 << (h.limit - int(n))
		}
	}
	if bits := h.costIn(h.lens[:]); bits != h.cost {
		t.Fatalf("all symbols take %d bits, not %d", bits, h.cost)
	}
	if sum != 1<<h.limit {
		t.Fatalf("code uses %d of %d code words", sum, 1<<h.limit)
	}
}

// fibonacci makes the deepest tree that so many tokens can have; at its end there are
// no more of them.
var fibonacci = [...]uint16{1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181, 6765, 10946, 0}

func TestHuffmanCodesAreCompleteAndLimited(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name string
		freq func(s int) uint16
	}{
		{"none", func(int) uint16 { return 0 }},
		{"first alone", func(s int) uint16 { return uint16(max(0, 1-s)) }},
		{"third alone", func(s int) uint16 {
			if s == 2 {
				return 7
			}
			return 0
		}},
		{"equal", func(int) uint16 { return 5 }},
		{"growing, deeper than any limit", func(s int) uint16 { return fibonacci[min(s, len(fibonacci)-1)] }},
		{"random", func(int) uint16 { return uint16(rnd.Uint32N(100)) }},
		{"random with gaps", func(int) uint16 { return uint16(rnd.Uint32N(4) / 3 * rnd.Uint32N(400)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, k := range []struct{ symbols, limit int }{{numLit, maxCodeLen}, {numDist, maxCodeLen}, {numCL, maxCLLen}} {
				var h huffman
				h.init(k.symbols, k.limit)
				for range 20 {
					for s := range k.symbols {
						h.freq[s] = tt.freq(s)
					}
					h.findUsed()
					h.build()
					checkCode(t, &h)
				}
			}
		})
	}
}

func TestHuffmanGivesFrequentSymbolsShortWords(t *testing.T) {
	for _, tt := range []struct {
		freq []uint16
		want []uint8
	}{
		{[]uint16{1, 1, 2, 4, 8}, []uint8{4, 4, 3, 2, 1}},
		{[]uint16{1600, 1, 800, 400, 150, 200}, []uint8{1, 5, 2, 3, 5, 4}},
	} {
		var h huffman
		h.init(numCL, maxCLLen)
		copy(h.freq[:], tt.freq)
		h.findUsed()
		h.build()
		if got := h.lens[:len(tt.want)]; !slices.Equal(got, tt.want) {
			t.Errorf("symbols of frequencies %d have %d bits, want %d", tt.freq, got, tt.want)
		}
	}
}

func TestSymbolsOfLengthsAndDistances(t *testing.T) {
	// RFC 1951 section 3.2.5
	for _, tt := range []struct {
		length, sym int
		extra       uint
	}{{3, 257, 0}, {10, 264, 0}, {11, 265, 1}, {18, 268, 1}, {19, 269, 2}, {130, 280, 4}, {131, 281, 5}, {257, 284, 5}, {258, 285, 0}} {
		sym, extra := firstLength+int(lengthSymbols[tt.length-3]), lengthExtra(tt.length-3)
		if sym != tt.sym || extra != tt.extra {
			t.Errorf("length %d = symbol %d with %d bits, want %d with %d", tt.length, sym, extra, tt.sym, tt.extra)
		}
	}
	for _, tt := range []struct {
		dist       uint32
		sym, extra uint
	}{{1, 0, 0}, {4, 3, 0}, {5, 4, 1}, {8, 5, 1}, {9, 6, 2}, {24, 8, 3}, {25, 9, 3}, {24577, 29, 13}, {32768, 29, 13}} {
		if sym, extra := distSymbol(tt.dist - 1); sym != tt.sym || extra != tt.extra {
			t.Errorf("distance %d = symbol %d with %d bits, want %d with %d", tt.dist, sym, extra, tt.sym, tt.extra)
		}
	}
}
