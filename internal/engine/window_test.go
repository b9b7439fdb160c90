package engine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/wstest"
)

// phrases are n messages that share words, so that a window is used.
func phrases(n int) []string {
	rnd := rand.New(rand.NewPCG(7, 7))
	words := strings.Fields("alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima")
	list := make([]string, n)
	for i := range list {
		var b strings.Builder
		for size := 100 + rnd.IntN(500); b.Len() < size; {
			fmt.Fprint(&b, words[rnd.IntN(len(words))], rnd.IntN(1000), " ")
		}
		list[i] = b.String()
	}
	return list
}

// damaged counts the messages that do not come as they were sent, when send sends
// them one by one.
func damaged(p *wstest.Peer, list []string, send func(i int)) (n int) {
	for i, want := range list {
		send(i)
		m, err := p.TryMessage()
		if err != nil { // from here on nothing can be read
			return n + len(list) - i
		}
		if string(m.Data) != want {
			n++
		}
	}
	return n
}

// TestControlFramesStayOutOfTheWindow: gws alone adds the payload of pings to the
// window of the compressor, where no peer has it.
func TestControlFramesStayOutOfTheWindow(t *testing.T) {
	list := phrases(40)
	payload := []byte("alpha bravo charlie delta keep-alive")

	h := newHall()
	h.deflate = &takeoverParams
	s, p := h.enter(t)
	n := damaged(p, list, func(i int) {
		p.Send(wstest.Ping(payload)) // the pong has it too
		p.WantPong(payload)
		if _, err := s.Send(client.OpText, []byte(list[i]), false); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("we: %d of %d messages are damaged", n, len(list))
	}

	c, p := (&bare{option: compressed}).enter(t, offer)
	n = damaged(p, list, func(i int) {
		c.WritePing(payload)
		c.WriteString(list[i])
	})
	if n < len(list)/2 {
		t.Errorf("gws alone: %d of %d messages are damaged", n, len(list))
	}
}

// TestBroadcastToUnlikePeers: the Broadcaster of gws takes the parameters of the
// first connection for all. Besides, in v1.9.1, it may use the window of a
// connection whose reader has given that back (writer.go:253, conn.go:118), and
// frames that are pooled again (writer.go:293).
func TestBroadcastToUnlikePeers(t *testing.T) {
	list := phrases(20)
	for i := range list { // too short for gws to compress without takeover, long enough to use the window
		list[i] = (list[i] + list[i] + list[i])[:300+i]
	}
	params := []*deflate.Params{nil, {}, {ServerBits: 9}, &takeoverParams, {ServerTakeover: true}}
	var sessions []*Session
	var peers []*wstest.Peer
	for _, d := range params {
		h := newHall()
		h.deflate = d
		s, p := h.enter(t)
		<-greeted(s)
		sessions, peers = append(sessions, s), append(peers, p)
	}
	for _, text := range list {
		b, err := sessions[0].engine.NewBroadcast(client.Text(text), link.SendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range sessions {
			if _, err := s.Broadcast(b); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(client.OpText, []byte(text+text), false); err != nil {
				t.Fatal(err)
			}
			peers[i].WantText(text)
			peers[i].WantText(text + text)
		}
	}

	b := &bare{option: compressed}
	first, p := b.enter(t, "permessage-deflate; server_no_context_takeover")
	second, p2 := b.enter(t, offer)
	n := damaged(p2, list, func(i int) {
		cast := gws.NewBroadcaster(gws.OpcodeText, []byte("before: "+list[i]))
		cast.Broadcast(first)
		cast.Broadcast(second)
		p.ReadMessage()
		p2.TryMessage()
		cast.Close()
		second.WriteString(list[i])
	})
	if n < len(list)/2 {
		t.Errorf("gws alone: %d of %d messages after a broadcast are damaged", n, len(list))
	}
}

// greeted is closed when the banner is out, and broadcasts are not held any more.
func greeted(s *Session) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		for s.held.Load() {
			runtime.Gosched()
		}
	}()
	return c
}
