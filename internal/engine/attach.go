package engine

import (
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// clientBytes bounds what waits for a client that is attached to no loop.
const clientBytes = 64 << 10

// gone is the mailbox of a session whose last events have run.
var gone = new(mailbox)

// mailbox returns what the events are to be put into, nil while the reader runs them.
func (s *Session) mailbox() *mailbox {
	if m := s.box.Load(); m != gone {
		return m
	}
	return nil
}

// Await, Owes and Later implement transport.Events.

func (s *Session) Await() {
	if m := s.mailbox(); m != nil {
		m.await()
	}
}

func (s *Session) Owes() bool {
	m := s.mailbox()
	return m != nil && m.owes.Load()
}

func (s *Session) Later() bool {
	m := s.mailbox()
	if m == nil {
		return false
	}
	t := m.seat.Load()
	return t != nil && t.loop.Defer(s)
}

// Seat has the events run on l, from the next one on; nil: on a goroutine of the
// client's own. It does nothing for a client whose place the program has chosen. With
// a loop that was closed it is done all the same, so that the last events run there, and
// an error.
func (s *Session) Seat(l link.Loop) error {
	if l == nil {
		if s.mailbox() == nil {
			return nil
		}
		l = new(alone)
	}
	return s.move(change{loop: l, closed: true})
}

// Detach has the events wait until the client is attached again.
func (s *Session) Unseat() { _ = s.move(change{}) }

// Choose is Seat by the program, for this client.
func (s *Session) Choose(l link.Loop) error { return s.move(change{loop: l, chosen: true}) }

// Rescue has the last events of a connection that has been aborted run although its loop
// does not: one after the other with those of all other such clients.
func (s *Session) Rescue() {
	if s.mailbox() != nil {
		_ = s.move(change{loop: s.engine.orphans, chosen: true})
	}
}

// change is a change of the seat.
type change struct {
	loop   link.Loop // nil: the events wait
	chosen bool      // for this client, and not for all of its server or host
	closed bool      // the loop may be closed
}

func (s *Session) move(c change) (err error) {
	for {
		m := s.box.Load()
		fresh := m == nil
		switch {
		case m == gone:
			return client.ErrClosed
		case fresh:
			m = &mailbox{s: s, limit: clientBytes}
		}
		var t *seat
		if c.loop != nil {
			if t = (&seat{box: m, loop: c.loop}); !c.loop.Join(t) {
				if err = client.ErrLoopClosed; !c.closed {
					return err
				}
			}
		}
		if !fresh {
			if merr := m.change(t, c.chosen); merr != nil {
				return merr
			}
			t.settled()
			return err
		}
		m.chosen = c.chosen
		m.sitLocked(t) // nobody else knows it
		if s.box.CompareAndSwap(nil, m) {
			t.settled()
			return err
		}
		t.leave()
	}
}

// settled is called when the client has the seat, unless it is another one's by now: the
// loop may have been closed meanwhile.
func (t *seat) settled() {
	if t != nil {
		t.checkClosed()
	}
}

// change makes t the seat. What waits is counted there from now on.
func (m *mailbox) change(t *seat, chosen bool) error {
	m.mu.Lock()
	old := m.seat.Load()
	switch {
	case m.over:
		m.mu.Unlock()
		t.leave()
		return client.ErrClosed
	case m.chosen && !chosen, old == t, old != nil && t != nil && old.loop == t.loop:
		m.chosen = m.chosen || chosen
		m.mu.Unlock()
		t.leave()
		return nil
	}
	m.chosen = m.chosen || chosen
	m.sitLocked(t)
	if m.state == scheduled {
		m.state = resting // whoever has the old seat finds out
	}
	next := m.wantLocked()
	events, bytes := m.events, m.bytes
	m.wakeLocked() // there may be room here
	m.mu.Unlock()
	if old != nil {
		old.leave()
		old.loop.Book(-events, -bytes)
	}
	if t != nil {
		t.loop.Book(events, bytes)
	}
	next.schedule()
	return nil
}

func (m *mailbox) sitLocked(t *seat) {
	m.seat.Store(t)
	if t != nil {
		m.limit = t.loop.ClientBytes()
	}
}

func (t *seat) leave() {
	if t != nil {
		t.loop.Leave(t)
	}
}
