package engine

import (
	"net"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// TestMessagePathAllocates at most what gws does for a message: its Message. Our
// own part, from there to OnMessage, allocates nothing.
func TestMessagePathAllocates(t *testing.T) { onDrivers(t, testMessagePathAllocates) }

func testMessagePathAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool lose things at random")
	}
	h := newHall()
	got := make(chan struct{}, 1)
	h.message = func(*member, client.Message) error { got <- struct{}{}; return nil }
	for _, tt := range []struct {
		name  string
		frame wstest.Frame
	}{
		{"text", wstest.Text("hello, world")}, {"binary", wstest.Binary(make([]byte, 1000))},
		{"large", wstest.Binary(make([]byte, 50_000))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := socketPair(t)
			defer near.Close()
			h.admit(t, far)
			in := tt.frame.Bytes()
			round := func() {
				if _, err := near.Write(in); err != nil {
					t.Fatal(err)
				}
				<-got
			}
			for range 100 { // until the pools are filled
				round()
			}
			if n := testing.AllocsPerRun(500, round); n > 1 {
				t.Errorf("%v allocations for a message, want 1, gws's", n)
			}
		})
	}
	t.Run("dispatch", func(t *testing.T) {
		s, _ := h.enter(t)
		data := []byte("hello, world")
		if n := testing.AllocsPerRun(500, func() { s.Message(client.OpText, data); <-got }); n != 0 {
			t.Errorf("%v allocations from gws to OnMessage", n)
		}
	})
}

func TestSendDoesNotAllocate(t *testing.T) { onDrivers(t, testSendDoesNotAllocate) }

func testSendDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool lose things at random")
	}
	for _, tt := range []struct {
		name string
		size int
		zip  bool
	}{{"small", 20, false}, {"1 KB", 1000, false}, {"20 KB", 20_000, false}, {"1 KB compressed", 1000, true}} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHall()
			if tt.zip {
				h.deflate = &takeoverParams
			}
			near, far := socketPair(t)
			defer near.Close()
			s := h.admit(t, far)
			p, in := make([]byte, tt.size), make([]byte, 64<<10)
			send := func() {
				n, err := s.Send(client.OpBinary, p, false)
				if err != nil {
					t.Fatal(err)
				}
				readAll(t, near, in[:n])
			}
			for range 100 {
				send()
			}
			if n := testing.AllocsPerRun(500, send); n != 0 {
				t.Errorf("%v allocations a Send", n)
			}
		})
	}
}

func readAll(tb testing.TB, c net.Conn, p []byte) {
	for len(p) > 0 {
		n, err := c.Read(p)
		if err != nil {
			tb.Fatal(err)
		}
		p = p[n:]
	}
}
