package deflate

import (
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

const (
	maxWindow = 1 << maxBits

	// Space for a message whose destination has none grows by doubling; it
	// begins with a guess in this range, in bytes.
	minGrow = 512
	maxGrow = 32 << 10
)

// An inflater inflates one message at a time. It has no state between two
// messages, so one pool serves all connections.
//
// A flate reader is not kept from message to message, although it could carry
// the history: it never recovers from the end of its input, and it takes a
// message that breaks off for a whole one.
type inflater struct {
	src source
	fr  io.Reader // reads src
}

var inflaters = sync.Pool{New: func() any { return newInflater() }}

func newInflater() *inflater {
	f := new(inflater)
	f.fr = flate.NewReader(&f.src)
	return f
}

// message appends the message to dst, at most limit bytes, and extends w by it.
//
// A message may have several parts: a block that says it is the last one ends a
// part, and flate reads no further. What follows continues with the history of
// all before it (RFC 7692 section 7.2.3.4).
func (f *inflater) message(dst, compressed []byte, limit int, w *window) ([]byte, error) {
	f.src = source{msg: compressed}
	out, maxLen := dst, len(dst)+limit
	for parts := 0; ; parts++ {
		if parts > 64+len(compressed)/64 {
			return nil, fmt.Errorf("%w: %w: %d final blocks", ErrCorrupt, errNoOutput, parts)
		}
		history := w.buf
		if w.size == 0 {
			history = out[max(len(dst), len(out)-maxWindow):]
		}
		from := len(out)
		var err error
		if out, err = f.part(out, len(dst), maxLen, history); err != nil {
			return nil, err
		}
		w.extend(out[from:])
		if done, err := f.src.finished(); done || err != nil {
			return out, err
		}
	}
}

// part appends what comes up to the next final block. The message began at
// start, and out never gets longer than maxLen.
func (f *inflater) part(out []byte, start, maxLen int, history []byte) ([]byte, error) {
	if err := f.fr.(flate.Resetter).Reset(&f.src, history); err != nil {
		return nil, err
	}
	for {
		f.src.allow(len(out) - start)
		n, err := f.fr.Read(out[len(out):min(cap(out), maxLen)])
		out = out[:len(out)+n]
		switch {
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		case n > 0:
		case len(out) == maxLen:
			return nil, ErrTooBig
		default: // there was no room, and there is more
			out = grow(out, min(max(4*len(f.src.msg), minGrow), maxGrow), maxLen)
		}
	}
}

// grow makes room for at least one byte more, with a capacity of at most
// maxLen.
func grow(out []byte, first, maxLen int) []byte {
	c := min(max(len(out)+first, 2*len(out)), maxLen)
	return append(make([]byte, 0, c), out...)
}
