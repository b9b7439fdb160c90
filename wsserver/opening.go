package wsserver

import "time"

// openings are the connections in handshake, in the order in which their time is up, and
// the clock of Config.HandshakeTimeout. As all have the same time, unless Update has
// changed it, that is the order in which they came: one timer does for all, and a
// handshake in time sets no deadline.
// core.mu guards it.
type openings struct {
	first, last *arrival
	n           int
	clock       *time.Timer // calls core.overdue; nil before the first
	armed       bool        // it is set, for nobody's time or an earlier one
	at          time.Time   // for when
}

func (o *openings) add(a *arrival) {
	before := o.last
	for before != nil && a.sooner(before) {
		before = before.prev
	}
	a.listed, a.prev = true, before
	if before == nil {
		a.next, o.first = o.first, a
	} else {
		a.next, before.next = before.next, a
	}
	if a.next == nil {
		o.last = a
	} else {
		a.next.prev = a
	}
	o.n++
}

// sooner reports whether the time of a is up before that of b. No limit is the last.
func (a *arrival) sooner(b *arrival) bool {
	return !a.deadline.IsZero() && (b.deadline.IsZero() || a.deadline.Before(b.deadline))
}

// remove takes a out, if it is in.
func (o *openings) remove(a *arrival) {
	if !a.listed {
		return
	}
	if a.prev == nil {
		o.first = a.next
	} else {
		a.prev.next = a.next
	}
	if a.next == nil {
		o.last = a.prev
	} else {
		a.next.prev = a.prev
	}
	a.listed, a.timed, a.prev, a.next = false, false, nil, nil
	o.n--
}

// longAgo is the deadline that ends what waits.
var longAgo = time.Unix(1, 0)

// begun notes a connection that begins its handshake; false when the server is closing.
func (s *core) begun(a *arrival) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.opening.add(a)
	if a.timed = !a.deadline.IsZero(); a.timed && (!s.opening.armed || a.deadline.Before(s.opening.at)) {
		s.armLocked(a.deadline)
	}
	return true
}

func (s *core) armLocked(at time.Time) {
	o := &s.opening
	o.armed, o.at = true, at
	if o.clock == nil {
		o.clock = time.AfterFunc(time.Until(at), s.overdue)
		return
	}
	o.clock.Reset(time.Until(at))
}

// overdue ends the waiting of those whose time is up.
func (s *core) overdue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opening.armed = false
	now := time.Now()
	for a := s.opening.first; a != nil; a = a.next {
		switch {
		case !a.timed:
		case now.Before(a.deadline):
			s.armLocked(a.deadline)
			return
		default:
			a.timed, a.cut = false, true
			_ = a.raw.SetDeadline(longAgo)
		}
	}
}

// answering is called before a refusal is written, which has a time of its own.
func (s *core) answering(a *arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.timed = false
}

// opened takes a connection out of those in handshake. Then no deadline is left on it,
// and a shutdown sets none.
func (s *core) opened(a *arrival) {
	s.mu.Lock()
	s.opening.remove(a)
	s.mu.Unlock()
	a.release()
}

// release lifts the deadline of a connection that is in handshake no longer.
func (a *arrival) release() {
	if a.cut {
		a.cut = false
		_ = a.raw.SetDeadline(time.Time{})
	}
}

// hurry ends the waiting of connections in handshake: they are refused now.
func (s *core) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := s.opening.first; a != nil; a = a.next {
		a.cut = true
		_ = a.raw.SetReadDeadline(longAgo)
	}
}

// abandon closes the connections in handshake.
func (s *core) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := s.opening.first; a != nil; a = a.next {
		go a.raw.Close()
	}
}
