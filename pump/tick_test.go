package pump

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// ticked notes the ticks: when they came, and their times.
type ticked struct {
	start   time.Time
	at, now []time.Duration
	dt      []time.Duration
	takes   []time.Duration // how long each takes; the last for all others
}

func (k *ticked) tick(now time.Time, dt time.Duration) {
	n := len(k.at)
	k.at = append(k.at, time.Since(k.start))
	k.now = append(k.now, now.Sub(k.start))
	k.dt = append(k.dt, dt)
	if len(k.takes) > 0 {
		time.Sleep(k.takes[min(n, len(k.takes)-1)])
	}
}

func ms(list ...int) (out []time.Duration) {
	for _, n := range list {
		out = append(out, time.Duration(n)*time.Millisecond)
	}
	return out
}

func (k *ticked) want(t *testing.T, at, now, dt []time.Duration) {
	t.Helper()
	if !slices.Equal(k.at, at) || !slices.Equal(k.now, now) || !slices.Equal(k.dt, dt) {
		t.Errorf("ticks at %v, now %v, dt %v;\nwant %v, %v, %v", k.at, k.now, k.dt, at, now, dt)
	}
}

// Ticks keep to their grid; those that are missed are left out, and dt says so.
func TestTicksKeepToTheirGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		running(t, l)
		k := &ticked{start: time.Now(), takes: ms(0, 30, 250, 0, 5, 0)}
		ticker := l.Tick(100*time.Millisecond, k.tick)
		time.Sleep(899 * time.Millisecond)
		ticker.Stop()
		time.Sleep(time.Second)
		at := ms(100, 200, 300, 600, 700, 800)
		k.want(t, at, at, ms(100, 100, 100, 300, 100, 100))
		if ticker.Ticks() != 6 || ticker.Missed() != 2 {
			t.Errorf("%d ticks, %d missed", ticker.Ticks(), ticker.Missed())
		}
		if s := l.Stats(); s.Ticks != 6 {
			t.Errorf("%+v", s)
		}
	})
}

// Fixed ticks are made up for, up to a bound.
func TestFixedTicksAreMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		running(t, l)
		k := &ticked{start: time.Now(), takes: ms(0, 250, 0, 0, 0, 750, 0)}
		ticker := l.TickFixed(100*time.Millisecond, 4, k.tick)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		ticker.Stop()
		k.want(t,
			ms(100, 200, 450, 450, 500, 600, 1350, 1350, 1350, 1350, 1400, 1500),
			ms(100, 200, 300, 400, 500, 600, 1000, 1100, 1200, 1300, 1400, 1500),
			slices.Repeat(ms(100), 12))
		if ticker.Missed() != 3 {
			t.Errorf("%d missed", ticker.Missed())
		}
	})
}

// A loop that nobody runs for a while has one tick of the first kind, and no more than
// allowed of the other.
func TestTicksOfALoopThatWasNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		a, b := &ticked{start: time.Now()}, &ticked{start: time.Now()}
		l.Tick(100*time.Millisecond, a.tick)
		l.TickFixed(100*time.Millisecond, 3, b.tick)
		time.Sleep(1050 * time.Millisecond)
		synctest.Wait()
		if n := l.Drain(-1); n != 2 {
			t.Errorf("Drain = %d", n)
		}
		a.want(t, ms(1050), ms(1050), ms(1050))
		b.want(t, ms(1050, 1050, 1050), ms(800, 900, 1000), ms(100, 100, 100))
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		ran := 0
		for l.Step() {
			ran++
		}
		if ran != 2 {
			t.Errorf("Step runs %d ticks", ran)
		}
		l.Close()
	})
}

// Ticks come before what waits, and what waits has its turn between ticks that never
// keep up.
func TestTicksAndEventsHaveTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, o := New(Options{}), new(order)
		l.Tick(10*time.Millisecond, func(time.Time, time.Duration) {
			o.add(-1)()
			time.Sleep(10 * time.Millisecond)
		})
		l.TickFixed(10*time.Millisecond, 1, func(time.Time, time.Duration) {
			o.add(-2)()
			time.Sleep(10 * time.Millisecond)
		})
		for n := range 3 {
			must(t, l.Post(func() {
				o.add(n)()
				time.Sleep(20 * time.Millisecond)
			}))
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		running(t, l)
		time.Sleep(119 * time.Millisecond)
		synctest.Wait()
		o.mu.Lock()
		got := slices.Clone(o.list)
		o.mu.Unlock()
		if want := []int{-1, -2, 0, -1, -2, 1, -1, -2, 2}; !slices.Equal(got[:min(9, len(got))], want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// A tick may stop itself, and start another one.
func TestTickMayStopItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		running(t, l)
		first, second := 0, 0
		var a, b *Ticker
		must(t, l.Post(func() {
			a = l.TickFixed(time.Second, 100, func(time.Time, time.Duration) {
				if first++; first < 3 {
					return
				}
				a.Stop()
				b = l.Tick(time.Minute, func(time.Time, time.Duration) { second++ })
				time.Sleep(10 * time.Second) // nothing of it is made up for
			})
		}))
		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		b.Stop()
		if first != 3 || second != 4 {
			t.Errorf("%d and %d ticks", first, second)
		}
	})
}

func TestTickOfNoTimePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(Options{}).Tick(0, nil)
}
