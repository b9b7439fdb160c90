package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// alone is an arena with ships at rest where the test wants them, and no sparks.
func alone(t *testing.T, at ...[2]float64) *Arena {
	t.Helper()
	a := NewArena(len(at), 0, 1)
	for i, p := range at {
		slot, ok := a.Enter(fmt.Sprint(i))
		if !ok || slot != i {
			t.Fatalf("ship %d has slot %d, %v", i, slot, ok)
		}
		a.bodies[slot].x, a.bodies[slot].y = p[0], p[1]
	}
	return a
}

func about(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestShipComesToItsTopSpeed(t *testing.T) {
	for heading, want := range map[byte][2]float64{0: {1, 0}, 64: {0, 1}, 128: {-1, 0}, 192: {0, -1}, 32: {math.Sqrt2 / 2, math.Sqrt2 / 2}} {
		a := alone(t, [2]float64{side / 2, side / 2})
		a.Steer(0, heading, 255)
		for range 3 * ticks {
			a.Step()
		}
		b, top := a.bodies[0], thrust/drag
		if !about(b.vx, want[0]*top, 1) || !about(b.vy, want[1]*top, 1) {
			t.Errorf("heading %d: speed %v %v, want %v times %v", heading, b.vx, b.vy, want, top)
		}
		a.Steer(0, heading, 0)
		for range 3 * ticks {
			a.Step()
		}
		if b := a.bodies[0]; !about(b.vx, 0, 1) || !about(b.vy, 0, 1) {
			t.Errorf("without power it still has %v %v", b.vx, b.vy)
		}
	}
}

func TestWallsThrowShipsBack(t *testing.T) {
	a := alone(t, [2]float64{side - 100, 300})
	a.Steer(0, 0, 255)
	back := false
	for range 4 * ticks {
		a.Step()
		b := a.bodies[0]
		if b.x > side-shipR || b.x < shipR {
			t.Fatalf("it is at %v", b.x)
		}
		back = back || b.vx < -50
	}
	if !back {
		t.Error("it does not bounce")
	}
}

func TestShipGathersASpark(t *testing.T) {
	a := NewArena(1, 1, 7)
	slot, _ := a.Enter("Ada")
	ship, s := &a.bodies[slot], &a.bodies[1]
	ship.x, ship.y, s.x, s.y = 500, 500, 500+shipR+sparkR+1, 500
	if a.Step(); ship.score != 0 {
		t.Error("it gathers from afar")
	}
	s.x--
	s.x--
	before := s.x
	if a.Step(); ship.score != 1 || s.x == before || s.kind != spark {
		t.Errorf("score %d, the spark is at %v", ship.score, s.x)
	}
}

func TestBumpCostsTheSlowerAPoint(t *testing.T) {
	a := alone(t, [2]float64{1000, 1000}, [2]float64{1000 + 2*shipR - 4, 1000})
	fast, slow := &a.bodies[0], &a.bodies[1]
	fast.vx, slow.vx = 300, 60
	fast.score, slow.score = 3, 1
	a.Step()
	if fast.score != 4 || slow.score != 0 {
		t.Errorf("scores %d and %d", fast.score, slow.score)
	}
	if d := slow.x - fast.x; d < 2*shipR-0.001 {
		t.Errorf("they are still %v apart", d)
	}
	if keep := 1 - drag*dt; !about(fast.vx, 60*keep, 0.001) || !about(slow.vx, 300*keep, 0.001) {
		t.Errorf("speeds %v and %v", fast.vx, slow.vx)
	}
	slow.vx = 0
	a.Step()
	if fast.score+slow.score != 4 {
		t.Errorf("scores %d and %d", fast.score, slow.score)
	}
}

func TestSlotsAreUsedAgain(t *testing.T) {
	a := NewArena(2, 3, 1)
	first, _ := a.Enter("Ada")
	second, _ := a.Enter("Bob")
	if _, ok := a.Enter("Eve"); ok || a.ships != 2 {
		t.Errorf("a third of two, %d ships", a.ships)
	}
	life := a.bodies[first].life
	a.Leave(first)
	again, ok := a.Enter("Eve")
	if !ok || again != first || again == second || a.bodies[again].life == life || a.bodies[again].score != 0 || a.ships != 2 {
		t.Errorf("slot %d, %v, %+v", again, ok, a.bodies[again])
	}
}

// The same calls make the same game, and it keeps its rules whatever is called.
func TestGameDependsOnItsSeedAlone(t *testing.T) {
	play := func(seed uint64) *Arena {
		a, rnd := NewArena(40, 60, seed), rand.New(rand.NewPCG(seed, 9))
		var in []int
		for range 1500 {
			switch n := rnd.IntN(30); {
			case n == 0:
				if slot, ok := a.Enter("x"); ok {
					in = append(in, slot)
				}
			case n == 1 && len(in) > 20:
				k := rnd.IntN(len(in))
				a.Leave(in[k])
				in = append(in[:k], in[k+1:]...)
			case len(in) > 0:
				a.Steer(in[rnd.IntN(len(in))], byte(rnd.IntN(256)), byte(rnd.IntN(256)))
			}
			a.Step()
			points, sparks := 0, 0
			for slot := range a.bodies {
				b := &a.bodies[slot]
				if b.kind != nothing && (b.x < 0 || b.x > side || b.y < 0 || b.y > side || math.IsNaN(b.x+b.y+b.vx+b.vy)) {
					t.Fatalf("seed %d: a body is at %v %v", seed, b.x, b.y)
				}
				points += int(b.score)
				if b.kind == spark {
					sparks++
				}
			}
			if sparks != 60 || a.ships != len(in) || len(a.free) != 40-len(in) {
				t.Fatalf("seed %d: %d sparks, %d ships, %d free", seed, sparks, a.ships, len(a.free))
			}
		}
		return a
	}
	for seed := range uint64(5) {
		if !reflect.DeepEqual(play(seed).bodies, play(seed).bodies) {
			t.Errorf("seed %d makes two games", seed)
		}
	}
	if reflect.DeepEqual(play(1).bodies, play(2).bodies) {
		t.Error("all seeds make the same game")
	}
}
