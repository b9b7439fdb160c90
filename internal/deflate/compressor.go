package deflate

import "unsafe"

// A Compressor makes the compressed form of what a server sends on one
// connection. See the package comment for memory and concurrency.
type Compressor struct {
	sent  window // what the client's inflater has seen; size 0 without takeover
	bits  uint8
	level int8
}

// NewCompressor returns the compressor for a connection with the parameters p.
// Only the Server fields count. It never uses a distance above 1<<ServerBits.
// With takeover it keeps 1<<ServerBits or 1<<ServerKeeps bytes of plaintext,
// whichever is less, but never more than 8 KiB: farther back the encoder does not
// search, apart from the message itself.
//
// level is 1 to 9; other values mean 1. Without takeover and with a window of 15
// bits, messages from 128 bytes on are compressed by flate at that level, but at
// level 1 only those above 32 KiB. In all other cases there is but one level: two or
// three times as fast as 1 of flate, with a result of about the same length.
//
// A frame that is shared by many connections comes from a Compressor without
// takeover whose ServerBits are not above those of any receiver.
func NewCompressor(p Params, level int) *Compressor {
	if level < 1 || level > 9 {
		level = 1
	}
	c := &Compressor{bits: windowBits(p.ServerBits), level: int8(level)}
	if p.ServerTakeover {
		c.sent.size = min(1<<min(c.bits, windowBits(p.ServerKeeps)), maxCarry)
	}
	return c
}

// Append appends the compressed form of msg to dst, without the four bytes
// 00 00 ff ff at the end that RFC 7692 section 7.2.1 removes. It does not touch
// the history, so the result may also be thrown away and msg sent as it is.
// msg is not kept.
//
// The result can be longer than msg: by about a tenth of a percent and 16 bytes
// at most. An error would be one of flate and leaves dst as it was.
func (c *Compressor) Append(dst, msg []byte) ([]byte, error) {
	if len(msg) == 0 {
		return append(dst, 0), nil // RFC 7692 section 7.2.3.6
	}
	if c.usesPool(msg) {
		return appendPooled(dst, msg, int(c.level))
	}
	return appendWindowed(dst, c.sent.buf, msg, 1<<c.bits), nil
}

// usesPool says which of the two encoders is for msg.
func (c *Compressor) usesPool(msg []byte) bool {
	least := minPooled
	if c.level == 1 {
		least = maxBlock + 1 // up to there ours is faster, and as good
	}
	return c.sent.size == 0 && c.bits == maxBits && len(msg) >= least
}

// Extend adds msg to the history that later messages refer to. It must be
// called for each message that goes out compressed, in the order of sending,
// whether [Compressor.Append] or a shared Compressor made the frame, and for no
// other: the client's window holds what it inflated and nothing else. msg is
// not kept. Without takeover there is no history and nothing happens.
func (c *Compressor) Extend(msg []byte) { c.sent.extend(msg) }

// MemoryBytes is what c occupies between two calls, in bytes.
func (c *Compressor) MemoryBytes() int {
	return int(unsafe.Sizeof(*c)) + cap(c.sent.buf)
}
