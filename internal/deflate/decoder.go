package deflate

import (
	"errors"
	"fmt"
	"sync"
)

// What a decoder says when it stops.
var (
	errInput = errors.New("all input is used up")
	errRoom  = errors.New("the ring is full")

	errBlockType = fmt.Errorf("%w: reserved block type", ErrCorrupt)
	errStored    = fmt.Errorf("%w: the lengths of a stored block differ", ErrCorrupt)
	errWord      = fmt.Errorf("%w: not a code word", ErrCorrupt)
	errDistance  = fmt.Errorf("%w: distance beyond the history", ErrCorrupt)
)

// A decoder inflates one message, as a whole or in pieces, into a ring that someone
// has to empty. It can stop before any bit: each step of it consumes all that it
// needs or nothing.
type decoder struct {
	bitReader
	ring
	codeHeader

	at    part
	final bool // the block says that it is the last
	ended bool // nothing has come since a final block
	keeps int  // how much history is left after a final block, in bytes

	stored           int // bytes of a stored block that are to come
	distance, length int // of the match that is under way

	lit, dist *codeTable // of the block

	received *window // of the connection that has borrowed it
	busy     bool    // a Stream is writing to it
}

// A part of the format is what a decoder is about to read.
type part uint8

const (
	atBlock   part = iota // the three bits that begin it
	atStored              // its length, twice
	inStored              // its bytes
	atCounts              // how many words the codes have
	inCLLens              // the third code
	inLens                // the other two
	inSymbols             // what they are for
)

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// fixedTables are the tables of the fixed code.
var fixedTables = sync.OnceValues(func() (lit, dist *codeTable) {
	lit, dist = new(codeTable), new(codeTable)
	lit.build(new(codeWords), fixedLens[:], litEntries[:])
	dist.build(new(codeWords), fixedDistLens[:], distEntries[:])
	return lit, dist
})

// borrowDecoder returns a decoder at the beginning of a message, which may refer
// to what was received. Behind a final block it may refer to as much, or without
// takeover to the message alone.
func borrowDecoder(received *window) *decoder {
	d := decoders.Get().(*decoder)
	d.bitReader = bitReader{}
	d.begin(received.buf)
	d.at, d.final, d.ended, d.length = atBlock, false, false, 0
	d.received, d.keeps = received, received.size
	if d.keeps == 0 {
		d.keeps = maxWindow
	}
	return d
}

func (d *decoder) giveBack() {
	d.received, d.in = nil, nil
	decoders.Put(d)
}

// run goes on until it has no input, no room or an error.
func (d *decoder) run() error {
	for {
		var err error
		switch d.at {
		case atBlock:
			err = d.block()
		case atStored:
			err = d.storedLength()
		case inStored:
			err = d.storedBytes()
		case atCounts:
			err = d.counts()
		case inCLLens:
			err = d.clLengths()
		case inLens:
			err = d.lengths()
		case inSymbols:
			err = d.symbols()
		}
		if err != nil {
			return err
		}
	}
}

// whole reports whether what came is a message. It has to end either behind a
// final block, or at the place where the four bytes that RFC 7692 section 7.2.1
// removes are the lengths of an empty stored block.
func (d *decoder) whole() bool {
	return d.n == 0 && (d.at == atBlock && d.ended || d.at == atStored && !d.final)
}

func (d *decoder) block() error {
	if !d.need(3) {
		return errInput
	}
	d.final, d.ended = d.take(1) == 1, false
	switch d.take(2) << 1 {
	case storedBlock:
		d.align()
		d.at = atStored
	case fixedBlock:
		d.lit, d.dist = fixedTables()
		d.at = inSymbols
	case dynamicBlock:
		d.at = atCounts
	default:
		return errBlockType
	}
	return nil
}

// endBlock is called behind the last symbol or byte. A final block ends with a
// whole byte, and may be followed by another block (RFC 7692 section 7.2.3.4).
func (d *decoder) endBlock() {
	d.at = atBlock
	if d.final {
		d.align()
		d.ended = true
		d.forget(d.keeps)
	}
}

func (d *decoder) storedLength() error {
	if !d.need(32) {
		return errInput
	}
	n, not := d.take(16), d.take(16)
	if n != not^0xffff {
		return errStored
	}
	d.stored, d.at = int(n), inStored
	return nil
}

func (d *decoder) storedBytes() error {
	for d.stored > 0 {
		n := min(d.stored, d.room())
		switch {
		case n == 0:
			return errRoom
		case d.n > 0: // whole bytes that were looked at already
			d.put(byte(d.take(8)))
			n = 1
		case len(d.in) == 0:
			return errInput
		default:
			n = copy(d.buf[d.pos:d.pos+n], d.in)
			d.in = d.in[n:]
			d.pos += n
		}
		d.stored -= n
	}
	d.endBlock()
	return nil
}
