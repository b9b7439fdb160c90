package clients

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// BenchmarkDialEcho is round trips of 32 bytes over one connection, with so many messages
// on the way. The server is in the same process.
func BenchmarkDialEcho(b *testing.B) {
	for _, depth := range []int{1, 16} {
		b.Run(fmt.Sprintf("depth-%d", depth), func(b *testing.B) {
			srv, err := newServer()
			if err != nil {
				b.Fatal(err)
			}
			defer srv.Shutdown(context.Background())
			const batch = 2000
			payload, url := make([]byte, 32), "ws://"+srv.Addrs()[0].String()
			list, took := make([]talker, len(kinds)), make([]time.Duration, len(kinds))
			for i, k := range kinds {
				list[i] = k.open(b, url)
				defer list[i].end()
				if err := list[i].rounds(batch, depth, payload); err != nil {
					b.Fatal(err)
				}
			}
			turns := 0
			for b.Loop() {
				for i := range kinds {
					k := (i + turns) % len(kinds) // nobody is always first
					begun := time.Now()
					if err := list[k].rounds(batch, depth, payload); err != nil {
						b.Fatal(kinds[k].name, err)
					}
					took[k] += time.Since(begun)
				}
				turns++
			}
			for i, k := range kinds {
				b.ReportMetric(float64(turns*batch)/took[i].Seconds(), k.name+"-rt/s")
				if i > 0 {
					b.ReportMetric(float64(took[i])/float64(took[0]), "x-"+k.name)
				}
			}
		})
	}
}

// BenchmarkDialIdle is what an open connection takes that waits: memory of the heap and of
// stacks, and goroutines. The server is another process.
func BenchmarkDialIdle(b *testing.B) {
	const conns = 1000
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			url := process(b)
			var heap, stack, goroutines float64
			for b.Loop() {
				beforeHeap, beforeStack := inUse()
				running := runtime.NumGoroutine()
				list := make([]talker, conns)
				for i := range list {
					list[i] = k.open(b, url)
					if err := list[i].rounds(1, 1, []byte("hello")); err != nil {
						b.Fatal(err)
					}
					list[i].wait()
				}
				time.Sleep(200 * time.Millisecond)
				h, s := inUse()
				heap, stack = float64(h-beforeHeap)/conns, float64(s-beforeStack)/conns
				goroutines = float64(runtime.NumGoroutine()-running) / conns
				for _, t := range list {
					t.end()
				}
			}
			b.ReportMetric(heap, "heap-B/conn")
			b.ReportMetric(stack, "stack-B/conn")
			b.ReportMetric(goroutines, "goroutines/conn")
		})
	}
}

func inUse() (heap, stack int64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}

// Each client does what is measured.
func TestClientsTalk(t *testing.T) {
	url := process(t)
	for _, k := range kinds {
		c := k.open(t, url)
		for _, depth := range []int{1, 16} {
			if err := c.rounds(100, depth, []byte("hello")); err != nil {
				t.Errorf("%s: %v", k.name, err)
			}
		}
		c.wait()
		c.end()
	}
}
