package pump

import (
	"sync/atomic"
	"time"
)

// Stats are the figures of a loop (O-20). Clients, Queued, Bytes and Posts are of this
// moment, LongestWait is of the last while; the others only grow.
type Stats struct {
	Clients     int           // that are attached
	Queued      int           // events of the peers that wait, or run
	Bytes       int           // what they count, see Options.MaxBytes
	Posts       int           // functions of Post that wait
	Blocked     int           // readers that wait for room under MaxBytes
	LongestWait time.Duration // no event of the last 10 s, and at most the last 20 s, waited for longer
	Events      uint64        // events of clients and functions of Post that have run
	Ticks       uint64        // that have run
	Panics      uint64        // in functions of Post and ticks
}

// figures are the counters of a loop.
type figures struct {
	ran, ticked, panics atomic.Uint64

	// The longest wait in the present and in the last span of time; of whoever runs the
	// loop, and read by others.
	span        atomic.Int64 // its number
	worst, past atomic.Int64
}

const waitSpan = 10 * time.Second

// noteWait notes that no event of a batch has waited for longer than d.
func (q *queue) noteWait(d time.Duration) {
	if n := int64(q.now() / waitSpan); n != q.span.Load() {
		worst := q.worst.Swap(0)
		if n != q.span.Load()+1 {
			worst = 0
		}
		q.past.Store(worst)
		q.span.Store(n)
	}
	if int64(d) > q.worst.Load() {
		q.worst.Store(int64(d))
	}
}

func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	wait := q.worst.Load()
	switch n := int64(now / waitSpan); n - q.span.Load() {
	case 0:
		wait = max(wait, q.past.Load())
	case 1:
	default:
		wait = 0
	}
	if len(q.waiting) > 0 {
		wait = max(wait, int64(now-q.oldest))
	}
	return Stats{
		Clients: len(q.members), Queued: int(q.events.Load()), Bytes: int(q.used.Load()), Posts: q.posts,
		Blocked: int(q.wanted.Load()), LongestWait: time.Duration(wait),
		Events: q.ran.Load(), Ticks: q.ticked.Load(), Panics: q.panics.Load(),
	}
}
