//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

// tick listens to a game: the server sends everyone several messages of -size bytes,
// many times a second. A unit is one delivery; its delay counts from when the server's
// tick was due, which the message says in Unix time. -warm and -measure are wall clock.
func (g *generator) tick() (figures.Figures, error) {
	var f figures.Figures
	have, delay, slowest := 0, &stat.Hist{}, int64(0)
	g.sink = func() wire.Sink {
		return &wire.Stamps{Size: int(g.size), Each: func(due int64) {
			took := time.Now().UnixNano() - due
			delay.Add(took)
			slowest = max(slowest, took)
			have++
		}}
	}
	if err := g.open(0); err != nil {
		return f, err
	}
	defer g.close()
	if err := g.listenFor(joined + g.warm); err != nil {
		return f, err
	}
	have, *delay, slowest = 0, stat.Hist{}, 0
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	if err := g.listenFor(g.measure); err != nil {
		return f, err
	}
	if have == 0 {
		return f, errors.New("load: the server does not tick")
	}
	f.Conns = len(g.conns)
	f.P50, f.P99, f.P999 = micro(delay.Quantile(0.50)), micro(delay.Quantile(0.99)), micro(delay.Quantile(0.999))
	f.Max = micro(slowest)
	return f, m.stop(&f, float64(have))
}

// listenFor reads for a time, and then to the pause before the next tick: nothing is
// under way when it returns, if the server keeps up.
func (g *generator) listenFor(d time.Duration) error {
	const pause, patience = 3, 200 * time.Millisecond // the pause in milliseconds
	least := now() + int64(d)
	for {
		t := now()
		if t > g.end {
			return errLimit
		}
		ms := look
		if t >= least {
			ms = pause
		}
		ready, err := g.poll.wait(ms)
		if err != nil {
			return err
		}
		if t >= least && (len(ready) == 0 || t > least+int64(patience)) {
			return nil
		}
		for i := range ready {
			if _, err := g.take(g.poll.conns[ready[i].Fd], ready[i].Events); err != nil {
				return fmt.Errorf("%w (a player)", err)
			}
		}
	}
}
