package deflate

import "math/bits"

// codeWords are the words of a code in the order of RFC 1951 section 3.2.2: by
// length, and by symbol where the length is the same.
type codeWords struct {
	symbols [len(fixedLens)]uint16 // one for each word
	end     [maxCodeLen + 1]int    // of each length in symbols
	first   [maxCodeLen + 1]int    // word of each length
}

// sort takes the lengths of the code by symbol. It is false if the code is
// over-subscribed or incomplete. Two incomplete ones are taken, because they are
// how a block says that it has one distance or none: a single word of one bit,
// and no word.
func (c *codeWords) sort(lens []uint8) bool {
	var count, next [maxCodeLen + 1]int
	for _, n := range lens {
		count[n&maxCodeLen]++
	}
	count[0] = 0
	free := 1 // words of n bits that do not begin with another word
	for n := 1; n <= maxCodeLen; n++ {
		if free = 2*free - count[n]; free < 0 {
			return false
		}
		c.first[n] = 2 * (c.first[n-1] + count[n-1])
		next[n] = c.end[n-1]
		c.end[n] = c.end[n-1] + count[n]
	}
	if words := c.end[maxCodeLen]; free > 0 && words > 0 && (words > 1 || count[1] == 0) {
		return false
	}
	for s, n := range lens {
		if n > 0 {
			c.symbols[next[n&maxCodeLen]] = uint16(s)
			next[n&maxCodeLen]++
		}
	}
	return true
}

// word is the one with index i in symbols, which has n bits, as it is sent: the
// first bit in the lowest place.
func (c *codeWords) word(i, n int) uint16 {
	return bits.Reverse16(uint16(c.first[n]+i-c.end[n-1])) >> (16 - n)
}
