package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// watchTick is how long a frame may wait in the cork of a reader that is inside a
// handler; the real wait is one to two ticks.
const watchTick = time.Millisecond

// Service is what the connections of one server share: the clock and the
// watchdogs of corked and of warm connections. Their timers are armed only while
// there are any, so an idle server costs nothing. Close ends it.
type Service struct {
	epoch time.Time
	tick  atomic.Uint32

	lingering atomic.Int32  // connections in Conn.Linger
	asleep    atomic.Int64  // connections without a reader
	crowded   atomic.Bool   // many readers wait, see crowd
	conns     atomic.Uint32 // so many were made

	mu      sync.Mutex // guards the following
	watched []*Conn
	timer   *time.Timer
	armed   bool

	warm     []*Conn // readers that have a grown stack; Conn.warmAt is the place, from 1
	sweeper  *time.Timer
	sweeping bool

	polling
	lanes []lane
}

// lane is what some of the connections share, so that not all have to wait for each
// other.
type lane struct {
	flusher flusher
	clock   clock
	_       [64]byte // keeps neighbours off one cache line

	received, sent, queued sizes
	_                      [64]byte
}

// maxLanes is enough for the locks to be free, and for as many processors to write.
const maxLanes = 8

// NewService returns the service of one server.
func NewService() *Service {
	s := &Service{epoch: time.Now(), lanes: make([]lane, min(runtime.GOMAXPROCS(0), maxLanes))}
	for i := range s.lanes {
		l := &s.lanes[i]
		l.flusher.start = l.flusher.run
		l.clock.svc = s
	}
	return s
}

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
		if c.set.Sent {
			go c.flushWatched() // in which there is user code
			continue
		}
		if c.flushIfOlder(tick) {
			kept = append(kept, c)
		}
		c.relieve()
	}
	clear(list[len(kept):])
	s.mu.Lock()
	s.watched = append(kept, s.watched...)
	if s.armed = len(s.watched) > 0; s.armed {
		s.timer.Reset(watchTick)
	}
	s.mu.Unlock()
}

// Asleep is the number of connections that have no goroutine.
func (s *Service) Asleep() int { return int(s.asleep.Load()) }
