package pump

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/internal/link"
)

// chair is a seat with so many events.
type chair struct {
	l     link.Loop
	event func() // nil: none to speak of
	rooms atomic.Int64
	ends  atomic.Int64

	mu    sync.Mutex // guards the following
	left  int
	sched bool
	ran   int
}

func (c *chair) add(n int) {
	c.mu.Lock()
	c.left += n
	start := !c.sched && c.left > 0
	c.sched = c.sched || start
	c.mu.Unlock()
	if start {
		c.l.Schedule(c)
	}
}

func (c *chair) Run(max int) (ran int, again bool) {
	for ran < max {
		c.mu.Lock()
		if c.left == 0 {
			c.sched = false
			c.mu.Unlock()
			return ran, false
		}
		c.left--
		c.ran++
		c.mu.Unlock()
		if c.event != nil {
			c.event()
		}
		if ran++; c.l.Hurry() {
			break
		}
	}
	return ran, true
}

func (c *chair) Room()   { c.rooms.Add(1) }
func (c *chair) Closed() { c.ends.Add(1) }

// Everybody has a turn of a few events, whoever has more; Drain counts events.
func TestClientsTakeTurns(t *testing.T) {
	l := New(Options{})
	var got []int
	for id, n := range []int{40, 3, 20} {
		c := &chair{l: l.q, event: func() { got = append(got, id) }}
		c.add(n)
	}
	if n := l.Drain(5); n != 5 {
		t.Errorf("Drain(5) = %d", n)
	}
	if !l.Step() {
		t.Error("Step = false")
	}
	// The first was cut short after 5 events: then it is the others' turn.
	want := slices.Concat(slices.Repeat([]int{0}, 5), []int{1})
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := l.Drain(0); n != burst+burst+2 {
		t.Errorf("Drain(0) = %d", n)
	}
	if n := l.Drain(-1); n != 63-6-2*burst-2 || l.Step() {
		t.Errorf("Drain(-1) = %d", n)
	}
	if s := l.Stats(); s.Events != 63 {
		t.Errorf("%+v", s)
	}
}

// What is booked never exceeds the bound by a message, and who waits is told.
func TestRoomHasABound(t *testing.T) {
	l := New(Options{MaxBytes: 1000})
	a, b := &chair{l: l.q}, &chair{l: l.q}
	if !l.q.Take(a, 999) || !l.q.Take(a, 500) || l.q.Take(a, 1) || l.q.Take(b, 0) {
		t.Error("not what fits is taken")
	}
	if s := l.Stats(); s.Bytes != 1499 || s.Queued != 2 || s.Blocked != 2 {
		t.Errorf("%+v", s)
	}
	l.q.Book(-1, -500)
	if a.rooms.Load() != 0 || l.q.Take(b, 1) == false {
		t.Error("a reader is woken for less than a quarter of the room")
	}
	l.q.Book(-2, -1000)
	if a.rooms.Load() != 1 || b.rooms.Load() != 1 || l.Stats().Blocked != 0 {
		t.Errorf("%d and %d are told, %+v", a.rooms.Load(), b.rooms.Load(), l.Stats())
	}
	l.q.Book(1, 5000) // what must be
	if s := l.Stats(); s.Bytes != 5000 || s.Queued != 1 || l.q.Take(a, 1) {
		t.Errorf("%+v", s)
	}
	l.q.Leave(a)
	l.q.Book(-1, -4249)
	if b.rooms.Load() != 1 || l.q.Take(b, 249) == false || l.q.Take(b, 1) {
		t.Error("what is up to the bound is not taken, or what is at it")
	}
	l.q.Book(-1, -250)
	if b.rooms.Load() != 2 {
		t.Error("a quarter is free, and nobody is told")
	}
	l.q.Book(0, -750)
	if a.rooms.Load() != 1 || l.Stats().Bytes != 0 {
		t.Error("who has left is told of room")
	}
}

// Who finds no room, and is about to wait when there is some, does not wait.
func TestRoomThatComesBeforeTheWaiting(t *testing.T) {
	l := New(Options{MaxBytes: 100})
	a := &chair{l: l.q}
	if !l.q.Take(a, 100) || l.q.take(1) {
		t.Error("not what fits is taken")
	}
	if l.q.Book(-1, -100); !l.q.enlist(a, 1) {
		t.Error("it waits for what was told already")
	}
}

// Nobody waits for room that there is.
func TestNoWakingForRoomIsLost(t *testing.T) {
	for _, size := range []int{1, 100} { // room for one of them, and for four
		testNoWakingForRoomIsLost(t, New(Options{MaxBytes: size*size/25 + 1}), size)
	}
}

