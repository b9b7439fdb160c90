package engine

import (
	"sync"
	"sync/atomic"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// mailbox is what has come for a client whose events run on a loop, or nowhere at
// present. The reader fills it, and whoever runs the client's seat empties it. A session
// gets one when it is first attached or detached, and keeps it.
//
// So the order of events is that of the mailbox, wherever they run: changing the seat
// moves nothing, loses nothing, and an event that runs on the old loop keeps the new one
// waiting.
type mailbox struct {
	s    *Session
	seat atomic.Pointer[seat] // where events run, nil: nowhere; written under mu
	owes atomic.Bool          // something waits, or runs; likewise

	mu          sync.Mutex // guards the following
	chosen      bool       // the program has chosen the seat of this client
	final       bool       // there will be no other
	state       seatState
	first, last *letter
	bytes       int // what the letters count, the one included that runs
	events      int // how many they are
	limit       int // of bytes
	running     *letter
	ready       bool          // OnReadyToSend is due
	drops       []client.Drop // likewise OnDropped
	end         *client.CloseInfo
	over        bool          // the last events have run
	waits       bool          // the reader waits
	wake        chan struct{} // for that; nil until it first does
}

// seat is a client's place in a loop. It is made anew with each change, so that a loop
// which still has the old one finds out.
type seat struct {
	box    *mailbox
	loop   link.Loop
	closed atomic.Bool // the loop was
}

type seatState uint8

const (
	resting   seatState = iota // nothing to run, or nowhere to
	scheduled                  // the loop will call Run
	running                    // it has
)

// put queues a copy of what the reader has, or lends it. It waits while there is no
// room.
func (m *mailbox) put(l letter, data []byte) {
	if len(data) > copyLimit {
		m.lend(l, data)
		return
	}
	if n := l.take(data); !m.push(n) {
		n.free()
	}
}

// connected queues OnClientConnect, for which there is always room.
func (m *mailbox) connected() {
	n := letter{kind: connectCall}.take(nil)
	m.mu.Lock()
	back := booking{events: 1, bytes: n.cost}
	if s := m.seat.Load(); s != nil {
		back.loop = s.loop
	}
	m.bytes += n.cost
	m.events++
	s := m.addLocked(n)
	m.mu.Unlock()
	back.book()
	s.schedule()
}

// push queues l when there is room for it. It returns false if the connection is ending:
// then nobody wants it.
func (m *mailbox) push(l *letter) bool {
	m.mu.Lock()
	for !m.roomLocked(l.cost) {
		if m.s.State() != link.Open {
			m.mu.Unlock()
			return false
		}
		m.waitLocked(false)
	}
	m.bytes += l.cost
	m.events++
	s := m.addLocked(l)
	m.mu.Unlock()
	s.schedule()
	return true
}

func (m *mailbox) roomLocked(cost int) bool {
	if m.bytes >= m.limit {
		return false
	}
	s := m.seat.Load()
	return s == nil || s.loop.Take(s, cost)
}

// addLocked appends l, and returns the seat that is to be scheduled.
func (m *mailbox) addLocked(l *letter) *seat {
	if m.last == nil {
		m.first = l
	} else {
		m.last.next = l
	}
	m.last = l
	m.owes.Store(true)
	return m.wantLocked()
}

// wantLocked returns the seat if it is to be scheduled.
func (m *mailbox) wantLocked() *seat {
	s := m.seat.Load()
	if s == nil || m.state != resting || !m.dueLocked() {
		return nil
	}
	m.state = scheduled
	return s
}

// dueLocked reports whether there is something to run now.
func (m *mailbox) dueLocked() bool {
	switch l := m.first; {
	case m.over:
		return false
	case m.end != nil, m.ready, len(m.drops) > 0:
		return true
	case l == nil:
		return false
	default:
		return l.kind == connectCall || !m.s.Paused() || m.s.State() != link.Open
	}
}

// schedule is called for what wantLocked has returned, without the lock.
func (s *seat) schedule() {
	if s != nil {
		s.loop.Schedule(s)
	}
}

// kick is called when a pause is over.
func (m *mailbox) kick() {
	m.mu.Lock()
	m.wakeLocked()
	s := m.wantLocked()
	m.mu.Unlock()
	s.schedule()
}

// lend queues what the reader has, and waits until its event has returned.
func (m *mailbox) lend(l letter, data []byte) {
	n := l.lent(data)
	if !m.push(n) {
		return
	}
	m.mu.Lock()
	for !n.done {
		here := m.running == n
		if !here && m.s.State() != link.Open {
			gone := m.discardLocked()
			m.mu.Unlock()
			gone.book()
			m.mu.Lock()
			continue
		}
		m.waitLocked(here)
	}
	m.mu.Unlock()
}

// await is the reader's: it waits until nothing is left, or the connection is ending.
func (m *mailbox) await() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.s.State() == link.Open && (m.first != nil || m.state == running || m.s.Paused()) {
		m.waitLocked(false)
	}
}

