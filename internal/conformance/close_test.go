package conformance

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// TestCloseIsAnsweredWithItsCode: the server echoes the code and then closes the
// connection first (RFC 6455 sections 5.5.1 and 7.1.1). X-18
func TestCloseIsAnsweredWithItsCode(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
			for _, reason := range []string{"", "bye", "Grüße 🌍", strings.Repeat("x", 123)} {
				p := m.open(t)
				p.Send(Close(code, reason))
				p.WantClose(code)
				p.WantEnd()
			}
		}
	})
}

func TestCloseWithoutCodeIsAnsweredWithoutCode(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		p.Send(EmptyClose())
		p.WantClose(1005)
		p.WantEnd()
	})
}

func TestIllegalCloseFramesAreRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 10_000, 65_535} {
			p := m.open(t)
			p.Send(Close(code, "reason"))
			refuses(p, 1002)
		}
		p := m.open(t)
		p.Send(Frame{Op: OpClose, Payload: []byte{3}})
		refuses(p, 1002)
		for _, reason := range []string{"\xff", "caf\xc3", "\xed\xa0\x80", "Hello \xce\xba\xe1\xbd\xb9\xed\xa0\x80edited"} {
			p := m.open(t)
			p.Send(Close(1000, reason))
			refuses(p, 1007)
		}
	})
}

func TestWhatComesBeforeTheCloseIsAnswered(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, chop := range []int{1 << 20, 50} {
			p := m.open(t)
			var frames []Frame
			for i := range 100 {
				frames = append(frames, Text(fmt.Sprint("message ", i)))
			}
			p.SendChopped(chop, append(frames, Close(1000, ""))...)
			for _, f := range frames {
				p.WantMessage(OpText, f.Payload)
			}
			p.WantClose(1000)
			p.WantEnd()
		}
		p := m.open(t)
		data := noise(500_000, 1)
		p.Send(Binary(data), Close(1001, ""))
		p.WantMessage(OpBinary, data)
		p.WantClose(1001)
		p.WantEnd()
	})
}

// TestWhatComesAfterTheCloseIsIgnored also covers a second close frame and
// frames that would be refused before.
func TestWhatComesAfterTheCloseIsIgnored(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, after := range [][]Frame{
			{Text("too late")}, {Ping(nil)}, {Close(1000, "")}, {Close(1002, "")}, {Continuation(nil)},
			{{Op: 3, RSV: RSV2, Unmasked: true}}, {Text("half").Open()}, {Binary(make([]byte, 100_000))},
		} {
			p := m.open(t)
			p.Send(append([]Frame{Close(1000, "")}, after...)...)
			p.WantClose(1000)
			p.WantEnd()
		}
	})
}

func TestCloseBetweenFragments(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		p.Send(Text("first half").Open(), Close(1000, ""))
		p.WantClose(1000)
		p.WantEnd()

		p = m.open(t)
		p.Send(Text("first half").Open(), Ping(nil))
		p.WantPong(nil)
		p.SendChopped(1, Close(4711, "no second half"))
		p.WantClose(4711)
		p.WantEnd()
	})
}

// TestEndWithoutClose: what was sent before the end of our stream is answered,
// and the server ends the connection too. X-20
func TestEndWithoutClose(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		p.Send(Text("last words"))
		p.CloseWrite()
		p.WantText("last words")
		p.WantEnd()

		p = m.open(t) // in the middle of a message, then of a frame
		p.Send(Text("half").Open())
		p.CloseWrite()
		p.WantEnd()
		p = m.open(t)
		p.Write(p.Encode(Text("half"))[:5])
		p.CloseWrite()
		p.WantEnd()
	})
}

func TestResetHurtsNobody(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		other := m.open(t)
		for range 20 {
			p := m.open(t)
			p.Send(Binary(make([]byte, 100_000)), Text("half").Open())
			p.Drop()
		}
		alive(other)
	})
}

// TestCloseFrameArrivesWhileThePeerKeepsSending: a server that closes a socket
// with unread data resets it, and the reset overtakes the close frame.
func TestCloseFrameArrivesWhileThePeerKeepsSending(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for range 5 {
			p := m.open(t)
			sent := make(chan struct{})
			stream := append(p.Encode(Text("before"), Frame{Op: OpText, RSV: RSV3}), noise(512<<10, 1)...)
			go func() {
				defer close(sent)
				p.TryWrite(stream)
			}()
			p.WantText("before")
			refuses(p, 1002)
			p.Conn.Close()
			<-sent
		}
	})
}

// TestRefusedConnectionsEndWithoutAnAnswer: after a refusal a server reads no
// more, not even the answer to its close frame (RFC 6455 section 7.1.7). All
// connections wait at the same time, in case that it takes a while.
func TestRefusedConnectionsEndWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	type refusal struct {
		peer *Peer
		code int
	}
	var refused []refusal
	for _, m := range modes {
		for _, tt := range []struct {
			frame Frame
			code  int
		}{
			{Frame{Op: OpText, RSV: RSV3}, 1002},
			{Frame{Op: OpText, Unmasked: true}, 1002},
			{Text("\xff"), 1007},
			{Text("cut off \xc2"), 1007},
			{Close(1005, ""), 1002},
			{Close(1000, "\xff"), 1007},
		} {
			p := m.open(t)
			p.Send(tt.frame)
			refused = append(refused, refusal{p, tt.code})
		}
	}
	for _, r := range refused {
		r.peer.WantClose(r.code)
		r.peer.WantEnd()
	}
}
