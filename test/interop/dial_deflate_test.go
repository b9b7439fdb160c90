package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
	dialer "github.com/icsws/icsws/client/dial"
)

// traffic is what the connection has sent and received in bytes of frames.
func (g *guest) traffic() client.Stats {
	return g.conn.Client().(interface{ Stats() client.Stats }).Stats()
}

// zips exchanges messages that compress, that do not, and that do only because they have
// been sent before. It returns what the second of those took each way.
func (g *guest) zips() (out, in uint64) {
	g.t.Helper()
	for _, n := range sizes {
		g.say(text(n))
		g.want(client.OpText, text(n))
		if err := g.conn.SendBinary([]byte(blob(n))); err != nil {
			g.t.Fatal(err)
		}
		g.want(client.OpBinary, blob(n))
	}
	for i := range 300 { // repetition at all distances up to the largest window
		s := blob(100 + i*7%211)
		if err := g.conn.SendBinary([]byte(s)); err != nil {
			g.t.Fatal(err)
		}
		g.want(client.OpBinary, s)
	}
	g.say("!fragments 100 " + text(100_000))
	g.want(client.OpText, text(100_000))
	var before client.Stats
	for range 2 {
		before = g.traffic()
		if err := g.conn.SendBinary([]byte(blob(200))); err != nil {
			g.t.Fatal(err)
		}
		g.want(client.OpBinary, blob(200))
	}
	after := g.traffic()
	return after.BytesOut - before.BytesOut, after.BytesIn - before.BytesIn
}

// D-07: permessage-deflate with takeover both ways and every size of the windows.
func TestDialCompressesWith(t *testing.T) {
	each(t, func(t *testing.T, k foreign) {
		ask := []bits{{}}
		if k.windows {
			for n := 9; n <= 15; n++ {
				ask = append(ask, bits{Server: n}, bits{Client: n}, bits{Server: n, Client: 24 - n})
			}
		}
		for _, b := range ask {
			t.Run(fmt.Sprintf("server %d client %d", b.Server, b.Client), func(t *testing.T) {
				r := k.start(t, setup{Deflate: &b})
				g := visit(t, dialer.Options{URL: "ws://" + r.addr, Compression: client.Compression{Mode: client.CompressionContext, Threshold: -1}})
				i := g.open()
				agreed := i.Header.Get("Sec-WebSocket-Extensions")
				if !i.Compression || !strings.HasPrefix(agreed, "permessage-deflate") {
					t.Fatalf("it opened with %q", agreed)
				}
				wantBits(t, agreed, "server_max_window_bits", b.Server)
				wantBits(t, agreed, "client_max_window_bits", b.Client)
				out, in := g.zips()
				if k.zips && (out > 60 || in > 60) {
					t.Errorf("%s: a message that was sent before took %d bytes out and %d in", agreed, out, in)
				}
				t.Logf("%s: %d out, %d in", agreed, out, in)
				g.say("!close 1000 ")
				g.ended(1000, "", true)
			})
		}
	})
}

func wantBits(t *testing.T, agreed, name string, n int) {
	t.Helper()
	if n > 0 && n < 15 && !strings.Contains(agreed, fmt.Sprintf("%s=%d", name, n)) {
		t.Errorf("%q has no %s of %d", agreed, name, n)
	}
}

// D-07: without takeover on our side, and with a window that we ask for, whether the server
// can limit its own or not; one that does not know the extension gets along without it.
func TestDialAsksForWindows(t *testing.T) {
	each(t, func(t *testing.T, k foreign) {
		for _, c := range []client.Compression{{Mode: client.CompressionMessage}, {Mode: client.CompressionContext, WindowBits: 10}} {
			t.Run(fmt.Sprint(c.Mode, c.WindowBits), func(t *testing.T) {
				r := k.start(t, setup{Deflate: &bits{}})
				g := visit(t, dialer.Options{URL: "ws://" + r.addr, Compression: c, NoReconnect: true})
				i := g.open()
				if t.Log(i.Header.Get("Sec-WebSocket-Extensions")); !i.Compression {
					t.Error("it opened without compression")
				}
				g.zips()
			})
		}
		r := k.start(t, setup{})
		g := visit(t, dialer.Options{URL: "ws://" + r.addr, Compression: client.Compression{Mode: client.CompressionContext}})
		if i := g.open(); i.Compression {
			t.Errorf("it opened with %+v", i)
		}
		g.say("plain")
		g.want(client.OpText, "plain")
	})
}
