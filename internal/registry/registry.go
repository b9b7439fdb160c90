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
//
// Values are in slices, which are walked over fast, and the map from ids to places has
// no pointers, so the garbage collector never looks into it.
type Registry[V any] struct {
	n     atomic.Int64
	shard [shards]shard[V]
}

type shard[V any] struct {
	mu     sync.RWMutex // guards the following
	places map[uint64]int32
	ids    []uint64
	values []V      // with the ids, in the same order
	_      [32]byte // keeps neighbours off one cache line
}

func (r *Registry[V]) of(id uint64) *shard[V] { return &r.shard[id%shards] }

// Add puts v in. The id must not be there.
func (r *Registry[V]) Add(id uint64, v V) {
	s := r.of(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places == nil {
		s.places = make(map[uint64]int32)
	}
	s.places[id] = int32(len(s.ids))
	s.ids, s.values = append(s.ids, id), append(s.values, v)
	r.n.Add(1)
}

// Remove takes the value out and reports whether it was there.
func (r *Registry[V]) Remove(id uint64) bool {
	s := r.of(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.places[id]
	if !ok {
		return false
	}
	delete(s.places, id)
	last := len(s.ids) - 1
	if int(at) < last {
		s.ids[at], s.values[at] = s.ids[last], s.values[last]
		s.places[s.ids[at]] = at
	}
	var none V
	s.values[last] = none
	s.ids, s.values = s.ids[:last], s.values[:last]
	if last == 0 {
		s.places, s.ids, s.values = nil, nil, nil // none of them shrinks
	}
	r.n.Add(-1)
	return true
}

// Get returns the value with that id.
func (r *Registry[V]) Get(id uint64) (v V, ok bool) {
	s := r.of(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.places[id]
	if ok {
		v = s.values[at]
	}
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
		list = append(list[:0], s.values...)
		s.mu.RUnlock()
		for _, v := range list {
			if !yield(v) {
				return
			}
		}
	}
}
