package deflate

import "fmt"

var (
	errCounts = fmt.Errorf("%w: too many code words", ErrCorrupt)
	errRepeat = fmt.Errorf("%w: repeated length of a code word", ErrCorrupt)
	errCode   = fmt.Errorf("%w: over-subscribed or incomplete code", ErrCorrupt)
	errNoEnd  = fmt.Errorf("%w: block without an end", ErrCorrupt)
)

// A codeHeader is what a decoder knows of the codes of a dynamic block (RFC 1951
// section 3.2.7).
type codeHeader struct {
	nLit, nDist, nCL int // how many lengths are sent
	known            int // how many of them are known

	clLens [numCL]uint8
	lens   [numLit + numDist]uint8 // of both codes, one behind the other

	words     codeWords
	litTable  codeTable
	distTable codeTable // the third code's until lens is known
}

func (d *decoder) counts() error {
	if !d.need(5 + 5 + 4) {
		return errInput
	}
	d.nLit, d.nDist, d.nCL = firstLength+int(d.take(5)), 1+int(d.take(5)), 4+int(d.take(4))
	if d.nLit > numLit || d.nDist > numDist {
		return errCounts
	}
	clear(d.clLens[:])
	d.known, d.at = 0, inCLLens
	return nil
}

func (d *decoder) clLengths() error {
	for ; d.known < d.nCL; d.known++ {
		if !d.need(3) {
			return errInput
		}
		d.clLens[clOrder[d.known]] = uint8(d.take(3))
	}
	if !d.distTable.build(&d.words, d.clLens[:], clEntries[:]) {
		return errCode
	}
	d.known, d.at = 0, inLens
	return nil
}

func (d *decoder) lengths() error {
	lens := d.lens[:d.nLit+d.nDist]
	for d.known < len(lens) {
		if d.n < maxCLLen+7 {
			d.fill()
		}
		acc, n := d.acc, d.n
		e := d.distTable.find(acc)
		for ; e&literalEntry != 0 && e.bits() <= n && d.known < len(lens); d.known++ {
			lens[d.known] = uint8(e >> 16)
			acc, n = acc>>(e.bits()&63), n-e.bits()
			e = d.distTable.find(acc)
		}
		d.acc, d.n = acc, n
		switch {
		case d.known == len(lens):
		case e.bits() > n:
			if len(d.in) == 0 {
				return errInput
			}
		case e&badEntry != 0:
			return errWord
		case !d.repeatLength(lens, e.value(d.take(e.bits())), e&lastEntry != 0):
			return errRepeat
		}
	}
	return d.build(lens)
}

// repeatLength sets the next n lengths, to the last one or to zero.
func (d *decoder) repeatLength(lens []uint8, n int, last bool) bool {
	if n > len(lens)-d.known || last && d.known == 0 {
		return false
	}
	run := lens[d.known : d.known+n]
	clear(run)
	if last {
		for i := range run {
			run[i] = lens[d.known-1]
		}
	}
	d.known += n
	return true
}

// build makes the tables, now that all lengths are known.
func (d *decoder) build(lens []uint8) error {
	switch {
	case lens[endOfBlock] == 0:
		return errNoEnd
	case !d.litTable.build(&d.words, lens[:d.nLit], litEntries[:]), !d.distTable.build(&d.words, lens[d.nLit:], distEntries[:]):
		return errCode
	}
	d.lit, d.dist, d.at = &d.litTable, &d.distTable, inSymbols
	return nil
}
