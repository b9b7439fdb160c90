package main

import (
	"encoding/binary"
	"errors"
	"math"
)

// The wire. All numbers are little-endian; a place is in eighths of a pixel.
//
// A pilot sends, whenever that changes and a few times a second,
//
//	1  heading u8  power u8  number u16
//
// and gets once
//
//	1  own slot u16  side of the arena u16 (pixels)  ticks a second u8
//
// and then with each tick what has changed for it since the last one that it got:
//
//	2  tick u32  number u16 of the last input that counts  work u16  ships u16  bots u16  records…
//
// where work is how long the server has worked for the last tick, in units of 10 µs, and
// bots are those of the ships. A record begins with a u16: the slot of a body, or a rank,
// and above its 13 bits what follows.
const (
	msgInput = 1
	msgHello = 1
	msgState = 2

	recMove   = 0 << 13 // dx i8  dy i8
	recPlace  = 1 << 13 // x u16  y u16
	recAppear = 2 << 13 // x u16  y u16  kind u8  score u16  length u8  name
	recLeave  = 3 << 13
	recScore  = 4 << 13 // score u16
	recLeader = 5 << 13 // score u16  length u8  name; the best in order, now and then
	recMask   = 7 << 13

	maxSlots  = 1 << 13
	inputSize = 5
	stateHead = 13
)

// input is what a pilot wants.
type input struct {
	heading, power byte
	number         uint16
}

var errWire = errors.New("not a message of this game")

func (in input) append(dst []byte) []byte {
	return binary.LittleEndian.AppendUint16(append(dst, msgInput, in.heading, in.power), in.number)
}

func readInput(p []byte) (in input, err error) {
	if len(p) != inputSize || p[0] != msgInput {
		return in, errWire
	}
	return input{p[1], p[2], binary.LittleEndian.Uint16(p[3:])}, nil
}

// hello is the first message.
type hello struct {
	slot  int
	side  int
	ticks int
}

func (h hello) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(append(dst, msgHello), uint16(h.slot))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.side))
	return append(dst, byte(h.ticks))
}

func readHello(p []byte) (h hello, err error) {
	if len(p) != 6 || p[0] != msgHello {
		return h, errWire
	}
	return hello{int(binary.LittleEndian.Uint16(p[1:])), int(binary.LittleEndian.Uint16(p[3:])), int(p[5])}, nil
}

// state is the head of all further messages.
type state struct {
	tick  uint32
	ack   uint16
	work  uint16
	ships uint16
	bots  uint16
}

func (s state) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, msgState), s.tick)
	dst = binary.LittleEndian.AppendUint16(dst, s.ack)
	dst = binary.LittleEndian.AppendUint16(dst, s.work)
	dst = binary.LittleEndian.AppendUint16(dst, s.ships)
	return binary.LittleEndian.AppendUint16(dst, s.bots)
}

// place is where a body is, in eighths of a pixel.
type place struct{ x, y uint16 }

func placeOf(b *body) place {
	return place{uint16(math.Round(b.x * 8)), uint16(math.Round(b.y * 8))}
}

// appendMove appends the shortest record that leads from one place to the other.
func appendMove(dst []byte, slot int, from, to place) []byte {
	dx, dy := int(to.x)-int(from.x), int(to.y)-int(from.y)
	if dx == int(int8(dx)) && dy == int(int8(dy)) {
		return append(binary.LittleEndian.AppendUint16(dst, uint16(recMove|slot)), byte(dx), byte(dy))
	}
	return appendPlace(binary.LittleEndian.AppendUint16(dst, uint16(recPlace|slot)), to)
}

func appendPlace(dst []byte, at place) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(dst, at.x), at.y)
}

func appendAppear(dst []byte, slot int, at place, b *body) []byte {
	dst = appendPlace(binary.LittleEndian.AppendUint16(dst, uint16(recAppear|slot)), at)
	dst = binary.LittleEndian.AppendUint16(append(dst, byte(b.kind)), b.score)
	return append(append(dst, byte(len(b.name))), b.name...)
}

func appendScore(dst []byte, slot int, score uint16) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(dst, uint16(recScore|slot)), score)
}

func appendLeader(dst []byte, rank int, b *body) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(recLeader|rank))
	dst = binary.LittleEndian.AppendUint16(dst, b.score)
	return append(append(dst, byte(len(b.name))), b.name...)
}

func appendLeave(dst []byte, slot int) []byte {
	return binary.LittleEndian.AppendUint16(dst, uint16(recLeave|slot))
}
