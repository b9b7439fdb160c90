package engine

import (
	"sync"

	"github.com/icsws/icsws/internal/link"
)

// unbounded is a loop whose clients are bounded one by one.
type unbounded struct{}

func (unbounded) Join(link.Seat) bool      { return true }
func (unbounded) Leave(link.Seat)          {}
func (unbounded) Take(link.Seat, int) bool { return true }
func (unbounded) Book(int, int)            {}
func (unbounded) ClientBytes() int         { return clientBytes }
func (unbounded) Defer(link.Flusher) bool  { return false }
func (unbounded) Hurry() bool              { return false }

// loopBurst is how many events run between two looks at the seat.
const loopBurst = 64

// alone runs the events of each client on a goroutine that lives as long as there are
// any.
type alone struct{ unbounded }

var _ link.Loop = (*alone)(nil)

// Schedule implements link.Loop.
func (*alone) Schedule(s link.Seat) { go runOut(s) }

func runOut(s link.Seat) {
	for again := true; again; {
		_, again = s.Run(loopBurst)
	}
}

// serial runs the events of all its clients one at a time, on a goroutine that lives as
// long as there are any.
type serial struct {
	unbounded

	mu      sync.Mutex // guards the following
	list    []link.Seat
	running bool
}

var _ link.Loop = (*serial)(nil)

// Schedule implements link.Loop.
func (q *serial) Schedule(s link.Seat) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, s)
	if !q.running {
		q.running = true
		go q.run()
	}
}

func (q *serial) run() {
	over := false
	defer func() {
		if !over { // an event has ended the goroutine
			go q.run()
		}
	}()
	for s := q.next(); s != nil; s = q.next() {
		runOut(s)
	}
	over = true
}

// next returns nil when it is time to go.
func (q *serial) next() link.Seat {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		q.list, q.running = nil, false
		return nil
	}
	s := q.list[0]
	q.list = q.list[1:]
	return s
}
