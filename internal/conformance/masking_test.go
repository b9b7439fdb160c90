package conformance

import (
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

func TestUnmaskedFramesAreRefused(t *testing.T) { // R-08, RFC 6455 section 5.1
	inEachMode(t, func(t *testing.T, m mode) {
		for _, f := range []Frame{Text("x"), Binary(nil), Text("x").Open(), Ping([]byte("x")), Pong(nil), Close(1000, "")} {
			f.Unmasked = true
			p := m.open(t)
			p.Send(f)
			refuses(p, 1002)
		}
		p := m.open(t)
		p.Send(Text("masked").Open(), Frame{Op: OpContinuation, Unmasked: true})
		refuses(p, 1002)
	})
}

func TestAnyKeyMasks(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		p.Send(Frame{Op: OpText, Payload: []byte("zero key"), ZeroKey: true})
		p.WantText("zero key")
		for _, key := range [][4]byte{{0, 0, 0, 1}, {1}, {0xff, 0xff, 0xff, 0xff}, {'z', 'e', 'r', 'o'}} {
			for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 70_001} {
				data := words(n, 1)
				p.Send(Frame{Op: OpText, Payload: data, Key: key})
				p.WantMessage(OpText, data)
			}
		}
		p.Send( // every fragment has its own
			Frame{Op: OpText, More: true, Payload: []byte("one "), Key: [4]byte{1, 2, 3, 4}},
			Frame{Op: OpContinuation, More: true, Payload: []byte("two "), Key: [4]byte{9, 8, 7, 6}},
			Frame{Op: OpContinuation, Payload: []byte("three"), ZeroKey: true},
		)
		p.WantText("one two three")
	})
}

func TestLengthsThatAreNotTheShortestAreRefused(t *testing.T) { // RFC 6455 section 5.2
	inEachMode(t, func(t *testing.T, m mode) {
		for _, tt := range []struct {
			op   Opcode
			size int
			form LengthForm
		}{
			{OpText, 0, Length16}, {OpText, 125, Length16}, {OpBinary, 1, Length16},
			{OpText, 0, Length64}, {OpText, 125, Length64}, {OpBinary, 126, Length64}, {OpBinary, 65535, Length64},
			{OpPing, 0, Length16}, {OpPing, 125, Length16}, {OpPong, 5, Length64}, {OpClose, 0, Length16},
		} {
			p := m.open(t)
			p.Send(Frame{Op: tt.op, Payload: words(tt.size, 1), Length: tt.form})
			refuses(p, 1002)
		}
		p := m.open(t)
		p.Send(Text("a").Open(), Frame{Op: OpContinuation, Payload: []byte("b"), Length: Length16})
		refuses(p, 1002)
	})
}
