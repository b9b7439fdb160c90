package deflate

import (
	"encoding/binary"
	"slices"
)

// A bitWriter appends bits to out, the first in the lowest place (RFC 1951
// section 3.1.1).
type bitWriter struct {
	out []byte
	acc uint64 // bits not yet in out
	n   uint   // how many; below 8 between two calls
}

// slack is how far behind its position put may write.
const slack = 8

// reserve makes room for bits more.
func (w *bitWriter) reserve(bits int) {
	w.out = slices.Grow(w.out, bits/8+1+slack)
}

// put writes the lowest n bits of v, at most 48; the higher ones are zero. The
// caller has reserved room.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << (w.n & 63)
	w.n += n
	at := len(w.out)
	binary.LittleEndian.PutUint64(w.out[at:at+slack], w.acc)
	w.out = w.out[:at+int(w.n>>3)]
	w.acc >>= w.n &^ 7
	w.n &= 7
}

// align fills up the current byte with zeros.
func (w *bitWriter) align() {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
}

// stored writes p as a stored block (RFC 1951 section 3.2.4); p is at most
// 65535 bytes.
func (w *bitWriter) stored(p []byte) {
	w.reserve(3 + 7 + 32 + 8*len(p))
	w.put(0, 3)
	w.align()
	n := uint64(len(p))
	w.put(n|(n^0xffff)<<16, 32)
	w.out = append(w.out, p...)
}

// sync ends the message with the empty stored block whose last four bytes are
// not sent. What is left of it is its three bits and the padding.
func (w *bitWriter) sync() []byte {
	w.reserve(3 + 7)
	w.put(0, 3)
	w.align()
	return w.out
}
