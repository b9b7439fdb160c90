package deflate

// The types of blocks (RFC 1951 section 3.2.3), as the three bits that begin a
// block which is not the last.
const (
	storedBlock  = 0 << 1
	fixedBlock   = 1 << 1
	dynamicBlock = 2 << 1
)

// minDynamic is the number of tokens from which on it is worth the time to find
// out whether a code made for the block is shorter than the fixed one.
const minDynamic = 48

// writeBlock writes the tokens, which stand for plain, in the shortest of the
// three ways.
func (e *encoder) writeBlock(w *bitWriter, plain []byte) {
	extra := e.count()
	best := 3 + extra + cost(e.lit.freq, fixedLens[:]) + cost(e.dst.freq, fixedDistLens[:])
	dynamic := false
	if e.n >= minDynamic {
		e.lit.build()
		e.dst.build()
		e.header.plan(&e.lit, &e.dst, &e.cl)
		bits := 3 + e.header.bits + extra + cost(e.lit.freq, e.lit.lens) + cost(e.dst.freq, e.dst.lens)
		if bits < best {
			best, dynamic = bits, true
		}
	}
	if best >= 3+7+32+8*len(plain) {
		w.stored(plain)
		return
	}
	w.reserve(best)
	if dynamic {
		w.put(dynamicBlock, 3)
		e.header.write(w, &e.cl)
		e.writeTokens(w, e.lit.codes, e.lit.lens, e.dst.codes, e.dst.lens)
		return
	}
	w.put(fixedBlock, 3)
	e.writeTokens(w, fixedCodes[:], fixedLens[:], fixedDistCodes[:], fixedDistLens[:])
}

// count sets the frequencies of all symbols and returns how many extra bits
// there are.
func (e *encoder) count() (extra int) {
	clear(e.lit.freq)
	clear(e.dst.freq)
	e.lit.freq[endOfBlock] = 1
	for _, t := range e.tokens[:e.n] {
		if t < matchFlag {
			e.lit.freq[t]++
			continue
		}
		x := uint8(t >> 16)
		sym, bits := distSymbol(uint32(t & 0xffff))
		e.lit.freq[firstLength+int(lengthSymbols[x])]++
		e.dst.freq[sym]++
		extra += int(bits + lengthExtra(int(x)))
	}
	return extra
}

// writeTokens writes all tokens and the end of the block.
func (e *encoder) writeTokens(w *bitWriter, lit []uint16, litLens []uint8, dst []uint16, dstLens []uint8) {
	for _, t := range e.tokens[:e.n] {
		if t < matchFlag {
			w.put(uint64(lit[t]), uint(litLens[t]))
			continue
		}
		x := uint8(t >> 16)
		sym := firstLength + int(lengthSymbols[x])
		v, n := uint64(lit[sym]), uint(litLens[sym])
		bits := lengthExtra(int(x))
		v |= uint64(x) & (1<<bits - 1) << n
		n += bits

		d := uint32(t & 0xffff)
		dsym, bits := distSymbol(d)
		v |= uint64(dst[dsym]) << n
		n += uint(dstLens[dsym])
		v |= uint64(d) & (1<<bits - 1) << n
		w.put(v, n+bits)
	}
	w.put(uint64(lit[endOfBlock]), uint(litLens[endOfBlock]))
}
