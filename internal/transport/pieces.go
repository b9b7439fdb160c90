package transport

import (
	"math"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/link"
)

// pieces is the state of messages that are delivered as they come. Only the reader
// touches it.
type pieces struct {
	frame header
	at    int64 // position in its payload
	left  int64 // payload that is still to come
	began bool  // the message has delivered something

	size  int64           // bytes of the message so far, inflated
	unzip *deflate.Stream // of a compressed message
	rune  [utf8.UTFMax]byte
	nrune int // bytes of a rune that is not complete

	tiny [1 << 10]byte // a wire that can not wait without a buffer waits with this one, so that short messages are one piece
}

// Pieces has messages delivered to Events.Fragment. It is called before Open.
func (c *Conn) Pieces() { c.pieces, c.in.pieces = true, new(pieces) }

// maxMessage is the limit of a message, below 0 none.
func (c *Conn) maxMessage() int64 {
	if c.in.pieces != nil {
		return c.set.MaxPieces
	}
	return c.set.MaxMessage
}

// stopPieces gives up the message under way.
func (in *inbound) stopPieces() {
	if in.pieces != nil && in.pieces.unzip != nil {
		in.pieces.unzip.Release()
		in.pieces.unzip = nil
	}
}

// beginPiece takes the header of a data frame.
func (c *Conn) beginPiece(h header) error {
	in := c.in
	p := in.pieces
	in.begin(h)
	if h.op() != opContinuation {
		p.began, p.size, p.nrune = false, 0, 0
		if in.zipped {
			p.unzip = in.inflate.Stream()
		}
	}
	p.frame, p.at, p.left = h, 0, h.n
	in.large = in.large || h.n > smallInput
	in.consume(h.size)
	if in.zipped {
		if v := c.zipLimit(); v != nil {
			return c.violated(v)
		}
	}
	c.noteMessage()
	if h.n == 0 {
		return c.endPiece()
	}
	return nil
}

// piece takes what is here of a frame.
func (c *Conn) piece(b []byte) error {
	in := c.in
	p := in.pieces
	if c.State() >= link.Closing {
		in.skip, p.left = p.left, 0
		in.stopPieces()
		return nil
	}
	n := int(min(int64(len(b)), p.left))
	b = b[:n:n] // what is behind it is not the event's
	c.noteProgress()
	p.frame.unmask(b, b, p.at)
	p.at += int64(n)
	p.left -= int64(n)
	last := p.left == 0
	var err error
	if p.unzip != nil {
		err = p.inflated(c, p.unzip.Write(b, c.plainPiece))
	} else {
		err = c.deliverPiece(b, last && p.frame.fin())
	}
	in.consume(n)
	if err == nil && last {
		err = c.endPiece()
	}
	return err
}

// endPiece is the end of a frame.
func (c *Conn) endPiece() error {
	p := c.in.pieces
	if !p.frame.fin() || c.State() >= link.Closing {
		return nil
	}
	if p.unzip != nil {
		s := p.unzip
		p.unzip = nil
		if err := p.inflated(c, s.Finish()); err != nil {
			s.Release()
			return err
		}
		return c.deliverPiece(nil, true)
	}
	if p.frame.n == 0 {
		return c.deliverPiece(nil, true)
	}
	return nil
}

// inflated turns an error of the inflater into a violation; one of an event has
// closed already, and so has whoever released the stream inside of one.
func (p *pieces) inflated(c *Conn, err error) error {
	if err == nil || err == errStopped || err == deflate.ErrEnded && c.State() >= link.Closing {
		return nil
	}
	if v, ok := err.(*client.ProtocolError); ok {
		return v
	}
	return c.violated(inflateError(err))
}

// plainPiece takes inflated bytes.
func (c *Conn) plainPiece(b []byte) error {
	if c.State() >= link.Closing {
		return errStopped
	}
	p := c.in.pieces
	p.size += int64(len(b))
	limit := c.set.MaxPieces
	if limit < 0 {
		limit = math.MaxInt64
	}
	if p.size > limit {
		return c.violated(tooBig())
	}
	// An event may change what it gets, and the inflater still needs it.
	own := plains.Get().(*[]byte)
	defer putPlain(own)
	*own = append((*own)[:0], b...)
	return c.deliverPiece(*own, false)
}

// deliverPiece hands b to the class, text in whole runes.
func (c *Conn) deliverPiece(b []byte, final bool) error {
	p := c.in.pieces
	if !c.in.text {
		return c.fragment(client.OpBinary, b, final)
	}
	for p.nrune > 0 && len(b) > 0 {
		p.rune[p.nrune] = b[0]
		p.nrune, b = p.nrune+1, b[1:]
		if !utf8.FullRune(p.rune[:p.nrune]) {
			continue
		}
		r := p.rune
		n := p.nrune
		p.nrune = 0
		if !utf8.Valid(r[:n]) {
			return c.violated(invalidText())
		}
		err := c.fragment(client.OpText, r[:n], final && len(b) == 0)
		if err != nil || len(b) == 0 && final || c.State() >= link.Closing {
			return err
		}
	}
	whole := wholeRunes(b)
	if !utf8.Valid(b[:whole]) || final && (whole < len(b) || p.nrune > 0) {
		return c.violated(invalidText())
	}
	p.nrune += copy(p.rune[p.nrune:], b[whole:])
	return c.fragment(client.OpText, b[:whole], final)
}

// wholeRunes is the length of b without a rune that is not complete at its end.
func wholeRunes(b []byte) int {
	for i := 1; i <= min(len(b), utf8.UTFMax-1); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

// fragment runs the event, unless there is nothing to tell.
func (c *Conn) fragment(op client.Opcode, b []byte, final bool) error {
	p := c.in.pieces
	if len(b) == 0 && !final {
		return nil
	}
	c.Gate()
	if c.State() >= link.Closing {
		return nil
	}
	first := !p.began
	p.began = true
	if final {
		size := c.in.size
		if c.in.zipped {
			size = p.size
		}
		c.CountMessage(int(size))
	}
	c.events.Fragment(op, b, first, final)
	return nil
}
