package pump

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
)

const (
	// burst is how many events of one client run before it is the next one's turn.
	burst = 16
	// turnEvents is how many run before what they have sent leaves.
	turnEvents = 256
)

// queue is a Loop without its documentation.
type queue struct {
	o     Options
	epoch time.Time
	ready chan struct{} // see Loop.C

	// Of whoever runs the loop.
	batch []entry       // what was taken from waiting, from at on
	at    int           // likewise
	since time.Duration // when the oldest of the batch was queued
	eager bool          // a tick that is due comes before the next event

	room
	turn
	clock
	figures

	mu      sync.Mutex // guards the following
	waiting []entry
	spare   []entry       // the memory of the last batch
	oldest  time.Duration // when the first of waiting was queued
	posts   int           // functions that wait, those in the batch included
	running bool          // somebody runs the loop
	asleep  bool          // and waits for something to run
	closed  bool
	members map[link.Seat]struct{}
}

// entry is a client that has events, or a function.
type entry struct {
	seat link.Seat
	f    func()
}

func newQueue(o Options) *queue {
	def := func(field string, v *int, n int) {
		if *v < 0 {
			panic(&OptionError{field, *v})
		}
		if *v == 0 {
			*v = n
		}
	}
	def("MaxBytes", &o.MaxBytes, 16<<20)
	def("MaxClientBytes", &o.MaxClientBytes, 64<<10)
	def("MaxPosts", &o.MaxPosts, 4096)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	q := &queue{o: o, epoch: time.Now(), ready: make(chan struct{}, 1), members: make(map[link.Seat]struct{})}
	q.room.limit = int64(o.MaxBytes)
	return q
}

var _ link.Loop = (*queue)(nil)

// now is the time since the loop was made.
func (q *queue) now() time.Duration { return time.Since(q.epoch) }

// Join implements link.Loop.
func (q *queue) Join(s link.Seat) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.members[s] = struct{}{}
	return true
}

// Leave implements link.Loop.
func (q *queue) Leave(s link.Seat) {
	q.forget(s)
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.members, s)
	if q.closed && len(q.members) == 0 {
		q.signal()
	}
}

// Schedule implements link.Loop.
func (q *queue) Schedule(s link.Seat) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.addLocked(entry{seat: s})
}

// ClientBytes implements link.Loop.
func (q *queue) ClientBytes() int { return q.o.MaxClientBytes }

// Hurry implements link.Loop.
func (q *queue) Hurry() bool { return q.eager && q.due.Load() }

func (q *queue) post(f func()) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case q.posts >= q.o.MaxPosts:
		return ErrFull
	}
	q.posts++
	q.addLocked(entry{f: f})
	return nil
}

// addLocked queues e and sees to it that it will be run.
func (q *queue) addLocked(e entry) {
	q.waiting = append(q.waiting, e)
	if len(q.waiting) > 1 {
		return
	}
	q.oldest = q.now()
	q.alertLocked()
}

// alertLocked has somebody look for what there is to run.
func (q *queue) alertLocked() {
	switch {
	case q.running && !q.asleep: // he looks before he leaves
	case q.closed && !q.running:
		q.running = true
		go q.last()
	default:
		q.asleep = false
		q.signal()
	}
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// enter makes the caller the one who runs the loop.
func (q *queue) enter() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case q.running:
		return ErrRunning
	}
	q.running = true
	return nil
}

// leave is its end. It is deferred, as an event may end the goroutine.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running, q.asleep = false, false
	if len(q.waiting) > 0 || q.at < len(q.batch) || q.due.Load() || q.held {
		q.alertLocked()
	}
}

func (q *queue) serve(ctx context.Context) error {
	if err := q.enter(); err != nil {
		return err
	}
	defer q.leave()
	stop := context.AfterFunc(ctx, q.signal)
	defer stop()
	for ctx.Err() == nil {
		if q.runTurn(math.MaxInt) > 0 {
			continue
		}
		switch wait, over := q.rest(); {
		case over:
			return nil
		case wait:
			<-q.ready
		}
	}
	return context.Cause(ctx)
}

// rest is called when nothing was left to run.
func (q *queue) rest() (wait, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 || q.due.Load() {
		return false, false
	}
	if q.closed && len(q.members) == 0 {
		return false, true
	}
	q.asleep = true
	return true, false
}

