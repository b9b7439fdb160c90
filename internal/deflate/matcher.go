package deflate

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashBits = 12
	minMatch = 4 // the format has 3; those hardly pay
	maxMatch = 258
)

// plaintext is what may be referred to, and behind it the block. With the positions
// that 16 bits can have, and 8 bytes more, loads need no bounds check.
type plaintext [1<<16 + 8]byte

func (p *plaintext) load32(i int) uint32 {
	return binary.LittleEndian.Uint32(p[uint16(i) : int(uint16(i))+4])
}

func (p *plaintext) load64(i int) uint64 {
	return binary.LittleEndian.Uint64(p[uint16(i) : int(uint16(i))+8])
}

// A sequence is some literals and a match behind them.
type sequence struct {
	literals uint16
	distance uint16 // - 1
	length   uint8  // - 3
	distSym  uint8
}

// A matcher finds repetitions (LZ77), greedily, with one candidate for each
// hash of five bytes.
type matcher struct {
	buf plaintext

	// sequences are those of a block, and one more with the literals behind them.
	sequences [maxBlock/minMatch + 1]sequence
	n         int // sequences with a match
	tokens    int // literals and matches
	extra     int // bits that are not in code words

	// table has the last position of each hash. Zero also means "none": the
	// bytes are compared in any case.
	table [1 << hashBits]uint16
}

func hash(v uint64) uint32 { return uint32(v << 24 * 0x9e3779b185ebca87 >> (64 - hashBits)) }

// prime enters every third position before start.
func (m *matcher) prime(start int) {
	clear(m.table[:])
	for i := 0; i < start; i += 6 {
		v := m.buf.load64(i)
		m.table[hash(v)] = uint16(i)
		m.table[hash(v>>24)] = uint16(i + 3)
	}
}

// tokenize splits buf[start:end] into literals and matches and counts their symbols.
// Matches may begin in buf[:start] and are at most maxDist away.
func (e *encoder) tokenize(start, end, maxDist int) {
	m, buf := &e.matcher, &e.buf
	clear(buf[end : end+8]) // what is hashed depends on nothing else
	m.prime(start)
	m.n, m.tokens, m.extra = 0, 0, 0
	clear(e.lit.freq[:])
	clear(e.dst.freq[:])
	e.lit.freq[endOfBlock] = 1
	emitted, pos := start, start
	for limit := end - minMatch + 1; pos < limit; {
		v := buf.load64(pos)
		at := &m.table[hash(v)]
		cand := int(*at)
		*at = uint16(pos)
		if buf.load32(cand) != uint32(v) || uint(pos-cand-1) >= uint(maxDist) {
			// The longer nothing matched, the larger the steps.
			pos += 1 + (pos-emitted)>>5
			continue
		}
		n := minMatch + buf.same(cand+minMatch, pos+minMatch, min(maxMatch, end-pos)-minMatch)
		for back := 8; back == 8 && cand >= 8; { // seldom more than once
			x := buf.load64(cand-8) ^ buf.load64(pos-8)
			back = min(bits.LeadingZeros64(x)>>3, pos-emitted, maxMatch-n)
			cand, pos, n = cand-back, pos-back, n+back
		}
		e.countLiterals(emitted, pos)
		e.addMatch(pos-emitted, n, pos-cand)
		// Some of its positions are enough.
		v = buf.load64(pos + 1)
		m.table[hash(v)] = uint16(pos + 1)
		m.table[hash(v>>16)] = uint16(pos + 3)
		m.table[hash(buf.load64(pos+n-2))] = uint16(pos + n - 2)
		pos += n
		emitted = pos
	}
	e.countLiterals(emitted, end)
	m.sequences[m.n].literals = uint16(end - emitted)
	m.tokens += end - emitted
}

// countLiterals takes four at once: most runs are short, and of any length.
func (e *encoder) countLiterals(from, to int) {
	lit := &e.lit.freq
	for n := to - from; n > 0; n -= 4 {
		four := e.buf.load32(from)
		lit[four&0xff]++
		lit[four>>8&0xff] += uint16(uint32(1-n) >> 31)
		lit[four>>16&0xff] += uint16(uint32(2-n) >> 31)
		lit[four>>24] += uint16(uint32(3-n) >> 31)
		from += 4
	}
}

func (e *encoder) addMatch(literals, length, distance int) {
	m := &e.matcher
	x, d := uint8(length-3), uint32(distance-1)
	sym, extra := distSymbol(d)
	e.lit.freq[firstLength+int(lengthSymbols[x])]++
	e.dst.freq[sym&31]++
	m.extra += int(extra) + int(lengthBits[x])
	m.sequences[m.n] = sequence{literals: uint16(literals), distance: uint16(d), length: x, distSym: uint8(sym)}
	m.n++
	m.tokens += literals + 1
}

// same is how many bytes at a and b are the same, at most n.
func (p *plaintext) same(a, b, n int) int {
	for i := 0; i < n; i += 8 {
		if x := p.load64(a+i) ^ p.load64(b+i); x != 0 {
			return min(n, i+bits.TrailingZeros64(x)>>3)
		}
	}
	return n
}
