package wire

import "errors"

// Sink takes the messages of a [Bulk] stream as they come.
type Sink interface {
	// Piece takes bytes of a message, off bytes from its start; p is valid until it
	// returns.
	Piece(p []byte, off int64) error
	// End says that the message is complete, and its length.
	End(size int64) error
}

// Bulk parses the frames of one connection and hands what messages hold to a sink,
// in pieces: they may be of any length. Compression is an error.
type Bulk struct {
	framing
	to  Sink
	off int64
}

// NewBulk reads messages into to.
func NewBulk(to Sink) Bulk { return Bulk{to: to} }

// Sink is what NewBulk was given.
func (b *Bulk) Sink() Sink { return b.to }

// Bytes is the number of bytes read, frame headers included.
func (b *Bulk) Bytes() int64 { return b.bytes }

// Feed reads p. After an error, [ErrFrame], a [*CloseError] or one of the sink, the
// stream is spent.
func (b *Bulk) Feed(p []byte) error { return b.feed(p, b) }

func (b *Bulk) begin(_ byte, rsv1 bool) error {
	if rsv1 {
		return ErrFrame
	}
	return nil
}

func (b *Bulk) piece(p []byte) error {
	if len(p) > 0 {
		if err := b.to.Piece(p, b.off); err != nil {
			return err
		}
		if b.off += int64(len(p)); b.off < 0 {
			return errors.New("wire: endless message")
		}
	}
	if !b.ends() {
		return nil
	}
	size := b.off
	b.off = 0
	return b.to.End(size)
}
