package clienttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// As on a server: how much of a message is gathered for a fragment, and how often in
// a row a source may return nothing.
const (
	streamChunk  = 32 << 10
	maxIdleReads = 100
)

// stream is a message that is sent in pieces. It keeps all of it, and is otherwise
// what internal/transport has: the same errors in the same order. From its first
// fragment to its end messages of others wait in outbound.behind.
type stream struct {
	r        *Recorder
	ctx      context.Context
	op       client.Opcode
	total    int64
	progress func(sent, total int64) bool

	data    []byte
	checked int   // bytes of data that are valid text
	sent    int64 // bytes of data in fragments so far

	calls uint // Interrupt calls when it was first used
	used  bool // calls is set
	begun bool // it has the turn
	wrote bool // a fragment was made
	ended bool
	err   error // why it failed

	lent    int // fragments that wait; guarded by Recorder.mu
	resumes int // calls of Resume when they were lent
}

func (s *stream) gathered() int64 { return int64(len(s.data)) - s.sent }
func (s *stream) room() int       { return streamChunk - int(s.gathered()) }

func (s *stream) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		if err = s.check(int64(len(p))); err != nil {
			break
		}
		k := min(len(p), s.room())
		s.data = append(s.data, p[:k]...)
		n, p = n+k, p[k:]
		if s.room() == 0 {
			err = s.emit(false)
		}
	}
	return n, err
}

// check refuses what must not follow: n more bytes, after an error, or too many.
func (s *stream) check(n int64) error {
	if !s.used {
		s.r.mu.Lock()
		s.used, s.calls = true, s.r.interrupts
		s.r.mu.Unlock()
	}
	switch {
	case s.err != nil:
		return s.err
	case s.ended:
		return client.ErrClosed
	case s.op != client.OpText && s.op != client.OpBinary:
		return s.fail(client.ErrBadOpcode)
	case s.total >= 0 && int64(len(s.data))+n > s.total:
		return s.fail(fmt.Errorf("%w: more than %d bytes", client.ErrMessageLength, s.total))
	}
	return nil
}

func (s *stream) ReadFrom(src io.Reader) (n int64, err error) {
	if err := s.check(0); err != nil {
		return 0, err
	}
	for idle := 0; ; {
		flying, err := s.look()
		if err != nil {
			return n, s.fail(err)
		}
		s.data = slices.Grow(s.data, s.room())
		k, rerr := src.Read(s.data[len(s.data):][:s.room()])
		if k < 0 || k > s.room() {
			return n, s.fail(errors.New("client: source returned an impossible count"))
		}
		if err := s.check(int64(k)); err != nil {
			return n, err
		}
		s.data = s.data[:len(s.data)+k]
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
		case s.room() == 0 || !flying:
			if err := s.emit(false); err != nil {
				return n, err
			}
		}
	}
}

// look tells, before the source is read, whether the message may go on, and whether a
// fragment waits.
func (s *stream) look() (flying bool, err error) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	return s.flyingLocked() > 0, s.stateLocked()
}

func (s *stream) Flush() error {
	if err := s.check(0); err != nil || s.gathered() == 0 {
		return err
	}
	return s.emit(false)
}

func (s *stream) Close() error {
	if err := s.check(0); err != nil {
		return err
	}
	if n := int64(len(s.data)); s.total >= 0 && n < s.total {
		return s.fail(fmt.Errorf("%w: %d bytes of %d", client.ErrMessageLength, n, s.total))
	}
	if err := s.emit(true); err != nil {
		return err
	}
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.ended = true
	r.giveTurnLocked()
	return s.drainedLocked(0)
}

func (s *stream) Fail(err error) {
	if s.err == nil && !s.ended {
		_ = s.fail(err)
	}
}

// fail ends the stream with err, and the connection if a part of the message is sent.
func (s *stream) fail(err error) error {
	s.err, s.ended = err, true
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.wrote {
		const code, reason = client.StatusInternalError, "message broken off"
		closed := r.closeLocked(code, reason, false, &client.StreamError{Sent: s.sent, Err: err})
		if closed != nil && r.sealing {
			// The close was to follow the end of the message, which does not come.
			r.sealing = false
			r.closed = &client.CloseError{Code: code, Reason: reason}
			r.sealLocked()
		}
	}
	if s.begun && r.stream == s {
		r.giveTurnLocked()
	}
	return err
}

