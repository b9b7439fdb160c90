package deflate

import (
	"bytes"
	"compress/flate"
	"io"
)

// A standard inflates as a Decompressor must, without limits, but with the reader of
// the standard library.
type standard struct{ received window }

// inflate takes one message. All errors are ErrCorrupt.
//
// A reader takes bytes that it is given behind a message that breaks off for data of
// it. The message is whole if two stored blocks of different lengths, which need the
// head that is at its end, come out behind it as they are. Each of their bytes would be
// an error as the head of a block.
func (s *standard) inflate(wire []byte) ([]byte, error) {
	block := bytes.Repeat([]byte{0xff}, 17)
	msg, whole := s.message(wire, block[:16])
	again, same := s.message(wire, block)
	if !whole || !same || !bytes.Equal(msg, again) {
		return nil, ErrCorrupt
	}
	s.received.extend(msg)
	return msg, nil
}

// message inflates wire with a stored block of block at its end, unless it ends
// behind a final block.
func (s *standard) message(wire, block []byte) (msg []byte, whole bool) {
	n := byte(len(block))
	behind := append(append([]byte{n, 0, ^n, 0xff}, block...), 1, 0, 0, 0xff, 0xff)
	in := bytes.NewReader(append(wire[:len(wire):len(wire)], behind...))
	received := window{bytes.Clone(s.received.buf), s.received.size}
	r := flate.NewReader(in)
	for {
		history := received.buf
		if received.size == 0 {
			history = msg[max(0, len(msg)-maxWindow):]
		}
		r.(flate.Resetter).Reset(in, history)
		part, err := io.ReadAll(r)
		if err != nil {
			return nil, false
		}
		received.extend(part)
		msg = append(msg, part...)
		switch left := in.Len(); {
		case left == 0:
			return bytes.CutSuffix(msg, block)
		case left == len(behind):
			return msg, true
		case left < len(behind):
			return nil, false
		}
	}
}
