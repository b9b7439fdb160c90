package groups

import (
	"slices"
	"sync"
)

// Member is what a member keeps: the groups it is in. Its zero value is in none. It
// belongs to one Set, and must not be copied. All methods may be called from any
// goroutine.
type Member[V any] struct {
	mu    sync.Mutex // guards the following; taken before a shard's
	ended bool
	seats []*seat[V]
	named map[string]*seat[V] // the same by name, once they are many; else nil
}

// many is the number of groups from which on one is looked up and not searched for.
const many = 16

// Has reports whether m is in the group.
func (m *Member[V]) Has(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(name) != nil
}

// Names returns the names of the groups that m is in, sorted.
func (m *Member[V]) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, st := range m.seats {
		names = append(names, st.in.name)
	}
	slices.Sort(names)
	return names
}

func (m *Member[V]) find(name string) *seat[V] {
	if m.named != nil {
		return m.named[name]
	}
	for _, st := range m.seats {
		if st.in.name == name {
			return st
		}
	}
	return nil
}

func (m *Member[V]) add(st *seat[V]) {
	st.no = len(m.seats)
	m.seats = append(m.seats, st)
	switch {
	case m.named != nil:
		m.named[st.in.name] = st
	case len(m.seats) > many:
		m.named = make(map[string]*seat[V], len(m.seats))
		for _, st := range m.seats {
			m.named[st.in.name] = st
		}
	}
}

func (m *Member[V]) drop(st *seat[V]) {
	last := len(m.seats) - 1
	m.seats[last].no = st.no
	m.seats[st.no] = m.seats[last]
	if m.seats = cut(m.seats); last == 0 {
		m.seats = nil
	}
	delete(m.named, st.in.name)
	if len(m.seats) <= many/2 {
		m.named = nil
	}
}
