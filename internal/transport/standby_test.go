package transport

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stood is a reader over a standby in a bubble, without a connection. What comes in is a
// number of things to read.
type stood struct {
	standby
	t       *testing.T
	rnd     *rand.Rand
	own     chan bool    // as waiters has; those are not for bubbles
	input   atomic.Int64 // what came
	read    int64        // what was read; the reader's own
	readers atomic.Int32 // at the same time
	starts  atomic.Int32
	sleeps  atomic.Int32
	tired   atomic.Int32
	failed  atomic.Pointer[string]
}

func (s *stood) fault(format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	s.failed.CompareAndSwap(nil, &text)
}

// arrive is what the poller and wake do.
func (s *stood) arrive() {
	s.input.Add(1)
	s.call()
}

func (s *stood) call() {
	if s.ready() {
		s.starts.Add(1)
		go s.run()
	}
}

// run is the reader: it reads what is there, then it waits, or it sleeps.
func (s *stood) run() {
	s.state.CompareAndSwap(alerted, reading) // as sock.back
	if s.readers.Add(1) != 1 {
		s.fault("two readers are at work")
	}
	for {
		s.read = s.input.Load()
		if s.rnd.IntN(2) == 0 {
			time.Sleep(time.Duration(s.rnd.IntN(3))) // the input that it works on
		}
		s.waiter = s.own
		if s.rnd.IntN(3) > 0 && !s.pause() {
			continue
		}
		s.waiter = nil // retire would give it to others
		s.sleeps.Add(1)
		s.readers.Add(-1)
		if s.retire() {
			return
		}
		s.sleeps.Add(-1)
		if s.readers.Add(1) != 1 {
			s.fault("a second reader was started")
		}
		s.state.CompareAndSwap(alerted, reading)
	}
}

// What arrives is read, whatever the reader does meanwhile; no two readers are ever at work,
// and each sleep ends with exactly one start.
func TestStandbyLosesNoInput(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			s := &stood{t: t, rnd: rand.New(rand.NewPCG(seed, 2)), own: make(chan bool, 1)}
			go s.run()
			for range 1 + rnd.IntN(4) {
				mine := rand.New(rand.NewPCG(seed, rnd.Uint64()))
				go func() {
					for range 50 {
						time.Sleep(time.Duration(mine.IntN(5)))
						switch mine.IntN(4) {
						case 0:
							if s.tire() {
								s.tired.Add(1)
							}
						case 1:
							s.call() // an event without input
						default:
							s.arrive()
						}
					}
				}()
			}
			for range 40 {
				time.Sleep(7 * time.Nanosecond)
				synctest.Wait()
				if st := s.state.Load(); st != waiting && st != asleep && s.readers.Load() != 1 {
					t.Fatalf("seed %d: in state %d with %d readers", seed, st, s.readers.Load())
				}
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if f := s.failed.Load(); f != nil {
				t.Fatalf("seed %d: %s", seed, *f)
			}
			st := s.state.Load()
			if s.read != s.input.Load() || st != waiting && st != asleep {
				t.Fatalf("seed %d: %d of %d are read, in state %d", seed, s.read, s.input.Load(), st)
			}
			if now := s.sleeps.Load() - s.starts.Load(); now != map[bool]int32{true: 1, false: 0}[st == asleep] {
				t.Fatalf("seed %d: %d sleeps and %d starts in state %d", seed, s.sleeps.Load(), s.starts.Load(), st)
			}
			if st == waiting {
				s.call() // it ends for good
				for s.state.Load() != asleep {
					s.tire()
					time.Sleep(10 * time.Nanosecond)
				}
			}
		})
	}
}

// The same with goroutines that really run side by side.
func TestStandbyUnderAStorm(t *testing.T) {
	s := &stood{t: t, rnd: rand.New(rand.NewPCG(1, 2)), own: make(chan bool, 1)}
	go s.run()
	var wg sync.WaitGroup
	for id := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(3, uint64(id)))
			for range 20_000 {
				switch rnd.IntN(8) {
				case 0:
					s.tire()
				case 1:
					runtime.Gosched()
				default:
					s.arrive()
				}
			}
		})
	}
	wg.Wait()
	within(t, "the reader to sleep", func() bool { s.tire(); return s.state.Load() == asleep })
	if f := s.failed.Load(); f != nil {
		t.Fatal(*f)
	}
	if s.read != s.input.Load() || s.sleeps.Load() != s.starts.Load()+1 {
		t.Errorf("%d of %d are read; %d sleeps, %d starts", s.read, s.input.Load(), s.sleeps.Load(), s.starts.Load())
	}
}

// Each call in each state, alone.
func TestStandbyCalls(t *testing.T) {
	for _, tt := range []struct {
		name   string
		from   uint32
		call   func(s *standby) bool
		result bool
		to     uint32
	}{
		{"input for a reader at work", reading, (*standby).ready, false, alerted},
		{"more of it", alerted, (*standby).ready, false, alerted},
		{"input for one that sleeps", asleep, (*standby).ready, true, reading},
		{"a pause behind input", alerted, (*standby).pause, false, reading},
		{"a sleep", reading, (*standby).retire, true, asleep},
		{"a sleep behind input", alerted, (*standby).retire, false, alerted},
		{"tiring one at work", reading, (*standby).tire, false, reading},
		{"tiring one behind input", alerted, (*standby).tire, false, alerted},
		{"tiring one that sleeps", asleep, (*standby).tire, false, asleep},
	} {
		var s standby
		s.state.Store(tt.from)
		if got := tt.call(&s); got != tt.result || s.state.Load() != tt.to {
			t.Errorf("%s: %v, state %d; want %v, state %d", tt.name, got, s.state.Load(), tt.result, tt.to)
		}
	}
}
