//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/proc"
)

// idle opens connections that say nothing, and reads what the server's memory
// has grown by: after the handshakes, and after -count messages on each.
func (g *generator) idle() (figures.Figures, error) {
	f, err := g.resting()
	if err != nil {
		return f, err
	}
	defer g.close()
	if !g.brief {
		f.IdleCPU, err = g.idleCPU()
	}
	return f, err
}

// resting opens the connections and measures, and leaves them open.
func (g *generator) resting() (f figures.Figures, err error) {
	if err := g.collect(); err != nil {
		return f, err
	}
	before, err := g.partsIfAsked()
	if err != nil {
		return f, err
	}
	if f.BaseRSS, err = proc.RSS(g.pid); err != nil {
		return f, err
	}
	if err := g.open(g.kind()); err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	f.Conns = len(g.conns)
	if !g.brief {
		if f.Open, f.OpenGC, err = g.growth(f.BaseRSS); err != nil {
			return f, err
		}
	}
	for range g.count {
		if err := g.oneEach(); err != nil {
			return f, err
		}
	}
	if f.Messaged, f.MessagedGC, err = g.growth(f.BaseRSS); err != nil {
		return f, err
	}
	after, err := g.partsIfAsked()
	if err == nil && after != before {
		g.split(&f, before, after)
	}
	return f, err
}

func (g *generator) partsIfAsked() (figures.Parts, error) {
	if g.metrics == "" {
		return figures.Parts{}, nil
	}
	return g.parts()
}

// split says what a connection's memory is made of.
func (g *generator) split(f *figures.Figures, before, after figures.Parts) {
	n := float64(len(g.conns))
	f.Heap = float64(after.Heap-before.Heap) / n
	f.Stacks = float64(after.Stacks-before.Stacks) / n
	f.Runtime = float64(after.Runtime-before.Runtime) / n
	f.Rest = f.MessagedGC - f.Heap - f.Stacks - f.Runtime
}

// growth lets the server rest and returns the resident bytes that a connection
// has added, as they are and after a forced collection.
func (g *generator) growth(base int64) (asIs, collected float64, err error) {
	time.Sleep(g.settle)
	a, err := proc.RSS(g.pid)
	if err != nil {
		return 0, 0, err
	}
	if err := g.collect(); err != nil {
		return 0, 0, err
	}
	b, err := proc.RSS(g.pid)
	n := float64(len(g.conns))
	return float64(a-base) / n, float64(b-base) / n, err
}

// collect forces a collection and waits until the server has calmed down.
func (g *generator) collect() error {
	if err := proc.Collect(g.pid); err != nil {
		return err
	}
	const step, most = 100 * time.Millisecond, 50
	last, err := proc.CPUTime(g.pid)
	for range most {
		if err != nil {
			return err
		}
		time.Sleep(step)
		var t time.Duration
		if t, err = proc.CPUTime(g.pid); err == nil && t-last < time.Millisecond {
			return nil
		}
		last = t
	}
	return err
}

// oneEach exchanges the next message on every connection, some hundred at a time.
func (g *generator) oneEach() error {
	const batch = 256
	got := 0
	for first := 0; first < len(g.conns); first += batch {
		last := min(first+batch, len(g.conns))
		for _, c := range g.conns[first:last] {
			if err := c.write(g.script.Run(c.sent, 1)); err != nil {
				return err
			}
			c.sent++
		}
		for got < last {
			ready, err := g.wait()
			if err != nil {
				return fmt.Errorf("%w: %d of %d messages came back", err, got, len(g.conns))
			}
			for i := range ready {
				n, err := g.poll.conns[ready[i].Fd].recv(g.poll.buf)
				if err != nil {
					return err
				}
				got += n
			}
		}
	}
	return nil
}

// idleCPU is what the server spends in a second without traffic, in milliseconds.
func (g *generator) idleCPU() (float64, error) {
	before, err := proc.CPUTime(g.pid)
	if err != nil {
		return 0, err
	}
	t := now()
	time.Sleep(time.Second)
	after, err := proc.CPUTime(g.pid)
	return micros(after-before) / 1e3 / (float64(now()-t) / 1e9), err
}
