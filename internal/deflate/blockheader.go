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

	lens  [numLit + numDist]uint8 // of both codes, one behind the other
	syms  [numLit + numDist]uint8 // what is sent for them
	extra [numLit + numDist]uint8
	n     int // of syms and extra
}

// plan works out the header, and cl with it.
func (h *blockHeader) plan(lit, dst, cl *huffman) {
	h.lits = used(lit.lens, firstLength)
	h.dists = used(dst.lens, 1)
	copy(h.lens[:], lit.lens[:h.lits])
	copy(h.lens[h.lits:], dst.lens[:h.dists])

	clear(cl.freq)
	h.n, h.bits = 0, 5+5+4
	for lens := h.lens[:h.lits+h.dists]; len(lens) > 0; {
		lens = lens[h.run(lens, cl.freq):]
	}
	cl.build()
	for h.cls = numCL; h.cls > 4 && cl.lens[clOrder[h.cls-1]] == 0; {
		h.cls--
	}
	h.bits += 3*h.cls + cost(cl.freq, cl.lens)
}

// used is the length of lens without the zeros at its end, at least least.
func used(lens []uint8, least int) int {
	n := len(lens)
	for n > least && lens[n-1] == 0 {
		n--
	}
	return n
}

// run adds the symbols for the equal lengths at the front and returns how many
// lengths those are.
func (h *blockHeader) run(lens []uint8, freq []uint32) int {
	n := 1
	for n < len(lens) && lens[n] == lens[0] {
		n++
	}
	left := n
	add := func(sym, extra, count int) {
		h.syms[h.n], h.extra[h.n] = uint8(sym), uint8(extra)
		h.n++
		h.bits += int(repeatBits(uint8(sym)))
		freq[sym]++
		left -= count
	}
	if lens[0] != 0 {
		add(int(lens[0]), 0, 1)
	}
	for left > 0 {
		switch {
		case left < 3:
			add(int(lens[0]), 0, 1)
		case lens[0] != 0:
			add(repeatLast, min(left, 6)-3, min(left, 6))
		case left <= 10:
			add(repeatZero, left-3, left)
		default:
			add(repeatZeros, min(left, 138)-11, min(left, 138))
		}
	}
	return n
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
		n := uint(cl.lens[s])
		w.put(uint64(cl.codes[s])|uint64(h.extra[i])<<n, n+repeatBits(s))
	}
}
