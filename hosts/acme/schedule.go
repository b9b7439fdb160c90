package acme

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule calls each keeper when its time has come, at most parallelOrders at once. It
// needs no goroutine for a keeper that waits.
type schedule struct {
	i       *Issuer
	waiting byTime
	working int
	done    chan entry // from keepers that have worked
}

type entry struct {
	k  *keeper
	at time.Time
}

func newSchedule(i *Issuer, keepers []*keeper) *schedule {
	s := &schedule{i: i, done: make(chan entry)}
	for _, k := range keepers {
		s.waiting = append(s.waiting, entry{k: k})
	}
	return s
}

// longestNap is when the clock is looked at again: timers stand still while a computer
// sleeps, certificates do not.
const longestNap = time.Hour

// run returns when ctx has ended and no keeper works any more.
func (s *schedule) run(ctx context.Context) {
	s.load(ctx)
	heap.Init(&s.waiting)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		s.begin(ctx)
		timer.Reset(s.nap())
		select {
		case <-ctx.Done():
		case <-timer.C:
		case e := <-s.done:
			s.working--
			heap.Push(&s.waiting, e)
		}
	}
	for ; s.working > 0; s.working-- {
		<-s.done
	}
}

// begin sets everybody to work who is due.
func (s *schedule) begin(ctx context.Context) {
	now := time.Now()
	for s.working < parallelOrders && len(s.waiting) > 0 && !s.waiting[0].at.After(now) {
		e := heap.Pop(&s.waiting).(entry)
		s.working++
		if s.i.life.start(func(ctx context.Context) {
			next, _ := e.k.work(ctx) // which has reported it
			s.done <- entry{e.k, next}
		}) != nil {
			s.working-- // ctx has ended
			return
		}
	}
}

func (s *schedule) nap() time.Duration {
	if len(s.waiting) == 0 || s.working >= parallelOrders {
		return longestNap
	}
	return min(max(time.Until(s.waiting[0].at), 0), longestNap)
}

// load lets every keeper deliver what the storage has, before anything is ordered.
func (s *schedule) load(ctx context.Context) {
	places := make(chan struct{}, parallelOrders)
	var all sync.WaitGroup
	for n := range s.waiting {
		if ctx.Err() != nil {
			break
		}
		e := &s.waiting[n]
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			e.k.load(ctx)
			e.at = e.k.next()
		})
	}
	all.Wait()
}

// byTime is a heap, the earliest first.
type byTime []entry

func (b byTime) Len() int           { return len(b) }
func (b byTime) Less(i, j int) bool { return b[i].at.Before(b[j].at) }
func (b byTime) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *byTime) Push(x any)        { *b = append(*b, x.(entry)) }
func (b *byTime) Pop() any {
	last := len(*b) - 1
	e := (*b)[last]
	*b = (*b)[:last]
	return e
}
