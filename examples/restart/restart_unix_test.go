//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// tally is what all visitors have seen.
type tally struct {
	addr string

	mu     sync.Mutex     // guards the following
	acked  map[string]int // acknowledged messages by target
	by     map[string]int // visitors by the process that last answered them
	drains int            // closes with a hint
}

func (s *tally) answered(target, before, pid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked[target]++
	if before != pid {
		s.by[before]--
		s.by[pid]++
	}
}

func (s *tally) servedBy(pid string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[pid]
}

// stay sends numbered messages, and comes back when it is asked to, until ctx ends and
// the server has closed it once more. What was not acknowledged is sent again.
func (s *tally) stay(ctx context.Context, name int) error {
	pid := ""
	for visits, number := 0, 0; ; visits++ {
		target := fmt.Sprintf("/%d/%d", name, visits)
		v, err := visit("tcp", s.addr, target)
		if err != nil {
			return fmt.Errorf("visit %s: %w", target, err)
		}
		bye, err := s.talk(v, target, &number, &pid)
		v.conn.Close()
		if err != nil {
			return fmt.Errorf("visit %s, message %d: %w", target, number, err)
		}
		s.mu.Lock()
		s.drains++
		s.mu.Unlock()
		if ctx.Err() != nil {
			return nil
		}
		pause(ctx, bye.wait)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// talk sends until the server closes.
func (s *tally) talk(v *visitor, target string, number *int, pid *string) (*goodbye, error) {
	for {
		now, err := v.ask(fmt.Sprint(*number))
		if bye, ok := errors.AsType[*goodbye](err); ok {
			return bye, nil
		}
		if err != nil {
			return nil, err
		}
		s.answered(target, *pid, now)
		*pid = now
		*number++
		time.Sleep(200 * time.Millisecond) // the pace of a visitor, not a wait
	}
}

// passBy opens connections all the time.
func (s *tally) passBy(ctx context.Context, n *atomic.Int64) error {
	for ctx.Err() == nil {
		v, err := visit("tcp", s.addr, "/passing")
		if err != nil {
			return fmt.Errorf("passing by: %w", err)
		}
		_, err = v.ask("hello")
		if _, bye := errors.AsType[*goodbye](err); err != nil && !bye {
			return fmt.Errorf("passing by: %w", err)
		}
		v.close()
		n.Add(1)
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// The program is replaced three times under a thousand clients that exchange numbered
// messages, while others come all the time. Nobody is refused or reset, who is sent away
// gets a hint and comes back to the new process, and what the server has acknowledged
// has arrived before the close frame.
func TestRestartLosesNobodyAndNothing(t *testing.T) { // L-36, L-37, A-27, X-12
	const residents, passers, restarts = 1000, 3, 3
	f := start(t, command(t, "-addr", "127.0.0.1:0", "-window", "2s", "-spread", "1s"), 1)
	pid := f.next(f.pids)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s := &tally{addr: f.addrs[0], acked: make(map[string]int), by: make(map[string]int)}
	var stayers, comers sync.WaitGroup
	var passed atomic.Int64
	report := func(err error) {
		if err != nil {
			t.Error(err)
			cancel()
		}
	}
	staying, leave := context.WithCancel(ctx)
	passing, stop := context.WithCancel(ctx)
	defer leave()
	defer stop()
	for name := range residents {
		stayers.Go(func() { report(s.stay(staying, name)) })
	}
	for range passers {
		comers.Go(func() { report(s.passBy(passing, &passed)) })
	}
	for range restarts {
		s.wait(ctx, t, pid, residents/2)
		f.signal(pid, syscall.SIGHUP)
		pid = f.next(f.pids)
	}
	s.wait(ctx, t, pid, residents) // all have come back to the last one
	stop()
	comers.Wait()
	leave() // who is closed now does not come back
	f.end(pid)
	stayers.Wait()
	t.Logf("%d connections passed by, %d were drained", passed.Load(), s.drains)
	if s.drains < 2*residents {
		t.Errorf("%d closes with a hint", s.drains)
	}
	total := 0
	for target, n := range s.acked {
		if f.acked[target] != n {
			t.Errorf("%s: %d acknowledgements were sent, %d have arrived", target, f.acked[target], n)
		}
		total += n
	}
	t.Logf("%d messages of %d connections", total, len(s.acked))
}

// wait waits until so many visitors are served by a process.
func (s *tally) wait(ctx context.Context, t *testing.T, pid string, n int) {
	t.Helper()
	for s.servedBy(pid) < n {
		if pause(ctx, 5*time.Millisecond); ctx.Err() != nil {
			t.Fatalf("%d clients are served by process %s, want %d", s.servedBy(pid), pid, n)
		}
	}
}
