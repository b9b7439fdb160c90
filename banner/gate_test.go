package banner

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestThirdClientOfTwoIsTooMany(t *testing.T) {
	g := newGate(t, Policy{MaxClients: 2})
	places := enter(t, g, 2)
	var third Place
	if err := g.Enter(&third); !errors.Is(err, ErrTooBusy) {
		t.Fatalf("Enter = %v, want ErrTooBusy", err)
	}
	if third.Held() || third.Leave() || g.Count() != 2 {
		t.Errorf("a refused client holds a place; Count = %d", g.Count())
	}
	places[0].Leave()
	if err := g.Enter(&third); err != nil || g.Count() != 2 || !third.Held() {
		t.Errorf("Enter after a Leave = %v, Count = %d", err, g.Count())
	}
}

func TestZeroIsNoLimit(t *testing.T) {
	g := newGate(t, Policy{})
	enter(t, g, 1000)
	if g.Count() != 1000 || g.MaxClients() != 0 {
		t.Errorf("Count = %d, MaxClients = %d; want 1000, 0", g.Count(), g.MaxClients())
	}
}

func TestCountNeverRunsIntoTheLimit(t *testing.T) {
	g := newGate(t, Policy{})
	g.state.Store(pack(0, math.MaxInt32)) // more than any machine has
	if err := g.Enter(new(Place)); !errors.Is(err, ErrTooBusy) {
		t.Errorf("Enter = %v, want ErrTooBusy", err)
	}
}

func TestPlaceIsGivenBackOnce(t *testing.T) {
	g := newGate(t, Policy{MaxClients: 3})
	p := enter(t, g, 2)[0]
	if !p.Leave() || p.Leave() || g.Count() != 1 {
		t.Errorf("after two Leave: Count = %d, want 1", g.Count())
	}
	if new(Place).Leave() || g.Count() != 1 {
		t.Errorf("after Leave of nothing: Count = %d, want 1", g.Count())
	}
	if err := g.Enter(p); err != nil || g.Count() != 2 {
		t.Errorf("second life: Enter = %v, Count = %d; want nil, 2", err, g.Count())
	}
}

func TestPlaceIsHeldAtOneGate(t *testing.T) {
	g, other := newGate(t, Policy{MaxClients: 2}), newGate(t, Policy{MaxClients: 1})
	p := enter(t, g, 1)[0]
	for _, gate := range []*Gate{g, other} {
		before := gate.Count()
		if err := gate.Enter(p); !errors.Is(err, ErrPlaceHeld) || gate.Count() != before {
			t.Errorf("Enter = %v, Count = %d; want ErrPlaceHeld, %d", err, gate.Count(), before)
		}
	}
	enter(t, other, 1)
	if err := other.Enter(p); !errors.Is(err, ErrPlaceHeld) {
		t.Errorf("Enter at a full gate = %v, want ErrPlaceHeld", err)
	}
	if p.Leave(); g.Count() != 0 || other.Count() != 1 {
		t.Errorf("Count = %d and %d, want 0 and 1", g.Count(), other.Count())
	}
}

func TestLoweringTheLimitDropsNobody(t *testing.T) {
	g := newGate(t, Policy{MaxClients: 3})
	places := enter(t, g, 3)
	if err := g.SetMaxClients(1); err != nil || g.MaxClients() != 1 || g.Count() != 3 {
		t.Fatalf("SetMaxClients = %v, MaxClients = %d, Count = %d; want nil, 1, 3", err, g.MaxClients(), g.Count())
	}
	for _, p := range places {
		if err := g.Enter(new(Place)); !errors.Is(err, ErrTooBusy) {
			t.Errorf("Enter with %d of 1 = %v, want ErrTooBusy", g.Count(), err)
		}
		p.Leave()
	}
	enter(t, g, 1)
	if err := g.SetMaxClients(0); err != nil {
		t.Fatal(err)
	}
	enter(t, g, 10)
}

func TestWrongLimitChangesNothing(t *testing.T) {
	g := newGate(t, Policy{MaxClients: 3})
	err := g.SetMaxClients(-1)
	if _, ok := errors.AsType[*PolicyError](err); !ok || g.MaxClients() != 3 {
		t.Errorf("SetMaxClients = %v, MaxClients = %d; want a *PolicyError, 3", err, g.MaxClients())
	}
}

func TestEnterDoesNotAllocate(t *testing.T) {
	g := newGate(t, Policy{MaxClients: 1})
	var p Place
	if n := testing.AllocsPerRun(1000, func() { g.Enter(&p); p.Leave() }); n != 0 {
		t.Errorf("Enter and Leave allocate %v times", n)
	}
}

// Many goroutines at the edge: those inside count themselves, apart from the gate.
func TestNeverMoreThanMaxClients(t *testing.T) {
	const limit, goroutines, rounds = 3, 16, 500
	g := newGate(t, Policy{MaxClients: limit})
	var inside, entered, refused atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			var p Place
			for range rounds {
				if err := g.Enter(&p); err != nil {
					refused.Add(1)
					runtime.Gosched()
					continue
				}
				entered.Add(1)
				if n := inside.Add(1); n > limit {
					t.Errorf("%d clients inside, want at most %d", n, limit)
				}
				runtime.Gosched() // let others come to the edge
				inside.Add(-1)
				p.Leave()
			}
		})
	}
	wg.Wait()
	if g.Count() != 0 || entered.Load()+refused.Load() != goroutines*rounds {
		t.Errorf("Count = %d; %d entered, %d refused of %d", g.Count(), entered.Load(), refused.Load(), goroutines*rounds)
	}
}

func TestLastPlaceGoesToOne(t *testing.T) {
	for range 200 {
		g := newGate(t, Policy{MaxClients: 5})
		enter(t, g, 4)
		var won atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				<-start
				if g.Enter(new(Place)) == nil {
					won.Add(1)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 || g.Count() != 5 {
			t.Fatalf("%d got the last place, Count = %d; want 1, 5", won.Load(), g.Count())
		}
	}
}

// One goroutine lowers the limit below Count; from then on Count only falls.
func TestNobodySlipsInWhileTheLimitFalls(t *testing.T) {
	for range 100 {
		g := newGate(t, Policy{MaxClients: 1000})
		enter(t, g, 2)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					g.Enter(new(Place))
				}
			})
		}
		runtime.Gosched()
		g.SetMaxClients(1)
		before := g.Count()
		wg.Wait()
		if g.Count() != before {
			t.Fatalf("Count went from %d to %d after the limit fell to 1", before, g.Count())
		}
	}
}

func TestManyLeaversGiveOnePlaceBack(t *testing.T) {
	for range 200 {
		g := newGate(t, Policy{MaxClients: 5})
		p := enter(t, g, 2)[0]
		var gave atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if p.Leave() {
					gave.Add(1)
				}
			})
		}
		wg.Wait()
		if gave.Load() != 1 || g.Count() != 1 {
			t.Fatalf("given back %d times, Count = %d; want once, 1", gave.Load(), g.Count())
		}
	}
}

func BenchmarkEnterLeave(b *testing.B) {
	g := newGate(b, Policy{MaxClients: 1 << 20})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var p Place
		for pb.Next() {
			g.Enter(&p)
			p.Leave()
		}
	})
}
