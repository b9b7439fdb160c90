package pump

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/internal/event"
)

// Ticker is what [Loop.Tick] and [Loop.TickFixed] return.
type Ticker struct {
	q     *queue
	every time.Duration
	most  int // ticks in a row; 0: those that are missed are left out
	f     func(now time.Time, dt time.Duration)

	// Of whoever runs the loop; times are since queue.epoch.
	last  time.Duration // when it ran last
	round uint64        // of clock, when it ran last

	// Guarded by queue.mu.
	next    time.Duration
	stopped bool

	ticks, missed atomic.Uint64
}

// Stop ends the ticks: after it none begins, but one may be under way, and the caller may
// be in it.
func (t *Ticker) Stop() {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	t.stopped = true
	t.q.tickers = slices.DeleteFunc(t.q.tickers, func(o *Ticker) bool { return o == t })
}

// Ticks is how many have begun.
func (t *Ticker) Ticks() uint64 { return t.ticks.Load() }

// Missed is how many were left out.
func (t *Ticker) Missed() uint64 { return t.missed.Load() }

// clock has the tickers of a loop.
type clock struct {
	due atomic.Bool // a tick may be due

	// Of whoever runs the loop.
	round uint64        // so many times it was the turn of events
	spent time.Duration // in ticks of this round
	held  bool          // a tick is due whose ticker has had its turn in this round: the events have as long

	// Guarded by queue.mu.
	tickers []*Ticker
	timer   *time.Timer
}

func (q *queue) tick(d time.Duration, most int, f func(time.Time, time.Duration)) *Ticker {
	if d <= 0 {
		panic("pump: a tick every no time")
	}
	d = min(d, math.MaxInt64/4) // so that no sum overflows
	now := q.now()
	t := &Ticker{q: q, every: d, most: most, f: f, last: now, round: math.MaxUint64, next: now + d}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		t.stopped = true
		return t
	}
	q.tickers = append(q.tickers, t)
	q.windLocked()
	return t
}

// windLocked sets the timer for the next tick.
func (q *queue) windLocked() {
	if len(q.tickers) == 0 {
		return
	}
	next := q.tickers[0].next
	for _, t := range q.tickers[1:] {
		next = min(next, t.next)
	}
	d := max(next-q.now(), 0)
	if q.timer == nil {
		q.timer = time.AfterFunc(d, q.ringTicks)
		return
	}
	q.timer.Reset(d)
}

// ringTicks runs on the timer's goroutine.
func (q *queue) ringTicks() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.due.Store(true)
	q.alertLocked()
}

func (q *queue) stopTicks() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.tickers {
		t.stopped = true
	}
	q.tickers = nil
	q.due.Store(false)
	if q.timer != nil {
		q.timer.Stop()
	}
}

// runTick runs one ticker that is due and has not had its turn in this round, and returns
// how many that were.
func (q *queue) runTick() int {
	if !q.due.Load() {
		return 0
	}
	t, at := q.nextTicker()
	if t == nil {
		return 0
	}
	clock := time.Now() // that of the wall may have been set since the loop was made
	now := clock.Sub(q.epoch)
	if t.most > 0 {
		q.runFixed(t, at, now, clock)
		q.spent += q.now() - now
		return 1
	}
	dt := now - t.last
	q.advance(t, now, 1)
	t.last = now
	q.runTicker(t, clock, dt)
	then := q.now()
	q.advance(t, then, 0)
	q.spent += then - now
	return 1
}

// endRound is called when the events have had their turn.
func (q *queue) endRound() {
	q.round++
	q.spent = 0
	if q.held {
		q.held = false
		q.due.Store(true)
	}
}

// nextTicker returns the one that is due for longest, and since when.
func (q *queue) nextTicker() (first *Ticker, at time.Duration) {
	now := q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.tickers {
		switch {
		case t.next > now:
		case t.round == q.round:
			q.held = true
		case first == nil || t.next < first.next:
			first = t
		}
	}
	if first != nil {
		first.round = q.round
		return first, first.next
	}
	q.due.Store(false)
	if !q.held {
		q.windLocked()
	}
	return nil, 0
}

// runFixed runs the ticks of t that are due since at, or as many as may run at a time.
// now is the time by the clock.
func (q *queue) runFixed(t *Ticker, at, now time.Duration, clock time.Time) {
	have := int((now-at)/t.every) + 1
	run := min(have, t.most)
	at += time.Duration(have-run) * t.every // what is left out is the oldest
	q.advance(t, at+time.Duration(run-1)*t.every, run)
	for ; run > 0 && !t.isStopped(); run-- {
		q.runTicker(t, clock.Add(at-now), t.every)
		at += t.every
	}
}

// advance sets the next tick to the first place of the grid behind now. So many that
// were due run.
func (q *queue) advance(t *Ticker, now time.Duration, run int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.next > now {
		return
	}
	n := int((now-t.next)/t.every) + 1
	t.missed.Add(uint64(n - run))
	t.next += time.Duration(n) * t.every
}

func (t *Ticker) isStopped() bool {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	return t.stopped
}

func (q *queue) runTicker(t *Ticker, now time.Time, dt time.Duration) {
	t.ticks.Add(1)
	q.ticked.Add(1)
	q.call("Tick", event.Func(func() error { t.f(now, dt); return nil }))
}
