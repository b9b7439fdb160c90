package conformance

import (
	"fmt"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// sizes are the lengths at which the form of the length changes, and their
// neighbours (RFC 6455 section 5.2).
var sizes = []int{0, 1, 124, 125, 126, 127, 128, 1000, 65534, 65535, 65536, 65537, 200_000}

// payload is n bytes that suit the opcode.
func payload(op Opcode, n int) []byte {
	if op == OpText {
		return words(n, uint64(n))
	}
	return noise(n, uint64(n))
}

func TestMessagesOfAllSizesComeBack(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for _, op := range []Opcode{OpText, OpBinary} {
			for _, n := range append([]int{limit}, sizes...) {
				data := payload(op, n)
				p.Send(Frame{Op: op, Payload: data})
				p.WantMessage(op, data)
			}
		}
		alive(p)
	})
}

func TestChoppedFramesComeBack(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for _, tt := range []struct{ size, chop int }{
			{0, 1}, {1, 1}, {125, 1}, {126, 1}, {126, 2}, {130, 3}, {1000, 7},
			{65535, 997}, {65536, 1000}, {65536, 4096}, {200_000, 60_001},
		} {
			for _, op := range []Opcode{OpText, OpBinary} {
				data := payload(op, tt.size)
				p.SendChopped(tt.chop, Frame{Op: op, Payload: data})
				p.WantMessage(op, data)
			}
		}
		alive(p)
	})
}

func TestManyMessagesInOneWriteComeBackInOrder(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		var frames []Frame
		for i := range 300 {
			frames = append(frames, Text(fmt.Sprintf("message %d %s", i, words(i, 1))))
		}
		p.Send(frames...)
		for _, f := range frames {
			p.WantMessage(OpText, f.Payload)
		}
		alive(p)
	})
}

func TestManyClientsDoNotMixUp(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		const clients, rounds = 50, 5
		var peers []*Peer
		for range clients {
			peers = append(peers, m.open(t))
		}
		for round := range rounds {
			for i, p := range peers {
				p.Send(Text(fmt.Sprintf("client %d, round %d", i, round)))
			}
			for i, p := range peers {
				p.WantText(fmt.Sprintf("client %d, round %d", i, round))
			}
		}
	})
}
