package pump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
)

// quiet is a loop that logs nothing.
func quiet(o Options) *Loop {
	o.Logger = slog.New(slog.DiscardHandler)
	return New(o)
}

// running has l run until the end of the test, or until it is closed. It returns when it
// does.
func running(t *testing.T, l *Loop) (done <-chan error) {
	t.Helper()
	ctx, stop := context.WithCancelCause(context.Background())
	c, over, begun := make(chan error, 1), make(chan struct{}), make(chan struct{})
	must(t, l.Post(func() { close(begun) }))
	go func() {
		defer close(over)
		c <- l.Run(ctx)
	}()
	<-begun
	t.Cleanup(func() {
		stop(io.EOF)
		l.Close()
		<-over
	})
	return c
}

// order notes what ran.
type order struct {
	mu   sync.Mutex
	list []int
}

func (o *order) add(n int) func() {
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.list = append(o.list, n)
	}
}

func (o *order) want(t *testing.T, want ...int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.list, want) {
		t.Errorf("%v has run, want %v", o.list, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// E-18, E-19, L-35: Run runs what is posted, in order, on its own goroutine, until its
// context ends, and again when it is called again.
func TestRunRunsWhatIsPostedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := New(Options{}), new(order)
		must(t, l.Post(o.add(1)))
		ctx, stop := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		synctest.Wait()
		o.want(t, 1)
		must(t, l.Post(func() {
			o.add(2)()
			must(t, l.Post(o.add(4))) // behind what waits by now
			must(t, l.Post(o.add(5)))
		}))
		must(t, l.Post(o.add(3)))
		synctest.Wait()
		o.want(t, 1, 2, 3, 4, 5)

		stop(io.EOF)
		if err := <-done; err != io.EOF {
			t.Errorf("Run = %v, want the cause of its context", err)
		}
		must(t, l.Post(o.add(6)))
		synctest.Wait()
		o.want(t, 1, 2, 3, 4, 5)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Run(ended); err != context.Canceled {
			t.Errorf("Run = %v", err)
		}
		o.want(t, 1, 2, 3, 4, 5)
		if n := l.Drain(-1); n != 1 {
			t.Errorf("Drain = %d", n)
		}
		o.want(t, 1, 2, 3, 4, 5, 6)
	})
}

// E-20, E-21, E-22, E-23, O-14: Step runs one, Drain so many, all who wait now, or all.
func TestStepAndDrain(t *testing.T) {
	l, o := New(Options{}), new(order)
	if l.Step() || l.Drain(-1) != 0 || l.Drain(0) != 0 || l.Drain(3) != 0 {
		t.Error("something runs on an empty loop")
	}
	for n := range 6 {
		must(t, l.Post(o.add(n)))
	}
	if !l.Step() {
		t.Error("Step = false")
	}
	o.want(t, 0)
	if n := l.Drain(2); n != 2 {
		t.Errorf("Drain(2) = %d", n)
	}
	o.want(t, 0, 1, 2)
	must(t, l.Post(func() { must(t, l.Post(o.add(9))) }))
	if n := l.Drain(0); n != 4 {
		t.Errorf("Drain(0) = %d, want those who waited", n)
	}
	o.want(t, 0, 1, 2, 3, 4, 5)
	again := 0
	var more func()
	more = func() {
		if again++; again < 1000 {
			must(t, l.Post(more))
		}
	}
	must(t, l.Post(more))
	if n := l.Drain(-1); n != 1001 {
		t.Errorf("Drain(-1) = %d", n)
	}
	o.want(t, 0, 1, 2, 3, 4, 5, 9)
	if l.Step() {
		t.Error("something is left")
	}
}

