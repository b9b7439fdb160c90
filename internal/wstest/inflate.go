package wstest

import (
	"errors"
	"fmt"
)

// ErrBadDeflate is wrapped by the errors of an [Inflater].
var ErrBadDeflate = errors.New("wstest: bad compressed data")

// maxInflated bounds what one message may inflate to.
const maxInflated = 256 << 20

// deflateTail is what a sender cuts off the end of each message (RFC 7692
// section 7.2.1).
const deflateTail = "\x00\x00\xff\xff"

// Inflater inflates the messages of one direction of a connection (RFC 7692
// section 7.2.2). It is written for judging: it knows how far back each copy
// reaches and refuses what the negotiated window does not hold.
type Inflater struct {
	// MaxDistance is the longest distance met so far, in bytes.
	MaxDistance int

	window   int
	takeover bool
	history  []byte // the last window bytes of the messages before
}

// NewInflater returns an Inflater for a window of 2^bits bytes, bits 8 to 15.
// Without takeover each message stands alone.
func NewInflater(bits int, takeover bool) *Inflater {
	return &Inflater{window: 1 << bits, takeover: takeover}
}

// Inflate returns the message that payload is the compressed form of.
func (z *Inflater) Inflate(payload []byte) ([]byte, error) {
	d := &decoder{
		bits:   bitReader{in: append(payload[:len(payload):len(payload)], deflateTail...)},
		out:    append([]byte(nil), z.history...),
		window: z.window,
	}
	start := len(d.out)
	if err := d.message(); err != nil {
		return nil, err
	}
	z.MaxDistance = max(z.MaxDistance, d.farthest)
	if z.takeover {
		z.history = append(z.history[:0], d.out[max(0, len(d.out)-z.window):]...)
	}
	return d.out[start:], nil
}

// decoder decodes the blocks of one message (RFC 1951 section 3.2).
type decoder struct {
	bits     bitReader
	out      []byte // history and then the message
	window   int
	farthest int
}

// message runs to the end of the input, which must be the end of a block. A
// block marked as final ends at a byte boundary and is not the end of the
// message (RFC 7692 section 7.2.3.4).
func (d *decoder) message() error {
	for !d.bits.empty() {
		final := d.bits.take(1) == 1
		if err := d.block(d.bits.take(2)); err != nil {
			return err
		}
		if d.bits.short {
			return fmt.Errorf("%w: truncated", ErrBadDeflate)
		}
		if final {
			d.bits.align()
		}
	}
	return nil
}

func (d *decoder) block(kind uint) error {
	switch kind {
	case 0:
		return d.stored()
	case 1:
		return d.compressed(fixedLiterals, fixedDistances)
	case 2:
		literals, distances, err := d.codes()
		if err != nil {
			return err
		}
		return d.compressed(literals, distances)
	}
	return fmt.Errorf("%w: block type 3", ErrBadDeflate)
}

func (d *decoder) stored() error {
	d.bits.align()
	n, inverse := d.bits.take(16), d.bits.take(16)
	if n != inverse^0xffff {
		return fmt.Errorf("%w: stored length %#x, %#x", ErrBadDeflate, n, inverse)
	}
	d.out = append(d.out, d.bits.bytes(int(n))...)
	return nil
}

// lengthCodes and distanceCodes are the tables of RFC 1951 section 3.2.5.
var (
	lengthCodes   = rangeCodes(3, []int{8, 4, 4, 4, 4, 4})
	distanceCodes = rangeCodes(1, []int{4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2})
)

// rangeCode stands for the values from base on that extra bits choose from.
type rangeCode struct {
	base  int
	extra uint
}

// rangeCodes lists the codes for values from first on; counts[i] of them have i
// extra bits.
func rangeCodes(first int, counts []int) []rangeCode {
	var codes []rangeCode
	for extra, count := range counts {
		for range count {
			codes = append(codes, rangeCode{first, uint(extra)})
			first += 1 << extra
		}
	}
	return codes
}

