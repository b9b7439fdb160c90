package main

import (
	"cmp"
	"slices"
)

// What a pilot sees of the arena: so many pixels in each direction, and what it has in
// view it loses only a little later, so that nothing flickers at the edge.
const (
	sightX, sightY = 760, 480
	later          = 60
)

// The arena is a grid of cells of so many pixels, so that nobody looks at what is far
// away.
const (
	cell  = 320
	cells = side / cell
)

// frame is what all views of one tick have in common.
type frame struct {
	state
	arena   *Arena
	places  []place                // by slot
	grid    [cells][cells][]uint16 // the slots of what is in a cell, by y and x
	leaders []byte                 // records, now and then
}

// look makes the frame of the present tick in the memory of the last one.
func (f *frame) look(a *Arena) {
	f.arena = a
	f.tick, f.ships = a.tick, uint16(a.ships)
	f.places = f.places[:0]
	for y := range f.grid {
		for x := range f.grid[y] {
			f.grid[y][x] = f.grid[y][x][:0]
		}
	}
	for slot := range a.bodies {
		at := placeOf(&a.bodies[slot])
		f.places = append(f.places, at)
		if a.bodies[slot].kind != nothing {
			c := &f.grid[at.y/(8*cell)][at.x/(8*cell)]
			*c = append(*c, uint16(slot))
		}
	}
	f.leaders = f.leaders[:0]
	if a.tick%ticks == 0 {
		for rank, slot := range a.best(5) {
			f.leaders = appendLeader(f.leaders, rank, &a.bodies[slot])
		}
	}
}

// best returns the slots of the ships with the most points.
func (a *Arena) best(n int) []int {
	var list []int
	for slot := range a.bodies {
		if a.bodies[slot].kind.ship() && a.bodies[slot].score > 0 {
			list = append(list, slot)
		}
	}
	slices.SortFunc(list, func(p, q int) int { return cmp.Compare(a.bodies[q].score, a.bodies[p].score) })
	return list[:min(n, len(list))]
}

// view is what a pilot was told, so that it gets what differs from that.
type view struct {
	told  []told   // by slot
	known []uint16 // the slots of what it has in view
}

type told struct {
	place
	life  uint16
	score uint16
	known bool
}

// append appends the message for the pilot in a slot, and takes it for sent.
func (v *view) append(dst []byte, f *frame, slot int, ack uint16) []byte {
	if v.told == nil {
		v.told = make([]told, len(f.places))
	}
	s := f.state
	s.ack = ack
	dst = s.append(dst)
	me := f.places[slot]
	known := v.known
	v.known = v.known[:0]
	for _, i := range known {
		dst = v.again(dst, f, int(i), me)
	}
	for y := clamp(int(me.y) - 8*sightY); y <= clamp(int(me.y)+8*sightY); y++ {
		for x := clamp(int(me.x) - 8*sightX); x <= clamp(int(me.x)+8*sightX); x++ {
			for _, i := range f.grid[y][x] {
				dst = v.meet(dst, f, int(i), me)
			}
		}
	}
	return append(dst, f.leaders...)
}

// clamp is the row or column of a cell.
func clamp(at int) int { return min(max(at/(8*cell), 0), cells-1) }

// again tells what is new about a body that was in view.
func (v *view) again(dst []byte, f *frame, slot int, me place) []byte {
	b, t, at := &f.arena.bodies[slot], &v.told[slot], f.places[slot]
	if b.kind == nothing || t.life != b.life || !near(me, at, later) {
		t.known = false
		return appendLeave(dst, slot)
	}
	v.known = append(v.known, uint16(slot))
	if t.place != at {
		dst = appendMove(dst, slot, t.place, at)
		t.place = at
	}
	if t.score != b.score {
		t.score = b.score
		dst = appendScore(dst, slot, b.score)
	}
	return dst
}

// meet tells of a body that comes into view.
func (v *view) meet(dst []byte, f *frame, slot int, me place) []byte {
	b, t, at := &f.arena.bodies[slot], &v.told[slot], f.places[slot]
	if t.known || !near(me, at, 0) {
		return dst
	}
	*t = told{at, b.life, b.score, true}
	v.known = append(v.known, uint16(slot))
	return appendAppear(dst, slot, at, b)
}

// near reports whether a place is in sight from another, or at most so many pixels out
// of it.
func near(from, at place, more int) bool {
	dx, dy := int(at.x)-int(from.x), int(at.y)-int(from.y)
	return max(dx, -dx) < 8*(sightX+more) && max(dy, -dy) < 8*(sightY+more)
}
