package registry

import (
	"sync"
	"testing"
)

func TestRegistryAddsFindsAndRemoves(t *testing.T) {
	var r Registry[string]
	r.Add(1, "a")
	r.Add(33, "b") // the same shard as 1
	if v, ok := r.Get(33); !ok || v != "b" || r.Len() != 2 {
		t.Fatalf("Get(33) = %q, %v with Len %d; want b, true with 2", v, ok, r.Len())
	}
	if !r.Remove(1) || r.Remove(1) || r.Len() != 1 {
		t.Errorf("Remove is not exactly once: Len = %d, want 1", r.Len())
	}
	if _, ok := r.Get(1); ok {
		t.Error("Get(1) found a removed value")
	}
}

func TestAllMayChangeTheRegistry(t *testing.T) {
	var r Registry[int]
	for i := range 100 {
		r.Add(uint64(i), i)
	}
	seen := map[int]int{}
	r.All(func(v int) bool {
		seen[v]++
		r.Remove(uint64(v))
		return true
	})
	if len(seen) != 100 || r.Len() != 0 {
		t.Errorf("saw %d values, left %d; want 100 and 0", len(seen), r.Len())
	}
}

func TestAllStopsWhenAsked(t *testing.T) {
	var r Registry[int]
	for i := range 100 {
		r.Add(uint64(i), i)
	}
	n := 0
	for range r.All {
		if n++; n == 5 {
			break
		}
	}
	if n != 5 {
		t.Errorf("iterated %d times, want 5", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	var r Registry[int]
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				id := uint64(g*1000 + i)
				r.Add(id, i)
				r.All(func(int) bool { return i%50 == 0 })
				r.Remove(id)
			}
		})
	}
	wg.Wait()
	if r.Len() != 0 {
		t.Errorf("Len = %d after everything was removed", r.Len())
	}
}
