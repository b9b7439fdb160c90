package multilisten

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
)

// journal writes down what OnState is told.
type journal struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (j *journal) onState(l *Listener, from, to State) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%d %v-%v", l.Index(), from, to))
}

func (j *journal) check(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, want) {
		t.Errorf("OnState was told\n%q, want\n%q", j.lines, want)
	}
	j.lines = nil
}

func TestEveryListenerTellsItsStates(t *testing.T) { // E-10
	var j journal
	g := openWith(t, Options{OnState: j.onState}, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.1:0"})
	j.check(t, "0 closed-bound", "1 closed-bound", "0 bound-listening", "1 bound-listening")
	g.Listeners()[1].Close()
	j.check(t, "1 listening-closing", "1 closing-closed")
	if err := g.Listeners()[1].Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen = %v", err)
	}
	j.check(t, "1 closed-bound", "1 bound-listening")
	g.Close()
	g.Close()
	j.check(t, "0 listening-closing", "0 closing-closed", "1 listening-closing", "1 closing-closed")
}

func TestFailedOpenTellsHowFarItCame(t *testing.T) { // E-10
	var j journal
	Open(t.Context(), Options{OnState: j.onState}, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: taken(t)})
	j.check(t, "0 closed-bound", "0 bound-closing", "0 closing-closed")
}

func TestCallbackMayCloseItsListener(t *testing.T) { // E-10
	var j journal
	opts := Options{OnState: func(l *Listener, from, to State) {
		j.onState(l, from, to)
		if to == StateListening {
			l.Close() // what it causes is told after this call
		}
	}}
	g := openWith(t, opts, Binding{Addr: "127.0.0.1:0"})
	j.check(t, "0 closed-bound", "0 bound-listening", "0 listening-closing", "0 closing-closed")
	if g.AnyListening() {
		t.Error("AnyListening = true, want false")
	}
}

func TestCallbackMayReopenItsListener(t *testing.T) { // E-10, L-29
	var j journal
	reopened := false
	opts := Options{OnState: func(l *Listener, from, to State) {
		j.onState(l, from, to)
		if reopened {
			return
		}
		switch to {
		case StateClosing:
			if err := l.Reopen(t.Context()); !errors.Is(err, ErrOpen) {
				t.Errorf("Reopen while closing = %v, want ErrOpen", err)
			}
		case StateClosed:
			reopened = true
			if err := l.Reopen(t.Context()); err != nil {
				t.Errorf("Reopen = %v", err)
			}
		}
	}}
	g := openWith(t, opts, Binding{Addr: "127.0.0.1:0"})
	g.Listeners()[0].Close()
	j.check(t, "0 closed-bound", "0 bound-listening", "0 listening-closing", "0 closing-closed",
		"0 closed-bound", "0 bound-listening")
}

func TestPanicOfACallbackDoesNotKeepTheSocket(t *testing.T) { // E-10
	panics := true
	opts := Options{OnState: func(_ *Listener, _, to State) {
		if to == StateClosing && panics {
			panics = false
			panic("user code")
		}
	}}
	l := openWith(t, opts, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Close swallowed the panic")
			}
		}()
		l.Close()
	}()
	if l.State() != StateClosed {
		t.Errorf("state = %v, want closed", l.State())
	}
	openGroup(t, Binding{Addr: l.Bound().String()}) // the port is free
}

func TestStateNames(t *testing.T) {
	for s, want := range map[State]string{
		StateClosed: "closed", StateBound: "bound", StateListening: "listening", StateClosing: "closing", StatePaused: "paused", 9: "State(9)",
	} {
		if s.String() != want {
			t.Errorf("String = %q, want %q", s, want)
		}
	}
	for p, want := range map[Policy]string{AllOrNothing: "AllOrNothing", BestEffort: "BestEffort", 9: "Policy(9)"} {
		if p.String() != want {
			t.Errorf("String = %q, want %q", p, want)
		}
	}
}

