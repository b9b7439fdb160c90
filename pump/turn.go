package pump

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/internal/link"
)

// turn is a time in which the loop is at work. What is sent to its clients meanwhile
// waits for its end, so that a client is written to once for all of it.
type turn struct {
	open atomic.Bool

	turnMu sync.Mutex // guards the following
	list   []link.Flusher
	unused []link.Flusher // the memory of the last list
	alarm  *time.Timer
	armed  bool
}

// longTurn is how long something may wait for the end of a turn: up to twice that. In a
// turn that long everything else waits too.
const longTurn = 5 * time.Millisecond

func (t *turn) beginTurn() { t.open.Store(true) }

func (t *turn) endTurn() {
	t.turnMu.Lock()
	t.open.Store(false)
	list := t.takeLocked()
	t.turnMu.Unlock()
	t.flush(list)
}

// Defer implements link.Loop.
func (t *turn) Defer(f link.Flusher) bool {
	if !t.open.Load() {
		return false
	}
	t.turnMu.Lock()
	defer t.turnMu.Unlock()
	if !t.open.Load() {
		return false
	}
	t.list = append(t.list, f)
	if t.armed {
		return true
	}
	t.armed = true
	if t.alarm == nil {
		t.alarm = time.AfterFunc(longTurn, t.ring)
	} else {
		t.alarm.Reset(longTurn)
	}
	return true
}

// ring runs on the timer's goroutine.
func (t *turn) ring() {
	t.turnMu.Lock()
	t.armed = false
	list := t.takeLocked()
	t.turnMu.Unlock()
	t.flush(list)
}

// takeLocked takes what waits.
func (t *turn) takeLocked() []link.Flusher {
	if len(t.list) == 0 {
		return nil
	}
	list := t.list
	t.list, t.unused = t.unused, nil
	return list
}

func (t *turn) flush(list []link.Flusher) {
	for i, f := range list {
		list[i] = nil
		f.FlushSoon()
	}
	if n := cap(list); n == 0 || n > maxSpare {
		return
	}
	t.turnMu.Lock()
	defer t.turnMu.Unlock()
	t.unused = list[:0]
}
