// Package registry holds the connected clients of a server by id.
package registry

import (
	"sync"
	"sync/atomic"
)

const shards = 32 // a power of two

// Registry is a set of values by id, in shards so that connecting and
// disconnecting clients do not wait for each other. The zero value is empty and
// ready. All methods may be called from any goroutine.
type Registry[V any] struct {
	n     atomic.Int64
	shard [shards]shard[V]
}

type shard[V any] struct {
	mu sync.RWMutex // guards m
	m  map[uint64]V
	_  [24]byte // keeps neighbours off one cache line
}

func (r *Registry[V]) of(id uint64) *shard[V] { return &r.shard[id%shards] }

// Add puts v in.
func (r *Registry[V]) Add(id uint64, v V) {
	s := r.of(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[uint64]V)
	}
	s.m[id] = v
	r.n.Add(1)
}

// Remove takes the value out and reports whether it was there.
func (r *Registry[V]) Remove(id uint64) bool {
	s := r.of(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.m[id]; !ok {
		return false
	}
	delete(s.m, id)
	if len(s.m) == 0 {
		s.m = nil // a map never shrinks
	}
	r.n.Add(-1)
	return true
}

// Get returns the value with that id.
func (r *Registry[V]) Get(id uint64) (v V, ok bool) {
	s := r.of(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok = s.m[id]
	return v, ok
}

// Len returns the number of values.
func (r *Registry[V]) Len() int { return int(r.n.Load()) }

// All calls yield for each value until it returns false. No lock is held
// meanwhile: each shard is copied first, so yield may add and remove. A value that
// is there throughout is seen exactly once.
func (r *Registry[V]) All(yield func(V) bool) {
	var list []V
	for i := range r.shard {
		s := &r.shard[i]
		s.mu.RLock()
		list = list[:0]
		for _, v := range s.m {
			list = append(list, v)
		}
		s.mu.RUnlock()
		for _, v := range list {
			if !yield(v) {
				return
			}
		}
	}
}
