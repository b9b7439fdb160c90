//go:build linux

package main

import "github.com/icsws/icsws/bench/internal/figures"

// grow is a point of a curve: the memory of -conns connections as in idle, after
// -count messages on each, and then what an echo on all of them costs.
func (g *generator) grow() (figures.Figures, error) {
	g.brief = true
	m, err := g.resting()
	if err != nil {
		return m, err
	}
	defer g.close()
	f, err := g.echoOpen()
	f.BaseRSS, f.Messaged, f.MessagedGC = m.BaseRSS, m.Messaged, m.MessagedGC
	return f, err
}
