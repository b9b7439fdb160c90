package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/icsws/icsws/client"
)

// streamChunk is how much of a message in pieces is in memory, twice; with compression
// once more.
const streamChunk = 32 << 10

// maxIdleReads is how often in a row a source may return nothing.
const maxIdleReads = 100

var streamBuffers = sync.Pool{New: func() any { b := make([]byte, MaxHeader, MaxHeader+streamChunk); return &b }}

// Zip compresses one message in pieces. Extend follows each Append whose result was
// sent.
type Zip interface {
	Append(dst, p []byte) ([]byte, error)
	Extend(p []byte)
}

// Stream is one message that is sent in pieces. One goroutine uses it at a time.
//
// It has the turn from its first fragment to its end: messages of others wait in
// turn.behind. Two fragments at most are in the queue, in buffers that the stream has
// lent; so its source is read only as fast as the peer takes it.
type Stream struct {
	StreamConfig
	c     *Conn
	calls uint // Interrupt calls when it was first used

	gather *[]byte    // room for a header, then payload
	spare  *[]byte    // the other buffer of what is lent
	packed [2]*[]byte // compressed fragments, the present one first
	text   utf8Check

	late  bool  // Progress called off what was sent already
	used  bool  // calls is set
	begun bool  // it has the turn
	wrote bool  // a part of it is in the queue or sent
	ended bool  // Close or Fail is done
	sent  int64 // payload in fragments so far, before compression
	wire  int64 // bytes of these fragments
	err   error // why it failed

	wake  chan struct{} // gets one when something was written, while it has the turn
	lent  int           // entries of the queue that are not written yet; guarded by Conn.mu
	broke error         // the file could not be read; guarded by Conn.mu

	spans [2]fileFragment // in turn
	odd   int             // which of them is next
}

// StreamConfig is what a stream does.
type StreamConfig struct {
	Context  context.Context
	Op       client.Opcode
	Total    int64 // bytes of the message; below 0: unknown
	Progress func(sent, total int64) bool
	Zip      Zip         // nil: not compressed
	Lock     sync.Locker // held around a use of Zip, and while the stream begins; nil: none
}

// NewStream returns a stream; nothing happens before its first fragment.
func (c *Conn) NewStream(o StreamConfig) *Stream {
	if o.Total < 0 {
		o.Total = -1
	}
	return &Stream{StreamConfig: o, c: c, wake: make(chan struct{}, 1)}
}

var errTurn = errors.New("transport: another message is under way")

// chunk is how much payload goes into a fragment.
func (s *Stream) chunk() int {
	if m := s.c.set.MaxFrame; m > 0 && s.Zip == nil {
		return min(m, streamChunk)
	}
	return streamChunk
}

// room returns where payload is gathered.
func (s *Stream) room() []byte {
	if s.gather == nil {
		s.gather = streamBuffers.Get().(*[]byte)
	}
	b := *s.gather
	return b[len(b) : MaxHeader+s.chunk()]
}

func (s *Stream) gathered() int {
	if s.gather == nil {
		return 0
	}
	return len(*s.gather) - MaxHeader
}

// Write adds p to the message.
func (s *Stream) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		if err = s.check(int64(len(p))); err != nil {
			break
		}
		k := copy(s.room(), p)
		*s.gather = (*s.gather)[:len(*s.gather)+k]
		n, p = n+k, p[k:]
		if len(s.room()) == 0 {
			err = s.emit(false)
		}
	}
	return n, err
}

// check refuses what must not follow: n more bytes, after an error, or too many.
func (s *Stream) check(n int64) error {
	if !s.used {
		s.c.mu.Lock()
		s.used, s.calls = true, s.c.flow.interrupts
		s.c.mu.Unlock()
	}
	switch {
	case s.err != nil:
		return s.err
	case s.ended:
		return client.ErrClosed
	case s.Op != client.OpText && s.Op != client.OpBinary:
		return s.fail(client.ErrBadOpcode)
	case s.Total >= 0 && s.sent+int64(s.gathered())+n > s.Total:
		return s.fail(fmt.Errorf("%w: more than %d bytes", client.ErrMessageLength, s.Total))
	}
	return nil
}

