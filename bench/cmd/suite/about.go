//go:build linux

package main

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"time"
)

// about is where and with what a run was made.
type about struct {
	Start   string `json:"start"` // RFC 3339, also what tells runs apart
	Machine string `json:"machine"`
	Go      string `json:"go"`
	Peers   string `json:"peers"`
	Quick   bool   `json:"quick,omitempty"`
}

func (o options) about(w *workshop) about {
	var peers []string
	for _, p := range o.peers {
		peers = append(peers, w.version(p))
	}
	return about{
		Start:   time.Now().Format(time.RFC3339Nano),
		Machine: machine(),
		Go:      runtime.Version(),
		Peers:   strings.Join(peers, ", "),
		Quick:   o.quick,
	}
}

// machine is the processor, the kernel and what else was running.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	model := "unknown CPU"
	for line := range bytes.Lines(text) {
		if name, value, _ := strings.Cut(string(line), ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	return model + ", Linux " + strings.TrimSpace(string(kernel)) + ", load average " + first + " at the start"
}
