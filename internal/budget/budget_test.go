package budget

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hoard is a consumer that gives up all it holds, or what it is told to.
type hoard struct {
	b      *Budget
	name   string
	held   atomic.Int64
	keeps  int64  // Shed leaves so much
	onShed func() // is called first
	log    *[]string
}

func (h *hoard) Held() int64 { return h.held.Load() }

func (h *hoard) Shed() {
	if h.onShed != nil {
		h.onShed()
	}
	if h.log != nil {
		*h.log = append(*h.log, h.name)
	}
	if given := h.held.Load() - h.keeps; given > 0 {
		h.take(-given)
	}
}

func (h *hoard) take(n int64) {
	h.held.Add(n)
	h.b.Add(int(n))
}

// hoards makes joined consumers named a, b, c … that hold so much.
func hoards(b *Budget, log *[]string, held ...int64) []*hoard {
	var list []*hoard
	for i, n := range held {
		h := &hoard{b: b, name: string(rune('a' + i)), log: log}
		h.take(n)
		b.Join(h)
		list = append(list, h)
	}
	return list
}

func TestBudgetCounts(t *testing.T) {
	b := New(100)
	for _, n := range []int{70, 50, -20, -100} {
		b.Add(n)
	}
	if b.Used() != 0 || b.Limit() != 100 {
		t.Errorf("used %d of %d", b.Used(), b.Limit())
	}
}

// Those that hold most shed first, until an eighth is free, and only when the budget
// is spent.
func TestRelieveShedsTheWorstFirst(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit int64
		held  []int64
		keeps int64 // each of them
		want  string
		used  int64
	}{
		{"nothing is held", 80, nil, 0, "", 0},
		{"just spent", 80, []int64{50, 30}, 0, "", 80},
		{"one above", 80, []int64{50, 31}, 0, "a", 31},
		{"largest in the middle", 80, []int64{20, 60, 10}, 0, "b", 30},
		{"below the limit, but an eighth is not free", 80, []int64{36, 9, 40}, 30, "ca", 69},
		{"exactly an eighth is free", 80, []int64{35, 40, 35}, 0, "b", 70},
		{"three must", 80, []int64{30, 29, 28, 27, 26}, 0, "abc", 53},
		{"all give little", 80, []int64{30, 29, 28, 27, 26}, 20, "abcde", 100},
		{"nobody gives", 80, []int64{50, 60}, 60, "ba", 110},
		{"a limit without an eighth", 7, []int64{3, 5}, 0, "b", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := New(tt.limit)
			var log []string
			for _, h := range hoards(b, &log, tt.held...) {
				h.keeps = tt.keeps
			}
			b.Relieve()
			if got := strings.Join(log, ""); got != tt.want || b.Used() != tt.used {
				t.Errorf("shed %q, %d used; want %q, %d", got, b.Used(), tt.want, tt.used)
			}
		})
	}
}

func TestWhoHasLeftIsNotAsked(t *testing.T) {
	b := New(10)
	var log []string
	list := hoards(b, &log, 30, 20, 10)
	b.Leave(list[0])
	b.Leave(list[0])
	b.Join(list[1]) // once more
	b.Relieve()
	if got := strings.Join(log, ""); got != "bc" {
		t.Errorf("shed %q, want bc", got)
	}
}

// While one sheds, others that find the budget spent go on at once.
func TestOneShedderAtATime(t *testing.T) {
	b := New(10)
	var log []string
	h := hoards(b, &log, 30)[0]
	shedding, goOn := make(chan struct{}), make(chan struct{})
	h.onShed = func() {
		close(shedding)
		<-goOn
	}
	var wg sync.WaitGroup
	wg.Go(b.Relieve)
	<-shedding
	b.Relieve() // would call Shed again, and never return
	close(goOn)
	wg.Wait()
	if len(log) != 1 || b.Used() != 0 {
		t.Errorf("shed %d times, %d used", len(log), b.Used())
	}
	h.onShed = nil
	h.take(30)
	b.Relieve()
	if len(log) != 2 {
		t.Error("the next one may not shed")
	}
}

// Shed holds no lock of the budget's: consumers may join, leave, add and even ask for
// relief in it.
func TestConsumersChangeWhileOneSheds(t *testing.T) {
	b := New(10)
	var log []string
	list := hoards(b, &log, 40, 30, 20)
	late := &hoard{b: b, name: "late", log: &log}
	list[0].onShed = func() {
		b.Leave(list[0])
		b.Leave(list[1])
		list[1].take(-30)
		b.Join(late)
		late.take(50)
		b.Relieve()
	}
	b.Relieve()
	// Who has joined since is asked too, as relief was wanted meanwhile. Who has left
	// may still be seen.
	if got := strings.Join(log, " "); got != "a b c late" || b.Used() != 0 {
		t.Errorf("shed %s, %d used", got, b.Used())
	}
}

// Every byte is given back in the end, whoever takes and sheds at the same time.
func TestBudgetUnderConcurrency(t *testing.T) {
	const goroutines, rounds, joined = 8, 200, 4
	b := New(1000)
	var running, most, sheds atomic.Int32
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			var mine []*shy
			for i := range rounds {
				h := &shy{b: b, running: &running, most: &most, sheds: &sheds}
				b.Join(h)
				h.add(int64(100 + (g*31+i*17)%300))
				b.Relieve()
				if mine = append(mine, h); len(mine) == joined || i == rounds-1 {
					for _, h := range mine {
						h.empty()
						b.Leave(h)
					}
					mine = nil
				}
			}
		})
	}
	wg.Wait()
	if b.Used() != 0 || len(b.consumers) != 0 {
		t.Errorf("%d used, %d consumers left", b.Used(), len(b.consumers))
	}
	if most.Load() != 1 || sheds.Load() == 0 {
		t.Errorf("shed %d times, %d at once", sheds.Load(), most.Load())
	}
}

// shy is a consumer whose own goroutine takes while another has it shed.
type shy struct {
	b                    *Budget
	held                 atomic.Int64
	running, most, sheds *atomic.Int32
}

func (s *shy) Held() int64 { return s.held.Load() }

func (s *shy) add(n int64) {
	s.held.Add(n)
	s.b.Add(int(n))
}

func (s *shy) empty() { s.b.Add(-int(s.held.Swap(0))) }

func (s *shy) Shed() {
	if n := s.running.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	s.sheds.Add(1)
	s.empty()
	s.running.Add(-1)
}
