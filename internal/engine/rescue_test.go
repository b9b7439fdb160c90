package engine

import (
	"testing"
	"time"

	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/transport"
)

// nowhere is a loop that nobody runs.
type nowhere struct{ unbounded }

func (*nowhere) Schedule(link.Seat) {}

// A session that comes to a dead loop behind the rescue of all others has its last events
// when it is told so, and can not be attached again.
func TestLateSessionIsRescued(t *testing.T) {
	for _, late := range []bool{false, true} {
		h := newHall()
		e := h.engine()
		mine, other := memnet.Pipe(1 << 10)
		s := e.NewSession(Options{Wire: transport.NewWire(mine)})
		gone := make(chan struct{})
		s.Data = gone
		if err := s.Bind(&member{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Choose(new(nowhere)); err != nil {
			t.Fatal(err)
		}
		all := func() []*Session { return []*Session{s} }
		if late {
			all = func() []*Session { return nil }
		}
		e.Rescue(all)
		s.Start()
		s.Late()
		go s.Run()
		other.Close()
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			t.Fatal("it has no end")
		}
		if err := s.Choose(new(nowhere)); err == nil || len(h.infos) != 1 {
			t.Errorf("Choose = %v, %d ends", err, len(h.infos))
		}
		e.Service.Close()
	}
}
