//go:build unix

package peer

import (
	"encoding/binary"
	"encoding/hex"
	"time"
)

// What everyone at [Tick] gets: so many messages of so many bytes, so many times a
// second.
const (
	TickRate     = 30
	TickMessages = 16
	TickSize     = 64
)

// stampSize is the length of a number in hexadecimal.
const stampSize = 16

// TickWriter makes the messages of one tick, no two alike: each is text, and begins
// with the time at which the tick was due, in hexadecimal nanoseconds of Unix time,
// and its own number.
type TickWriter struct {
	number  uint64
	message [TickSize]byte
}

// Next is the next message. It is valid until Next is called again: who keeps it
// copies it.
func (w *TickWriter) Next() []byte {
	w.number++
	w.put(stampSize, w.number)
	return w.message[:]
}

func (w *TickWriter) put(at int, v uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v)
	hex.Encode(w.message[at:at+stampSize], b[:])
}

// RunTicks calls tick [TickRate] times a second, always from the same goroutine, and
// never returns. A tick that comes too late by more than one is left out, as a game
// does that can not follow.
func RunTicks(tick func(w *TickWriter)) {
	const interval = time.Second / TickRate
	w := &TickWriter{}
	for i := range w.message {
		w.message[i] = '.'
	}
	for due := time.Now().Add(interval); ; due = nextTick(due, time.Now(), interval) {
		time.Sleep(time.Until(due))
		w.put(0, uint64(due.UnixNano()))
		tick(w)
	}
}

// nextTick is when the tick after the one due at last is due.
func nextTick(last, now time.Time, interval time.Duration) time.Time {
	next := last.Add(interval)
	if late := now.Sub(next); late > interval {
		next = next.Add(late.Truncate(interval))
	}
	return next
}