// waitLocked waits until something has changed. It gives up the lock meanwhile.
func (m *mailbox) waitLocked(strict bool) {
	if m.wake == nil {
		m.wake = make(chan struct{}, 1)
	}
	m.waits = true
	m.mu.Unlock()
	m.s.Conn.Wait(m.wake, strict)
	m.mu.Lock()
}

// wakeLocked has a reader that waits look again.
func (m *mailbox) wakeLocked() {
	if !m.waits {
		return
	}
	m.waits = false
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// notice takes what there is to tell the class, besides what the reader has in hand.
func (m *mailbox) notice(ready bool, drops []client.Drop) {
	m.mu.Lock()
	m.noticeLocked(ready, drops)
	m.takeNoticesLocked()
	s := m.wantLocked()
	m.mu.Unlock()
	s.schedule()
}

// takeNoticesLocked does so under the lock, so that no event overtakes them.
func (m *mailbox) takeNoticesLocked() {
	if m.s.HasNotices() {
		m.noticeLocked(m.s.TakeNotices())
	}
}

func (m *mailbox) noticeLocked(ready bool, drops []client.Drop) {
	m.ready = m.ready || ready
	for _, d := range drops {
		m.dropLocked(d)
	}
}

// dropLocked joins d to one of the same reason that nobody was told of.
func (m *mailbox) dropLocked(d client.Drop) {
	for i := range m.drops {
		if o := &m.drops[i]; o.Reason == d.Reason {
			o.Messages += d.Messages
			o.Bytes += d.Bytes
			return
		}
	}
	m.drops = append(m.drops, d)
}

// finish takes the end of the connection, which comes last.
func (m *mailbox) finish(info client.CloseInfo) {
	m.mu.Lock()
	m.end = &info
	m.owes.Store(true)
	m.takeNoticesLocked()
	gone := m.discardLocked()
	s := m.wantLocked()
	m.mu.Unlock()
	gone.book()
	s.schedule()
}

// ended waits until the last events have run. The connection is gone.
func (m *mailbox) ended() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.over {
		if m.wake == nil {
			m.wake = make(chan struct{}, 1)
		}
		m.waits = true
		m.mu.Unlock()
		<-m.wake
		m.mu.Lock()
	}
}

// close gives up the seat for good.
func (m *mailbox) close() {
	m.mu.Lock()
	m.over = true
	t := m.seat.Load()
	m.mu.Unlock()
	t.leave()
}

// discardLocked throws away what has come, for a connection that is ending, save what
// runs just now. OnClientConnect still comes.
func (m *mailbox) discardLocked() (back booking) {
	l := m.first
	if l != nil && (l.kind == connectCall || l == m.running) {
		m.last = l
		l, l.next = l.next, nil
	} else {
		m.first, m.last = nil, nil
	}
	for l != nil {
		next := l.next
		back.add(m.releaseLocked(l))
		l = next
	}
	return back
}

// releaseLocked is the end of a letter.
func (m *mailbox) releaseLocked(l *letter) booking {
	m.bytes -= l.cost
	m.events--
	back := booking{events: -1, bytes: -l.cost}
	if s := m.seat.Load(); s != nil {
		back.loop = s.loop
	}
	if m.bytes <= m.limit/2 || l.isLent {
		m.wakeLocked()
	}
	if l.isLent {
		l.done = true
	} else {
		l.free()
	}
	return back
}

// booking is what is to be booked on a loop, without a lock.
type booking struct {
	loop          link.Loop
	events, bytes int
}

func (b *booking) add(o booking) {
	if o.loop != nil {
		b.loop = o.loop
	}
	b.events += o.events
	b.bytes += o.bytes
}

func (b booking) book() {
	if b.loop != nil && (b.events != 0 || b.bytes != 0) {
		b.loop.Book(b.events, b.bytes)
	}
}
