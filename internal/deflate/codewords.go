package deflate

import "math/bits"

// codeWords are the words of a code in the order of RFC 1951 section 3.2.2: by
// length, and by symbol where the length is the same. They are scratch memory: sort
// sets all that is read.
type codeWords struct {
	symbols [len(fixedLens)]uint16 // one for each word
	end     [maxCodeLen + 1]int    // of each length in symbols
	first   [maxCodeLen + 1]int    // word of each length
	longest int                    // length; 0 = no words

	used [len(fixedLens)]uint16 // symbols with a word, in order
}

// sort takes the lengths of the code by symbol. It is false if the code is
// over-subscribed or incomplete. Two incomplete ones are taken, because they are
// how a block says that it has one distance or none: a single word of one bit,
// and no word.
func (c *codeWords) sort(lens []uint8) bool {
	used := c.findUsed(lens)
	var count, next [maxCodeLen + 1]int
	for _, s := range used {
		count[lens[s]&maxCodeLen]++
	}
	free := 1 // words of n bits that do not begin with another word
	first, end := 0, 0
	c.longest = 0
	for n := 1; n <= maxCodeLen; n++ {
		if free = 2*free - count[n]; free < 0 {
			return false
		}
		next[n] = end
		end += count[n]
		c.first[n], c.end[n] = first, end
		first = 2 * (first + count[n])
		if count[n] > 0 {
			c.longest = n
		}
	}
	if free > 0 && end > 0 && (end > 1 || count[1] == 0) {
		return false
	}
	for _, s := range used {
		at := &next[lens[s]&maxCodeLen]
		c.symbols[*at] = s
		*at++
	}
	return true
}

// findUsed passes quickly over symbols without a word: most have none.
func (c *codeWords) findUsed(lens []uint8) []uint16 {
	n, s := 0, 0
	for ; s+8 <= len(lens); s += 8 {
		eight := load64(lens, s)
		for i := s; eight != 0; i++ {
			c.used[n] = uint16(i)
			if eight&0xff > 0 { // no branch
				n++
			}
			eight >>= 8
		}
	}
	for ; s < len(lens); s++ {
		if lens[s] > 0 {
			c.used[n] = uint16(s)
			n++
		}
	}
	return c.used[:n]
}

// word is the one with index i in symbols, which has n bits, as it is sent: the
// first bit in the lowest place.
func (c *codeWords) word(i, n int) uint16 {
	return bits.Reverse16(uint16(c.first[n]+i-c.end[n-1])) >> (16 - n)
}
