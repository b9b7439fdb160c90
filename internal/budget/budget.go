// Package budget bounds the memory of many queues together, and makes the longest
// ones pay when it is spent. It is a leaf.
package budget

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Consumer is a queue that counts.
type Consumer interface {
	// Held is how many bytes it holds now. It must not wait for locks that are held
	// while the budget is used.
	Held() int64
	// Shed gives up memory. It is called without a lock of the budget's.
	Shed()
}

// Budget is a number of bytes that consumers share.
type Budget struct {
	limit int64
	used  atomic.Int64

	shedding sync.Mutex  // held by the one goroutine that sheds
	missed   atomic.Bool // another one wanted to meanwhile

	mu        sync.Mutex // guards the following
	consumers map[Consumer]struct{}
}

// New returns a budget of limit bytes.
func New(limit int64) *Budget {
	return &Budget{limit: limit, consumers: make(map[Consumer]struct{})}
}

// Limit is the number of bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Used is how many of them are taken.
func (b *Budget) Used() int64 { return b.used.Load() }

// Add takes n bytes, or gives them back if n is negative. It never fails: Relieve
// follows, when the caller holds no lock.
func (b *Budget) Add(n int) { b.used.Add(int64(n)) }

// Join has c asked to shed, until Leave.
func (b *Budget) Join(c Consumer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.consumers[c] = struct{}{}
}

// Leave takes c out.
func (b *Budget) Leave(c Consumer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.consumers, c)
}

// patience is how often a sender looks whether the one who sheds has got on, and pause
// the time between two looks. There is an end to it, as shedding may run user code that
// sends.
const (
	patience = 50
	pause    = 200 * time.Microsecond
)

// Await waits a moment while more than an eighth beyond the budget is taken, so that those
// who take do not outrun the one who sheds. The caller holds no lock.
func (b *Budget) Await() {
	for range patience {
		if b.used.Load() <= b.limit+b.limit/8 {
			return
		}
		time.Sleep(pause)
	}
}

// Relieve makes the consumers that hold most shed until an eighth of the budget is free,
// if it is spent. The caller holds no lock.
func (b *Budget) Relieve() {
	for b.used.Load() > b.limit {
		if !b.shedding.TryLock() {
			b.missed.Store(true) // whoever sheds now looks again
			return
		}
		b.shed()
		b.shedding.Unlock()
		if !b.missed.Swap(false) {
			return
		}
	}
}

func (b *Budget) shed() {
	for _, c := range b.worst() {
		if b.used.Load() <= b.limit-b.limit/8 {
			return
		}
		c.c.Shed()
	}
}

type holding struct {
	c    Consumer
	held int64
}

// worst lists the consumers, those that hold most first.
func (b *Budget) worst() []holding {
	b.mu.Lock()
	list := make([]holding, 0, len(b.consumers))
	for c := range b.consumers {
		list = append(list, holding{c, c.Held()})
	}
	b.mu.Unlock()
	slices.SortFunc(list, func(x, y holding) int { return cmp.Compare(y.held, x.held) })
	return list
}
