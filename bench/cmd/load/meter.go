//go:build linux

package main

import (
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/proc"
)

// meter holds the clocks at the start of a measurement. Nothing is in flight
// then, nor when it stops, so that the CPU time belongs to the units counted.
type meter struct {
	pid         int
	server, own time.Duration
	wall        int64
}

func startMeter(pid int) (meter, error) {
	cpu, err := proc.CPUTime(pid)
	return meter{pid, cpu, proc.OwnCPUTime(), now()}, err
}

// stop fills f in for units of work.
func (m meter) stop(f *figures.Figures, units float64) error {
	wall := float64(now()-m.wall) / 1e9
	own := proc.OwnCPUTime() - m.own
	cpu, err := proc.CPUTime(m.pid)
	if err != nil {
		return err
	}
	n := units
	if n == 0 {
		n = 1
	}
	f.Units = units
	f.Seconds = wall
	f.CPU = micros(cpu-m.server) / n
	f.ClientCPU = micros(own) / n
	f.PerSecond = n / wall
	f.Busy = (cpu - m.server).Seconds() / wall
	f.ClientBusy = own.Seconds() / wall
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }
