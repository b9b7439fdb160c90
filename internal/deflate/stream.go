package deflate

import "errors"

// ErrEnded says that a stream was finished or released, or that it failed before.
var ErrEnded = errors.New("deflate: stream has ended")

// A Stream inflates one message while it arrives. It takes what
// [Decompressor.Append] takes, but without its limits on the message and on input
// from which little comes out: its memory is the same for every message, its time
// is in proportion to input and output, and whoever gets the plaintext can stop it
// at each piece.
//
// A Stream belongs to its Decompressor: it serves one goroutine at a time, and
// until it has ended no other message may be inflated.
type Stream struct {
	// dec is borrowed until the stream ends; then it is nil. While Write is at
	// work dec stays with it, even if emit ends the stream: Write gives it back.
	dec *decoder
}

// Stream begins the next message. The message before has to be finished; if it
// is not, it is released, and the history is no longer the client's.
func (d *Decompressor) Stream() *Stream {
	s := &d.stream
	s.Release()
	s.dec = borrowDecoder(&d.received)
	return s
}

// Write inflates the next bytes of the message, without the four that RFC 7692
// section 7.2.1 removes from its end, and calls emit with the plaintext in
// order. All that is certain by now is emitted when Write returns, so what a
// client flushes is seen at once.
//
// A piece has 1 to 32768 bytes, which are valid until emit returns. An error of
// emit is returned as it is, and nothing more is emitted. emit may release the
// stream; Write then returns ErrEnded.
//
// What is not compressed data is [ErrCorrupt], after the plaintext before it. With
// any error the stream has ended, and the history is no longer the client's: the
// connection has to end. compressed is not kept.
func (s *Stream) Write(compressed []byte, emit func(piece []byte) error) error {
	dec := s.dec
	if dec == nil || dec.busy {
		return ErrEnded
	}
	dec.busy, dec.in = true, compressed
	err := s.pump(dec, emit)
	dec.busy, dec.in = false, nil
	if s.dec != dec {
		dec.giveBack()
	} else if err != nil {
		s.Release()
	}
	return err
}

// pump runs dec until the input is used up.
func (s *Stream) pump(dec *decoder, emit func(piece []byte) error) error {
	for {
		stop := dec.run()
		if p := dec.piece(); len(p) > 0 {
			if err := emit(p); err != nil {
				return err
			}
			if s.dec != dec {
				return ErrEnded
			}
		}
		switch stop {
		case errInput:
			return nil
		case errRoom:
		default:
			return stop
		}
	}
}

// Finish ends the message. It is [ErrCorrupt] if the message is not whole. If it
// is, it enters the history. The stream has ended in both cases. No plaintext is
// left: the four bytes that were removed stand for none.
func (s *Stream) Finish() error {
	dec := s.dec
	if dec == nil {
		return ErrEnded
	}
	defer s.Release()
	if !dec.whole() {
		return errTruncated
	}
	dec.keep(dec.received)
	return nil
}

// Release ends the stream without the rest of its message, for a connection
// that ends. It does nothing to a stream that has ended.
func (s *Stream) Release() {
	dec := s.dec
	s.dec = nil
	if dec != nil && !dec.busy {
		dec.giveBack()
	}
}
