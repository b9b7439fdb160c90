//go:build linux

package main

import (
	"time"

	"github.com/icsws/icsws/bench/internal/proc"
)

// span is how long a phase sends: until the server has used that much CPU time,
// so that a busy machine does not make the sample small, or four times that by
// the wall clock.
type span struct {
	pid  int
	cpu  time.Duration // the server's clock at the end
	wall int64         // ours
	look int64         // when to look at the server's clock again
	over bool
}

func (g *generator) span(d time.Duration) (*span, error) {
	cpu, err := proc.CPUTime(g.pid)
	t := now()
	return &span{pid: g.pid, cpu: cpu + d, wall: min(t+4*int64(d), g.end), look: t}, err
}

// ended says whether nothing new is to be sent at time t.
func (s *span) ended(t int64) bool {
	if s.over || t < s.look {
		return s.over
	}
	s.look = t + int64(5*time.Millisecond)
	cpu, err := proc.CPUTime(s.pid)
	s.over = err != nil || cpu >= s.cpu || t >= s.wall
	return s.over
}
