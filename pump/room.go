package pump

import (
	"sync"
	"sync/atomic"

	"github.com/icsws/icsws/internal/link"
)

// room is what may wait for the loop, in bytes.
type room struct {
	limit  int64
	used   atomic.Int64
	events atomic.Int64

	wanted atomic.Int32 // how many wait for room

	roomMu sync.Mutex // guards the following
	wait   map[link.Seat]struct{}
}

// Take implements link.Loop. What is booked is above the limit by less than one message.
func (r *room) Take(s link.Seat, bytes int) bool {
	return r.take(bytes) || r.enlist(s, bytes)
}

// enlist notes that s waits, unless there is room after all.
func (r *room) enlist(s link.Seat, bytes int) bool {
	r.roomMu.Lock()
	if r.wait == nil {
		r.wait = make(map[link.Seat]struct{})
	}
	r.wait[s] = struct{}{}
	r.wanted.Store(int32(len(r.wait)))
	r.roomMu.Unlock()
	return r.take(bytes) // who made room before did not see s
}

func (r *room) take(bytes int) bool {
	for {
		n := r.used.Load()
		if n >= r.limit {
			return false
		}
		if r.used.CompareAndSwap(n, n+int64(bytes)) {
			r.events.Add(1)
			return true
		}
	}
}

// Book implements link.Loop.
func (r *room) Book(events, bytes int) {
	r.events.Add(int64(events))
	// Not before a quarter is free: each waking costs more than a message.
	if n := r.used.Add(int64(bytes)); bytes < 0 && r.wanted.Load() > 0 && n <= r.limit-r.limit/4 {
		r.release()
	}
}

// release tells all who wait for room.
func (r *room) release() {
	r.roomMu.Lock()
	list := r.wait
	r.wait = nil
	r.wanted.Store(0)
	r.roomMu.Unlock()
	for s := range list {
		s.Room()
	}
}

// forget takes out one who waits no more.
func (r *room) forget(s link.Seat) {
	if r.wanted.Load() == 0 {
		return
	}
	r.roomMu.Lock()
	defer r.roomMu.Unlock()
	delete(r.wait, s)
	r.wanted.Store(int32(len(r.wait)))
}
