package wire

import (
	"fmt"
	"strconv"
)

const stampSize = 16

// Stamped makes text messages that begin with a number, in hexadecimal.
type Stamped struct {
	frame   []byte
	payload []byte // in frame
}

// NewStamped makes messages of size bytes, at least 16.
func NewStamped(size int) Stamped {
	frame := AppendFrame(nil, OpText, false, Filler(max(size, stampSize)))
	return Stamped{frame, frame[len(frame)-max(size, stampSize):]}
}

// Frame is the message with number n, which is not negative. It is valid until the next one is made.
func (s Stamped) Frame(n int64) []byte {
	const hex = "0123456789abcdef"
	for i := stampSize - 1; i >= 0; i-- {
		s.payload[i] = hex[n&15] ^ maskKey[i&3]
		n >>= 4
	}
	return s.frame
}

// Stamps reads such messages; it is a [Sink].
type Stamps struct {
	Size int             // of each message; another is an error, unless this is zero
	Each func(n int64)   // gets the number of each
	text [stampSize]byte // the number
}

// Piece keeps the number.
func (s *Stamps) Piece(p []byte, off int64) error {
	if off < stampSize {
		copy(s.text[off:], p)
	}
	return nil
}

// End reads the number.
func (s *Stamps) End(size int64) error {
	n, err := strconv.ParseInt(string(s.text[:]), 16, 64)
	if err != nil || s.Size > 0 && size != int64(s.Size) {
		return fmt.Errorf("%w: a message of %d bytes, number %q", ErrReply, size, s.text)
	}
	s.Each(n)
	return nil
}
