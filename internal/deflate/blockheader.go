package deflate

// clOrder is the order in which the lengths of the third code are sent
// (RFC 1951 section 3.2.7).
var clOrder = [numCL]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// The symbols that stand for several code lengths.
const (
	repeatLast  = 16 // 3 to 6 times, 2 extra bits
	repeatZero  = 17 // 3 to 10 times, 3 extra bits
	repeatZeros = 18 // 11 to 138 times, 7 extra bits
)

// A blockHeader tells the receiver both codes of a dynamic block: as code
// lengths, run-length encoded, in a third code.
type blockHeader struct {
	lits, dists, cls int // how many code lengths of each are sent
	bits             int

	syms  [numLit + numDist]uint8 // what is sent for them
	extra [numLit + numDist]uint8
	n     int // of syms and extra
}

// plan works out the header, and cl with it.
func (h *blockHeader) plan(lit, dst, cl *huffman) {
	clear(cl.freq[:numCL])
	h.n, h.bits = 0, 5+5+4
	h.lits = h.code(lit, cl, firstLength)
	h.dists = h.code(dst, cl, 1)
	cl.findUsed()
	cl.build()
	for h.cls = numCL; h.cls > 4 && cl.lens[clOrder[h.cls-1]] == 0; {
		h.cls--
	}
	h.bits += 3*h.cls + cl.cost
}

// code adds the lengths of one code and returns how many those are, at least least.
func (h *blockHeader) code(c, cl *huffman, least int) (n int) {
	for used := c.used; len(used) > 0; {
		first := int(used[0])
		h.zeros(cl, first-n)
		length, run := c.lens[first], 1
		for run < len(used) && int(used[run]) == first+run && c.lens[first+run] == length {
			run++
		}
		h.run(cl, length, run)
		used, n = used[run:], first+run
	}
	h.zeros(cl, least-n)
	return max(n, least)
}

func (h *blockHeader) add(cl *huffman, sym, extra uint8) {
	h.syms[h.n], h.extra[h.n] = sym, extra
	h.n++
	cl.freq[sym]++
}

// run adds n equal lengths; n is at least 1.
func (h *blockHeader) run(cl *huffman, length uint8, n int) {
	h.add(cl, length, 0)
	for n--; n >= 3; n -= min(n, 6) {
		h.add(cl, repeatLast, uint8(min(n, 6)-3))
		h.bits += 2
	}
	for ; n > 0; n-- {
		h.add(cl, length, 0)
	}
}

// zeros adds n lengths of unused symbols.
func (h *blockHeader) zeros(cl *huffman, n int) {
	for ; n > 10; n -= min(n, 138) {
		h.add(cl, repeatZeros, uint8(min(n, 138)-11))
		h.bits += 7
	}
	if n >= 3 {
		h.add(cl, repeatZero, uint8(n-3))
		h.bits += 3
		return
	}
	for ; n > 0; n-- {
		h.add(cl, 0, 0)
	}
}

func repeatBits(sym uint8) uint {
	switch sym {
	case repeatLast:
		return 2
	case repeatZero:
		return 3
	case repeatZeros:
		return 7
	}
	return 0
}

// write follows the three bits that begin the block.
func (h *blockHeader) write(w *bitWriter, cl *huffman) {
	w.put(uint64(h.lits-firstLength)|uint64(h.dists-1)<<5|uint64(h.cls-4)<<10, 14)
	for _, s := range clOrder[:h.cls] {
		w.put(uint64(cl.lens[s]), 3)
	}
	for i, s := range h.syms[:h.n] {
		c := cl.words[s]
		w.put(c.code()|uint64(h.extra[i])<<(c.bits()&63), c.bits()+repeatBits(s))
	}
}
