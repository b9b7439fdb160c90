package groups

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// people are members by number; a value is the number.
type people struct {
	set Set[int]
	all []Member[int]
}

func newPeople(n int) *people { return &people{all: make([]Member[int], n)} }

func (p *people) join(name string, who ...int) {
	for _, i := range who {
		p.set.Join(name, &p.all[i], i)
	}
}

func (p *people) leave(name string, who ...int) {
	for _, i := range who {
		p.set.Leave(name, &p.all[i])
	}
}

// in returns the members of a group, sorted.
func (p *people) in(name string) []int { return slices.Sorted(p.set.All(name)) }

func TestMembersJoinAndLeave(t *testing.T) { // C-22
	p := newPeople(4)
	p.join("a", 0, 1, 2)
	p.join("b", 2, 3)
	if !p.set.Join("a", &p.all[1], 1) {
		t.Error("joining twice fails")
	}
	if got := p.in("a"); !slices.Equal(got, []int{0, 1, 2}) || p.set.Len("a") != 3 {
		t.Errorf("a has %v, Len %d", got, p.set.Len("a"))
	}
	if !p.set.Leave("a", &p.all[0]) || p.set.Leave("a", &p.all[0]) || p.set.Leave("b", &p.all[0]) || p.set.Leave("c", &p.all[0]) {
		t.Error("leaving is not true exactly for who is in")
	}
	if got := p.in("a"); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("a has %v", got)
	}
	if got := p.all[2].Names(); !slices.Equal(got, []string{"a", "b"}) || !p.all[2].Has("b") || p.all[1].Has("b") {
		t.Errorf("2 is in %v", got)
	}
	if got := p.set.Names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the groups are %v", got)
	}
}

func TestEndedMembersAreInNoGroup(t *testing.T) { // C-22
	p := newPeople(2)
	for i := range 3 * many {
		p.join(fmt.Sprint(i), 0, i%2)
	}
	p.set.End(&p.all[0])
	p.set.End(&p.all[0])
	if got := p.all[0].Names(); len(got) != 0 {
		t.Errorf("an ended member is in %v", got)
	}
	if p.set.Join("again", &p.all[0], 0) || p.all[0].Has("again") || p.set.Len("again") != 0 {
		t.Error("an ended member joins")
	}
	for _, name := range p.set.Names() {
		if got := p.in(name); !slices.Equal(got, []int{1}) {
			t.Errorf("group %s has %v", name, got)
		}
	}
	if n := len(p.set.Names()); n != 3*many/2 {
		t.Errorf("%d groups are left, want %d", n, 3*many/2)
	}
}

func TestEmptyGroupsAreGone(t *testing.T) { // C-22
	p := newPeople(1)
	const n = 10_000
	for i := range n {
		p.join(fmt.Sprint(i), 0)
	}
	for i := range n - 1 {
		p.leave(fmt.Sprint(i), 0)
	}
	if got := p.set.Names(); !slices.Equal(got, []string{fmt.Sprint(n - 1)}) {
		t.Errorf("the groups are %v", got)
	}
	for i := range p.set.shard {
		if sh := &p.set.shard[i]; len(sh.m) == 0 && sh.m != nil || sh.peak > 4*roomy {
			t.Errorf("shard %d keeps a map of %d groups that had %d", i, len(sh.m), sh.peak)
		}
	}
	if got := cap(p.all[0].seats); got > roomy {
		t.Errorf("a member of one group keeps room for %d", got)
	}
	p.leave(fmt.Sprint(n-1), 0)
	if names := p.set.Names(); len(names) != 0 || p.all[0].seats != nil || p.all[0].named != nil {
		t.Errorf("what is left is %v and %+v", names, &p.all[0])
	}
}

func TestLargeGroupsGiveMemoryBack(t *testing.T) {
	p := newPeople(10_000)
	for i := range p.all {
		p.join("a", i)
	}
	for i := range p.all[1:] {
		p.leave("a", i)
	}
	g := p.set.of("a").m["a"]
	if cap(g.seats) > roomy || cap(g.list.values) > roomy {
		t.Errorf("a group of one keeps room for %d and %d", cap(g.seats), cap(g.list.values))
	}
}

func TestReadersSeeTheGroupAsItWas(t *testing.T) { // C-22
	for _, tt := range []struct {
		name   string
		change func(p *people)
		after  []int
	}{
		{"some join", func(p *people) { p.join("a", 5, 6, 7) }, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{"some leave", func(p *people) { p.leave("a", 0, 3) }, []int{1, 2, 4}},
		{"all leave", func(p *people) { p.leave("a", 0, 1, 2, 3, 4) }, nil},
		{"one ends", func(p *people) { p.set.End(&p.all[2]) }, []int{0, 1, 3, 4}},
		{"others take the places", func(p *people) { p.leave("a", 0, 1, 2); p.join("a", 5, 6, 7) }, []int{3, 4, 5, 6, 7}},
		{"joined and left again", func(p *people) { p.join("a", 7); p.leave("a", 7, 4) }, []int{0, 1, 2, 3}},
		{"others take the group", func(p *people) { p.leave("a", 0, 1, 2, 3, 4); p.join("a", 6) }, []int{6}},
		{"another reader in between", func(p *people) {
			p.leave("a", 4)
			if got := p.in("a"); !slices.Equal(got, []int{0, 1, 2, 3}) {
				t.Errorf("the reader in between sees %v", got)
			}
			p.leave("a", 3)
		}, []int{0, 1, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeople(8)
			p.join("a", 0, 1, 2, 3, 4)
			var seen []int
			for who := range p.set.All("a") {
				if len(seen) == 1 {
					tt.change(p)
				}
				seen = append(seen, who)
			}
			if slices.Sort(seen); !slices.Equal(seen, []int{0, 1, 2, 3, 4}) {
				t.Errorf("the reader saw %v", seen)
			}
			if got := p.in("a"); !slices.Equal(got, tt.after) {
				t.Errorf("afterwards a has %v, want %v", got, tt.after)
			}
		})
	}
}

// A reader costs the next one to leave a copy only while it reads.
func TestFinishedReadersCostNothing(t *testing.T) {
	p := newPeople(8)
	p.join("a", 0, 1, 2, 3, 4)
	g := p.set.of("a").m["a"]
	before := g.list
	for range p.set.All("a") {
		break
	}
	func() {
		defer func() { _ = recover() }()
		for range p.set.All("a") {
			panic("in the loop")
		}
	}()
	p.leave("a", 1)
	if g.list != before || before.readers != 0 {
		t.Errorf("%d readers are left, copied: %v", before.readers, g.list != before)
	}
	for range p.set.All("a") {
		p.join("a", 6)
		if g.list != before {
			t.Error("joining copies the list that somebody reads")
		}
		p.leave("a", 0)
		if g.list == before {
			t.Fatal("leaving changes the list that somebody reads")
		}
		break
	}
}

// The list is made when the group changes, not when it is read.
func TestReadingAllocatesNothing(t *testing.T) {
	p := newPeople(1000)
	for i := range p.all {
		p.join("a", i)
	}
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		for who := range p.set.All("a") {
			sum += who
		}
	}); n != 0 {
		t.Errorf("reading a group of 1000 allocates %v times", n)
	}
}

