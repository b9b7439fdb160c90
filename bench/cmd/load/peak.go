//go:build linux

package main

import (
	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/proc"
)

// peak follows the server's memory from a collection on.
type peak struct {
	pid  int
	base int64
}

func (g *generator) startPeak() (peak, error) {
	if err := g.collectAll(); err != nil {
		return peak{}, err
	}
	base, err := proc.ResetPeak(g.pid)
	return peak{g.pid, base}, err
}

func (p peak) stop(f *figures.Figures) error {
	most, err := proc.Peak(p.pid)
	most -= p.base
	f.Peak, f.BaseRSS = &most, p.base
	return err
}

// collectAll collects twice: what a sync.Pool holds survives once.
func (g *generator) collectAll() error {
	if err := g.collect(); err != nil {
		return err
	}
	return g.collect()
}
