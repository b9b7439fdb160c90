package deflate

// A handmade message is made of symbols, with codes that may be wrong.
type handmade struct {
	w           bitWriter
	lit, dist   []uint16 // words
	lits, dists []uint8  // their lengths
}

// lengths are those of some words of a code, by symbol.
type lengths map[int]uint8

func lengthsOf(code []uint8) lengths {
	l := make(lengths)
	for s, n := range code {
		if n > 0 {
			l[s] = n
		}
	}
	return l
}

// dynamic begins a dynamic block with these codes, right or wrong.
func dynamic(lit, dist lengths) *handmade {
	e := newEncoder()
	clear(e.lit.lens)
	clear(e.dst.lens)
	for s, n := range lit {
		e.lit.lens[s] = n
	}
	for s, n := range dist {
		e.dst.lens[s] = n
	}
	b := &handmade{lit: make([]uint16, numLit), dist: make([]uint16, numDist), lits: e.lit.lens, dists: e.dst.lens}
	assignCodes(b.lit, b.lits)
	assignCodes(b.dist, b.dists)
	e.header.plan(&e.lit, &e.dst, &e.cl)
	b.bits(dynamicBlock, 3)
	b.w.reserve(e.header.bits)
	e.header.write(&b.w, &e.cl)
	return b
}

func (b *handmade) symbols(syms ...int) *handmade {
	for _, s := range syms {
		b.bits(uint64(b.lit[s]), uint(b.lits[s]))
	}
	return b
}

func (b *handmade) distance(sym int) *handmade {
	b.bits(uint64(b.dist[sym]), uint(b.dists[sym]))
	return b
}

func (b *handmade) bits(v uint64, n uint) *handmade {
	b.w.reserve(int(n))
	b.w.put(v, n)
	return b
}

func (b *handmade) wire() []byte { return b.w.sync() }

// fixed begins a block of the fixed code.
func fixed() *handmade {
	b := &handmade{lit: fixedCodes[:], dist: fixedDistCodes[:], lits: fixedLens[:], dists: fixedDistLens[:]}
	b.bits(fixedBlock, 3)
	return b
}

// rawHeader begins a dynamic block with any number of lengths, and with any third
// code to say them in.
func rawHeader(nLit, nDist uint64, cl lengths) *handmade {
	b := new(handmade)
	b.bits(dynamicBlock, 3)
	b.bits((nLit-257)|(nDist-1)<<5|15<<10, 14)
	for _, s := range clOrder {
		b.bits(uint64(cl[int(s)]), 3)
	}
	return b
}

// header writes code lengths with the third code that rawHeader was given, each
// with its extra bits.
func (b *handmade) header(cl lengths, syms ...[2]int) *handmade {
	lens, words := make([]uint8, numCL), make([]uint16, numCL)
	for s, n := range cl {
		lens[s] = n
	}
	assignCodes(words, lens)
	for _, s := range syms {
		b.bits(uint64(words[s[0]]), uint(lens[s[0]]))
		b.bits(uint64(s[1]), repeatBits(uint8(s[0])))
	}
	return b
}

// stored are stored blocks, of which the last begins with head.
func stored(head byte, p []byte) (wire []byte) {
	for len(p) > 30000 {
		wire = append(wire, stored(0, p[:30000])...)
		p = p[30000:]
	}
	n := len(p)
	return append(append(wire, head, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8)), p...)
}

// zeros are many words of one bit.
func (b *handmade) zeros(n int) *handmade {
	for range n {
		b.bits(0, 1)
	}
	return b
}
