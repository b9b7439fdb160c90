//go:build unix

package engine

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// dozing counts the readers that wait without an engine's loop on their stack.
func dozing(t testing.TB, list []*Session) (n int) {
	if name, _ := driverOf(t); name != "goroutine" {
		for _, s := range list {
			n += s.engine.Service.Asleep()
		}
		return n
	}
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "(*socketWire).await(")
}

// TestDozingLosesNothing: readers doze off wherever a peer may pause, and go on
// where they were.
func TestDozingLosesNothing(t *testing.T) { onDriversAtOnce(t, testDozingLosesNothing) }

func testDozingLosesNothing(t *testing.T) {
	text := strings.Repeat("Grüße ", 30)
	whole := wstest.Text(text).Bytes()
	large := wstest.Binary(make([]byte, 300_000)).Bytes()
	var rest []func()
	for _, tt := range []struct {
		name  string
		zip   bool
		parts func(p *wstest.Peer) (before, after []byte) // the pause
	}{
		{"before a message", false, func(*wstest.Peer) ([]byte, []byte) { return nil, whole }},
		{"after a pong", false, func(*wstest.Peer) ([]byte, []byte) { return wstest.Pong(nil).Bytes(), whole }},
		{"between fragments", false, func(*wstest.Peer) ([]byte, []byte) {
			return wstest.Text(text[:3]).Open().Bytes(), wstest.Continuation([]byte(text[3:])).Bytes() // inside a rune
		}},
		{"inside a header", false, func(*wstest.Peer) ([]byte, []byte) { return whole[:1], whole[1:] }},
		{"inside a payload", false, func(*wstest.Peer) ([]byte, []byte) { return whole[:50], whole[50:] }},
		{"inside a large frame", false, func(*wstest.Peer) ([]byte, []byte) { return large[:200_000], large[200_000:] }},
		{"inside a compressed message", true, func(p *wstest.Peer) ([]byte, []byte) {
			f := p.Compressed(wstest.OpText, []byte(text)).Split(5)
			return f[0].Bytes(), f[1].Bytes()
		}},
	} {
		h := newHall()
		if tt.zip {
			h.deflate = &takeoverParams
		}
		near, far := socketPair(t)
		s := h.admit(t, far)
		p := wstest.Wrap(t, near)
		if tt.zip {
			agree(p, takeoverParams)
		}
		before, after := tt.parts(p)
		p.Write(before)
		rest = append(rest, func() {
			p.Write(after)
			m := p.ReadMessage()
			if string(m.Data) != text && !bytes.Equal(m.Data, make([]byte, 300_000)) {
				t.Errorf("%s: %q came back", tt.name, m.Data)
			}
			for i := range 3 { // it works as before
				p.Send(wstest.Text(fmt.Sprint(i)))
				p.WantText(fmt.Sprint(i))
			}
			_, _ = s.Send(client.OpText, []byte("from outside"), false)
			p.WantText("from outside")
			p.Send(wstest.Close(1000, ""))
			p.WantClose(1000)
			if info := h.info(t, s); info.Code != client.StatusNormalClosure || !info.Remote {
				t.Errorf("%s: %v", tt.name, info)
			}
		})
	}
	time.Sleep(2500 * time.Millisecond)
	for _, f := range rest {
		f()
	}
}

// TestReadersDoze, also those that were inside a frame when they were looked at,
// and what they wait for then wakes them.
func TestReadersDoze(t *testing.T) { onDriversAtOnce(t, testReadersDoze) }

func testReadersDoze(t *testing.T) {
	const peers = 10
	h := newHall()
	var list []*wstest.Peer
	var sessions []*Session
	for range peers {
		near, far := socketPair(t)
		sessions = append(sessions, h.admit(t, far))
		list = append(list, wstest.Wrap(t, near))
	}
	whole := wstest.Text("in two parts").Bytes()
	for _, p := range list {
		p.Write(whole[:5])
	}
	time.Sleep(2500 * time.Millisecond)
	if n := dozing(t, sessions); n > 0 && !h.settings.Inline { // where nobody waits
		t.Errorf("%d readers doze inside of a frame", n)
	}
	for _, p := range list {
		p.Write(whole[5:])
		p.WantText("in two parts")
	}
	for end := time.Now().Add(10 * time.Second); dozing(t, sessions) < peers; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d readers doze", dozing(t, sessions), peers)
		}
	}
	for _, p := range list {
		p.Send(wstest.Text("good morning"))
		p.WantText("good morning")
	}
}
