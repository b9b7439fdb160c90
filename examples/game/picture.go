package main

import "encoding/binary"

// picture is what a pilot knows of the arena, from the messages it got. The page has the
// same in wire.js; bots and tests have this one.
type picture struct {
	state
	bodies  map[int]seen // by slot
	leaders []leader
}

type seen struct {
	place
	kind  kind
	score uint16
	name  string
}

type leader struct {
	score uint16
	name  string
}

func newPicture() *picture { return &picture{bodies: make(map[int]seen)} }

// take brings p up to date with a message after the first.
func (p *picture) take(m []byte) error {
	if len(m) < stateHead || m[0] != msgState {
		return errWire
	}
	le := binary.LittleEndian
	p.state = state{le.Uint32(m[1:]), le.Uint16(m[5:]), le.Uint16(m[7:]), le.Uint16(m[9:]), le.Uint16(m[11:])}
	for m = m[stateHead:]; len(m) > 0; {
		n, err := p.record(m)
		if err != nil {
			return err
		}
		m = m[n:]
	}
	return nil
}

// record takes the first record of m and returns its size.
func (p *picture) record(m []byte) (n int, err error) {
	if len(m) < 2 {
		return 0, errWire
	}
	le := binary.LittleEndian
	head := le.Uint16(m)
	what, slot := head&recMask, int(head&^recMask)
	m = m[2:]
	size := map[uint16]int{recMove: 2, recPlace: 4, recAppear: 8, recScore: 2, recLeader: 3}[what]
	if len(m) < size || what > recLeader {
		return 0, errWire
	}
	b, known := p.bodies[slot]
	if !known && what != recAppear && what != recLeader {
		return 0, errWire
	}
	name := ""
	if what == recAppear || what == recLeader {
		k := int(m[size-1])
		if len(m) < size+k {
			return 0, errWire
		}
		name = string(m[size : size+k])
		size += k
	}
	switch what {
	case recMove:
		b.x, b.y = b.x+uint16(int8(m[0])), b.y+uint16(int8(m[1]))
	case recPlace:
		b.place = place{le.Uint16(m), le.Uint16(m[2:])}
	case recAppear:
		b = seen{place{le.Uint16(m), le.Uint16(m[2:])}, kind(m[4]), le.Uint16(m[5:]), name}
	case recScore:
		b.score = le.Uint16(m)
	case recLeader:
		if slot > len(p.leaders) {
			return 0, errWire
		}
		p.leaders = append(p.leaders[:slot], leader{le.Uint16(m), name})
		return 2 + size, nil
	case recLeave:
		delete(p.bodies, slot)
		return 2 + size, nil
	}
	p.bodies[slot] = b
	return 2 + size, nil
}
