//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

// room is a chat in which everybody talks: in each wave every connection sends one
// message to everybody in its room, and the next wave begins when all have got all of
// it. With -talkers only so many talk in a wave, in turn, and there is one room.
// No client has more than one wave to wait for, fewer messages than the queue of
// any library holds. A unit is one delivery.
func (g *generator) room() (figures.Figures, error) {
	var f figures.Figures
	conns, rooms := g.options.conns, max(g.rooms, 1)
	if g.talkers == 0 {
		g.talkers = conns
	}
	if conns%rooms != 0 || g.talkers > conns || g.talkers < conns && rooms > 1 {
		return f, fmt.Errorf("load: %d connections in %d rooms, %d talk", conns, rooms, g.talkers)
	}
	if err := g.open(wire.OpText); err != nil {
		return f, err
	}
	defer g.close()
	time.Sleep(joined)
	if _, err := g.wavesFor(g.warm, &stat.Hist{}); err != nil {
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	var latency stat.Hist
	waves, err := g.wavesFor(g.measure, &latency)
	if err != nil {
		return f, err
	}
	f.Conns = len(g.conns)
	f.P50 = float64(latency.Quantile(0.50)) / 1e3
	f.P99 = float64(latency.Quantile(0.99)) / 1e3
	return f, m.stop(&f, float64(waves*conns*g.heard()))
}

// wavesFor returns how many waves it took.
func (g *generator) wavesFor(d time.Duration, latency *stat.Hist) (int, error) {
	span, err := g.span(d)
	if err != nil {
		return 0, err
	}
	for waves := 1; ; waves++ {
		t := now()
		if err := g.wave(); err != nil {
			return 0, err
		}
		took := now() - t
		latency.Add(took)
		if span.ended(t + took) {
			return waves, nil
		}
	}
}

// heard is how many messages everybody gets in a wave.
func (g *generator) heard() int { return g.talkers / max(g.rooms, 1) }

func (g *generator) wave() error {
	want := len(g.conns) * g.heard()
	all := g.conns[0].in.Messages() + g.heard() // what each has in the end
	for range g.talkers {
		if err := g.conns[g.talker].write(g.script.Run(0, 1)); err != nil {
			return err
		}
		g.talker = (g.talker + 1) % len(g.conns)
	}
	for got := 0; got < want; {
		ready, err := g.wait()
		if err != nil {
			return fmt.Errorf("%w: %d of %d messages of a wave delivered", err, got, want)
		}
		for i := range ready {
			c := g.poll.conns[ready[i].Fd]
			n, err := c.recv(g.poll.buf)
			if err != nil {
				return err
			}
			if got += n; c.in.Messages() > all {
				return fmt.Errorf("load: a client got %d messages of %d", c.in.Messages(), all)
			}
		}
	}
	return nil
}
