package main

import (
	"math"
	"math/rand/v2"
)

// The arena is a square, in pixels. A ship that keeps going straight comes to a speed of
// thrust/drag pixels a second.
const (
	side   = 3200
	thrust = 900.0 // pixels/s²
	drag   = 2.5   // of the speed, in a second
	shipR  = 16.0
	sparkR = 6.0
	ticks  = 30 // a second
	dt     = 1.0 / ticks
)

// kind says what a body is. From firstHue on it is a ship of that colour.
type kind byte

const (
	nothing  kind = 0
	spark    kind = 1
	firstHue kind = 2
)

func (k kind) ship() bool { return k >= firstHue }

// body is a thing in the arena.
type body struct {
	kind   kind
	life   uint16 // counts those who have had this slot
	x, y   float64
	vx, vy float64
	score  uint16
	name   string

	heading, power float64 // what the pilot wants: an angle, and 0 to 1
}

// Arena is the game without a network: what happens in it depends on its seed and on
// what is called when, and on nothing else. It has no lock, as one goroutine has it.
type Arena struct {
	tick   uint32
	bodies []body // the slots of ships, then the sparks
	ships  int    // that there are
	rnd    *rand.Rand
	free   []int // slots for ships
	order  []int // slots by x; nearly sorted from one step to the next
}

// NewArena returns an arena with slots for so many ships and with so many sparks.
func NewArena(ships, sparks int, seed uint64) *Arena {
	a := &Arena{bodies: make([]body, ships+sparks), rnd: rand.New(rand.NewPCG(seed, 0))}
	for slot := range a.bodies {
		a.order = append(a.order, slot)
		if slot < ships {
			a.free = append(a.free, ships-1-slot)
			continue
		}
		a.bodies[slot] = body{kind: spark}
		a.scatter(&a.bodies[slot])
	}
	return a
}

// scatter puts b anywhere.
func (a *Arena) scatter(b *body) {
	b.x, b.y = shipR+a.rnd.Float64()*(side-2*shipR), shipR+a.rnd.Float64()*(side-2*shipR)
	b.vx, b.vy = 0, 0
}

// Enter brings a ship in; ok is false when there is no slot.
func (a *Arena) Enter(name string) (slot int, ok bool) {
	if len(a.free) == 0 {
		return 0, false
	}
	slot = a.free[len(a.free)-1]
	a.free = a.free[:len(a.free)-1]
	b := &a.bodies[slot]
	*b = body{kind: firstHue + kind(a.rnd.IntN(256-int(firstHue))), life: b.life + 1, name: name}
	a.scatter(b)
	a.ships++
	return slot, true
}

// Leave takes a ship out.
func (a *Arena) Leave(slot int) {
	a.bodies[slot] = body{life: a.bodies[slot].life}
	a.free = append(a.free, slot)
	a.ships--
}

// Steer says where a ship wants to go, and how much: heading is in 256ths of a turn, 0 to
// the right, 64 down, and power goes to 255.
func (a *Arena) Steer(slot int, heading, power byte) {
	b := &a.bodies[slot]
	b.heading, b.power = float64(heading)*2*math.Pi/256, float64(power)/255
}

// Step moves everything by one tick.
func (a *Arena) Step() {
	a.tick++
	for slot := range a.bodies {
		if b := &a.bodies[slot]; b.kind.ship() {
			b.fly()
		}
	}
	a.sort()
	for i, slot := range a.order {
		b := &a.bodies[slot]
		for _, other := range a.order[i+1:] {
			o := &a.bodies[other]
			if o.x-b.x >= 2*shipR {
				break
			}
			if math.Abs(o.y-b.y) < 2*shipR {
				a.near(b, o)
			}
		}
	}
}

// fly moves a ship, and keeps it inside.
func (b *body) fly() {
	b.vx += (math.Cos(b.heading)*b.power*thrust - b.vx*drag) * dt
	b.vy += (math.Sin(b.heading)*b.power*thrust - b.vy*drag) * dt
	b.x, b.vx = bounce(b.x+b.vx*dt, b.vx)
	b.y, b.vy = bounce(b.y+b.vy*dt, b.vy)
}

func bounce(at, v float64) (float64, float64) {
	switch {
	case at < shipR:
		return shipR, math.Abs(v)
	case at > side-shipR:
		return side - shipR, -math.Abs(v)
	}
	return at, v
}

// sort is an insertion sort, which takes next to no time for what is nearly sorted.
func (a *Arena) sort() {
	for i := 1; i < len(a.order); i++ {
		slot := a.order[i]
		x, k := a.bodies[slot].x, i
		for ; k > 0 && a.bodies[a.order[k-1]].x > x; k-- {
			a.order[k] = a.order[k-1]
		}
		a.order[k] = slot
	}
}

// near lets two bodies meet that may touch.
func (a *Arena) near(b, o *body) {
	switch {
	case b.kind.ship() && o.kind.ship():
		b.bump(o)
	case b.kind.ship() && o.kind == spark:
		a.gather(b, o)
	case b.kind == spark && o.kind.ship():
		a.gather(o, b)
	}
}

// gather has a ship take a spark, if it touches it. The spark is somewhere else then.
func (a *Arena) gather(ship, s *body) {
	if math.Hypot(ship.x-s.x, ship.y-s.y) < shipR+sparkR {
		ship.score++
		a.scatter(s)
	}
}

// bump has two ships bounce off each other like balls, and the slower one lose a point to
// the faster.
func (b *body) bump(o *body) {
	nx, ny := o.x-b.x, o.y-b.y
	d := math.Hypot(nx, ny)
	if d >= 2*shipR || d == 0 {
		return
	}
	nx, ny = nx/d, ny/d
	overlap := (2*shipR - d) / 2
	b.x, b.y = b.x-nx*overlap, b.y-ny*overlap
	o.x, o.y = o.x+nx*overlap, o.y+ny*overlap
	closing := (b.vx-o.vx)*nx + (b.vy-o.vy)*ny
	if closing <= 0 {
		return
	}
	fast, slow := b, o
	if math.Hypot(o.vx, o.vy) > math.Hypot(b.vx, b.vy) {
		fast, slow = o, b
	}
	if slow.score > 0 {
		slow.score--
		fast.score++
	}
	b.vx, b.vy = b.vx-closing*nx, b.vy-closing*ny
	o.vx, o.vy = o.vx+closing*nx, o.vy+closing*ny
}
