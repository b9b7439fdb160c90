package wstest

import "encoding/binary"

// Opcode is the opcode of a frame (RFC 6455 section 5.2), 0 to 15.
type Opcode byte

// The opcodes that have a meaning. All others are reserved.
const (
	OpContinuation Opcode = 0
	OpText         Opcode = 1
	OpBinary       Opcode = 2
	OpClose        Opcode = 8
	OpPing         Opcode = 9
	OpPong         Opcode = 10
)

// IsControl tells whether op is a control opcode, a reserved one included.
func (op Opcode) IsControl() bool { return op&8 != 0 }

// The reserved bits as they stand in the first byte of a frame.
const (
	RSV1 byte = 0x40
	RSV2 byte = 0x20
	RSV3 byte = 0x10
)

// LengthForm is how a frame writes its length. All but Shortest are illegal for
// lengths that fit a shorter form.
type LengthForm byte

// The forms of RFC 6455 section 5.2.
const (
	Shortest LengthForm = iota
	Length16            // 126 and two bytes
	Length64            // 127 and eight bytes
)

// Frame is one frame, legal or not. The zero value of every field is the usual
// case: a final, masked frame with the shortest length.
type Frame struct {
	Op      Opcode
	More    bool // FIN is clear: fragments follow
	RSV     byte // any of RSV1, RSV2, RSV3
	Payload []byte

	// Key masks the payload. Peer.Send chooses one where it is zero, unless
	// ZeroKey is set.
	Key     [4]byte
	ZeroKey bool
	// Unmasked leaves the mask bit clear and the key out, as servers do.
	Unmasked bool
	// Length is the form in which the length is written.
	Length LengthForm
}

// Text is a whole text message in one frame.
func Text(s string) Frame { return Frame{Op: OpText, Payload: []byte(s)} }

// Binary is a whole binary message in one frame.
func Binary(p []byte) Frame { return Frame{Op: OpBinary, Payload: p} }

// Continuation is the last fragment of a message.
func Continuation(p []byte) Frame { return Frame{Op: OpContinuation, Payload: p} }

// Ping is a ping with payload p.
func Ping(p []byte) Frame { return Frame{Op: OpPing, Payload: p} }

// Pong is a pong with payload p.
func Pong(p []byte) Frame { return Frame{Op: OpPong, Payload: p} }

// Close is a close frame with a code, legal or not, and a reason.
func Close(code int, reason string) Frame {
	return Frame{Op: OpClose, Payload: append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)}
}

// EmptyClose is a close frame without a code.
func EmptyClose() Frame { return Frame{Op: OpClose} }

// Open is f with FIN clear: more fragments follow.
func (f Frame) Open() Frame {
	f.More = true
	return f
}

// Split cuts f into fragments of the given sizes; what is left over is the last
// one. Reserved bits stay on the first (RFC 7692 section 6.1).
func (f Frame) Split(sizes ...int) []Frame {
	rest, out := f.Payload, make([]Frame, 0, len(sizes)+1)
	for _, n := range sizes {
		part := f
		part.Payload, part.More = rest[:n], true
		out = append(out, part)
		f.Op, f.RSV, rest = OpContinuation, 0, rest[n:]
	}
	f.Payload = rest
	return append(out, f)
}

// CloseCode returns the code and the reason that a close frame carries; without
// a payload the code is 1005.
func (f Frame) CloseCode() (int, string) {
	if len(f.Payload) < 2 {
		return 1005, ""
	}
	return int(binary.BigEndian.Uint16(f.Payload)), string(f.Payload[2:])
}

// Header returns the bytes before the payload with n as the declared length,
// whatever the payload is.
func (f Frame) Header(n uint64) []byte {
	first := byte(f.Op&15) | f.RSV
	if !f.More {
		first |= 0x80
	}
	mask := byte(0x80)
	if f.Unmasked {
		mask = 0
	}
	head := []byte{first}
	switch {
	case f.Length == Length64, f.Length == Shortest && n > 0xffff:
		head = binary.BigEndian.AppendUint64(append(head, mask|127), n)
	case f.Length == Length16, n > 125:
		head = binary.BigEndian.AppendUint16(append(head, mask|126), uint16(n))
	default:
		head = append(head, mask|byte(n))
	}
	if f.Unmasked {
		return head
	}
	return append(head, f.Key[:]...)
}

// Append appends the frame as it goes over the wire.
func (f Frame) Append(dst []byte) []byte {
	dst = append(dst, f.Header(uint64(len(f.Payload)))...)
	start := len(dst)
	dst = append(dst, f.Payload...)
	if !f.Unmasked {
		mask(dst[start:], f.Key)
	}
	return dst
}

// Bytes returns the frame as it goes over the wire.
func (f Frame) Bytes() []byte { return f.Append(nil) }

func mask(p []byte, key [4]byte) {
	for i := range p {
		p[i] ^= key[i&3]
	}
}
