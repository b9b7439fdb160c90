package deflate

// An entry says what a code word means:
//
//	bits 0 to 7    how many bits are consumed: the word and its extra bits
//	bits 8 to 11   how many of these are the word
//	bits 12 to 15  a flag, or none for a number with extra bits
//	bits 16 to 31  the literal byte, or the number if all extra bits are zero
type entry uint32

const (
	badEntry     entry = 1 << 12 // not a word of the code, or one without a meaning
	longEntry    entry = 1 << 13 // bits 0 to 7 more decide; the value is an index of codeTable.long
	endEntry     entry = 1 << 14 // the end of the block
	literalEntry entry = 1 << 15

	lastEntry = endEntry // in the third code: the length before is repeated
)

// wordBit is added once for each bit of the word.
const wordBit entry = 1<<8 + 1

func (e entry) bits() uint { return uint(e & 63) }

// value is the number whose word and extra bits acc begins with.
func (e entry) value(acc uint64) int {
	return int(e>>16) + int(acc&(1<<e.bits()-1)>>(e>>8&15))
}

// The symbols of RFC 1951 sections 3.2.5 and 3.2.7 without their words.
var (
	litEntries  = litSymbols()
	distEntries = distSymbols()
	clEntries   = clSymbols()
)

func litSymbols() (t [len(fixedLens)]entry) {
	for s := range t {
		switch {
		case s < endOfBlock:
			t[s] = literalEntry | entry(s)<<16
		case s == endOfBlock:
			t[s] = endEntry
		case s < lastLength:
			t[s] = number(3, s-firstLength, 4)
		case s == lastLength:
			t[s] = maxMatch << 16
		default:
			t[s] = badEntry // has a word in the fixed code
		}
	}
	return t
}

func distSymbols() (t [len(fixedDistLens)]entry) {
	for s := range t {
		t[s] = badEntry
		if s < numDist {
			t[s] = number(1, s, 2)
		}
	}
	return t
}

// number is symbol i of those that stand for the numbers from first on. There
// are no extra bits in the first two groups, and one more in each that follows.
func number(first, i, group int) entry {
	if i < 2*group {
		return entry(first+i) << 16
	}
	extra := i/group - 1
	return entry(first+(group+i%group)<<extra)<<16 | entry(extra)
}

// clSymbols are lengths of words, as literals, and how often one is repeated.
func clSymbols() (t [numCL]entry) {
	for s := range t {
		t[s] = literalEntry | entry(s)<<16
	}
	t[repeatLast] = lastEntry | 3<<16 | entry(repeatBits(repeatLast))
	t[repeatZero] = 3<<16 | entry(repeatBits(repeatZero))
	t[repeatZeros] = 11<<16 | entry(repeatBits(repeatZeros))
	return t
}
