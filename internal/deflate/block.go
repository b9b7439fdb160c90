package deflate

import "encoding/binary"

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

// writeBlock writes the block, which is buf[start:end], in the shortest of the
// three ways.
func (e *encoder) writeBlock(w *bitWriter, start, end int) {
	plain := e.buf[start:end]
	e.lit.findUsed()
	e.dst.findUsed()
	best := 3 + e.extra + e.lit.costIn(fixedLens[:]) + e.dst.costIn(fixedDistLens[:])
	dynamic := false
	if e.tokens >= minDynamic && !e.noise(len(plain)) {
		e.lit.build()
		e.dst.build()
		e.header.plan(&e.lit, &e.dst, &e.cl)
		if bits := 3 + e.header.bits + e.extra + e.lit.cost + e.dst.cost; bits < best {
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
		e.writeTokens(w, start, &e.lit.words, (*[len(fixedDistLens)]word)(e.dst.words[:]))
		return
	}
	w.put(fixedBlock, 3)
	e.writeTokens(w, start, &fixedWords, &fixedDistWords)
}

// noise reports whether the n bytes of the block are hardly repeated, and all of them
// about as frequent, so that no code would make them noticeably shorter.
func (e *encoder) noise(n int) bool {
	if e.tokens < n-n>>5 {
		return false
	}
	squares := 0 // bytes at random make n + n*n/256
	for _, s := range e.lit.used {
		squares += int(e.lit.freq[s]) * int(e.lit.freq[s])
	}
	return squares < n+n>>2+n*n/220
}

// writeTokens writes the literals and matches from position at on, and the end of
// the block.
func (e *encoder) writeTokens(w *bitWriter, at int, lit *[len(fixedLens)]word, dst *[len(fixedDistLens)]word) {
	acc, n, out, end := w.acc, w.n, w.out[:cap(w.out)], len(w.out)
	for i, s := range e.sequences[:e.n+1] {
		for r := int(s.literals); r > 0; r -= 4 { // four at once, as in countLiterals
			four := e.buf.load32(at + int(s.literals) - r)
			c0 := lit[four&0xff]
			c1 := lit[four>>8&0xff] & word(int32(1-r)>>31)
			c2 := lit[four>>16&0xff] & word(int32(2-r)>>31)
			c3 := lit[four>>24] & word(int32(3-r)>>31)
			acc |= c0.code() << (n & 63)
			n += c0.bits()
			acc |= c1.code() << (n & 63)
			n += c1.bits()
			acc |= c2.code() << (n & 63)
			n += c2.bits()
			acc |= c3.code() << (n & 63)
			n += c3.bits()
			binary.LittleEndian.PutUint64(out[end:], acc)
			end += int(n >> 3)
			acc >>= n &^ 7 & 63
			n &= 7
		}
		if i == e.n {
			break
		}
		at += int(s.literals) + int(s.length) + 3
		c, d := lit[firstLength+int(lengthSymbols[s.length]&31)], dst[s.distSym&31]
		extra := uint(lengthBits[s.length])
		acc |= c.code() << (n & 63)
		n += c.bits()
		acc |= uint64(s.length) & (1<<(extra&63) - 1) << (n & 63)
		n += extra
		extra = distExtra(s.distSym)
		acc |= d.code() << (n & 63)
		n += d.bits()
		acc |= uint64(s.distance) & (1<<(extra&63) - 1) << (n & 63)
		n += extra
		binary.LittleEndian.PutUint64(out[end:], acc)
		end += int(n >> 3)
		acc >>= n &^ 7 & 63
		n &= 7
	}
	w.out, w.acc, w.n = out[:end], acc, n
	w.put(lit[endOfBlock].code(), lit[endOfBlock].bits())
}