// Random steps against maps.
func TestSetAgreesWithAModel(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		p := newPeople(30)
		model := map[string]map[int]bool{}
		for range 4000 {
			who, name := rnd.IntN(len(p.all)), fmt.Sprint(rnd.IntN(40))
			switch n := rnd.IntN(100); {
			case n < 55:
				p.join(name, who)
				if model[name] == nil {
					model[name] = map[int]bool{}
				}
				model[name][who] = true
			case n < 98:
				if got, want := p.set.Leave(name, &p.all[who]), model[name][who]; got != want {
					t.Fatalf("seed %d: Leave = %v, want %v", seed, got, want)
				}
				delete(model[name], who)
			default: // the member ends, another one comes in its place
				p.set.End(&p.all[who])
				p.all[who] = Member[int]{}
				for _, in := range model {
					delete(in, who)
				}
			}
		}
		maps.DeleteFunc(model, func(_ string, in map[int]bool) bool { return len(in) == 0 })
		if got, want := p.set.Names(), slices.Sorted(maps.Keys(model)); !slices.Equal(got, want) {
			t.Fatalf("seed %d: groups are %v, want %v", seed, got, want)
		}
		for name, in := range model {
			if got, want := p.in(name), slices.Sorted(maps.Keys(in)); !slices.Equal(got, want) || p.set.Len(name) != len(want) {
				t.Fatalf("seed %d: %s has %v, want %v", seed, name, got, want)
			}
		}
		for i := range p.all {
			for _, name := range p.all[i].Names() {
				if !model[name][i] || !p.all[i].Has(name) {
					t.Fatalf("seed %d: %d says it is in %s", seed, i, name)
				}
			}
		}
	}
}

// C-22: however joining, leaving, reading and ending meet, nobody stays behind, and
// a reader sees each member once.
func TestNobodyStaysBehind(t *testing.T) {
	const goroutines, rounds, groups = 8, 300, 5
	var s Set[int]
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range rounds {
				m, id := new(Member[int]), g*rounds+i
				var inner sync.WaitGroup
				for k := range 3 { // of the same member
					name := fmt.Sprint(rnd.IntN(groups))
					leaves := rnd.IntN(2) == 0
					inner.Go(func() {
						for range 1 + k {
							s.Join(name, m, id)
							once(t, &s, name)
							if leaves {
								s.Leave(name, m)
							}
						}
					})
				}
				s.End(m)
				if names := m.Names(); len(names) != 0 {
					t.Errorf("after its end %d is in %v", id, names)
				}
				inner.Wait()
			}
		})
	}
	wg.Wait()
	if names := s.Names(); len(names) != 0 {
		t.Errorf("groups %v are left", names)
	}
}

// once checks that a reader sees nobody twice.
func once(t *testing.T, s *Set[int], name string) {
	seen := map[int]bool{}
	for id := range s.All(name) {
		if seen[id] {
			t.Errorf("%d is twice in %s", id, name)
		}
		seen[id] = true
	}
}

// C-22: a reader sees a state that was: 1 comes after 0 and leaves before it.
func TestReadersSeeOneMoment(t *testing.T) {
	var s Set[int]
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	wg.Go(func() {
		var keep, zero, one Member[int]
		s.Join("a", &keep, 2)
		for !stop.Load() {
			s.Join("a", &zero, 0)
			s.Join("a", &one, 1)
			s.Leave("a", &one)
			s.Leave("a", &zero)
		}
	})
	for range 2000 {
		seen := slices.Sorted(s.All("a"))
		if slices.Contains(seen, 1) && !slices.Contains(seen, 0) {
			t.Fatalf("a reader saw %v: 1 is never there without 0", seen)
		}
	}
}

func BenchmarkJoinLeave(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			p := newPeople(n)
			for i := range p.all {
				p.join("a", i)
			}
			var m Member[int]
			b.ReportAllocs()
			for b.Loop() {
				p.set.Join("a", &m, -1)
				p.set.Leave("a", &m)
			}
		})
	}
}

func BenchmarkAll(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			p := newPeople(n)
			for i := range p.all {
				p.join("a", i)
			}
			b.ReportAllocs()
			sum := 0
			for b.Loop() {
				for v := range p.set.All("a") {
					sum += v
				}
			}
		})
	}
}
