package engine

import (
	"runtime/debug"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
)

var _ link.Seat = (*seat)(nil)

// Room implements link.Seat.
func (t *seat) Room() {
	m := t.box
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wakeLocked()
}

// Closed implements link.Seat.
func (t *seat) Closed() {
	t.closed.Store(true)
	t.checkClosed()
}

// unseated reports that the client is on this seat, and its loop closed.
func (t *seat) unseated() bool { return t != nil && t.closed.Load() && t.box.seat.Load() == t }

// checkClosed ends a client whose loop was closed. It is called when each has happened:
// the client has the seat, the loop is closed, and the connection is open: in a handshake
// there is nothing to close yet.
func (t *seat) checkClosed() {
	if s := t.box.s; t.unseated() && s.State() != link.Connecting {
		_ = s.CloseWith(client.StatusGoingAway, "", false, client.ErrLoopClosed)
	}
}

// Run implements link.Seat.
func (t *seat) Run(max int) (ran int, again bool) {
	m := t.box
	var j job
	regular := false
	defer func() {
		switch v := recover(); {
		case regular:
			return
		case v != nil: // a fault of ours costs this connection only
			m.s.failed("loop", &event.Panic{Value: v, Stack: debug.Stack()})
		default:
			m.s.failed("event", errExited)
		}
		if m.leave(t, &j) {
			t.schedule()
		}
	}()
	for m.next(t, &j, ran == 0) {
		m.s.do(&j)
		if ran++; ran == max || t.loop.Hurry() {
			regular = true
			return ran, m.leave(t, &j)
		}
	}
	regular = true
	return ran, false
}

// job is what next has found to run.
type job struct {
	what   jobKind
	letter *letter
	record []byte // of the letter, in place of all of it
	more   bool   // and there may be another one
	drop   client.Drop
	end    *client.CloseInfo
}

type jobKind uint8

const (
	noJob jobKind = iota
	letterJob
	dropJob
	readyJob
	endJob
)

// next is the end of j, if there was one, and takes what is to run next. It returns
// false when that is nothing, or elsewhere; then t does not run any more.
func (m *mailbox) next(t *seat, j *job, first bool) bool {
	m.mu.Lock()
	m.takeNoticesLocked() // the reader may be a while
	if first && (m.seat.Load() != t || m.state != scheduled) {
		s := m.wantLocked()
		m.mu.Unlock()
		s.schedule()
		return false // a seat of before
	}
	back := m.doneLocked(j)
	m.state = running
	if m.seat.Load() == t {
		back.add(m.pickLocked(j))
	}
	if j.what != noJob {
		m.mu.Unlock()
		back.book()
		return true
	}
	s := m.restLocked()
	m.mu.Unlock()
	back.book()
	s.schedule()
	return false
}

// leave is the end of j and of Run. It returns true when Run is to be called again.
func (m *mailbox) leave(t *seat, j *job) (again bool) {
	m.mu.Lock()
	back := m.doneLocked(j)
	s := m.restLocked()
	m.mu.Unlock()
	back.book()
	if s == t {
		return true
	}
	s.schedule()
	return false
}

// restLocked is the end of a run, and returns the seat that is to be scheduled.
func (m *mailbox) restLocked() *seat {
	m.state = resting
	if m.first == nil {
		m.owes.Store(m.end != nil && !m.over)
		m.wakeLocked()
	}
	return m.wantLocked()
}

// doneLocked is the end of a job.
func (m *mailbox) doneLocked(j *job) (back booking) {
	if l := j.letter; l != nil {
		m.running = nil
		if l.kind == messageCall || l.kind == fragmentCall {
			m.s.Touch()
		}
		if !j.more {
			back = m.popLocked(l)
		}
	}
	if j.what == endJob {
		m.over = true
		m.wakeLocked()
	}
	*j = job{}
	return back
}

// popLocked takes l, the first, out.
func (m *mailbox) popLocked(l *letter) booking {
	if m.first = l.next; m.first == nil {
		m.last = nil
	}
	return m.releaseLocked(l)
}

// pickLocked chooses what runs next: OnClientConnect, then what is to tell, then what
// has come, then the end.
func (m *mailbox) pickLocked(j *job) (back booking) {
	open := m.s.State() == link.Open
	if !open {
		back = m.discardLocked()
	}
	l := m.first
	switch {
	case l != nil && l.kind == connectCall:
		m.letterLocked(j, l)
	case len(m.drops) > 0:
		j.what, j.drop = dropJob, m.drops[0]
		if m.drops = m.drops[1:]; len(m.drops) == 0 {
			m.drops = nil
		}
	case m.ready:
		m.ready = false
		if open {
			j.what = readyJob
			return back
		}
		back.add(m.pickLocked(j))
	case l != nil && !m.s.Paused():
		back.add(m.inputLocked(j, l))
	case l == nil && m.end != nil && !m.over:
		j.what, j.end = endJob, m.end
	}
	return back
}

func (m *mailbox) letterLocked(j *job, l *letter) {
	j.what, j.letter = letterJob, l
	m.running = l
}

// inputLocked takes the next event of what has come.
func (m *mailbox) inputLocked(j *job, l *letter) (back booking) {
	if l.kind == fragmentCall && l.first {
		m.s.pieces.began = false
	}
	r := m.s.record.Load()
	if r == nil || l.op != client.OpBinary {
		m.letterLocked(j, l)
		return back
	}
	record, left, how := r.next(l.data)
	switch {
	case how == aRecord:
		l.cut = l.cut || len(l.data) > len(left)
		l.data, j.record, j.more = left, record, true
		m.letterLocked(j, l)
	case how == noRecords && !(l.cut && len(l.data) == 0 && !l.final):
		m.letterLocked(j, l)
	default: // it was records to its end, or there is not enough for another one
		back = m.popLocked(l)
		back.add(m.pickLocked(j))
	}
	return back
}

// do runs an event of a client whose events are not run by its reader.
func (s *Session) do(j *job) {
	switch l := j.letter; j.what {
	case letterJob:
		s.open(l, j)
	case dropJob:
		s.dropped(j.drop)
	case readyJob:
		s.readyToSend()
	case endJob:
		// Deferred, because each event may end the goroutine.
		defer s.signalEnd()
		defer s.disconnect(*j.end)
		s.lastRecord(*j.end)
	}
}

// open runs the event of a letter.
func (s *Session) open(l *letter, j *job) {
	switch {
	case j.record != nil:
		s.message(client.Message{Op: client.OpBinary, Data: j.record})
	case l.kind == connectCall:
		s.connect()
	case l.kind == fragmentCall:
		s.piece(l.op, l.data, l.first && !l.cut && len(l.data) == 0, l.final)
	default:
		s.call(l.kind, client.Message{Op: l.op, Data: l.data}, client.Fragment{})
	}
}
