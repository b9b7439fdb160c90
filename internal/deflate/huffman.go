package deflate

import (
	"math/bits"
	"slices"
)

const (
	numLit  = 286 // RFC 1951 section 3.2.5
	numDist = 30
	numCL   = 19

	maxCodeLen = 15
	maxCLLen   = 7
)

// A huffman is one code: first the frequencies of its symbols, then their code
// words.
type huffman struct {
	limit   int
	freq    []uint32
	lens    []uint8  // of code words, in bits; 0 = symbol not used
	codes   []uint16 // in the order of sending
	leaves  []uint32 // used symbols: frequency << 9 | symbol, rarest first
	weights []uint32 // of the nodes: leaves, then inner ones in order of making
	parents []uint16
}

func (h *huffman) init(symbols, limit int) {
	*h = huffman{
		limit:   limit,
		freq:    make([]uint32, symbols),
		lens:    make([]uint8, symbols),
		codes:   make([]uint16, symbols),
		leaves:  make([]uint32, 0, symbols),
		weights: make([]uint32, 2*symbols),
		parents: make([]uint16, 2*symbols),
	}
}

// build makes the code for freq. At least two symbols get a code word, for a
// code of one is incomplete and not all inflaters take it.
func (h *huffman) build() {
	h.sortLeaves()
	var count [2 * numLit]uint16 // leaves by depth; the tree can be that deep
	h.link(count[:])
	limitDepth(count[:], len(h.leaves), h.limit)
	h.assignLens(count[:h.limit+1])
	assignCodes(h.codes, h.lens)
}

func (h *huffman) sortLeaves() {
	h.leaves = h.leaves[:0]
	for s, f := range h.freq {
		if f > 0 {
			h.leaves = append(h.leaves, f<<9|uint32(s))
		}
	}
	for s := 0; len(h.leaves) < 2; s++ {
		if h.freq[s] == 0 {
			h.leaves = append(h.leaves, uint32(s))
		}
	}
	slices.Sort(h.leaves)
}

// link joins the two lightest nodes until one is left, then counts the leaves
// of each depth. Inner nodes come into being in order of weight, so two queues
// do for a heap.
func (h *huffman) link(count []uint16) {
	n := len(h.leaves)
	for i, l := range h.leaves {
		h.weights[i] = l >> 9
	}
	leaf, inner := 0, n
	for next := n; next < 2*n-1; next++ {
		var sum uint32
		for range 2 {
			i := leaf
			if leaf < n && (inner == next || h.weights[leaf] <= h.weights[inner]) {
				leaf++
			} else {
				i = inner
				inner++
			}
			sum += h.weights[i]
			h.parents[i] = uint16(next)
		}
		h.weights[next] = sum
	}
	depths := h.weights // no longer needed
	depths[2*n-2] = 0
	for i := 2*n - 3; i >= 0; i-- {
		depths[i] = depths[h.parents[i]] + 1
		if i < n {
			count[depths[i]]++
		}
	}
}

// limitDepth moves the leaves below limit up to it. That makes too many code
// words; each step of the repair frees one by moving a shorter one down.
func limitDepth(count []uint16, leaves, limit int) {
	for d := limit + 1; d < leaves; d++ {
		count[limit] += count[d]
	}
	used := 0 // of the 1<<limit code words of full length
	for d := 1; d <= limit; d++ {
		used += int(count[d]) << (limit - d)
	}
	for ; used > 1<<limit; used-- {
		d := limit - 1
		for count[d] == 0 {
			d--
		}
		count[d]--
		count[d+1] += 2
		count[limit]--
	}
}

// assignLens gives the longest code words to the rarest symbols.
func (h *huffman) assignLens(count []uint16) {
	clear(h.lens)
	next := 0
	for d := len(count) - 1; d > 0; d-- {
		for range count[d] {
			h.lens[h.leaves[next]&(1<<9-1)] = uint8(d)
			next++
		}
	}
}

// assignCodes numbers the code words as RFC 1951 section 3.2.2 says, with their
// first bit in the lowest place.
func assignCodes(codes []uint16, lens []uint8) {
	var count, next [maxCodeLen + 2]uint16
	for _, n := range lens {
		count[n]++
	}
	count[0] = 0
	for n := 1; n <= maxCodeLen; n++ {
		next[n+1] = (next[n] + count[n]) << 1
	}
	for s, n := range lens {
		if n > 0 {
			codes[s] = bits.Reverse16(next[n]) >> (16 - n)
			next[n]++
		}
	}
}

// cost is the bits of all symbols together.
func cost(freq []uint32, lens []uint8) (sum int) {
	for s, f := range freq {
		sum += int(f) * int(lens[s])
	}
	return sum
}
