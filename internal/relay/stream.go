package relay

import (
	"io"
	"sync"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
)

// A connection that is silent keeps a small buffer; one that has more to say than that
// borrows a large one.
const smallBuffer = 1 << 10

var largeBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// buffer is where what comes from a target is read into.
type buffer struct {
	small []byte
	large *[]byte // nil: not borrowed
	size  int     // of the large one
}

func (b *buffer) bytes() []byte {
	if b.large != nil {
		return *b.large
	}
	if b.small == nil {
		b.small = make([]byte, min(smallBuffer, b.size))
	}
	return b.small
}

// grow borrows the large buffer.
func (b *buffer) grow() {
	switch {
	case b.large != nil || b.size <= smallBuffer:
	case b.size > 32<<10: // not of the pool
		p := make([]byte, b.size)
		b.large = &p
	default:
		b.large = largeBuffers.Get().(*[]byte)
		*b.large = (*b.large)[:b.size]
	}
}

// shrink gives it back.
func (b *buffer) shrink() {
	if b.large != nil && cap(*b.large) == 32<<10 {
		largeBuffers.Put(b.large)
	}
	b.large = nil
}

// stream makes messages of what a TCP target sends.
func (c *Client) stream() error {
	b := buffer{size: c.to.target.ChunkSize}
	defer b.shrink()
	op, text := client.OpBinary, c.to.target.Text
	if text {
		op = client.OpText
	}
	var tail [utf8.UTFMax]byte // the beginning of a rune whose end is to come
	kept := 0
	for {
		p := b.bytes()
		copy(p, tail[:kept])
		n, err := c.to.conn.Read(p[kept:])
		if n > 0 {
			c.touch()
			p, kept = p[:kept+n], 0
			if text {
				whole := wholeRunes(p)
				kept = copy(tail[:], p[whole:])
				p = p[:whole]
			}
			if err := c.send(op, p); err != nil {
				return err
			}
			switch room := len(b.bytes()); {
			case n+utf8.UTFMax >= room:
				b.grow()
			case n < room/4:
				b.shrink()
			}
		}
		if err == nil {
			continue
		}
		if err = c.readError(err); err == nil {
			continue
		}
		if kept > 0 && err == io.EOF {
			return client.ErrInvalidUTF8
		}
		return err
	}
}

// wholeRunes is the length of p without the beginning of a rune at its end.
func wholeRunes(p []byte) int {
	for i := len(p) - 1; i >= 0 && i >= len(p)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				return i
			}
			break
		}
	}
	return len(p)
}

// send waits for room in the client's queue.
func (c *Client) send(op client.Opcode, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	r := c.SendWith(c.Context(), client.Message{Op: op, Data: p}, client.SendOptions{Policy: client.QueueBlock})
	if r.Err != nil {
		return c.sendError(r.Err)
	}
	return nil
}
