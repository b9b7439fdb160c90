package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// CloseError is the end of a connection by a close frame of the server.
type CloseError struct {
	Code   int // 1005 when the frame had none (RFC 6455 section 7.1.5)
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("wire: server closed with %d %q", e.Code, e.Reason)
}

// ErrFrame is a frame that no server may send.
var ErrFrame = errors.New("wire: malformed frame")

// framing cuts the bytes of one connection into frames, whichever way they come.
type framing struct {
	bytes  int64 // read
	head   [10]byte
	have   int   // bytes of head
	left   int64 // payload bytes of this frame that are still to come
	inside bool  // between the first and the last frame of a message
	hold   []byte
}

// frames is who looks at them.
type frames interface {
	// begin judges a data frame whose header is complete; left is its length.
	begin(op byte, rsv1 bool) error
	// piece takes a part of its payload; left is what follows. A frame without
	// payload has one empty piece.
	piece(p []byte) error
}

// feed parses b.
func (f *framing) feed(b []byte, to frames) error {
	f.bytes += int64(len(b))
	for len(b) > 0 {
		if f.left == 0 {
			used, whole := f.header(b)
			b = b[used:]
			if !whole {
				return nil
			}
			if err := f.begin(to); err != nil {
				return err
			}
			if f.left > 0 {
				continue
			}
		}
		p := b[:min(f.left, int64(len(b)))]
		b = b[len(p):]
		f.left -= int64(len(p))
		if err := f.piece(p, to); err != nil {
			return err
		}
	}
	return nil
}

// header collects a frame header and says when it is whole.
func (f *framing) header(b []byte) (used int, whole bool) {
	for need := f.need(); f.have < need; need = f.need() {
		if used == len(b) {
			return used, false
		}
		n := copy(f.head[f.have:need], b[used:])
		f.have += n
		used += n
	}
	f.have = 0
	switch length := f.head[1]; length {
	default:
		f.left = int64(length)
	case 126:
		f.left = int64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		f.left = int64(binary.BigEndian.Uint64(f.head[2:]))
	}
	return used, true
}

// need is how long the header is, as far as can be told. A masked frame has a
// second byte of 128 and more and counts as short: begin refuses it.
func (f *framing) need() int {
	switch {
	case f.have >= 2 && f.head[1] == 126:
		return 4
	case f.have >= 2 && f.head[1] == 127:
		return 10
	}
	return 2
}

func (f *framing) op() byte   { return f.head[0] & 0x0f }
func (f *framing) fin() bool  { return f.head[0]&finBit != 0 }
func (f *framing) rsv1() bool { return f.head[0]&rsv1Bit != 0 }

// begin judges a frame header (RFC 6455 section 5.2, RFC 7692 section 6).
func (f *framing) begin(to frames) error {
	if f.head[1]&maskBit != 0 || f.head[0]&0x30 != 0 || f.left < 0 {
		return ErrFrame
	}
	switch f.op() {
	case OpClose, OpPing, OpPong:
		if !f.fin() || f.rsv1() || f.left > 125 {
			return ErrFrame
		}
		f.hold = f.hold[:0]
		return nil
	case OpContinuation:
		if !f.inside || f.rsv1() {
			return ErrFrame
		}
	case OpText, OpBinary:
		if f.inside {
			return ErrFrame
		}
	default:
		return ErrFrame
	}
	f.inside = !f.fin()
	return to.begin(f.op(), f.rsv1())
}

// piece takes a part of the current frame.
func (f *framing) piece(p []byte, to frames) error {
	if f.head[0]&0x08 == 0 {
		return to.piece(p)
	}
	if f.hold = append(f.hold, p...); f.left > 0 || f.op() != OpClose {
		return nil
	}
	e := &CloseError{Code: 1005}
	if len(f.hold) >= 2 {
		e.Code, e.Reason = int(binary.BigEndian.Uint16(f.hold)), string(f.hold[2:])
	}
	return e
}

// ends reports whether the message ends with the piece that is looked at.
func (f *framing) ends() bool { return f.left == 0 && f.fin() }
