//go:build unix

package peer

import (
	"encoding/json"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"

	"github.com/icsws/icsws/bench/internal/figures"
)

func reportOnSignal(name string) {
	usr1 := make(chan os.Signal, 1)
	signal.Notify(usr1, syscall.SIGUSR1)
	go func() { // until the program ends
		for range usr1 {
			runtime.GC()
			if err := writeParts(name); err != nil {
				log.Print(err)
			}
		}
	}()
}

// writeParts writes the file in one step: who sees it sees all of it.
func writeParts(name string) error {
	text, err := json.Marshal(memoryParts())
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// memoryParts reads runtime/metrics.
func memoryParts() figures.Parts {
	var p figures.Parts
	samples := samplesBelow("/memory/classes/")
	metrics.Read(samples)
	for _, s := range samples {
		n := int64(s.Value.Uint64())
		switch strings.TrimPrefix(s.Name, "/memory/classes/") {
		case "total:bytes", "heap/free:bytes", "heap/released:bytes": // the sum, and what nobody has
		case "heap/objects:bytes", "heap/unused:bytes":
			p.Heap += n
		case "heap/stacks:bytes", "os-stacks:bytes":
			p.Stacks += n
		default:
			p.Runtime += n
		}
	}
	return p
}

// samplesBelow is a sample for each metric whose name begins so and which counts.
func samplesBelow(prefix string) []metrics.Sample {
	var samples []metrics.Sample
	for _, d := range metrics.All() {
		if strings.HasPrefix(d.Name, prefix) && d.Kind == metrics.KindUint64 {
			samples = append(samples, metrics.Sample{Name: d.Name})
		}
	}
	return samples
}
