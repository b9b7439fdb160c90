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

	// longestWord is the limit of the encoder's own codes: four literals and what
	// is left of a byte fit into 64 bits.
	longestWord = 14
)

// A word is a code word as it is written: its length in bits 0 to 7, and from bit
// 8 on its bits, the first in the lowest place.
type word uint32

func (w word) bits() uint   { return uint(w & 0xff) }
func (w word) code() uint64 { return uint64(w >> 8) }

// A huffman is one code: first the frequencies of its symbols, then their code
// words. Only what was used is looked at, for blocks are short.
type huffman struct {
	symbols, limit int

	freq  [len(fixedLens)]uint16
	lens  [len(fixedLens)]uint8 // of code words, in bits; 0 = symbol not used
	words [len(fixedLens)]word  // of symbols in use

	used    []uint16 // symbols, in order
	leaves  []uint32 // used symbols: frequency << 9 | symbol, rarest first
	weights []uint32 // of the inner nodes, in order of making
	parents []uint16 // of the inner nodes
	cost    int      // bits of all symbols together
}

func (h *huffman) init(symbols, limit int) {
	*h = huffman{
		symbols: symbols,
		limit:   limit,
		used:    make([]uint16, 0, symbols+2),
		leaves:  make([]uint32, symbols+2),
		weights: make([]uint32, symbols+2),
		parents: make([]uint16, symbols+2),
	}
}

// build makes the code for freq. The symbols in use are known.
func (h *huffman) build() {
	h.sortLeaves()
	var count [len(fixedLens)]uint16 // leaves by depth; the tree can be that deep
	deepest := h.link(&count)
	if deepest > h.limit {
		limitDepth(count[:], deepest, h.limit)
		deepest = h.limit
	}
	h.assignLens(count[:deepest+1])
	assignWords(h.words[:], h.lens[:], h.used)
}

// findUsed lists the symbols that occur. At least two get a code word, for a code
// of one is incomplete and not all inflaters take it.
func (h *huffman) findUsed() {
	used, n := h.used[:cap(h.used)], 0
	for s := 0; s < h.symbols; s += 4 {
		f := h.freq[s : s+4 : s+4]
		if f[0]|f[1]|f[2]|f[3] == 0 {
			continue
		}
		for i, f := range f {
			used[n] = uint16(s + i)
			if f > 0 { // no branch
				n++
			}
		}
	}
	switch {
	case n == 0:
		n = copy(used, []uint16{0, 1})
	case n == 1 && used[0] == 0:
		used[1], n = 1, 2
	case n == 1:
		used[0], used[1], n = 0, used[0], 2
	}
	h.used = used[:n]
}

// sortLeaves puts those of usual frequencies where they belong and sorts the others.
func (h *huffman) sortLeaves() {
	const many = 48 // frequencies from here on share a place
	var next [many + 1]uint16
	used, leaves := h.used, h.leaves
	for _, s := range used {
		next[min(h.freq[s], many)]++
	}
	before := uint16(0)
	for f := range next {
		before, next[f] = before+next[f], before
	}
	large := leaves[next[many]:len(used)]
	for _, s := range used {
		f := h.freq[s]
		to := &next[min(f, many)]
		leaves[*to] = uint32(f)<<9 | uint32(s)
		*to++
	}
	slices.Sort(large)
}

// link joins the two lightest nodes until one is left, and counts the leaves of each
// depth. Inner nodes come into being in order of weight, so two queues do for a heap.
// It returns the greatest depth.
func (h *huffman) link(count *[len(fixedLens)]uint16) (deepest int) {
	const none = 1<<32 - 1 // heavier than all
	n := len(h.used)
	leaves, weights, parents := h.leaves[:n+1], h.weights[:n+1], h.parents[:n]
	leaves[n], weights[0] = none, none
	leaf, inner := 0, 0
	for next := range n - 1 {
		sum := uint32(0)
		for range 2 {
			if l, w := leaves[leaf]>>9, weights[inner]; l <= w {
				sum += l
				leaf++
			} else {
				sum += w
				parents[inner] = uint16(next)
				inner++
			}
		}
		weights[next], weights[next+1] = sum, none
	}
	// All that is below an inner node is a leaf or an inner node.
	depths := weights // no longer needed
	depths[n-2] = 0
	count[1] = 2
	for i := n - 3; i >= 0; i-- {
		d := depths[parents[i]] + 1
		depths[i] = d
		count[d]--
		count[d+1] += 2
		deepest = max(deepest, int(d))
	}
	return deepest + 1
}

// limitDepth moves the leaves below limit up to it. That makes too many code
// words; each step of the repair frees one by moving a shorter one down.
func limitDepth(count []uint16, deepest, limit int) {
	for d := limit + 1; d <= deepest; d++ {
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
	clear(h.lens[:])
	h.cost = 0
	leaves := h.leaves
	for d := len(count) - 1; d > 0; d-- {
		n := count[d]
		sum := uint32(0)
		for _, l := range leaves[:n] {
			h.lens[l&(1<<9-1)] = uint8(d)
			sum += l >> 9
		}
		h.cost += int(sum) * d
		leaves = leaves[n:]
	}
}

// assignWords sets the code words of the symbols in use, in order, as RFC 1951 section
// 3.2.2 says.
func assignWords(words []word, lens []uint8, used []uint16) {
	var count, next [maxCodeLen + 1]uint16
	for _, s := range used {
		count[lens[s]]++
	}
	first := uint16(0)
	for n := 1; n <= maxCodeLen; n++ {
		next[n] = first
		first = (first + count[n]) << 1
	}
	for _, s := range used {
		n := lens[s]
		words[s] = word(bits.Reverse16(next[n])>>(16-n))<<8 | word(n)
		next[n]++
	}
}

// costIn is the bits of all symbols together in another code.
func (h *huffman) costIn(lens []uint8) (sum int) {
	for _, s := range h.used {
		sum += int(h.freq[s]) * int(lens[s])
	}
	return sum
}