func TestReopenListensOnTheSameAddress(t *testing.T) { // L-29
	free := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	free.Close()
	addr := free.Bound().String()

	g := openGroup(t, Binding{Addr: addr}, Binding{Addr: "127.0.0.2:0"})
	l, other := g.Listeners()[0], g.Listeners()[1]
	if err := l.Reopen(t.Context()); !errors.Is(err, ErrOpen) {
		t.Errorf("Reopen of an open listener = %v, want ErrOpen", err)
	}
	l.Close()
	if g.AllListening() || !g.AnyListening() {
		t.Error("with one of two closed, want any, not all")
	}
	connect(t, other, other.Addr().String()) // the other one runs on
	if err := l.Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen = %v", err)
	}
	if l.Addr().String() != addr || !g.AllListening() {
		t.Errorf("Addr = %v, AllListening = %v; want %s, true", l.Addr(), g.AllListening(), addr)
	}
	connect(t, l, addr)
}

func TestReopenReportsWhyNot(t *testing.T) { // L-29
	g := openGroup(t, Binding{Addr: "127.0.0.1:0"})
	l := g.Listeners()[0]
	addr := l.Bound().String()
	l.at.port = l.Bound().Port() // as if it had been requested
	l.Close()
	thief, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Skipf("the port is gone: %v", err)
	}
	err = l.Reopen(t.Context())
	if le, ok := errors.AsType[*ListenError](err); !ok || !isInUse(le) {
		t.Errorf("Reopen = %v, want a *ListenError: in use", err)
	}
	if s := g.States()[0]; s.Err == nil || s.State != StateClosed {
		t.Errorf("state = %+v, want closed with its error", s)
	}
	thief.Close()
	if err := l.Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen = %v", err)
	}
	if s := g.States()[0]; s.Err != nil || s.State != StateListening {
		t.Errorf("state = %+v, want listening without error", s)
	}
}

func TestClosedGroupDoesNotReopen(t *testing.T) { // L-28, L-29
	g := openGroup(t, Binding{Addr: "127.0.0.1:0"})
	g.Close()
	if err := g.Listeners()[0].Reopen(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Reopen = %v, want net.ErrClosed", err)
	}
}

func TestCloseDuringReopenWins(t *testing.T) { // L-29
	l := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	l.Close()
	if err := l.beginOpen(); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(t.Context()); !errors.Is(err, ErrOpen) {
		t.Errorf("second Reopen = %v, want ErrOpen", err)
	}
	l.Close()
	s, err := listen(t.Context(), l.at, &l.binding, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := l.endOpen(opened{socket: s}, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("endOpen = %v, want net.ErrClosed", err)
	}
	if l.State() != StateClosed {
		t.Errorf("state = %v, want closed", l.State())
	}
}

// Under -race: every pair of methods at once, and the states stay a path through
// the picture in the package comment.
func TestEverythingAtOnce(t *testing.T) {
	var mu sync.Mutex
	last := map[int]State{}
	opts := Options{OnState: func(l *Listener, from, to State) {
		mu.Lock()
		defer mu.Unlock()
		if last[l.Index()] != from {
			t.Errorf("binding %d goes from %v, was told %v before", l.Index(), from, last[l.Index()])
		}
		last[l.Index()] = to
	}}
	g := openWith(t, opts, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.1:0"})
	var wg sync.WaitGroup
	for _, l := range g.Listeners() {
		for _, f := range []func(){
			func() { l.Close() },
			func() { l.Reopen(t.Context()) },
			func() { l.Pause() },
			func() { l.Resume() },
			func() { _, _ = l.State(), l.Addr() },
			func() { _, _, _ = g.String(), g.Addrs(), g.AllListening() },
		} {
			for range 2 {
				wg.Go(func() {
					for range 50 {
						f()
					}
				})
			}
		}
		wg.Go(func() {
			for range 50 {
				if c, err := l.Accept(); err == nil {
					c.Close() // nobody of ours, but ports are free for all
				}
				if l.State() == StateListening {
					l.Close() // so that Accept does not wait for ever
				}
			}
		})
	}
	closed := make(chan struct{})
	go func() { wg.Wait(); close(closed) }()
	for done := false; !done; { // an Accept may wait on a socket nobody closes
		select {
		case <-closed:
			done = true
		default:
			for _, l := range g.Listeners() {
				l.Close()
			}
		}
	}
	g.Close()
	for i, s := range last {
		if s != StateClosed {
			t.Errorf("binding %d ended %v, want closed", i, s)
		}
	}
}