// ReadFrom adds all that r has.
func (s *Stream) ReadFrom(r io.Reader) (n int64, err error) {
	if err := s.check(0); err != nil {
		return 0, err
	}
	if f := s.span(r); f != nil {
		if n, err = s.sendSpans(f); f.limit != nil {
			f.limit.N -= n
		}
		if err != nil || f.left == 0 {
			return n, err
		}
		if f.limit == nil {
			r = io.LimitReader(f.f, f.left)
		}
	}
	for idle := 0; ; {
		if err := s.ready(); err != nil {
			return n, s.fail(err)
		}
		room := s.room()
		k, rerr := r.Read(room)
		if k < 0 || k > len(room) {
			return n, s.fail(errors.New("client: source returned an impossible count"))
		}
		if s.Total >= 0 && s.sent+int64(s.gathered()+k) > s.Total {
			return n, s.check(int64(k))
		}
		*s.gather = (*s.gather)[:len(*s.gather)+k]
		n += int64(k)
		if k > 0 {
			idle = 0
		}
		switch {
		case rerr == io.EOF:
			return n, nil
		case rerr != nil:
			return n, s.fail(fmt.Errorf("client: source: %w", rerr))
		case k == 0:
			if idle++; idle == maxIdleReads {
				return n, s.fail(fmt.Errorf("client: source: %w", io.ErrNoProgress))
			}
		case len(s.room()) == 0 || !s.inFlight():
			if err := s.emit(false); err != nil {
				return n, err
			}
		}
	}
}

// ready looks whether the message may go on, before the source is read.
func (s *Stream) ready() error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.stateLocked()
}

// inFlight reports whether a fragment waits for the peer: then the next one may grow
// meanwhile.
func (s *Stream) inFlight() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.lent > 0
}

// Flush sends what is gathered.
func (s *Stream) Flush() error {
	if err := s.check(0); err != nil || s.gathered() == 0 {
		return err
	}
	return s.emit(false)
}

// Close ends the message and waits until it is written.
func (s *Stream) Close() error {
	if err := s.check(0); err != nil {
		return err
	}
	if n := s.sent + int64(s.gathered()); s.Total >= 0 && n < s.Total {
		return s.fail(fmt.Errorf("%w: %d bytes of %d", client.ErrMessageLength, n, s.Total))
	}
	s.room()
	if err := s.emit(true); err != nil {
		return err
	}
	err := s.over()
	s.release(err)
	if err == nil && s.late {
		err = client.ErrInterrupted
	}
	return err
}

// over gives the turn to others, and waits until all of the message is written.
func (s *Stream) over() error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.ended = true
	s.c.giveTurnLocked()
	return s.drainedLocked(0)
}

// Fail gives the message up.
func (s *Stream) Fail(err error) {
	if s.err == nil && !s.ended {
		_ = s.fail(err)
	}
}

// fail ends the stream with err, and the connection if a part of the message is sent.
func (s *Stream) fail(err error) error {
	s.err, s.ended = err, true
	s.breakOff(err)
	s.release(err)
	return err
}

// breakOff ends the connection if a part of the message is sent, and gives the turn to
// others.
func (s *Stream) breakOff(err error) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.wrote {
		cause := &client.StreamError{Sent: s.sent, Err: err}
		if closed := c.closeLocked(client.StatusInternalError, "message broken off", false, cause); closed != nil && c.flow.seal != nil {
			// The close was to follow the end of the message, which does not come.
			c.flow.seal = nil
			c.info.Code, c.info.Reason = client.StatusInternalError, "message broken off"
			c.info.Cause = errors.Join(cause, c.info.Cause)
			c.sealLocked(client.StatusInternalError, "message broken off")
		}
	}
	if s.begun && c.flow.taken == s {
		c.giveTurnLocked()
	}
}

// release gives the buffers back; those that are lent go with the queue.
func (s *Stream) release(err error) {
	if err == nil {
		giveBuffers(s.gather, s.spare)
		for _, b := range s.packed {
			if b != nil {
				putPlain(b)
			}
		}
	}
	s.gather, s.spare, s.packed = nil, nil, [2]*[]byte{}
}

func giveBuffers(list ...*[]byte) {
	for _, b := range list {
		if b != nil {
			*b = (*b)[:MaxHeader]
			streamBuffers.Put(b)
		}
	}
}
