package hosts

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkMemoryPerHost shows what a host with a certificate of its own keeps.
func BenchmarkMemoryPerHost(b *testing.B) {
	const many = 1000
	leaf := issue(b, nil, "leaf", []string{"*.example"})
	bundle := leaf.bundle()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		list := make([]Host, many)
		for i := range list {
			list[i] = Host{Tag: fmt.Sprint(i), Names: []string{fmt.Sprintf("h%d.example", i)}, TLSPort: 443, Cert: bundle}
		}
		before := heap()
		s, err := New(list, quiet())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/many, "B/host")
		runtime.KeepAlive(s)
	}
}
