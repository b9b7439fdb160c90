package wire

import (
	"bytes"
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

// What a Stream refuses.
var (
	ErrFrame = errors.New("wire: malformed frame")
	ErrReply = errors.New("wire: reply is not what was sent")
)

// Stream parses the frames of one connection, whichever way they are cut, and
// compares every data message with its script. Its zero value is of no use.
type Stream struct {
	script *Script
	count  int   // messages complete
	bytes  int64 // bytes read

	head   [10]byte
	have   int // bytes of head
	left   int // payload bytes of this frame that are still to come
	off    int // payload bytes of this message so far
	inside bool
	rsv1   bool   // inside a compressed message
	hold   []byte // a control frame's payload, or a compressed message's
}

// NewStream reads the replies to s.
func NewStream(s *Script) Stream { return Stream{script: s} }

// Messages is the number of data messages that came complete and right.
func (s *Stream) Messages() int { return s.count }

// Bytes is the number of bytes read, frame headers included.
func (s *Stream) Bytes() int64 { return s.bytes }

// Feed reads b and returns how many data messages ended in it. After an error,
// [ErrFrame], [ErrReply], a [*CloseError] or one of the inflater, the stream is
// spent.
func (s *Stream) Feed(b []byte) (int, error) {
	s.bytes += int64(len(b))
	before := s.count
	for len(b) > 0 {
		if s.left == 0 {
			used, err := s.header(b)
			if err != nil {
				return s.count - before, err
			}
			b = b[used:]
			continue
		}
		part := b[:min(s.left, len(b))]
		b = b[len(part):]
		s.left -= len(part)
		if err := s.payload(part); err != nil {
			return s.count - before, err
		}
	}
	return s.count - before, nil
}

// header collects a frame header and judges it when it is whole.
func (s *Stream) header(b []byte) (used int, err error) {
	for need := s.need(); s.have < need; need = s.need() {
		if used == len(b) {
			return used, nil
		}
		n := copy(s.head[s.have:need], b[used:])
		s.have += n
		used += n
	}
	s.have = 0
	switch length := s.head[1]; length {
	default:
		s.left = int(length)
	case 126:
		s.left = int(binary.BigEndian.Uint16(s.head[2:]))
	case 127:
		n := binary.BigEndian.Uint64(s.head[2:])
		if n > 1<<31-1 {
			return used, ErrFrame
		}
		s.left = int(n)
	}
	if err := s.begin(); err != nil || s.left > 0 {
		return used, err
	}
	return used, s.payload(nil)
}

// need is how long the header is, as far as can be told. A masked frame has a
// second byte of 128 and more and counts as short: begin refuses it.
func (s *Stream) need() int {
	switch {
	case s.have >= 2 && s.head[1] == 126:
		return 4
	case s.have >= 2 && s.head[1] == 127:
		return 10
	}
	return 2
}

// begin judges a frame header (RFC 6455 section 5.2, RFC 7692 section 6).
func (s *Stream) begin() error {
	op := s.head[0] & 0x0f
	rsv1 := s.head[0]&rsv1Bit != 0
	if s.head[1]&maskBit != 0 || s.head[0]&0x30 != 0 {
		return ErrFrame
	}
	switch op {
	case OpClose, OpPing, OpPong:
		if s.head[0]&finBit == 0 || rsv1 || s.left > 125 || s.rsv1 {
			return ErrFrame // s.rsv1: hold is taken, and no server sends anything there
		}
		s.hold = s.hold[:0]
		return nil
	case OpContinuation:
		if !s.inside || rsv1 {
			return ErrFrame
		}
		return nil
	case OpText, OpBinary:
		if s.inside || rsv1 && s.script.check == nil {
			return ErrFrame
		}
		if op != s.script.op {
			return ErrReply
		}
		s.inside, s.rsv1, s.off, s.hold = true, rsv1, 0, s.hold[:0]
		return nil
	}
	return ErrFrame
}

// payload takes a piece of the current frame and ends frame and message with the
// last one.
func (s *Stream) payload(p []byte) error {
	control := s.head[0]&0x08 != 0
	switch {
	case control, s.rsv1:
		if len(s.hold)+len(p) > maxHold {
			return ErrFrame
		}
		s.hold = append(s.hold, p...)
	default:
		want := s.script.text(s.count)
		if s.off+len(p) > len(want) || !bytes.Equal(p, want[s.off:s.off+len(p)]) {
			return ErrReply
		}
		s.off += len(p)
	}
	switch {
	case s.left > 0:
		return nil
	case control:
		return s.control()
	case s.head[0]&finBit != 0:
		return s.message()
	}
	return nil
}

// maxHold bounds a compressed message: more than any text compresses to.
const maxHold = 1 << 20

func (s *Stream) control() error {
	if s.head[0]&0x0f != OpClose {
		return nil
	}
	e := &CloseError{Code: 1005}
	if len(s.hold) >= 2 {
		e.Code, e.Reason = int(binary.BigEndian.Uint16(s.hold)), string(s.hold[2:])
	}
	return e
}

func (s *Stream) message() error {
	s.inside = false
	switch {
	case s.rsv1:
		if err := s.script.check.reply(s.count, s.hold); err != nil {
			return err
		}
	case s.off != len(s.script.text(s.count)):
		return ErrReply
	case s.script.check != nil && s.script.check.takeover:
		// A message outside the window would shift all that follow.
		return fmt.Errorf("%w: not compressed", ErrReply)
	}
	s.rsv1 = false
	s.count++
	return nil
}
