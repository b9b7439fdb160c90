//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

// room is a chat in which everybody talks: in each wave every connection sends
// one message to everybody, and the next wave begins when all have got all of it.
// No client has more than one wave to wait for, fewer messages than the queue of
// any library holds. A unit is one delivery.
func (g *generator) room() (figures.Figures, error) {
	var f figures.Figures
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
	return f, m.stop(&f, float64(waves*len(g.conns)*len(g.conns)))
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

func (g *generator) wave() error {
	want := len(g.conns) * len(g.conns)
	all := g.conns[0].in.Messages() + len(g.conns) // what each has in the end
	for _, c := range g.conns {
		if err := c.write(g.script.Run(0, 1)); err != nil {
			return err
		}
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
