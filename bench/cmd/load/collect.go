//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/proc"
)

// collections opens -conns connections that say one message each, lets them rest, and
// then has the server collect its garbage -count times. A unit is one collection.
func (g *generator) collections() (figures.Figures, error) {
	var f figures.Figures
	if err := g.open(g.kind()); err != nil {
		return f, err
	}
	defer g.close()
	if err := g.oneEach(); err != nil {
		return f, err
	}
	time.Sleep(g.settle)
	if err := g.collectAll(); err != nil { // gives back what opening took
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	for range g.count {
		if _, err := g.parts(); err != nil {
			return f, err
		}
	}
	f.Conns = len(g.conns)
	return f, m.stop(&f, float64(g.count))
}

// parts has the server collect its garbage and say what its memory is made of.
func (g *generator) parts() (figures.Parts, error) {
	var p figures.Parts
	if err := os.Remove(g.metrics); err != nil && !errors.Is(err, os.ErrNotExist) {
		return p, err
	}
	if err := proc.Report(g.pid); err != nil {
		return p, err
	}
	for now() < g.end {
		text, err := os.ReadFile(g.metrics)
		if err == nil {
			return p, json.Unmarshal(text, &p)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return p, err
		}
		time.Sleep(time.Millisecond)
	}
	return p, fmt.Errorf("%w: the server writes no metrics", errLimit)
}
