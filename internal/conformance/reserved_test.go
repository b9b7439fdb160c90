package conformance

import (
	"fmt"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

func TestReservedBitsAreRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for bits := RSV3; bits <= RSV1|RSV2|RSV3; bits += RSV3 {
			for _, f := range []Frame{Text("x"), Binary(nil), Ping(nil), Pong([]byte("x")), Close(1000, "")} {
				if m.offer != "" && bits == RSV1 && !f.Op.IsControl() {
					continue // means compressed
				}
				f.RSV = bits
				p := m.open(t)
				p.Send(f)
				refuses(p, 1002)
			}
		}
	})
}

func TestReservedBitsOnContinuationsAreRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for bits := RSV3; bits <= RSV1|RSV2|RSV3; bits += RSV3 {
			p := m.open(t)
			p.Send(Text("x").Open(), Frame{Op: OpContinuation, RSV: bits})
			refuses(p, 1002)
		}
	})
}

func TestReservedOpcodesAreRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, op := range []Opcode{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
			for _, f := range []Frame{{Op: op}, {Op: op, Payload: []byte("x")}, {Op: op, More: true}} {
				p := m.open(t)
				p.Send(f)
				refuses(p, 1002)
			}
		}
	})
}

// TestWhatComesBeforeABadFrameIsAnswered sends both in one write and byte by
// byte: the message that is whole must come back in any case.
func TestWhatComesBeforeABadFrameIsAnswered(t *testing.T) {
	bad := []Frame{
		{Op: OpText, RSV: RSV2},
		{Op: 3},
		{Op: 11},
		{Op: OpContinuation},
		{Op: OpText, Unmasked: true},
		{Op: OpBinary, Length: Length16},
		{Op: OpText, Payload: []byte{0xff}},
		{Op: OpClose, Payload: []byte{3}},
	}
	inEachMode(t, func(t *testing.T, m mode) {
		for _, f := range bad {
			for _, chop := range []int{1 << 20, 1} {
				p := m.open(t)
				p.SendChopped(chop, Text("before"), f)
				p.WantText("before")
				code := 1002
				if f.Payload != nil && f.Op == OpText {
					code = 1007
				}
				refuses(p, code)
			}
		}
	})
}

// TestGarbageHurtsNobody sends random bytes. Whatever they mean, the server must
// survive, and end the connection when we do.
func TestGarbageHurtsNobody(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		other := m.open(t)
		for seed := range uint64(100) {
			p := m.open(t)
			p.TryWrite(noise(200, seed))
			p.CloseWrite()
			for {
				if _, err := p.NextFrame(); err != nil {
					break
				}
			}
			p.Conn.Close()
			other.Send(Text(fmt.Sprint(seed)))
			other.WantText(fmt.Sprint(seed))
		}
	})
}
