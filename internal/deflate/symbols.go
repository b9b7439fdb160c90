package deflate

import "math/bits"

// The symbols of RFC 1951 section 3.2.5. A length or distance is a symbol and
// some extra bits.
const (
	endOfBlock  = 256
	firstLength = 257
	lastLength  = 285 // length 258, no extra bits
)

// lengthSymbols has the symbol of each length - 3, counted from firstLength.
var lengthSymbols = func() (t [256]uint8) {
	for x := range t {
		t[x] = uint8(x)
		if e := lengthExtra(x); e > 0 {
			t[x] = uint8(4*e + 4 + uint(x)>>e&3)
		}
	}
	t[255] = lastLength - firstLength
	return t
}()

// lengthBits is lengthExtra of each length - 3.
var lengthBits = func() (t [256]uint8) {
	for x := range t {
		t[x] = uint8(lengthExtra(x))
	}
	return t
}()

// lengthExtra is the number of extra bits of the length x + 3.
func lengthExtra(x int) uint {
	if x < 8 || x == 255 {
		return 0
	}
	return uint(bits.Len8(uint8(x))) - 3
}

// distSymbol is the symbol of the distance x + 1, with the number of extra bits.
// Those are the lowest of x.
func distSymbol(x uint32) (sym, extra uint) {
	if x < 4 {
		return uint(x), 0
	}
	extra = uint(bits.Len32(x)) - 2
	return 2*extra + 2 + uint(x)>>extra&1, extra
}

// distExtra is the number of extra bits of a symbol.
func distExtra(sym uint8) uint { return max(uint(sym)>>1, 1) - 1 }

// The fixed code of RFC 1951 section 3.2.6. Its distances are five bits. The last
// two symbols of both have words but no meaning.
var (
	fixedLens  [288]uint8
	fixedWords [288]word

	fixedDistLens  [32]uint8
	fixedDistWords [32]word
)

func init() {
	var all [288]uint16
	for s := range fixedLens {
		all[s] = uint16(s)
		switch {
		case s < 144:
			fixedLens[s] = 8
		case s < 256:
			fixedLens[s] = 9
		case s < 280:
			fixedLens[s] = 7
		default:
			fixedLens[s] = 8
		}
	}
	assignWords(fixedWords[:], fixedLens[:], all[:])
	for s := range fixedDistLens {
		fixedDistLens[s] = 5
	}
	assignWords(fixedDistWords[:], fixedDistLens[:], all[:len(fixedDistLens)])
}