// emit sends what is gathered as the next fragment.
func (s *stream) emit(final bool) error {
	if s.op == client.OpText && !s.validText(final) {
		return s.fail(client.ErrInvalidUTF8)
	}
	if !s.begun {
		if err := s.takeTurn(); err != nil {
			return s.fail(err)
		}
	}
	if err := s.push(int(s.gathered()), final); err != nil {
		return s.fail(err)
	}
	return nil
}

// validText checks what is gathered. A rune may be cut at its end, unless it is the
// end of the message.
func (s *stream) validText(final bool) bool {
	p := s.data[s.checked:]
	for i := 1; !final && i <= min(len(p), utf8.UTFMax-1); i++ {
		if tail := p[len(p)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				p = p[:len(p)-i]
			}
			break
		}
	}
	s.checked += len(p)
	return utf8.Valid(p)
}

// takeTurn waits until no other message is under way, and makes s it.
func (s *stream) takeTurn() error {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		switch {
		case r.sealed || r.state != link.Open:
			return client.ErrClosed
		case r.stream == nil:
			r.stream, s.begun = s, true
			return nil
		}
		if err := s.waitLocked(); err != nil {
			return err
		}
	}
}

// giveTurnLocked ends the message that is under way: what waited for it follows.
func (r *Recorder) giveTurnLocked() {
	r.stream = nil
	r.queue = append(r.queue, r.behind...)
	r.behind = nil
	if r.sealing {
		r.sealing = false
		r.sealLocked()
	}
	r.flushLocked()
}

// push makes n bytes a fragment and waits until its predecessor is gone.
func (s *stream) push(n int, final bool) error {
	r := s.r
	r.mu.Lock()
	err := s.stateLocked()
	if err == nil {
		s.countLocked(n)
		if final {
			s.completeLocked()
		}
		err = s.drainedLocked(1)
	}
	r.mu.Unlock()
	if err == nil && s.progress != nil && !s.progress(s.sent, s.total) {
		err = client.ErrInterrupted
	}
	return err
}

func (s *stream) countLocked(n int) {
	r, size := s.r, transport.FrameSize(n)
	if !s.wrote {
		r.counts.MessagesOut++
	}
	s.wrote = true
	s.sent += int64(n)
	r.counts.BytesOut += uint64(size)
	if r.stalled {
		s.lent = s.flyingLocked() + 1
		s.resumes = r.resumes
		r.lent += size
	}
}

// completeLocked puts the message, which has all its fragments, into the queue: the
// peer gets it whatever comes now.
func (s *stream) completeLocked() {
	r := s.r
	m := client.Message{Op: s.op, Data: s.data}
	r.queue = append(r.queue, queued{Message: m, size: r.lent, pieces: true})
	r.lent = 0
	r.flushLocked()
}

// flyingLocked is how many fragments wait.
func (s *stream) flyingLocked() int {
	if s.resumes != s.r.resumes {
		return 0
	}
	return s.lent
}

// drainedLocked waits until at most n fragments wait.
func (s *stream) drainedLocked(n int) error {
	for s.flyingLocked() > n {
		if err := s.waitLocked(); err != nil {
			return err
		}
	}
	if s.r.goneLocked() {
		return client.ErrClosed
	}
	return nil
}

// waitLocked waits for a change, unless the stream must end.
func (s *stream) waitLocked() error {
	if err := s.stateLocked(); err != nil {
		return err
	}
	return s.r.waitLocked(nil, s.ctx)
}

// stateLocked returns why the message can not go on.
func (s *stream) stateLocked() error {
	r := s.r
	switch {
	case r.goneLocked(), r.sealed && !s.ended:
		return client.ErrClosed
	case r.interrupts != s.calls:
		return client.ErrInterrupted
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	}
	return nil
}

// goneLocked reports whether nothing reaches the peer any more.
func (r *Recorder) goneLocked() bool { return r.aborted || r.state == link.Closed }
