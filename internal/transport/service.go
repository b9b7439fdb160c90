package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// watchTick is how long a frame may wait in the cork of a reader that is inside a
// handler; the real wait is one to two ticks.
const watchTick = time.Millisecond

// Service is what the connections of one server share: the clock and the
// watchdogs of corked and of warm connections. Their timers are armed only while
// there are any, so an idle server costs nothing. It needs no closing.
type Service struct {
	epoch time.Time
	tick  atomic.Uint32

	lingering atomic.Int32 // connections in Conn.Linger

	mu      sync.Mutex // guards the following
	watched []*Conn
	timer   *time.Timer
	armed   bool

	warm     []*Conn // readers that have a grown stack; Conn.warmAt is the place, from 1
	sweeper  *time.Timer
	sweeping bool
}

// NewService returns the service of one server.
func NewService() *Service { return &Service{epoch: time.Now()} }

// now is the time since the service was made: monotonic and cheap to keep.
func (s *Service) now() time.Duration { return time.Since(s.epoch) }

// watch has c looked at until its cork is found empty at a tick.
func (s *Service) watch(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = append(s.watched, c)
	if s.armed {
		return
	}
	s.armed = true
	if s.timer == nil {
		s.timer = time.AfterFunc(watchTick, s.onTick)
		return
	}
	s.timer.Reset(watchTick)
}

// onTick runs on the timer's goroutine. A connection that is corked since before
// the last tick is flushed; one whose cork is empty leaves the list.
func (s *Service) onTick() {
	tick := s.tick.Add(1)
	s.mu.Lock()
	list := s.watched
	s.watched = nil
	s.mu.Unlock()
	kept := list[:0]
	for _, c := range list {
		if c.flushIfOlder(tick) {
			kept = append(kept, c)
		}
	}
	clear(list[len(kept):])
	s.mu.Lock()
	s.watched = append(kept, s.watched...)
	if s.armed = len(s.watched) > 0; s.armed {
		s.timer.Reset(watchTick)
	}
	s.mu.Unlock()
}
