package transport

import (
	"crypto/subtle"
	"encoding/binary"
	"math"

	"github.com/icsws/icsws/client"
)

// First byte of a frame (RFC 6455 section 5.2).
const (
	finBit  = 0x80
	rsv1Bit = 0x40
	rsvBits = 0x70

	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA

	maskBit    = 0x80
	keySize    = 4
	maxControl = 125
)

// MaxHeader is the longest header of a frame without a masking key.
const MaxHeader = 10

// AppendHeader appends the header of an unmasked frame with payload length n.
// first is the whole first byte: FIN, reserved bits, opcode.
func AppendHeader(dst []byte, first byte, n int) []byte {
	switch {
	case n <= maxControl:
		return append(dst, first, byte(n))
	case n <= math.MaxUint16:
		return append(dst, first, 126, byte(n>>8), byte(n))
	}
	dst = append(dst, first, 127)
	return binary.BigEndian.AppendUint64(dst, uint64(n))
}

// FrameSize is the size of an unmasked frame with payload length n.
func FrameSize(n int) int {
	switch {
	case n <= maxControl:
		return 2 + n
	case n <= math.MaxUint16:
		return 4 + n
	}
	return 10 + n
}

// MessageSize is the size of a message of n bytes in frames of at most max bytes; 0 is one
// frame.
func MessageSize(n, max int) int {
	if max <= 0 || n <= max {
		return FrameSize(n)
	}
	size := n / max * FrameSize(max)
	if rest := n % max; rest > 0 {
		size += FrameSize(rest)
	}
	return size
}

// AppendMessage appends a message in frames of at most max bytes; 0 is one frame. first
// is the first byte of the first one, with FIN.
func AppendMessage(dst []byte, first byte, p []byte, max int) []byte {
	if max <= 0 {
		max = len(p)
	}
	for len(p) > max {
		dst = append(AppendHeader(dst, first&^finBit, max), p[:max]...)
		first, p = first&finBit, p[max:]
	}
	return append(AppendHeader(dst, first, len(p)), p...)
}

// frameLen is the size of the frame at the start of b, which we have made.
func frameLen(b []byte) int {
	switch n := int(b[1]); n {
	case 126:
		return 4 + int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		return 10 + int(binary.BigEndian.Uint64(b[2:]))
	default:
		return 2 + n
	}
}

// header is a parsed frame header of the peer.
type header struct {
	first byte
	size  int    // bytes of the header
	n     int64  // payload length
	mask  uint32 // 0 for a frame of a server
}

func (h header) op() byte         { return h.first & 0x0f }
func (h header) fin() bool        { return h.first&finBit != 0 }
func (h header) control() bool    { return h.first&0x08 != 0 }
func (h header) key() (k [4]byte) { binary.LittleEndian.PutUint32(k[:], h.mask); return }

// parseHeader reads the header at the start of b, of a client's frame if it is to be
// masked, else of a server's (RFC 6455 section 5.1). ok is false when b is too short; the
// error comes as soon as a byte that is there is wrong.
func parseHeader(b []byte, masked bool) (h header, ok bool, err *client.ProtocolError) {
	if len(b) < 1 {
		return h, false, nil
	}
	h.first = b[0]
	if op := h.op(); op > opBinary && op < opClose || op > opPong {
		return h, false, violation("reserved opcode")
	}
	if h.control() && !h.fin() {
		return h, false, violation("fragmented control frame")
	}
	if len(b) < 2 {
		return h, false, nil
	}
	switch isMasked := b[1]&maskBit != 0; {
	case masked && !isMasked:
		return h, false, violation("frame is not masked")
	case isMasked && !masked:
		return h, false, violation("frame of a server is masked")
	case masked:
		h.size = keySize
	}
	return parseLength(h, b)
}

// parseLength reads the rest of a header; h.size is that of the key. A length must use as few bytes as it
// can, and the top bit of a 64-bit one must be 0 (RFC 6455 section 5.2).
func parseLength(h header, b []byte) (_ header, ok bool, err *client.ProtocolError) {
	code := int64(b[1] &^ maskBit)
	key := h.size
	h.size, h.n = 2+key, code
	if h.control() && code > maxControl {
		return h, false, violation("control frame longer than 125 bytes")
	}
	switch code {
	case 126:
		if h.size = 4 + key; len(b) < 4 {
			return h, false, nil
		}
		if h.n = int64(binary.BigEndian.Uint16(b[2:])); h.n < 126 {
			return h, false, violation("length is not in its shortest form")
		}
	case 127:
		if h.size = 10 + key; len(b) < 10 {
			return h, false, nil
		}
		u := binary.BigEndian.Uint64(b[2:])
		if u > math.MaxInt64 {
			return h, false, violation("length has its top bit set")
		}
		if h.n = int64(u); h.n <= math.MaxUint16 {
			return h, false, violation("length is not in its shortest form")
		}
	}
	if len(b) < h.size {
		return h, false, nil
	}
	if key > 0 {
		h.mask = binary.LittleEndian.Uint32(b[h.size-keySize:])
	}
	return h, true, nil
}

func violation(text string) *client.ProtocolError {
	return &client.ProtocolError{Code: client.StatusProtocolError, Text: text}
}

// keyBlock is a key as often as pays for the vector instructions of the processor.
type keyBlock [256]byte

// unmaskBlocks unmasks whole blocks of b and returns their length.
func unmaskBlocks(dst, b []byte, wide uint64) (done int) {
	var key keyBlock
	for i := 0; i < len(key); i += 8 {
		binary.LittleEndian.PutUint64(key[i:], wide)
	}
	for ; done+len(key) <= len(b); done += len(key) {
		subtle.XORBytes(dst[done:], b[done:done+len(key)], key[:])
	}
	return done
}

// unmask XORs b with the key of h; pos is the position of b in the payload. dst
// may be b.
func (h header) unmask(dst, b []byte, pos int64) {
	if h.mask == 0 && len(dst) > 0 && len(b) > 0 && &dst[0] == &b[0] {
		return // a server's frame, or one with a key that changes nothing
	}
	key := h.mask>>(8*uint(pos&3)) | h.mask<<(32-8*uint(pos&3))
	wide := uint64(key)<<32 | uint64(key)
	i := 0
	if len(b) >= 4*len(keyBlock{}) {
		i = unmaskBlocks(dst, b, wide)
	}
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(b[i:])^wide)
	}
	for ; i < len(b); i++ {
		dst[i] = b[i] ^ byte(wide>>(8*uint(i&7)))
	}
}
