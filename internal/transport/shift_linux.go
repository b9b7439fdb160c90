package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// shift is who works at a poller whose events run inline. There is always one worker. One
// that is inside of the same reader for a tick of the watchdog is relieved: another
// takes over the remaining events, and the first goes on as the goroutine of its
// connection.
type shift struct {
	inline bool
	relief func(worker uint64) // starts another worker

	// now is the worker, shifted left by one, and whether it is inside of a reader.
	now   atomic.Uint64
	turns atomic.Uint64 // so many readers were entered

	mu      sync.Mutex // guards the following
	timer   *time.Timer
	ticking atomic.Bool // also read without the lock
	seen    uint64      // turns at the last tick
}

// begin is called by the worker before it enters a reader.
func (h *shift) begin(worker uint64, s *sock) {
	s.worker = worker + 1
	h.turns.Add(1)
	h.now.Store(worker<<1 | 1)
	if !h.ticking.Load() {
		h.tick()
	}
}

// end is called afterwards. It returns false when another worker is there.
func (h *shift) end(worker uint64) bool {
	return h.now.CompareAndSwap(worker<<1|1, worker<<1)
}

// hand gives the work to another before the worker waits inside of a reader.
func (h *shift) hand(worker uint64) {
	if h.now.CompareAndSwap(worker<<1|1, (worker+1)<<1) {
		h.relief(worker + 1)
	}
}

// tick starts the watchdog, which goes to rest when it finds nobody at work.
func (h *shift) tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ticking.Swap(true) {
		return
	}
	if h.timer == nil {
		h.timer = time.AfterFunc(watchTick, h.look)
		return
	}
	h.timer.Reset(watchTick)
}

// look runs on the timer's goroutine.
func (h *shift) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now, turns := h.now.Load(), h.turns.Load()
	busy, same := now&1 == 1, turns == h.seen
	h.seen = turns
	switch {
	case busy && same:
		h.hand(now >> 1)
	case !busy && same:
		h.ticking.Store(false)
		if h.now.Load()&1 == 0 || h.ticking.Swap(true) {
			return // else somebody has begun meanwhile, and saw us ticking
		}
	}
	h.timer.Reset(watchTick)
}
