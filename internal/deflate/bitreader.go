package deflate

import "encoding/binary"

// A bitReader takes bits from input that comes in pieces (RFC 1951 section
// 3.1.1). The zero value has none.
type bitReader struct {
	in  []byte // not yet in acc
	acc uint64 // the next bits, the first in the lowest place; zero above n
	n   uint   // how many; below 64
}

// enough is how many bits there are after fill, unless in is empty. No step of
// the decoder needs more at once.
const enough = 56

// fill takes in as much as has room.
func (r *bitReader) fill() {
	if len(r.in) >= 8 {
		r.acc |= load64(r.in, 0) << r.n
		r.in = r.in[(63-r.n)>>3:]
		r.n |= enough
		r.acc &= 1<<r.n - 1
		return
	}
	for r.n < enough && len(r.in) > 0 {
		r.acc |= uint64(r.in[0]) << r.n
		r.in = r.in[1:]
		r.n += 8
	}
}

// need reports whether n bits are there; n is at most enough.
func (r *bitReader) need(n uint) bool {
	if r.n < n {
		r.fill()
	}
	return r.n >= n
}

// take consumes n bits, which are there; n is below 64.
func (r *bitReader) take(n uint) uint64 {
	v := r.acc & (1<<n - 1)
	r.acc >>= n
	r.n -= n
	return v
}

// align drops what is left of the current byte.
func (r *bitReader) align() { r.take(r.n & 7) }

func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
