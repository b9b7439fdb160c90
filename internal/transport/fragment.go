package transport

import (
	"context"
	"fmt"

	"github.com/icsws/icsws/client"
)

// emit sends what is gathered as the next fragment.
func (s *Stream) emit(final bool) error {
	p := (*s.gather)[MaxHeader:]
	if s.Op == client.OpText && (!s.text.add(p) || final && !s.text.done()) {
		return s.fail(client.ErrInvalidUTF8)
	}
	if !s.begun {
		if err := s.takeTurn(); err != nil {
			return s.fail(err)
		}
		s.begun = true
	}
	b, err := s.frame(p, final)
	if err == nil {
		err = s.push(entry{b: b}, len(p), final)
	}
	if err != nil {
		return s.fail(err)
	}
	if s.Zip == nil {
		s.gather, s.spare = s.spare, s.gather
	} else {
		s.Lock.Lock()
		s.Zip.Extend(p)
		s.Lock.Unlock()
	}
	if s.gather != nil {
		*s.gather = (*s.gather)[:MaxHeader]
	}
	return nil
}

// first is the first byte of the next fragment.
func (s *Stream) first(final bool) byte {
	b := byte(0)
	if !s.wrote {
		b = byte(s.Op)
		if s.Zip != nil {
			b |= rsv1Bit
		}
	}
	if final {
		b |= finBit
	}
	return b
}

// frame makes p a frame. Its bytes are those of a buffer of ours.
func (s *Stream) frame(p []byte, final bool) ([]byte, error) {
	if s.Zip != nil {
		return s.pack(p, final)
	}
	var head [MaxHeader]byte
	h := AppendHeader(head[:0], s.first(final), len(p))
	b := *s.gather
	copy(b[MaxHeader-len(h):], h)
	return b[MaxHeader-len(h):], nil
}

// syncTail ends each fragment but the last: what follows continues the stream
// (RFC 7692 section 7.2.1).
const syncTail = "\x00\x00\xff\xff"

// pack compresses p into one frame, or more if they must be small.
func (s *Stream) pack(p []byte, final bool) ([]byte, error) {
	s.packed[0], s.packed[1] = s.packed[1], s.packed[0]
	if s.packed[0] == nil {
		s.packed[0] = plains.Get().(*[]byte)
	}
	buf := s.packed[0]
	s.Lock.Lock()
	b, err := s.Zip.Append(append((*buf)[:0], make([]byte, MaxHeader)...), p)
	s.Lock.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrCompression, err)
	}
	if !final {
		b = append(b, syncTail...)
	}
	*buf = b
	n := len(b) - MaxHeader
	if m := s.c.set.MaxFrame; m > 0 && n > m {
		first := s.first(final)
		out := AppendMessage(nil, first|finBit, b[MaxHeader:], m)
		if !final {
			out = unfinal(out)
		}
		return out, nil
	}
	var head [MaxHeader]byte
	h := AppendHeader(head[:0], s.first(final), n)
	copy(b[MaxHeader-len(h):], h)
	return b[MaxHeader-len(h):], nil
}

// unfinal takes FIN from the last of several frames.
func unfinal(b []byte) []byte {
	at := 0
	for n := frameLen(b); at+n < len(b); n = frameLen(b[at:]) {
		at += n
	}
	b[at] &^= finBit
	return b
}

// push queues or writes e, which holds n bytes of payload, and waits until its
// predecessor is written. The last one is not waited for: nothing can call it back.
func (s *Stream) push(e entry, n int, final bool) error {
	err := s.pushed(e, n, final)
	s.c.relieve()
	if err != nil || s.Progress == nil || s.Progress(s.sent, s.Total) {
		return err
	}
	if s.late = final; final {
		return nil
	}
	return client.ErrInterrupted
}

func (s *Stream) pushed(e entry, n int, final bool) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.stateLocked(); err != nil {
		return err
	}
	if !s.wrote {
		c.messagesOut++
	}
	s.wrote = true
	s.sent += int64(n)
	size := e.size()
	if s.wire += int64(size); final {
		c.lane().sent.note(int(s.wire))
	}
	c.buffered += size
	c.bytesOut += uint64(size)
	e.owner = s
	var err error
	if c.draining || c.writing || c.flow.rate != nil || e.span != nil {
		err = c.pushFragmentLocked(e)
	} else {
		c.writeLocked(&Frame{Whole: e.b, owner: s})
		c.flushLocked()
	}
	if err == nil && !final {
		err = s.drainedLocked(1)
	}
	return err
}

// pushFragmentLocked queues a fragment. Behind a write that is under way it follows
// what that leaves, and what was corked meanwhile.
func (c *Conn) pushFragmentLocked(e entry) error {
	c.quietLocked()
	if c.dead != nil {
		return client.ErrClosed
	}
	if c.sealed { // while we waited: nothing may follow
		c.buffered -= e.size()
		return client.ErrClosed
	}
	e.owner.lent++
	c.queueCorkLocked()
	c.ownQueueLocked().add(e)
	c.startDrainLocked()
	return nil
}

// quietLocked waits for the end of a write that is under way and does not wait: what it
// leaves comes first in the queue.
func (c *Conn) quietLocked() {
	for c.writing && !c.draining && c.dead == nil {
		_ = c.waitRoomLocked(nil, nil)
	}
}

// drainedLocked waits until at most n fragments are not written.
func (s *Stream) drainedLocked(n int) error {
	for s.lent > n {
		if err := s.waitLocked(); err != nil {
			return err
		}
	}
	if s.broke != nil {
		return s.broke
	}
	if s.c.dead != nil {
		return client.ErrClosed
	}
	return nil
}

// waitLocked waits for a change, unless the stream must end.
func (s *Stream) waitLocked() error {
	if err := s.stateLocked(); err != nil {
		return err
	}
	if s.c.flow.taken != s {
		if err := s.c.waitRoomLocked(nil, s.Context.Done()); err != nil {
			return context.Cause(s.Context)
		}
		return nil
	}
	s.c.mu.Unlock()
	defer s.c.mu.Lock()
	select {
	case <-s.wake:
		return nil
	case <-s.Context.Done():
		return context.Cause(s.Context)
	}
}

// wakeStreamLocked has the stream that is under way look again. It has a channel of its
// own, so that a long message makes no garbage with each wait.
func (c *Conn) wakeStreamLocked() {
	if s := c.flow.taken; s != nil {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// stateLocked returns why the message can not go on.
func (s *Stream) stateLocked() error {
	c := s.c
	switch {
	case s.broke != nil:
		return s.broke
	case c.dead != nil, c.sealed && !s.ended:
		return client.ErrClosed
	case c.flow.interrupts != s.calls:
		return client.ErrInterrupted
	case s.Context.Err() != nil:
		return context.Cause(s.Context)
	}
	return nil
}
