package deflate

import (
	"math/rand/v2"
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
	if sum != 1<<h.limit {
		t.Fatalf("code uses %d of %d code words", sum, 1<<h.limit)
	}
}

func TestHuffmanCodesAreCompleteAndLimited(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name string
		freq func(s int) uint32
	}{
		{"none", func(int) uint32 { return 0 }},
		{"first alone", func(s int) uint32 { return uint32(max(0, 1-s)) }},
		{"third alone", func(s int) uint32 {
			if s == 2 {
				return 7
			}
			return 0
		}},
		{"equal", func(int) uint32 { return 5 }},
		{"doubling, deeper than any limit", func(s int) uint32 { return 1 << min(s, 20) }},
		{"random", func(int) uint32 { return rnd.Uint32N(1000) }},
		{"random with gaps", func(int) uint32 { return rnd.Uint32N(4) / 3 * rnd.Uint32N(30000) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, k := range []struct{ symbols, limit int }{{numLit, maxCodeLen}, {numDist, maxCodeLen}, {numCL, maxCLLen}} {
				var h huffman
				h.init(k.symbols, k.limit)
				for range 20 {
					for s := range h.freq {
						h.freq[s] = tt.freq(s)
					}
					h.build()
					checkCode(t, &h)
				}
			}
		})
	}
}

func TestHuffmanGivesFrequentSymbolsShortWords(t *testing.T) {
	var h huffman
	h.init(numCL, maxCLLen)
	copy(h.freq, []uint32{1, 1, 2, 4, 8})
	h.build()
	for s, want := range []uint8{4, 4, 3, 2, 1} {
		if h.lens[s] != want {
			t.Errorf("symbol %d has %d bits, want %d", s, h.lens[s], want)
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