// A main loop of the program's own waits for C beside other things.
func TestCTellsThatSomethingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := New(Options{}), new(order)
		waits := func() bool {
			synctest.Wait()
			select {
			case <-l.C():
				return true
			default:
				return false
			}
		}
		if waits() {
			t.Error("nothing waits, and C tells")
		}
		must(t, l.Post(o.add(1)))
		must(t, l.Post(o.add(2)))
		must(t, l.Post(o.add(3)))
		if !waits() || waits() {
			t.Error("C does not tell once of what waits")
		}
		l.Step()
		if !waits() {
			t.Error("C does not tell of what Step has left")
		}
		l.Drain(1)
		if !waits() {
			t.Error("C does not tell of what Drain has left")
		}
		l.Drain(-1)
		if waits() {
			t.Error("C tells of nothing")
		}
		l.Tick(time.Second, func(time.Time, time.Duration) { o.add(4)() })
		time.Sleep(time.Second)
		if !waits() {
			t.Error("C does not tell of a tick")
		}
		if n := l.Drain(-1); n != 1 {
			t.Errorf("Drain = %d", n)
		}
		o.want(t, 1, 2, 3, 4)
		l.Close()
	})
}

// One goroutine at a time: a second one, and an event, are told so.
func TestOnlyOneRunsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quiet(Options{})
		running(t, l)
		synctest.Wait()
		if err := l.Run(t.Context()); err != ErrRunning {
			t.Errorf("a second Run = %v", err)
		}
		panicked := func(f func()) (v any) {
			defer func() { v = recover() }()
			f()
			return nil
		}
		for name, f := range map[string]func(){
			"Drain": func() { l.Drain(-1) }, "Step": func() { l.Step() },
		} {
			if v := panicked(f); v != ErrRunning {
				t.Errorf("a second %s panics with %v", name, v)
			}
		}
		var inside any
		var run error
		must(t, l.Post(func() {
			inside = panicked(func() { l.Drain(-1) })
			run = l.Run(context.Background())
		}))
		synctest.Wait()
		if inside != ErrRunning || run != ErrRunning {
			t.Errorf("in an event Drain panics with %v, Run = %v", inside, run)
		}
	})
}

// What is posted runs inside of an event, so that Shutdown does not wait there.
func TestFunctionsAreInsideOfAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, in := New(Options{}), 0
		note := func() {
			if event.Inside() {
				in++
			}
		}
		must(t, l.Post(note))
		l.Tick(time.Second, func(time.Time, time.Duration) { note() })
		time.Sleep(time.Second)
		synctest.Wait()
		if l.Drain(-1); in != 2 || event.Inside() {
			t.Errorf("%d of 2 were inside", in)
		}
		l.Close()
	})
}

func TestPostHasABound(t *testing.T) {
	l := New(Options{MaxPosts: 3})
	for range 3 {
		must(t, l.Post(func() {}))
	}
	if err := l.Post(func() {}); err != ErrFull {
		t.Errorf("one too many = %v", err)
	}
	l.Step()
	must(t, l.Post(func() {}))
	if n := l.Stats().Posts; n != 3 {
		t.Errorf("%d wait", n)
	}
	if n := l.Drain(-1); n != 3 {
		t.Errorf("Drain = %d", n)
	}
	if s := l.Stats(); s.Posts != 0 || s.Events != 4 {
		t.Errorf("%+v", s)
	}
}

// A panic costs nothing but itself.
func TestLoopSurvivesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []PanicInfo
		l := quiet(Options{OnPanic: func(p PanicInfo) {
			if told = append(told, p); len(told) == 2 {
				panic("again")
			}
		}})
		done := running(t, l)
		ran := 0
		must(t, l.Post(func() { panic("one") }))
		must(t, l.Post(func() { panic(fmt.Errorf("two: %w", io.EOF)) }))
		must(t, l.Post(func() { ran++ }))
		tick := l.Tick(time.Second, func(time.Time, time.Duration) { panic("three") })
		time.Sleep(3 * time.Second)
		synctest.Wait()
		tick.Stop()
		if len(told) != 5 || ran != 1 || l.Stats().Panics != 5 {
			t.Fatalf("%d panics, %d ran, %+v", len(told), ran, l.Stats())
		}
		err, _ := told[1].Value.(error)
		if told[0].Where != "Post" || told[0].Value != "one" || len(told[0].Stack) == 0 || !errors.Is(err, io.EOF) || told[2].Where != "Tick" {
			t.Errorf("told %+v", told)
		}
		select {
		case err := <-done:
			t.Errorf("Run = %v", err)
		default:
		}
	})
}

