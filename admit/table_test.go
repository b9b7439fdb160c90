package admit

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// A table does what a map does, as long as it has room, and drops only what is idle.
func TestTableAgreesWithAMap(t *testing.T) {
	for _, size := range []int{1, 7, 100, 5000} {
		r := rand.New(rand.NewPCG(1, uint64(size)))
		table, model := newTable(size), make(map[number]uint32)
		held := 0
		for now := range int64(200_000) {
			key := number{r.Uint64N(uint64(3 * size)), 0}
			before := model[key]
			if r.IntN(2) == 0 && before > 0 {
				ok := table.known(key, func(y *tally) { y.open-- })
				if model[key]--; !ok {
					t.Fatalf("size %d: %v is gone with %d connections", size, key, before)
				}
				held--
				continue
			}
			ok := table.with(key, size, now, func(y *tally) {
				if y.open != before {
					t.Fatalf("size %d: %v has %d connections, want %d", size, key, y.open, before)
				}
				y.open++
			})
			if ok {
				model[key]++
				held++
			} else if before > 0 {
				t.Fatalf("size %d: no room for %v, which is there", size, key)
			}
			// Each shard has its part, rounded up.
			if n := table.len(); n > size+shards {
				t.Fatalf("size %d: %d tallies", size, n)
			}
		}
		for key, open := range model {
			if open > 0 && !table.known(key, func(y *tally) {
				if y.open != open {
					t.Errorf("size %d: %v has %d connections, want %d", size, key, y.open, open)
				}
			}) {
				t.Errorf("size %d: %v is gone", size, key)
			}
		}
	}
}

// What a table may cost is what the package comment says.
func TestTallyIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(tally{}); n > 48 {
		t.Errorf("a tally has %d bytes", n)
	}
	if n := unsafe.Sizeof(Ticket{}); n > 40 {
		t.Errorf("a ticket has %d bytes", n)
	}
	for _, size := range []int{1, 100, 1 << 10, 1 << 16} {
		table := newTable(size)
		for i := range uint64(2 * size) {
			table.with(number{i, 0}, size, 0, func(y *tally) { y.open++ })
		}
		slots := 0
		for i := range table.shards {
			slots += len(table.shards[i].slots)
		}
		if bytes := slots * 48; bytes > 64*size+len(table.shards)*200 {
			t.Errorf("%d tallies have %d bytes", size, bytes)
		}
		if n := table.len(); n < size*95/100 || n > size+len(table.shards) {
			t.Errorf("%d tallies of %d", n, size)
		}
	}
}

// A full table makes room without allocating, and gives memory back when it is trimmed.
func TestFullTableDoesNotAllocate(t *testing.T) {
	const size = 1 << 12
	table := newTable(size)
	next := uint64(0)
	visit := func() {
		next++
		table.with(number{next, 0}, size, 0, func(*tally) {})
	}
	for range 4 * size {
		visit()
	}
	if n := testing.AllocsPerRun(1000, visit); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := table.len(); n > size {
		t.Errorf("%d tallies", n)
	}
	table.trim(0)
	if n := table.len(); n != 0 {
		t.Errorf("%d tallies after trim", n)
	}
	table.with(number{1, 1}, size, 0, func(y *tally) { y.open = 7 })
	if !table.known(number{1, 1}, func(y *tally) { y.open-- }) || table.known(number{2, 2}, func(*tally) {}) {
		t.Error("a trimmed table does not work")
	}
}

// Whatever there is to remember keeps a tally, until it is over.
func TestOnlyWhatIsIdleIsDropped(t *testing.T) {
	for name, remember := range map[string]func(*tally){
		"a connection":  func(y *tally) { y.open = 1 },
		"AcceptRate":    func(y *tally) { y.accepted = 10 },
		"HandshakeRate": func(y *tally) { y.shook = 10 },
		"violations":    func(y *tally) { y.forgotten = 10 },
	} {
		table, a, b := newTable(1), number{1, 0}, number{2, 0}
		table.with(a, 1, 0, remember)
		if table.with(b, 1, 9, func(*tally) {}) || !table.known(a, func(*tally) {}) {
			t.Errorf("%s is forgotten", name)
		}
		if over := table.with(b, 1, 10, func(*tally) {}); over == (name == "a connection") || over == table.known(a, func(*tally) {}) {
			t.Errorf("%s in the end: room %v", name, over)
		}
	}
}

// However few are idle, sooner or later each of them makes room.
func TestAllThatIsIdleIsFound(t *testing.T) {
	const size, idle = 1000, 10
	table := newTable(size)
	for i := range uint64(size) {
		table.with(number{i, 0}, size, 0, func(y *tally) {
			if i%(size/idle) != 0 {
				y.open++
			}
		})
	}
	room := 0
	for i := range uint64(size) {
		if table.with(number{i, 1}, size, 0, func(y *tally) { y.open++ }) {
			room++
		}
	}
	if room != idle {
		t.Errorf("%d found, want %d", room, idle)
	}
}
