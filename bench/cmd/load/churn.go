//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/proc"
)

// churn opens and ends -count connections, -conns of them at once, every other one
// without a close frame, and looks whether the server's memory and descriptors are
// then what they were. What the first connections leave behind, as every program
// has its high-water mark, is not counted.
func (g *generator) churn() (figures.Figures, error) {
	f := figures.Figures{Conns: g.options.conns}
	if _, err := g.upgradesFor(0, min(g.count, 20*g.options.conns)); err != nil {
		return f, err
	}
	p, files, err := g.rested()
	if err != nil {
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	n, err := g.upgradesFor(0, g.count)
	if err != nil {
		return f, err
	}
	if n != g.count {
		return f, fmt.Errorf("load: %d connections of %d", n, g.count)
	}
	if err := m.stop(&f, float64(n)); err != nil {
		return f, err
	}
	if err := p.stop(&f); err != nil {
		return f, err
	}
	after, left, err := g.rested()
	grown := after.base - p.base
	left -= files
	f.Left, f.Files = &grown, &left
	return f, err
}

// rested lets the server rest and reads what it has then.
func (g *generator) rested() (peak, int, error) {
	time.Sleep(g.settle)
	files, err := proc.OpenFiles(g.pid)
	if err != nil {
		return peak{}, 0, err
	}
	p, err := g.startPeak()
	return p, files, err
}
