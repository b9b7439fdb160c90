package conformance

import (
	"slices"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// TestFragmentsOfAllOrders cuts a message in three, each part empty, short or
// long, with and without control frames between them.
func TestFragmentsOfAllOrders(t *testing.T) {
	parts := []int{0, 1, 200}
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for i := range 27 * 2 {
			a, b, c := parts[i%3], parts[i/3%3], parts[i/9%3]
			data := words(a+b+c, uint64(i))
			frames := Frame{Op: OpText, Payload: data}.Split(a, b)
			if i >= 27 {
				frames = slices.Insert(frames, 1, Pong(nil), Pong([]byte("between")))
			}
			p.Send(frames...)
			p.WantMessage(OpText, data)
			p.SendChopped(1, frames...)
			p.WantMessage(OpText, data)
		}
		alive(p)
	})
}

func TestManyFragments(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for _, tt := range []struct{ total, part int }{{1000, 1}, {65536, 64}, {65536, 1024}, {limit, 4096}, {limit, 100_000}} {
			data := words(tt.total, 5)
			cuts := slices.Repeat([]int{tt.part}, (tt.total-1)/tt.part)
			p.Send(Frame{Op: OpText, Payload: data}.Split(cuts...)...)
			p.WantMessage(OpText, data)
		}
		p.Send(Binary(nil).Split(slices.Repeat([]int{0}, 1000)...)...)
		p.WantMessage(OpBinary, nil)
		alive(p)
	})
}

func TestStrayContinuationIsRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, f := range []Frame{Continuation(nil), Continuation([]byte("x")), Continuation(nil).Open()} {
			p := m.open(t)
			p.Send(f)
			refuses(p, 1002)

			p = m.open(t)
			p.Send(Text("a").Open(), Continuation([]byte("b")), f)
			p.WantText("ab")
			refuses(p, 1002)
		}
	})
}

func TestNewMessageInsideAMessageIsRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, first := range []Frame{Text("a"), Binary([]byte("a")), Text("")} {
			for _, second := range []Frame{Text("b"), Binary([]byte("b")), Text("b").Open()} {
				p := m.open(t)
				p.Send(first.Open(), second)
				refuses(p, 1002)

				p = m.open(t)
				p.Send(first.Open(), Continuation(nil).Open(), Ping(nil), second)
				p.WantPong(nil)
				refuses(p, 1002)
			}
		}
	})
}