// length is the meaning of a literal/length symbol over 256. The last one
// breaks the pattern: it has no extra bits.
func (d *decoder) length(symbol int) (int, error) {
	if symbol == 285 {
		return 258, nil
	}
	if symbol-257 >= len(lengthCodes) {
		return 0, fmt.Errorf("%w: length symbol %d", ErrBadDeflate, symbol)
	}
	c := lengthCodes[symbol-257]
	return c.base + int(d.bits.take(c.extra)), nil
}

func (d *decoder) compressed(literals, distances *prefixCode) error {
	for !d.bits.short {
		symbol, err := literals.decode(&d.bits)
		switch {
		case err != nil:
			return err
		case symbol < 256:
			d.out = append(d.out, byte(symbol))
		case symbol == 256:
			return nil
		default:
			if err := d.copy(symbol, distances); err != nil {
				return err
			}
		}
		if len(d.out) > maxInflated {
			return fmt.Errorf("%w: more than %d bytes", ErrBadDeflate, maxInflated)
		}
	}
	return nil
}

func (d *decoder) copy(symbol int, distances *prefixCode) error {
	length, err := d.length(symbol)
	if err != nil {
		return err
	}
	symbol, err = distances.decode(&d.bits)
	if err != nil {
		return err
	}
	if symbol >= len(distanceCodes) {
		return fmt.Errorf("%w: distance symbol %d", ErrBadDeflate, symbol)
	}
	c := distanceCodes[symbol]
	distance := c.base + int(d.bits.take(c.extra))
	if distance > d.window || distance > len(d.out) {
		return fmt.Errorf("%w: distance %d with a window of %d and %d bytes before it",
			ErrBadDeflate, distance, d.window, len(d.out))
	}
	d.farthest = max(d.farthest, distance)
	for range length {
		d.out = append(d.out, d.out[len(d.out)-distance])
	}
	return nil
}

// codeOrder is the order in which the lengths of the code length code come
// (RFC 1951 section 3.2.7).
var codeOrder = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codes reads the two codes of a dynamic block.
func (d *decoder) codes() (literals, distances *prefixCode, err error) {
	nLiterals, nDistances := int(d.bits.take(5))+257, int(d.bits.take(5))+1
	var order [19]int
	for _, at := range codeOrder[:d.bits.take(4)+4] {
		order[at] = int(d.bits.take(3))
	}
	lengths, err := newPrefixCode(order[:])
	if err != nil {
		return nil, nil, err
	}
	all, err := d.codeLengths(lengths, nLiterals+nDistances)
	if err != nil {
		return nil, nil, err
	}
	if all[256] == 0 {
		return nil, nil, fmt.Errorf("%w: no code for the end of the block", ErrBadDeflate)
	}
	if literals, err = newPrefixCode(all[:nLiterals]); err != nil {
		return nil, nil, err
	}
	distances, err = newPrefixCode(all[nLiterals:])
	return literals, distances, err
}

func (d *decoder) codeLengths(code *prefixCode, count int) ([]int, error) {
	all := make([]int, 0, count)
	for len(all) < count && !d.bits.short {
		symbol, err := code.decode(&d.bits)
		if err != nil {
			return nil, err
		}
		value, times := symbol, 1
		switch symbol {
		case 16:
			if len(all) == 0 {
				return nil, fmt.Errorf("%w: nothing to repeat", ErrBadDeflate)
			}
			value, times = all[len(all)-1], 3+int(d.bits.take(2))
		case 17:
			value, times = 0, 3+int(d.bits.take(3))
		case 18:
			value, times = 0, 11+int(d.bits.take(7))
		}
		for range times {
			all = append(all, value)
		}
	}
	if len(all) != count {
		return nil, fmt.Errorf("%w: %d code lengths, not %d", ErrBadDeflate, len(all), count)
	}
	return all, nil
}
