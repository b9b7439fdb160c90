package pump

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A tick that is due waits for one event, not for all that a client has in its turn.
func TestTickWaitsForOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		start := time.Now()
		var at []time.Duration
		ticker := l.Tick(10*time.Millisecond, func(time.Time, time.Duration) { at = append(at, time.Since(start)) })
		c := &chair{l: l.q, event: func() { time.Sleep(3 * time.Millisecond) }}
		c.add(20)
		running(t, l)
		time.Sleep(61 * time.Millisecond)
		synctest.Wait()
		ticker.Stop()
		if len(at) < 6 {
			t.Errorf("ticks at %v", at)
		}
		for i, d := range at {
			if late := d - time.Duration(i+1)*10*time.Millisecond; late < 0 || late > 3*time.Millisecond {
				t.Errorf("tick %d is late by %v", i, late)
			}
		}
	})
}

// With Drain(0) each client has the whole of its turn, ticks or not.
func TestDrainForAllGivesWholeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		l.Tick(time.Millisecond, func(time.Time, time.Duration) {})
		a, b := &chair{l: l.q, event: func() { time.Sleep(time.Millisecond) }}, &chair{l: l.q}
		a.add(20)
		b.add(20)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := l.Drain(0); n != 1+2*burst || a.ran != burst || b.ran != burst {
			t.Errorf("Drain(0) = %d, %d and %d events", n, a.ran, b.ran)
		}
		l.Drain(-1)
		l.Close()
	})
}

// stale is a seat whose client has moved on, which takes a while to find out.
type stale struct{ *chair }

func (s stale) Run(int) (int, bool) {
	s.event()
	return 0, false
}

// Step and Drain do not take a seat that has nothing for the end, also when a tick
// becomes due meanwhile.
func TestSeatOfBeforeIsNotTheEnd(t *testing.T) {
	for _, all := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, o := New(Options{}), new(order)
			ticker := l.Tick(time.Second, func(time.Time, time.Duration) { o.add(-1)() })
			l.q.Schedule(stale{&chair{event: func() { time.Sleep(time.Second); synctest.Wait() }}})
			must(t, l.Post(o.add(1)))
			must(t, l.Post(o.add(2)))
			if all {
				if n := l.Drain(-1); n != 3 {
					t.Errorf("Drain(-1) = %d", n)
				}
			} else {
				for range 3 {
					if !l.Step() {
						t.Error("Step = false, and something waits")
					}
				}
			}
			ticker.Stop()
			if len(o.list) != 3 {
				t.Errorf("%v has run", o.list)
			}
			l.Close()
		})
	}
}

// An event that ends its goroutine takes no tick with it.
func TestGoexitLosesNoTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quiet(Options{})
		ticks := 0
		l.TickFixed(time.Millisecond, 1, func(time.Time, time.Duration) {
			ticks++
			time.Sleep(time.Millisecond) // the next one is due already
		})
		time.Sleep(time.Millisecond)
		synctest.Wait()
		must(t, l.Post(runtime.Goexit))
		<-l.C()
		exits := make(chan struct{})
		go func() { defer close(exits); l.Drain(-1) }()
		<-exits
		for range 5 {
			select {
			case <-l.C():
			case <-time.After(time.Minute):
				t.Fatal("C does not tell of the tick")
			}
			l.Drain(-1)
		}
		if ticks < 3 {
			t.Errorf("%d ticks", ticks)
		}
		l.Close()
	})
}

// A tick that is never due is never due.
func TestTickOfAllTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		time.Sleep(time.Hour)
		a := l.Tick(math.MaxInt64, func(time.Time, time.Duration) {})
		b := l.TickFixed(math.MaxInt64, 3, func(time.Time, time.Duration) {})
		c := l.Tick(1000*time.Hour, func(time.Time, time.Duration) {}) // which has the loop look
		time.Sleep(1000 * time.Hour)
		synctest.Wait()
		if n := l.Drain(-1); n != 1 || a.Ticks()+b.Ticks() != 0 || c.Ticks() != 1 {
			t.Errorf("%d ran", n)
		}
		l.Close()
	})
}

// Of several ticks that are due the one that is most late comes first.
func TestLatestTickComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := New(Options{}), new(order)
		l.Tick(300*time.Millisecond, func(time.Time, time.Duration) { o.add(300)() })
		l.Tick(200*time.Millisecond, func(time.Time, time.Duration) { o.add(200)() })
		l.Tick(250*time.Millisecond, func(time.Time, time.Duration) { o.add(250)() })
		time.Sleep(350 * time.Millisecond)
		synctest.Wait()
		l.Drain(-1)
		o.want(t, 200, 250, 300)
		l.Close()
	})
}

// Stop ends those that are made up for, too.
func TestFixedTickMayStopItselfWhileItCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		var ticker *Ticker
		ticker = l.TickFixed(time.Second, 10, func(time.Time, time.Duration) {
			if ticker.Ticks() == 2 {
				ticker.Stop()
			}
		})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		l.Drain(-1)
		if n := ticker.Ticks(); n != 2 {
			t.Errorf("%d ticks", n)
		}
	})
}

// What has run is not kept.
func TestWhatHasRunIsNotKept(t *testing.T) {
	l := New(Options{})
	for range 5 {
		must(t, l.Post(func() {}))
	}
	l.Drain(-1)
	for _, e := range slices.Concat(l.q.batch[:cap(l.q.batch)], l.q.spare[:cap(l.q.spare)]) {
		if e.f != nil || e.seat != nil {
			t.Error("a function is kept")
		}
	}
}
