package deflate

import (
	"errors"
	"fmt"
	"io"
)

// tail follows every message: the four bytes that the client left out, and a
// final empty block, so that flate comes to an end.
const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// syncEnd is where the client's part of the tail ends.
const syncEnd = 4

var (
	errTruncated = fmt.Errorf("%w: unexpected end", ErrCorrupt)
	errNoOutput  = errors.New("large input with little output")
)

// A source gives flate one message and its tail. It is an io.ByteReader, so
// flate takes no byte that it does not need.
//
// If a message breaks off, flate takes bytes of the tail for data, and may come
// to an end all the same. The source finds out by the way the tail is read: the
// one right way is the length of the empty block in one Read or, if flate had
// to look ahead, in its rest; a ReadByte for the head of the final block; and
// its length.
type source struct {
	msg  []byte
	pos  int // in msg, then in tail
	stop int // where the fast path ends: at the end of msg or of what is allowed

	bulkEnd int // where the last Read ended
	bulk    int // how much it and the ones directly before it gave
	synced  bool
}

// inFlight is the input of what flate may have inflated and not yet handed out:
// a whole window, in small stored blocks at the worst.
const inFlight = maxWindow * 5 / 4

// allow sets how much may be read once produced bytes have come out.
func (s *source) allow(produced int) {
	s.stop = min(len(s.msg), int(CompressedLimit(int64(produced)))+inFlight)
}

func (s *source) ReadByte() (byte, error) {
	if s.pos >= s.stop {
		return s.tailByte()
	}
	c := s.msg[s.pos]
	s.pos++
	return c, nil
}

func (s *source) tailByte() (byte, error) {
	i := s.pos - len(s.msg)
	switch {
	case i < 0:
		return 0, errNoOutput
	case i >= len(tail):
		return 0, io.ErrUnexpectedEOF
	case i == syncEnd:
		s.synced = s.bulkEnd == s.pos && s.bulk <= syncEnd
	}
	s.pos++
	return tail[i], nil
}

func (s *source) Read(p []byte) (n int, err error) {
	if s.pos < s.stop {
		n = copy(p, s.msg[s.pos:s.stop])
	} else if i := s.pos - len(s.msg); i < 0 {
		return 0, errNoOutput
	} else if i < len(tail) {
		n = copy(p, tail[i:])
	} else {
		return 0, io.EOF
	}
	if s.bulkEnd != s.pos {
		s.bulk = 0
	}
	s.pos += n
	s.bulk += n
	s.bulkEnd = s.pos
	return n, nil
}

// finished is asked after a final block. It is true when nothing but the tail
// is left, or nothing at all.
func (s *source) finished() (bool, error) {
	switch {
	case s.pos < len(s.msg):
		return false, nil
	case s.pos == len(s.msg), s.synced && s.pos == len(s.msg)+len(tail):
		return true, nil
	}
	return false, errTruncated
}
