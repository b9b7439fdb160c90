package wire

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrReply is a message that does not belong there.
var ErrReply = errors.New("wire: reply is not what was sent")

// Stream parses the frames of one connection and compares every data message with
// its script. Its zero value is of no use.
type Stream struct {
	framing
	script *Script
	count  int    // messages complete
	off    int    // payload bytes of this message so far
	zipped bool   // inside a compressed message
	zip    []byte // its payload
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
	before := s.count
	err := s.feed(b, s)
	return s.count - before, err
}

func (s *Stream) begin(op byte, rsv1 bool) error {
	switch {
	case op == OpContinuation:
		return nil
	case rsv1 && s.script.check == nil:
		return ErrFrame
	case op != s.script.op:
		return ErrReply
	}
	s.zipped, s.off, s.zip = rsv1, 0, s.zip[:0]
	return nil
}

// maxZip bounds a compressed message: more than any text compresses to.
const maxZip = 1 << 20

func (s *Stream) piece(p []byte) error {
	if s.zipped {
		if len(s.zip)+len(p) > maxZip {
			return ErrFrame
		}
		s.zip = append(s.zip, p...)
	} else {
		want := s.script.text(s.count)
		if s.off+len(p) > len(want) || !bytes.Equal(p, want[s.off:s.off+len(p)]) {
			return ErrReply
		}
		s.off += len(p)
	}
	if s.ends() {
		return s.message()
	}
	return nil
}

func (s *Stream) message() error {
	switch {
	case s.zipped:
		if err := s.script.check.reply(s.count, s.zip); err != nil {
			return err
		}
	case s.off != len(s.script.text(s.count)):
		return ErrReply
	case s.script.check != nil && s.script.check.takeover:
		// A message outside the window would shift all that follow.
		return fmt.Errorf("%w: not compressed", ErrReply)
	}
	s.zipped = false
	s.count++
	return nil
}
