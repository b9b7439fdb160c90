// Package groups holds who is in which named group.
//
//	var set groups.Set[*Session]
//	set.Join("blue", &sess.groups, sess)
//	for sess := range set.All("blue") { … }
//	set.End(&sess.groups) // in no group any more, and never again
//
// A group exists while it has members: the first one makes it, and with the last
// one it is gone, memory included. Joining and leaving do not depend on the number of
// members, and whoever walks over a group sees it as it was at the beginning.
package groups

import (
	"hash/maphash"
	"iter"
	"slices"
	"sync"
)

const shards = 32

// Set is a set of groups of values V, in shards by name so that groups do not wait
// for each other. The zero value is empty and ready. All methods may be called from
// any goroutine.
type Set[V any] struct {
	shard [shards]shard[V]
}

// shard guards its groups: it is locked for one step at a time, never while others'
// code runs.
type shard[V any] struct {
	mu   sync.Mutex // guards the following, and what is in the groups
	m    map[string]*group[V]
	peak int      // the most groups since m was made
	_    [40]byte // keeps neighbours off one cache line
}

// group has at least one member. Its slices are in the same order.
type group[V any] struct {
	name  string // never changes
	seats []*seat[V]
	list  *list[V]
}

// list is what readers walk over without the lock. While there are any it grows but
// does not change: they do not look behind the length that they found.
type list[V any] struct {
	values  []V
	readers int
}

// seat is one member in one group.
type seat[V any] struct {
	in *group[V] // never changes
	at int       // position in in.seats; guarded by the shard
	no int       // position in Member.seats; guarded by the Member
}

var seed = maphash.MakeSeed()

func (s *Set[V]) of(name string) *shard[V] {
	return &s.shard[maphash.String(seed, name)%shards]
}

// Join puts v, which m belongs to, into the group. To be in already changes nothing.
// It returns false when m has ended.
func (s *Set[V]) Join(name string, m *Member[V], v V) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return false
	}
	if m.find(name) == nil {
		m.add(s.of(name).add(name, v))
	}
	return true
}

// Leave takes m out of the group and reports whether it was in.
func (s *Set[V]) Leave(name string, m *Member[V]) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	st := m.find(name)
	if st == nil {
		return false
	}
	s.of(name).remove(st)
	m.drop(st)
	return true
}

// End takes m out of all its groups. When it returns m is in none, whatever others
// try at the same time.
func (s *Set[V]) End(m *Member[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, st := range m.seats {
		s.of(st.in.name).remove(st)
	}
	m.ended, m.seats, m.named = true, nil, nil
}

// Len returns the number of members.
func (s *Set[V]) Len(name string) int {
	sh := s.of(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if g := sh.m[name]; g != nil {
		return len(g.seats)
	}
	return 0
}

// All walks over the members that the group has at the first step, each of them
// once and in no order. No lock is held meanwhile.
func (s *Set[V]) All(name string) iter.Seq[V] {
	return func(yield func(V) bool) {
		sh := s.of(name)
		l, values := sh.open(name)
		if l == nil {
			return
		}
		defer sh.close(l)
		for _, v := range values {
			if !yield(v) {
				return
			}
		}
	}
}

// Names returns the names of all groups, sorted. The shards are looked at one after
// the other.
func (s *Set[V]) Names() []string {
	var names []string
	for i := range s.shard {
		names = s.shard[i].appendNames(names)
	}
	slices.Sort(names)
	return names
}

func (sh *shard[V]) appendNames(names []string) []string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for name := range sh.m {
		names = append(names, name)
	}
	return names
}

func (sh *shard[V]) add(name string, v V) *seat[V] {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	g := sh.m[name]
	if g == nil {
		g = &group[V]{name: name, list: new(list[V])}
		if sh.m == nil {
			sh.m = make(map[string]*group[V])
		}
		sh.m[name] = g
		sh.peak = max(sh.peak, len(sh.m))
	}
	st := &seat[V]{in: g, at: len(g.seats)}
	g.seats = append(g.seats, st)
	g.list.values = append(g.list.values, v)
	return st
}

// remove puts the last member into the place of the one that goes.
func (sh *shard[V]) remove(st *seat[V]) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	g := st.in
	last := len(g.seats) - 1
	if last == 0 {
		sh.drop(g.name)
		return
	}
	if g.list.readers > 0 {
		g.list = &list[V]{values: slices.Clone(g.list.values)}
	}
	g.seats[last].at = st.at
	g.seats[st.at] = g.seats[last]
	g.seats = cut(g.seats)
	g.list.values[st.at] = g.list.values[last]
	g.list.values = cut(g.list.values)
}

// drop forgets a group. A map never shrinks, so a new one takes the place of one that
// was much larger.
func (sh *shard[V]) drop(name string) {
	delete(sh.m, name)
	switch n := len(sh.m); {
	case n == 0:
		sh.m, sh.peak = nil, 0
	case sh.peak > roomy && n < sh.peak/4:
		m := make(map[string]*group[V], n)
		for name, g := range sh.m {
			m[name] = g
		}
		sh.m, sh.peak = m, n
	}
}

func (sh *shard[V]) open(name string) (*list[V], []V) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	g := sh.m[name]
	if g == nil {
		return nil, nil
	}
	g.list.readers++
	return g.list, g.list.values
}

func (sh *shard[V]) close(l *list[V]) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	l.readers--
}

const roomy = 64 // up to here unused memory is not worth the work

// cut takes the last element off, and gives memory back when most of it is unused.
func cut[E any](s []E) []E {
	n := len(s) - 1
	clear(s[n:])
	s = s[:n]
	if cap(s) > roomy && n < cap(s)/4 {
		s = append(make([]E, 0, 2*n), s...)
	}
	return s
}
