package wstest

import (
	"bytes"
	"compress/flate"
	"math/bits"
)

// Deflater compresses the messages of one direction of a connection (RFC 7692
// section 7.2.1). With 15 bits it is the standard library; smaller windows,
// which that cannot keep, have an encoder of our own that uses them to the last
// byte.
type Deflater struct {
	window   int
	takeover bool
	history  []byte // the last window bytes of the messages before
	std      *flate.Writer
	stdOut   bytes.Buffer
}

// NewDeflater returns a Deflater for a window of 2^bits bytes, bits 8 to 15.
// Without takeover each message stands alone.
func NewDeflater(bits int, takeover bool) *Deflater {
	z := &Deflater{window: 1 << bits, takeover: takeover}
	if bits == 15 {
		z.std, _ = flate.NewWriter(&z.stdOut, flate.BestCompression) // fails for unknown levels only
	}
	return z
}

// Deflate returns the payload that stands for message p.
func (z *Deflater) Deflate(p []byte) []byte {
	if z.std != nil {
		return z.deflateStd(p)
	}
	var b BlockWriter
	z.encode(&b, p)
	if z.takeover {
		all := append(z.history, p...)
		z.history = append([]byte(nil), all[max(0, len(all)-z.window):]...)
	}
	return b.Payload()
}

// deflateStd writes into memory, where nothing fails.
func (z *Deflater) deflateStd(p []byte) []byte {
	z.stdOut.Reset()
	if !z.takeover {
		z.std.Reset(&z.stdOut)
	}
	z.std.Write(p)
	z.std.Flush()
	return bytes.Clone(bytes.TrimSuffix(z.stdOut.Bytes(), []byte(deflateTail)))
}

// minMatch and maxMatch bound the length of a copy (RFC 1951 section 3.2.5).
const minMatch, maxMatch = 3, 258

// encode writes p with copies from up to window bytes back, history included.
// It takes the farthest of the candidates that it looks at, since long
// distances are what a test wants.
func (z *Deflater) encode(b *BlockWriter, p []byte) {
	buf := append(z.history[:len(z.history):len(z.history)], p...)
	seen := make(map[[minMatch]byte][]int) // where three bytes occurred, ascending
	at := 0
	note := func(end int) {
		for ; at < end && at+minMatch <= len(buf); at++ {
			key := [minMatch]byte(buf[at:])
			seen[key] = append(seen[key], at)
		}
	}
	for i := len(z.history); i < len(buf); {
		note(i)
		length, from := 0, 0
		if i+minMatch <= len(buf) {
			key := [minMatch]byte(buf[i:])
			for len(seen[key]) > 0 && seen[key][0] < i-z.window {
				seen[key] = seen[key][1:]
			}
			if places := seen[key]; len(places) > 0 {
				from = places[0]
				length = matchLength(buf[from:], buf[i:])
			}
		}
		if length < minMatch {
			b.Literal(buf[i])
			i++
			continue
		}
		b.Match(length, i-from)
		i += length
	}
}

func matchLength(a, b []byte) int {
	n := 0
	for n < min(len(b), maxMatch) && a[n] == b[n] {
		n++
	}
	return n
}

// BlockWriter writes DEFLATE blocks by hand (RFC 1951 section 3.2), for payloads
// that no compressor makes. The zero value is ready.
type BlockWriter struct {
	out   []byte
	hold  uint64
	count uint
	open  bool // inside a block with the fixed codes
}

// Literal writes bytes as they are, in a block with the fixed codes.
func (b *BlockWriter) Literal(p ...byte) {
	b.begin()
	for _, c := range p {
		if c < 144 {
			b.code(0x30+uint(c), 8)
		} else {
			b.code(0x190+uint(c)-144, 9)
		}
	}
}

// Match writes a copy of length bytes (3 to 258) from distance bytes back (1 to
// 32768), whether there are so many or not.
func (b *BlockWriter) Match(length, distance int) {
	b.begin()
	symbol, c := 28, rangeCode{base: maxMatch}
	if length < maxMatch {
		symbol, c = findRange(lengthCodes, length)
	}
	if symbol += 257; symbol < 280 {
		b.code(uint(symbol-256), 7)
	} else {
		b.code(0xc0+uint(symbol-280), 8)
	}
	b.bits(uint(length-c.base), c.extra)
	symbol, c = findRange(distanceCodes, distance)
	b.code(uint(symbol), 5)
	b.bits(uint(distance-c.base), c.extra)
}

// Stored writes p, at most 65535 bytes, as a block without compression.
func (b *BlockWriter) Stored(p []byte) {
	b.end()
	b.bits(0, 3)
	b.align()
	b.bits(uint(len(p)), 16)
	b.bits(uint(len(p))^0xffff, 16)
	b.align()
	b.out = append(b.out, p...)
}

// Final writes an empty block that is marked as the last one.
func (b *BlockWriter) Final() {
	b.end()
	b.bits(1|1<<1, 3)
	b.code(0, 7)
	b.align()
}

// Payload ends the message as RFC 7692 section 7.2.1 says and returns it.
func (b *BlockWriter) Payload() []byte {
	b.end()
	b.bits(0, 3)
	b.align()
	return b.out
}

func (b *BlockWriter) begin() {
	if !b.open {
		b.bits(1<<1, 3)
		b.open = true
	}
}

func (b *BlockWriter) end() {
	if b.open {
		b.code(0, 7)
		b.open = false
	}
}

// bits writes the low n bits of v, lowest first.
func (b *BlockWriter) bits(v, n uint) {
	b.hold |= uint64(v) << b.count
	for b.count += n; b.count >= 8; b.count -= 8 {
		b.out = append(b.out, byte(b.hold))
		b.hold >>= 8
	}
}

// code writes a prefix code of n bits, highest first.
func (b *BlockWriter) code(v, n uint) {
	b.bits(uint(bits.Reverse16(uint16(v))>>(16-n)), n)
}

func (b *BlockWriter) align() {
	if b.count > 0 {
		b.bits(0, 8-b.count)
	}
}

// findRange returns the index of the code that v falls under, and the code.
func findRange(codes []rangeCode, v int) (int, rangeCode) {
	for i, c := range codes {
		if v < c.base+1<<c.extra {
			return i, c
		}
	}
	panic("wstest: no DEFLATE code for this length or distance")
}
