package wstest

import (
	"fmt"
	"math/bits"
)

// bitReader takes bits from the low end of each byte.
type bitReader struct {
	in    []byte
	hold  uint64 // bits taken from in and not yet used
	count uint   // how many
	short bool   // more was asked for than there is
}

// peek returns the next n bits, n at most 32; past the end they are zero.
func (b *bitReader) peek(n uint) uint {
	for b.count < n && len(b.in) > 0 {
		b.hold |= uint64(b.in[0]) << b.count
		b.in, b.count = b.in[1:], b.count+8
	}
	return uint(b.hold & (1<<n - 1))
}

func (b *bitReader) take(n uint) uint {
	v := b.peek(n)
	b.skip(n)
	return v
}

// skip drops n bits that were peeked at.
func (b *bitReader) skip(n uint) {
	if n > b.count {
		b.short, n = true, b.count
	}
	b.hold >>= n
	b.count -= n
}

// align goes on at the next byte boundary.
func (b *bitReader) align() { b.skip(b.count % 8) }

// bytes takes n whole bytes. It comes after align and the 32 bits of a stored
// length, of which peek has left nothing over.
func (b *bitReader) bytes(n int) []byte {
	if n > len(b.in) {
		b.short, n = true, len(b.in)
	}
	p := b.in[:n]
	b.in = b.in[n:]
	return p
}

// empty tells whether all bits have been taken.
func (b *bitReader) empty() bool { return b.count == 0 && len(b.in) == 0 }

// prefixCode decodes a canonical prefix code (RFC 1951 section 3.2.2).
type prefixCode struct {
	longest uint
	table   []prefixEntry // by the next longest bits
}

type prefixEntry struct {
	symbol uint16
	length uint8 // 0: no such code
}

// newPrefixCode makes the code whose symbol i has lengths[i] bits, 0 for none.
// A code must use all bit patterns, save the one with at most one symbol.
func newPrefixCode(lengths []int) (*prefixCode, error) {
	var count, next [17]int
	used, longest := 0, 1
	for _, n := range lengths {
		if n > 0 {
			count[n]++
			used++
			longest = max(longest, n)
		}
	}
	code := 0
	for n := 1; n <= longest; n++ {
		next[n] = code
		code = (code + count[n]) << 1
	}
	full := code == 2<<longest
	if !full && (used > 1 || longest > 1) {
		return nil, fmt.Errorf("%w: code lengths do not fit", ErrBadDeflate)
	}
	c := &prefixCode{longest: uint(longest), table: make([]prefixEntry, 1<<longest)}
	for symbol, n := range lengths {
		if n > 0 {
			c.enter(symbol, n, next[n])
			next[n]++
		}
	}
	return c, nil
}

// enter fills every place of the table that begins with the n bits of code,
// which are sent highest first.
func (c *prefixCode) enter(symbol, n, code int) {
	low := int(bits.Reverse16(uint16(code)) >> (16 - n))
	for i := low; i < len(c.table); i += 1 << n {
		c.table[i] = prefixEntry{uint16(symbol), uint8(n)}
	}
}

func (c *prefixCode) decode(b *bitReader) (int, error) {
	e := c.table[b.peek(c.longest)]
	if e.length == 0 {
		return 0, fmt.Errorf("%w: no such code", ErrBadDeflate)
	}
	b.skip(uint(e.length))
	return int(e.symbol), nil
}

// The codes of fixed blocks (RFC 1951 section 3.2.6).
var (
	fixedLiterals  = mustPrefixCode(fixedLengths())
	fixedDistances = mustPrefixCode(repeat(nil, 5, 32))
)

// fixedLengths are the code lengths of the 288 literal and length symbols.
func fixedLengths() []int {
	lengths := repeat(nil, 8, 144)
	lengths = repeat(lengths, 9, 112)
	lengths = repeat(lengths, 7, 24)
	return repeat(lengths, 8, 8)
}

func repeat(dst []int, v, times int) []int {
	for range times {
		dst = append(dst, v)
	}
	return dst
}

func mustPrefixCode(lengths []int) *prefixCode {
	c, err := newPrefixCode(lengths)
	if err != nil {
		panic(err)
	}
	return c
}
