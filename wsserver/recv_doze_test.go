//go:build unix

package wsserver_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// a reader that has dozed off is paused and goes on as any other; one that is paused does not
// doze away its pause.
func TestPauseOfADozingReader(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		t.Run(fmt.Sprint("pieces ", pieces), func(t *testing.T) {
			onDriversAtOnce(t, func(t *testing.T) { testPauseOfADozingReader(t, pieces) })
		})
	}
}

func testPauseOfADozingReader(t *testing.T, pieces bool) {
	l := newLobby(pieces)
	var got atomic.Int32
	l.collect(func(*visitor, client.Opcode, []byte) error { got.Add(1); return nil })
	srv, v, p := l.visitOver(t, "tcp", wsserver.Config{PingInterval: -1})
	asleep := func() int { return dozing(t, srv) }
	eventually(t, "the reader dozes", func() bool { return asleep() == 1 })
	v.SetAcceptData(false)
	eventually(t, "it has woken", func() bool { return asleep() == 0 })
	p.Send(wstest.Text("a"), wstest.Text("b"))
	// The sweep that comes by sends nobody to sleep who is paused.
	for start := time.Now(); time.Since(start) < 1500*time.Millisecond; time.Sleep(50 * time.Millisecond) {
		if got.Load() != 0 {
			t.Fatal("a message comes in a pause")
		}
	}
	v.SetAcceptData(true)
	eventually(t, "the messages", func() bool { return got.Load() == 2 })
	eventually(t, "the reader dozes again", func() bool { return asleep() == 1 })
	p.Send(wstest.Text("c"), wstest.Close(1000, ""))
	p.WantClose(1000)
	if i := l.ended(t); i.Code != 1000 || got.Load() != 3 {
		t.Errorf("%d messages, %v", got.Load(), i)
	}
}

// a reader dozes off wherever a peer may pause in the middle of a message in pieces, inside
// of a frame or a rune too, and goes on where it was.
func TestPiecesBehindADoze(t *testing.T) { onDrivers(t, testPiecesBehindADoze) }

func testPiecesBehindADoze(t *testing.T) {
	text := strings.Repeat("Grüße 𝄞 ", 50)
	whole := wstest.Text(text).Bytes()
	clef := strings.Index(text, "𝄞")
	var cases []func()
	var servers []*wsserver.Server[visiting]
	for name, cut := range map[string]func(p *wstest.Peer) (before, after []byte){
		"inside a header":   func(*wstest.Peer) (_, _ []byte) { return whole[:3], whole[3:] },
		"behind a header":   func(*wstest.Peer) (_, _ []byte) { return whole[:8], whole[8:] },
		"inside a frame":    func(*wstest.Peer) (_, _ []byte) { return whole[:108], whole[108:] },
		"inside a rune":     func(*wstest.Peer) (_, _ []byte) { return whole[:8+clef+2], whole[8+clef+2:] },
		"between fragments": func(*wstest.Peer) (_, _ []byte) { return split(wstest.Text(text), clef+1) },
		"compressed":        func(p *wstest.Peer) (_, _ []byte) { return split(p.Compressed(wstest.OpText, []byte(text)), 20) },
	} {
		l := newLobby(true)
		got := make(chan string, 1)
		l.collect(func(_ *visitor, _ client.Opcode, data []byte) error { got <- string(data); return nil })
		srv := newServerOf(t, l, wsserver.Config{Addr: "127.0.0.1:0", PingInterval: -1, Compression: client.Compression{Mode: client.CompressionContext}})
		servers = append(servers, srv)
		p := wstest.OpenDeflate(wstest.DialTCP(t, open(t, srv)), "/", "permessage-deflate")
		before, after := cut(p)
		p.Write(before)
		cases = append(cases, func() {
			p.Write(after)
			if s := <-got; s != text {
				t.Errorf("%s: %q is received", name, s)
			}
			p.Send(wstest.Close(1000, ""))
			p.WantClose(1000)
			if i := l.ended(t); i.Code != 1000 {
				t.Errorf("%s: %v", name, i)
			}
		})
	}
	// A header that is not whole is in a buffer, so its reader may keep its stack.
	eventually(t, "the readers doze", func() bool {
		if drivingOf(t).driver == wsserver.DriverGoroutine {
			return awaiting() >= len(cases)-1
		}
		n := 0
		for _, srv := range servers {
			n += srv.Stats().Dormant
		}
		return n >= len(cases)-1
	})
	for _, f := range cases {
		f()
	}
}

// split is a frame in two fragments.
func split(f wstest.Frame, at int) (first, second []byte) {
	frames := f.Split(at)
	return frames[0].Bytes(), frames[1].Bytes()
}