func (q *queue) drain(most int) (ran int) {
	switch err := q.enter(); err {
	case nil:
	case ErrClosed:
		return 0
	default:
		panic(err)
	}
	defer q.leave()
	if most == 0 {
		return q.once()
	}
	if most < 0 {
		most = math.MaxInt
	}
	for ran < most {
		n := q.runTurn(most - ran)
		if n == 0 {
			break
		}
		ran += n
	}
	return ran
}

// once gives one turn to everybody who waits now.
func (q *queue) once() (ran int) {
	q.mu.Lock()
	left := len(q.waiting) + len(q.batch) - q.at
	q.mu.Unlock()
	q.eager = false
	for q.inTurn(func() int { return q.runTick() }) > 0 {
		ran++
	}
	for left > 0 {
		ran += q.inTurn(func() (n int) {
			for ; left > 0 && n < turnEvents; left-- {
				k, _ := q.runNext(burst)
				n += k
			}
			return n
		})
	}
	q.endRound()
	return ran
}

// last runs a loop that is closed, until nothing waits.
func (q *queue) last() {
	defer q.leave()
	for q.runTurn(math.MaxInt) > 0 {
	}
}

// runTurn runs one tick that is due, or what waits, which is about turnEvents and not more
// than max, and then lets go of what was sent meanwhile.
func (q *queue) runTurn(max int) int {
	q.eager = true
	return q.inTurn(func() (ran int) {
		if q.due.Load() && q.runTick() > 0 {
			return 1
		}
		begun := q.now()
		for more := true; more && ran < min(max, turnEvents); {
			k, ok := q.runNext(min(burst, max-ran))
			ran += k
			more = ok && (ran == 0 || !q.due.Load() && !(q.held && q.now()-begun >= q.spent))
		}
		q.endRound()
		return ran
	})
}

// inTurn calls f inside of a turn.
func (q *queue) inTurn(f func() int) int {
	q.beginTurn()
	defer q.endTurn()
	return f()
}

// runNext runs up to max events of the next client that has some, or the next function.
// ok is false when nothing waits. A seat may turn out to have nothing: then it is
// (0, true).
func (q *queue) runNext(max int) (ran int, ok bool) {
	if q.at == len(q.batch) && !q.refill() {
		return 0, false
	}
	e := q.batch[q.at]
	q.batch[q.at] = entry{}
	q.at++
	if e.seat != nil {
		var again bool
		ran, again = e.seat.Run(max)
		if again {
			q.Schedule(e.seat)
		}
	} else {
		ran = 1
		q.mu.Lock()
		q.posts--
		q.mu.Unlock()
		q.call("Post", event.Func(func() error { e.f(); return nil }))
	}
	q.ran.Add(uint64(ran))
	if q.at == len(q.batch) {
		q.noteWait(q.now() - q.since)
	}
	return ran, true
}

// refill takes what has gathered.
func (q *queue) refill() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if cap(q.batch) > 0 && cap(q.batch) <= maxSpare {
		q.spare = q.batch[:0]
	}
	q.batch, q.at = nil, 0
	if len(q.waiting) == 0 {
		return false
	}
	q.batch, q.since = q.waiting, q.oldest
	q.waiting, q.spare = q.spare, nil
	return true
}

// maxSpare is how long a list may be to be kept.
const maxSpare = 1 << 12

// call runs a function of the program's.
func (q *queue) call(where string, f event.Runner) {
	err := event.Do(f)
	if err == nil {
		return
	}
	p := err.(*event.Panic)
	q.panics.Add(1)
	if q.o.OnPanic == nil {
		q.o.Logger.Error("panic", "event", "pump."+where, "value", p.Value, "stack", string(p.Stack))
		return
	}
	if err := event.Call(func() { q.o.OnPanic(PanicInfo{where, p.Value, p.Stack}) }); err != nil {
		q.o.Logger.Error("panic", "event", "pump.Options.OnPanic", "value", err)
	}
}

func (q *queue) close() {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	q.closed = true
	list := make([]link.Seat, 0, len(q.members))
	for s := range q.members {
		list = append(list, s)
	}
	q.mu.Unlock()
	q.stopTicks()
	for _, s := range list {
		s.Closed()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.signal() // Run may be over
	if !q.running && (len(q.waiting) > 0 || q.at < len(q.batch)) {
		q.alertLocked()
	}
}
