package transport

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/icsws/icsws/client"
)

// How much of a file goes into a fragment that the kernel copies. Two of them are on
// their way, and a control frame waits for one at most: so a peer that is slow gets
// small ones.
const (
	minSpan = 64 << 10
	maxSpan = 4 << 20

	quickSpan = 20 * time.Millisecond
	slowSpan  = 200 * time.Millisecond
)

// spanSize is the size of the next span, after one of n bytes that took d.
func spanSize(n int, d time.Duration) int {
	switch {
	case d < quickSpan:
		return min(2*n, maxSpan)
	case d > slowSpan:
		return max(n/2, minSpan)
	}
	return n
}

// span is a part of a file, from its current position on.
type span struct {
	f *os.File
	n int
}

// fileFragment is a span with its header, in memory of the stream.
type fileFragment struct {
	span
	head [MaxHeader]byte
}

// fileWire is a wire that takes files without a copy through this process.
type fileWire interface {
	// takesFiles reports whether the kernel does it.
	takesFiles() bool
	// writeFile writes n bytes of f, as write does, and returns how many it read.
	writeFile(c *Conn, f *os.File, n int) (int, error)
}

// source is a regular file that can be sent in spans.
type source struct {
	f     *os.File
	left  int64
	limit *io.LimitedReader // that it came in, or nil
}

// span returns what r is as a source, or nil if it must go through memory: for text is
// checked, and compressed data made, there.
func (s *Stream) span(r io.Reader) *source {
	limit, _ := r.(*io.LimitedReader)
	if limit != nil {
		r = limit.R
	}
	f, ok := r.(*os.File)
	if !ok || s.Op != client.OpBinary || s.Zip != nil || s.gathered() > 0 {
		return nil
	}
	s.c.mu.Lock()
	w, ok := s.c.wire.(fileWire)
	s.c.mu.Unlock()
	if !ok || !w.takesFiles() || s.c.limited() {
		return nil
	}
	i, err := f.Stat()
	if err != nil || !i.Mode().IsRegular() {
		return nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	left := i.Size() - at
	if limit != nil {
		left = min(left, limit.N)
	}
	if left < streamChunk {
		return nil
	}
	if _, err := f.ReadAt(make([]byte, 1), at); err != nil {
		return nil // memory tells why, while nothing is sent
	}
	return &source{f, left, limit}
}

func (c *Conn) limited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flow.rate != nil
}

// sendSpans sends what the file had when it was looked at, until a limit is set, which
// wants to be asked more often. The end of the message is
// an empty frame, so that a file that became shorter can still be told.
func (s *Stream) sendSpans(f *source) (sent int64, err error) {
	if s.Total >= 0 && s.sent+f.left > s.Total {
		return 0, s.check(f.left)
	}
	size := 4 * minSpan
	if !s.begun {
		if err := s.takeTurn(); err != nil {
			return 0, s.fail(err)
		}
		s.begun = true
	}
	for f.left > 0 && !s.c.limited() {
		n := int(min(int64(size), f.left))
		if m := s.c.set.MaxFrame; m > 0 {
			n = min(n, m)
		}
		p := &s.spans[s.odd]
		p.span, s.odd = span{f.f, n}, 1-s.odd
		began := s.c.svc.now()
		if err := s.push(entry{b: AppendHeader(p.head[:0], s.first(false), n), span: &p.span}, n, false); err != nil {
			return sent, s.fail(err)
		}
		size = spanSize(size, s.c.svc.now()-began)
		f.left -= int64(n)
		sent += int64(n)
	}
	s.c.mu.Lock()
	err = s.drainedLocked(0) // the caller may do with the file what it likes
	s.c.mu.Unlock()
	if err != nil {
		return sent, s.fail(err)
	}
	return sent, nil
}

var zeros [4 << 10]byte

// writeSpan writes a part of a file. One that can not be read is a frame of zeros, so
// that the close frame can follow: the message never becomes whole.
func (c *Conn) writeSpan(p *span, owner *Stream) error {
	c.throttle(p.n)
	n, err := c.wire.(fileWire).writeFile(c, p.f, p.n)
	c.moved(n)
	if c.set.Sent {
		c.tellSentSpan(n)
	}
	if n == p.n {
		return nil
	}
	if err != nil && !errors.As(err, new(*fs.PathError)) {
		return err // of the connection
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	c.mu.Lock()
	if owner.broke == nil {
		owner.broke = fmt.Errorf("client: source: %w", err)
	}
	c.mu.Unlock()
	for n < p.n {
		k := min(p.n-n, len(zeros))
		if err := c.writeAll(zeros[:k]); err != nil {
			return err
		}
		n += k
	}
	return nil
}
