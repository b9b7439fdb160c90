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

// A token is a literal byte, or a match: the flag, length - 3 from bit 16,
// distance - 1 below.
type token uint32

const matchFlag token = 1 << 31

// A matcher finds repetitions (LZ77), greedily, with one candidate for each
// hash of four bytes.
type matcher struct {
	tokens [maxBlock]token
	n      int // tokens in use

	// table has the last position of each hash. Zero also means "none": the
	// bytes are compared in any case.
	table [1 << hashBits]uint16
}

func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

func hash(v uint32) uint32 { return v * 0x9e3779b1 >> (32 - hashBits) }

// prime enters the positions before start.
func (m *matcher) prime(buf []byte, start int) {
	m.n = 0
	clear(m.table[:])
	i := 0
	for ; i+4 <= start && i+8 <= len(buf); i += 4 {
		v := load64(buf, i)
		m.table[hash(uint32(v))] = uint16(i)
		m.table[hash(uint32(v>>8))] = uint16(i + 1)
		m.table[hash(uint32(v>>16))] = uint16(i + 2)
		m.table[hash(uint32(v>>24))] = uint16(i + 3)
	}
	for ; i < start && i+minMatch <= len(buf); i++ {
		m.table[hash(load32(buf, i))] = uint16(i)
	}
}

// tokenize splits buf[start:] into tokens. Matches may begin in buf[:start] and
// are at most maxDist away.
func (m *matcher) tokenize(buf []byte, start, maxDist int) {
	m.prime(buf, start)
	emitted, pos := start, start
	for limit := len(buf) - minMatch + 1; pos < limit; {
		v := load32(buf, pos)
		h := hash(v)
		cand := int(m.table[h])
		m.table[h] = uint16(pos)
		if load32(buf, cand) != v || uint(pos-cand-1) >= uint(maxDist) {
			// The longer nothing matched, the larger the steps.
			pos += 1 + (pos-emitted)>>5
			continue
		}
		n := minMatch + matchLen(buf[cand+minMatch:], buf[pos+minMatch:], maxMatch-minMatch)
		for n < maxMatch && cand > 0 && pos > emitted && buf[cand-1] == buf[pos-1] {
			cand, pos, n = cand-1, pos-1, n+1
		}
		m.literals(buf[emitted:pos])
		m.tokens[m.n] = matchFlag | token(n-3)<<16 | token(pos-cand-1)
		m.n++
		m.enter(buf, pos+1, min(pos+n, limit))
		pos += n
		emitted = pos
	}
	m.literals(buf[emitted:])
}

// enter adds every second position of a match.
func (m *matcher) enter(buf []byte, from, to int) {
	for ; from < to; from += 2 {
		m.table[hash(load32(buf, from))] = uint16(from)
	}
}

func (m *matcher) literals(p []byte) {
	to := m.tokens[m.n : m.n+len(p)]
	for i, c := range p {
		to[i] = token(c)
	}
	m.n += len(p)
}

// matchLen is how many bytes a and b have in common, at most n. b is the later
// one and may be shorter.
func matchLen(a, b []byte, n int) int {
	n = min(n, len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := load64(a, i) ^ load64(b, i); x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
