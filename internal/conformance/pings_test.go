package conformance

import (
	"bytes"
	"fmt"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

func TestPingsOfAllSizesAreAnswered(t *testing.T) { // K-08
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for n := range 126 {
			p.Send(Ping(noise(n, 3)))
			p.WantPong(noise(n, 3))
		}
		p.SendChopped(1, Ping(noise(125, 4)))
		p.WantPong(noise(125, 4))
		alive(p)
	})
}

func TestPingOver125BytesIsRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, op := range []Opcode{OpPing, OpPong, OpClose} {
			p := m.open(t)
			p.Send(Frame{Op: op, Payload: words(126, 1)})
			refuses(p, 1002)
		}
	})
}

func TestFragmentedControlFrameIsRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, f := range []Frame{Ping([]byte("half")), Pong(nil), Close(1000, ""), EmptyClose()} {
			p := m.open(t)
			p.Send(f.Open())
			refuses(p, 1002)
		}
	})
}

func TestUnsolicitedPongsAreIgnored(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		p.Send(Pong(nil), Pong([]byte("nobody asked")))
		alive(p)
		p.Send(Pong([]byte("x")), Ping([]byte("y")))
		p.WantPong([]byte("y"))
	})
}

// TestPingsInOneWriteAreAnsweredInOrder allows what RFC 6455 section 5.5.3
// allows: only the newest of several pings needs an answer. S-28
func TestPingsInOneWriteAreAnsweredInOrder(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, chop := range []int{1 << 20, 1} {
			p := m.open(t)
			var frames []Frame
			for i := range 10 {
				frames = append(frames, Ping(fmt.Appendf(nil, "ping %d", i)))
			}
			p.SendChopped(chop, frames...)
			for next := 0; next < len(frames); next++ {
				pong := p.ReadPong()
				for next < len(frames) && !bytes.Equal(frames[next].Payload, pong) {
					next++
				}
				if next == len(frames) {
					t.Fatalf("pong %q comes late or answers nothing", pong)
				}
			}
			alive(p)
		}
	})
}

func TestPingInsideAMessageIsAnsweredAtOnce(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		p.Send(Text("first ").Open(), Ping([]byte("now")))
		p.WantPong([]byte("now")) // the message is still open
		p.Send(Continuation([]byte("second ")).Open(), Pong(nil), Ping(nil))
		p.WantPong(nil)
		p.Send(Continuation([]byte("third")))
		p.WantText("first second third")
		alive(p)
	})
}
