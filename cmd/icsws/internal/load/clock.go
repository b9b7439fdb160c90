package load

import (
	"context"
	"math"
	"time"
)

// clock says when messages should be sent: message n of peer i at start + i*step +
// n*interval, so that all of them together come evenly. Without a rate it says: now.
type clock struct {
	start    time.Time
	step     float64 // nanoseconds between two messages of all peers; 0: no rate
	interval float64 // nanoseconds between two messages of a peer
	order    []int   // place of a peer among those that are open, by its number
}

func (c *clock) now() time.Duration { return time.Since(c.start) }

// begin starts the clock for the peers that are open.
func (c *clock) begin(rate float64, all int, open []*peer) {
	c.start = time.Now()
	if rate == 0 {
		return
	}
	c.step = float64(time.Second) / rate
	c.interval = c.step * float64(len(open))
	c.order = make([]int, all)
	for place, p := range open {
		c.order[p.i] = place
	}
}

func (c *clock) intended(peer int, n uint64) time.Duration {
	if c.step == 0 {
		return c.now()
	}
	return time.Duration(float64(c.order[peer])*c.step + float64(n)*c.interval)
}

// settle lets peers send what was due before a time: run is not fast enough for every rate,
// and what it has not come to is not sent either.
func (c *clock) settle(open []*peer, at time.Duration) {
	if c.step == 0 {
		return
	}
	for place, p := range open {
		if n := math.Ceil((float64(at) - float64(place)*c.step) / c.interval); n > 0 {
			p.allow(uint64(n))
		}
	}
}

// run lets peers send when it is time, until ctx ends. It is for some of the places: first,
// first+by, ...
func (c *clock) run(ctx context.Context, open []*peer, first, by int) {
	for k := first; ctx.Err() == nil; k += by { // the number of the message, of all peers
		if c.wait(ctx, time.Duration(float64(k)*c.step)) {
			open[k%len(open)].allow(uint64(k/len(open)) + 1)
		}
	}
}

// wait waits for a time of the clock. It returns false if ctx has ended before.
func (c *clock) wait(ctx context.Context, at time.Duration) bool {
	const short = 2 * time.Millisecond
	for ctx.Err() == nil {
		switch d := at - c.now(); {
		case d <= 0:
			return true
		case d < short:
			shortSleep(d)
		default:
			pause(ctx, d-short/2)
		}
	}
	return false
}
