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
// ErrLoopClosed: the caller closes the client, when it holds no lock.
func (s *Session) Seat(l link.Loop) error {
	if l == nil {
		if s.mailbox() == nil {
			return nil
		}
		l = new(alone)
	}
	return s.move(change{loop: l, closed: true})
}

// Unseat has the events wait until the client is attached again.
func (s *Session) Unseat() { _ = s.move(change{}) }

// Choose is Seat by the program, for this client.
func (s *Session) Choose(l link.Loop) error { return s.move(change{loop: l, chosen: true}) }

// Rescue has the last events of connections that have been aborted run although their
// loops do not: one after the other, of all that are given. From then on none of the
// engine's sessions is attached to a loop any more; those that come late call Late.
func (e *Engine) Rescue(sessions func() []*Session) {
	e.rescued.Store(true)
	for _, s := range sessions() {
		s.rescue()
	}
}

// Late is called for a session that Rescue may not have been given.
func (s *Session) Late() {
	if s.engine.rescued.Load() {
		s.rescue()
	}
}

func (s *Session) rescue() {
	if s.mailbox() != nil {
		_ = s.move(change{loop: s.engine.orphans, chosen: true, final: true})
	}
}

// change is a change of the seat.
type change struct {
	loop   link.Loop // nil: the events wait
	chosen bool      // for this client, and not for all of its server or host
	closed bool      // the loop may be closed
	final  bool      // the last one
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
			if sits, merr := m.change(t, c); !sits {
				return merr
			}
			return t.settled(c, err)
		}
		m.chosen = c.chosen
		m.sitLocked(t) // nobody else knows it
		if !s.box.CompareAndSwap(nil, m) {
			t.leave()
			continue
		}
		if s.engine.rescued.Load() { // without this one, perhaps
			s.rescue()
			return client.ErrClosed
		}
		return t.settled(c, err)
	}
}

// settled is called when the client has the seat, unless it is another one's by now: the
// loop may have been closed meanwhile.
func (t *seat) settled(c change, err error) error {
	switch {
	case err != nil || !t.unseated():
		return err
	case c.closed:
		return client.ErrLoopClosed
	}
	t.checkClosed()
	return nil
}

// change makes t the seat, if c may. What waits is counted there from now on.
func (m *mailbox) change(t *seat, c change) (sits bool, err error) {
	m.mu.Lock()
	old := m.seat.Load()
	switch {
	case m.over, m.final && !c.final:
		m.mu.Unlock()
		t.leave()
		return false, client.ErrClosed
	case m.chosen && !c.chosen, old == t, old != nil && t != nil && old.loop == t.loop:
		m.chosen = m.chosen || c.chosen
		m.mu.Unlock()
		t.leave()
		return false, nil
	}
	m.chosen, m.final = m.chosen || c.chosen, c.final
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
	return true, nil
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