func testNoWakingForRoomIsLost(t *testing.T, l *Loop, size int) {
	bound := int64(l.q.o.MaxBytes + size)
	var wg sync.WaitGroup
	var most atomic.Int64
	for range 8 {
		wg.Go(func() {
			s := &waiter{c: make(chan struct{}, 1)}
			for range 3000 {
				for !l.q.Take(s, size) {
					<-s.c
				}
				most.Store(max(most.Load(), l.q.used.Load()))
				l.q.Book(-1, -size)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n >= bound || l.Stats().Bytes != 0 || l.Stats().Queued != 0 {
		t.Errorf("up to %d bytes, %+v at the end", n, l.Stats())
	}
}

type waiter struct{ c chan struct{} }

func (w *waiter) Run(int) (int, bool) { return 0, false }
func (w *waiter) Closed()             {}

func (w *waiter) Room() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}

// Close tells the members once; Run ends when the last has left; without one what they
// still have runs by itself.
func TestCloseWaitsForTheMembers(t *testing.T) {
	for _, run := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := New(Options{})
			var done <-chan error
			if run {
				done = running(t, l)
			}
			var busy atomic.Int32
			overlap := false
			event := func() {
				overlap = overlap || busy.Add(1) > 1
				time.Sleep(time.Second)
				busy.Add(-1)
			}
			a, b := &chair{l: l.q, event: event}, &chair{l: l.q, event: event}
			if !l.q.Join(a) || !l.q.Join(b) {
				t.Fatal("Join = false")
			}
			l.q.Leave(b)
			if n := l.Stats().Clients; n != 1 {
				t.Errorf("%d clients", n)
			}
			l.Close()
			if a.ends.Load() != 1 || b.ends.Load() != 0 || l.q.Join(b) {
				t.Error("not the members are told")
			}
			a.add(3)
			b.add(3)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if a.ran != 3 || b.ran != 3 || overlap {
				t.Errorf("%d and %d events have run, overlapping: %v", a.ran, b.ran, overlap)
			}
			if run {
				select {
				case err := <-done:
					t.Fatalf("Run = %v before the last has left", err)
				default:
				}
			}
			a.add(1)
			synctest.Wait()
			time.Sleep(time.Second)
			l.q.Leave(a)
			if run {
				if err := <-done; err != nil {
					t.Errorf("Run = %v", err)
				}
			}
			if a.ran != 4 {
				t.Errorf("%d events", a.ran)
			}
		})
	}
}

// flushes counts.
type flushes struct{ n int }

func (f *flushes) FlushSoon() { f.n++ }

// What waits for the end of a turn waits for no longer than that, or a few milliseconds.
func TestTurnLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := New(Options{}), new(flushes)
		if l.q.Defer(f) {
			t.Error("there is a turn while nobody runs the loop")
		}
		var inside int
		must(t, l.Post(func() {
			for range 2 {
				if !l.q.Defer(f) {
					t.Error("there is no turn")
				}
			}
			inside = f.n
		}))
		l.Drain(-1)
		if inside != 0 || f.n != 2 || l.q.Defer(f) {
			t.Errorf("%d flushed in the turn, %d behind it", inside, f.n)
		}
		must(t, l.Post(func() {
			for range 2 {
				l.q.Defer(f)
				time.Sleep(2*longTurn + 1)
				synctest.Wait()
			}
			inside = f.n
			l.q.Defer(f)
		}))
		l.Drain(-1)
		if inside != 4 || f.n != 5 {
			t.Errorf("%d flushed in a long turn, %d behind it", inside, f.n)
		}
		for range 3 {
			must(t, l.Post(func() { l.q.Defer(f) }))
		}
		l.Drain(2)
		if f.n != 7 {
			t.Errorf("%d flushed", f.n)
		}
		l.Drain(-1)
		time.Sleep(time.Second)
		l.Tick(time.Second, func(time.Time, time.Duration) { l.q.Defer(f) })
		must(t, l.Post(func() { inside = f.n }))
		time.Sleep(time.Second)
		synctest.Wait()
		l.Drain(-1)
		if inside != 9 || f.n != 9 {
			t.Errorf("a tick is no turn of its own: %d, %d", inside, f.n)
		}
		l.Close()
	})
}

// The longest wait is that of the last while.
func TestLongestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		wait := func(want time.Duration) {
			t.Helper()
			if got := l.Stats().LongestWait; got != want {
				t.Errorf("longest wait %v, want %v", got, want)
			}
		}
		wait(0)
		must(t, l.Post(func() { time.Sleep(time.Second) }))
		time.Sleep(2 * time.Second)
		wait(2 * time.Second)
		must(t, l.Post(func() {}))
		l.Drain(-1)
		wait(3 * time.Second) // of both, to be on the safe side
		time.Sleep(8 * time.Second)
		wait(3 * time.Second) // in the next span
		time.Sleep(10 * time.Second)
		wait(0)
		must(t, l.Post(func() {}))
		l.Drain(-1)
		wait(0)
	})
}

// Whatever is done by whom, every event runs, and one at a time.
func TestLoopUnderFire(t *testing.T) {
	l := quiet(Options{MaxBytes: 2000})
	var busy atomic.Int32
	var ran atomic.Int64
	event := func() {
		if busy.Add(1) > 1 {
			t.Error("two events at the same time")
		}
		ran.Add(1)
		busy.Add(-1)
	}
	seats := make([]*chair, 20)
	for i := range seats {
		seats[i] = &chair{l: l.q, event: event}
		l.q.Join(seats[i])
	}
	ctx, stop := context.WithCancel(t.Context())
	var runners, wg sync.WaitGroup
	runners.Go(func() {
		for ctx.Err() == nil {
			short, cancel := context.WithTimeout(ctx, 100*time.Microsecond)
			_ = l.Run(short)
			cancel()
			l.Drain(0)
			l.Step()
			select {
			case <-l.C():
				l.Drain(-1)
			case <-ctx.Done():
			}
		}
	})
	ticker := l.Tick(50*time.Microsecond, func(time.Time, time.Duration) { event() })
	var want atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 3000 {
				if rand.N(4) == 0 {
					if l.Post(event) == nil {
						want.Add(1)
					}
					continue
				}
				n := rand.N(40)
				want.Add(int64(n))
				seats[rand.N(len(seats))].add(n)
			}
		})
	}
	wg.Wait()
	ticker.Stop()
	for ran.Load() < want.Load()+int64(ticker.Ticks()) {
		time.Sleep(time.Millisecond)
	}
	stop()
	runners.Wait()
	if s := l.Stats(); s.Posts != 0 || int64(s.Events) != want.Load() || s.Ticks != ticker.Ticks() {
		t.Errorf("%+v, want %d events", s, want.Load())
	}
	l.Close()
}
