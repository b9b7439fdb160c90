package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestInputsAndHelloComeBack(t *testing.T) {
	for _, in := range []input{{}, {1, 2, 3}, {255, 255, 65535}} {
		if got, err := readInput(in.append(nil)); err != nil || got != in {
			t.Errorf("%v comes back as %v, %v", in, got, err)
		}
	}
	h := hello{slot: 8191, side: side, ticks: ticks}
	if got, err := readHello(h.append(nil)); err != nil || got != h {
		t.Errorf("%v comes back as %v, %v", h, got, err)
	}
	for _, bad := range []string{"", "\x01", "\x02abcd", "\x01abc", "\x01abcde", "\x01abcdefg"} {
		if _, err := readInput([]byte(bad)); err == nil && len(bad) != inputSize {
			t.Errorf("%q is an input", bad)
		}
		if _, err := readHello([]byte(bad)); err == nil && len(bad) != 6 {
			t.Errorf("%q is a hello", bad)
		}
	}
}

func TestMovesAreShort(t *testing.T) {
	for _, tt := range []struct {
		from, to place
		size     int
	}{
		{place{100, 100}, place{101, 99}, 4}, {place{1000, 1000}, place{1127, 872}, 4},
		{place{1000, 1000}, place{1128, 1000}, 6}, {place{1000, 1000}, place{1000, 871}, 6},
		{place{0, 0}, place{side * 8, side * 8}, 6},
	} {
		p := newPicture()
		p.bodies[5] = seen{place: tt.from, name: "Ada"}
		m := appendMove(state{}.append(nil), 5, tt.from, tt.to)
		if err := p.take(m); err != nil || len(m) != stateHead+tt.size || p.bodies[5] != (seen{place: tt.to, name: "Ada"}) {
			t.Errorf("from %v to %v: %d bytes, %+v, %v", tt.from, tt.to, len(m)-stateHead, p.bodies[5], err)
		}
	}
}

// Whoever gets which messages, and however few: what a pilot knows after one is what is in
// sight, as it is.
func TestPicturesAreTrue(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		a := NewArena(60, 80, seed)
		var f frame
		type peer struct {
			slot int
			view view
			see  *picture
			ack  uint16
		}
		var peers []*peer
		for step := range 400 {
			if slot, ok := 0, false; rnd.IntN(8) == 0 {
				if slot, ok = a.Enter(strings.Repeat("n", 1+rnd.IntN(maxName))); ok {
					peers = append(peers, &peer{slot: slot, see: newPicture()})
				}
			}
			if len(peers) > 3 && rnd.IntN(12) == 0 {
				k := rnd.IntN(len(peers))
				a.Leave(peers[k].slot)
				peers = append(peers[:k], peers[k+1:]...)
			}
			for _, p := range peers {
				if rnd.IntN(5) == 0 {
					a.Steer(p.slot, byte(rnd.IntN(256)), 255)
					p.ack++
				}
			}
			a.Step()
			f.look(a)
			for i, p := range peers {
				if rnd.IntN(4) < i%4 { // it is slow
					continue
				}
				m := p.view.append(nil, &f, p.slot, p.ack)
				if err := p.see.take(m); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
				if p.see.tick != a.tick || p.see.ack != p.ack || int(p.see.ships) != a.ships {
					t.Fatalf("seed %d, step %d: %+v", seed, step, p.see.state)
				}
				compare(t, fmt.Sprintf("seed %d, step %d", seed, step), a, &f, p.slot, p.see)
			}
		}
	}
}

func compare(t *testing.T, when string, a *Arena, f *frame, me int, see *picture) {
	t.Helper()
	for slot := range a.bodies {
		b, at := &a.bodies[slot], f.places[slot]
		got, known := see.bodies[slot]
		want := seen{at, b.kind, b.score, b.name}
		switch {
		case b.kind == nothing && known:
			t.Fatalf("%s: it sees somebody who has left", when)
		case b.kind == nothing:
		case known && got != want:
			t.Fatalf("%s: body %d is %+v, want %+v", when, slot, got, want)
		case known && !near(f.places[me], at, later), !known && near(f.places[me], at, 0):
			t.Fatalf("%s: body %d at %v is known from %v: %v", when, slot, at, f.places[me], known)
		}
	}
}

func TestBestAreToldNowAndThen(t *testing.T) {
	a := NewArena(8, 0, 1)
	for n := range 7 {
		slot, _ := a.Enter(fmt.Sprint("pilot ", n))
		a.bodies[slot].score = uint16(n)
		a.bodies[slot].x = 100 + 400*float64(n) // apart
	}
	var f frame
	var v view
	see := newPicture()
	for range ticks {
		if len(see.leaders) > 0 {
			t.Error("they are told all the time")
		}
		a.Step()
		f.look(a)
		if err := see.take(v.append(nil, &f, 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if len(see.leaders) != 5 || see.leaders[0] != (leader{6, "pilot 6"}) || see.leaders[4] != (leader{2, "pilot 2"}) {
		t.Errorf("the best are %v", see.leaders)
	}
}

// FuzzPicture: whatever comes, a bot lives on.
func FuzzPicture(f *testing.F) {
	a := NewArena(3, 5, 1)
	slot, _ := a.Enter("Ada")
	var fr frame
	var v view
	for range ticks + 1 {
		a.Step()
		fr.look(a)
		f.Add(v.append(nil, &fr, slot, 7))
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		p := newPicture()
		p.bodies[0] = seen{}
		if p.take(m) == nil && (len(m) < stateHead || len(p.bodies) > 1+len(m)/10) {
			t.Errorf("%d bytes make %d bodies", len(m), len(p.bodies))
		}
	})
}
