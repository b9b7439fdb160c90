package deflate

// A handmade message is made of symbols, with codes that may be wrong.
type handmade struct {
	w         bitWriter
	lit, dist []word
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

// set makes the code one with these lengths.
func (h *huffman) set(lens lengths) {
	clear(h.lens[:])
	h.used = h.used[:0]
	for s := range h.lens {
		if n := lens[s]; n > 0 {
			h.lens[s], h.used = n, append(h.used, uint16(s))
		}
	}
}

// wordsOf are the words of a code by symbol.
func wordsOf(lens []uint8) []word {
	words, used := make([]word, len(lens)), []uint16(nil)
	for s, n := range lens {
		if n > 0 {
			used = append(used, uint16(s))
		}
	}
	assignWords(words, lens, used)
	return words
}

// dynamic begins a dynamic block with these codes, right or wrong.
func dynamic(lit, dist lengths) *handmade {
	e := newEncoder()
	e.lit.set(lit)
	e.dst.set(dist)
	b := &handmade{lit: wordsOf(e.lit.lens[:]), dist: wordsOf(e.dst.lens[:])}
	e.header.plan(&e.lit, &e.dst, &e.cl)
	b.bits(dynamicBlock, 3)
	b.w.reserve(e.header.bits)
	e.header.write(&b.w, &e.cl)
	return b
}

func (b *handmade) symbols(syms ...int) *handmade {
	for _, s := range syms {
		b.bits(b.lit[s].code(), b.lit[s].bits())
	}
	return b
}

func (b *handmade) distance(sym int) *handmade {
	b.bits(b.dist[sym].code(), b.dist[sym].bits())
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
	b := &handmade{lit: fixedWords[:], dist: fixedDistWords[:]}
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
	lens := make([]uint8, numCL)
	for s, n := range cl {
		lens[s] = n
	}
	words := wordsOf(lens)
	for _, s := range syms {
		b.bits(words[s[0]].code(), words[s[0]].bits())
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