// A function that ends its goroutine ends the Run, and nothing else.
func TestGoexitEndsOnlyTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := New(Options{}), new(order)
		exits := make(chan struct{})
		go func() {
			defer close(exits)
			_ = l.Run(t.Context())
			t.Error("Run returned")
		}()
		must(t, l.Post(func() {
			must(t, l.Post(o.add(2)))
			o.add(1)()
			runtime.Goexit()
		}))
		<-exits
		o.want(t, 1)
		<-l.C() // it tells that there is something left
		running(t, l)
		synctest.Wait()
		o.want(t, 1, 2)
	})
}

// What was posted before Close runs, on whatever goroutine; nothing is posted after it.
func TestClosedLoopRunsWhatWasPosted(t *testing.T) {
	for _, run := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, o := New(Options{}), new(order)
			var done <-chan error
			if run {
				done = running(t, l)
			}
			ticks := 0
			l.Tick(time.Second, func(time.Time, time.Duration) { ticks++ })
			must(t, l.Post(func() {
				o.add(1)()
				l.Close()
				l.Close()
				if err := l.Post(o.add(9)); err != ErrClosed {
					t.Errorf("Post = %v", err)
				}
			}))
			must(t, l.Post(o.add(2)))
			if !run {
				if n := l.Drain(1); n != 1 {
					t.Errorf("Drain = %d", n)
				}
			}
			synctest.Wait()
			o.want(t, 1, 2)
			if run {
				if err := <-done; err != nil {
					t.Errorf("Run = %v", err)
				}
			}
			time.Sleep(10 * time.Second)
			if err := l.Run(t.Context()); err != ErrClosed || l.Drain(-1) != 0 || l.Step() || ticks != 0 {
				t.Errorf("a closed loop runs: %v, %d ticks", err, ticks)
			}
			if late := l.Tick(time.Second, nil); late.Ticks() != 0 {
				t.Error("a tick on a closed loop")
			}
			time.Sleep(10 * time.Second)
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, tt := range []struct {
		field string
		o     Options
	}{{"MaxBytes", Options{MaxBytes: -1}}, {"MaxClientBytes", Options{MaxClientBytes: -2}}, {"MaxPosts", Options{MaxPosts: -3}}} {
		func() {
			defer func() {
				e, _ := recover().(*OptionError)
				if e == nil || e.Field != tt.field || e.Value >= 0 || e.Error() == "" {
					t.Errorf("%s: panics with %+v", tt.field, e)
				}
			}()
			New(tt.o)
		}()
	}
}

// Only what New has made is a loop for a client.
func TestOnlyNewMakesLoops(t *testing.T) {
	if link.LoopOf(New(Options{})) == nil {
		t.Error("a loop is none")
	}
	for _, v := range []any{nil, (*Loop)(nil), new(Loop), 7} {
		if link.LoopOf(v) != nil {
			t.Errorf("%T %v is a loop", v, v)
		}
	}
}

// Many post, one after the other runs, and each function runs once, those of one
// goroutine in order.
func TestPostsFromManyGoroutines(t *testing.T) {
	l := New(Options{MaxPosts: 64})
	const posters, each = 8, 2000
	var next [posters]int
	var ran atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var runners sync.WaitGroup
	for range 3 {
		runners.Go(func() {
			for ctx.Err() == nil {
				short, cancel := context.WithTimeout(ctx, time.Millisecond)
				if l.Run(short) == ErrRunning {
					runtime.Gosched() // to who has it
				}
				cancel()
			}
		})
	}
	var wg sync.WaitGroup
	for id := range posters {
		wg.Go(func() {
			for n := range each {
				for l.Post(func() {
					if next[id] != n {
						t.Errorf("poster %d: %d runs, want %d", id, n, next[id])
					}
					next[id]++
					ran.Add(1)
				}) != nil {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	for ran.Load() < posters*each {
		runtime.Gosched()
	}
	stop()
	runners.Wait()
	if s := l.Stats(); s.Events != posters*each || s.Posts != 0 {
		t.Errorf("%+v", s)
	}
}
