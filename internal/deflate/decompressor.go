package deflate

import (
	"errors"
	"math"
	"unsafe"
)

var (
	// ErrCorrupt says that what the client sent is not a compressed message,
	// or not the whole of one. The answer is close code 1007.
	ErrCorrupt = errors.New("deflate: corrupt compressed message")

	// ErrTooBig says that a message is over its limit once inflated, or could
	// not be under it at its compressed size. The answer is close code 1009.
	ErrTooBig = errors.New("deflate: message over the limit")
)

// CompressedLimit is how large a message of at most limit bytes may be in its
// compressed form: 2*limit + 1024 bytes. Good compressors stay below limit +
// limit/1000 + 16; the rest is for clients that flush after every few bytes. A
// negative limit counts as 0.
func CompressedLimit(limit int64) int64 {
	return 2*clampLimit(limit) + 1024
}

// clampLimit keeps sums and products of limits from overflowing.
func clampLimit(limit int64) int64 {
	return min(max(limit, 0), math.MaxInt/4)
}

// A Decompressor inflates what one client sends: a message that is there as a
// whole with Append, one that is still arriving with Stream. See the package
// comment for memory and concurrency.
type Decompressor struct {
	received window // what the client may refer to; size 0 without takeover
	stream   Stream // of the message that is under way
}

// NewDecompressor returns the decompressor for a connection with the parameters
// p. Only the Client fields count.
func NewDecompressor(p Params) *Decompressor {
	d := new(Decompressor)
	if p.ClientTakeover {
		d.received.size = 1 << windowBits(p.ClientBits)
	}
	return d
}

// Append inflates one whole message, which came without the four bytes that
// RFC 7692 section 7.2.1 removes, and appends it to dst. Messages that came
// uncompressed are none of its business: they do not enter the history.
//
// It returns [ErrTooBig] as soon as there are more than limit bytes, and never
// grows dst by more than limit. compressed may be [CompressedLimit] bytes long;
// the same bound holds for its parts, so that data from which nothing comes out
// is [ErrCorrupt] after some 40 KiB. A message that ends early is ErrCorrupt
// too. A negative limit counts as 0.
//
// With an error, dst is returned with its length as it was, and the history is
// no longer the client's: the connection has to end. compressed is not kept.
func (d *Decompressor) Append(dst, compressed []byte, limit int64) ([]byte, error) {
	limit = clampLimit(limit)
	if int64(len(compressed)) > CompressedLimit(limit) {
		return dst, ErrTooBig
	}
	dec := borrowDecoder(&d.received)
	defer dec.giveBack()
	out, err := dec.message(dst, compressed, int(limit))
	if err != nil {
		return dst, err
	}
	dec.keep(&d.received)
	return out, nil
}

// MemoryBytes is what d occupies between two calls, in bytes. While a [Stream]
// is under way, that includes what it has borrowed.
func (d *Decompressor) MemoryBytes() int {
	n := int(unsafe.Sizeof(*d)) + cap(d.received.buf)
	if d.stream.dec != nil {
		n += int(unsafe.Sizeof(*d.stream.dec))
	}
	return n
}
