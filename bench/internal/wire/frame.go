package wire

import "encoding/binary"

// The opcodes of RFC 6455 section 5.2.
const (
	OpContinuation byte = 0x0
	OpText         byte = 0x1
	OpBinary       byte = 0x2
	OpClose        byte = 0x8
	OpPing         byte = 0x9
	OpPong         byte = 0xa
)

const (
	finBit  = 0x80
	rsv1Bit = 0x40
	maskBit = 0x80
)

// maskKey is the one key of all frames: a server unmasks with any key at the same
// cost, as long as it is not zero.
var maskKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// AppendFrame appends one final masked frame (RFC 6455 section 5.2) to dst. rsv1
// marks compressed payload (RFC 7692 section 6).
func AppendFrame(dst []byte, op byte, rsv1 bool, payload []byte) []byte {
	first := finBit | op
	if rsv1 {
		first |= rsv1Bit
	}
	dst = append(dst, first)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, maskBit|byte(n))
	case n < 1<<16:
		dst = append(dst, maskBit|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, maskBit|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, maskKey[:]...)
	for i, b := range payload {
		dst = append(dst, b^maskKey[i&3])
	}
	return dst
}

// CloseFrame is a masked close frame with code 1000.
func CloseFrame() []byte { return AppendFrame(nil, OpClose, false, []byte{0x03, 0xe8}) }
