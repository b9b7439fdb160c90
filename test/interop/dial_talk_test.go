package interop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	dialer "github.com/icsws/icsws/client/dial"
)

// each runs a test against every kind of server.
func each(t *testing.T, f func(t *testing.T, k foreign)) {
	for _, k := range foreigns() {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

func blob(n int) string {
	b, rnd := make([]byte, n), rand.New(rand.NewPCG(uint64(n), 7))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return string(b)
}

// text is n bytes of UTF-8.
func text(n int) string {
	const words = "Grüße an 世界. "
	return strings.Repeat(words, n/len(words)) + strings.Repeat("x", n%len(words))
}

var sizes = []int{0, 1, 125, 126, 127, 4096, 65535, 65536, 65537, 1 << 20}

// D-01, D-03, D-04, D-06, D-40: messages of all sizes both ways, fragments, pings both ways,
// the sub-protocol, and the header lines that the server has seen.
func TestDialTalksTo(t *testing.T) {
	each(t, func(t *testing.T, k foreign) {
		for _, zip := range []bool{false, true} {
			t.Run(fmt.Sprintf("compressed %v", zip), func(t *testing.T) {
				o := dialer.Options{SubProtocols: []string{"chat.v9", "chat.v2"}, Header: http.Header{"Cookie": {"a=b"}, "X-Token": {"let me in"}, "Origin": {"https://chat.example"}}}
				s := setup{}
				if zip {
					o.Compression.Mode, s.Deflate = client.CompressionContext, &bits{}
				}
				r := k.start(t, s)
				o.URL = "ws://" + r.addr + "/room?name=M%C3%BCller"
				g := visit(t, o)
				if i := g.open(); i.Protocol != "chat.v2" || i.Compression != zip || i.URI != "/room?name=M%C3%BCller" || i.Status != 101 {
					t.Errorf("it opened with %+v", i)
				}
				talks(t, g)
				headers(t, g, r)
			})
		}
	})
}

func talks(t *testing.T, g *guest) {
	t.Helper()
	for _, n := range sizes {
		g.say(text(n))
		g.want(client.OpText, text(n))
		if err := g.conn.SendBinary([]byte(blob(n))); err != nil {
			t.Fatal(err)
		}
		g.want(client.OpBinary, blob(n))
	}
	for i := range 200 { // without waiting
		g.say(fmt.Sprint("message ", i))
	}
	for i := range 200 {
		g.want(client.OpText, fmt.Sprint("message ", i))
	}
	for _, n := range []int{5, 1000, 300_000} {
		g.say(fmt.Sprintf("!fragments %d %s", max(n/50, 1), strings.Repeat("y", n)))
		g.want(client.OpText, strings.Repeat("y", n))
	}
	g.say("!ping hello")
	g.want(client.OpText, "pong hello")
	before := g.conn.Client().(interface{ Stats() client.Stats }).Stats().LastRead
	if err := g.conn.Ping([]byte("there?")); err != nil {
		t.Fatal(err)
	}
	g.say("behind the ping")
	g.want(client.OpText, "behind the ping")
	if after := g.conn.Client().(interface{ Stats() client.Stats }).Stats().LastRead; after.Before(before) {
		t.Errorf("the last byte came at %v, before %v", after, before)
	}
	g.say("!protocol")
	g.want(client.OpText, "chat.v2")
}

func headers(t *testing.T, g *guest, r *running) {
	t.Helper()
	g.say("!headers")
	var seen map[string]string
	if err := json.Unmarshal(next(t, g.got, "the header").Data, &seen); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"host": r.addr, "cookie": "a=b", "x-token": "let me in", "origin": "https://chat.example",
		"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13", "sec-websocket-protocol": "chat.v9, chat.v2",
	} {
		if seen[name] != want {
			t.Errorf("the server has seen %s: %q, want %q", name, seen[name], want)
		}
	}
	if len(seen["sec-websocket-key"]) != 24 {
		t.Errorf("the key is %q", seen["sec-websocket-key"])
	}
}

// D-05, D-21, D-22, E-05: codes and reasons both ways. Whoever begins, the server ends the
// stream first (RFC 6455 section 7.1.1), and the client comes back unless it has stopped.
func TestDialClosesWith(t *testing.T) {
	each(t, func(t *testing.T, k foreign) {
		r := k.start(t, setup{})
		for _, code := range []client.StatusCode{1000, 1001, 1011, 3000, 4999} {
			t.Run(fmt.Sprintf("ours %d", code), func(t *testing.T) {
				addr, first := tap(t, r.addr)
				g := visit(t, dialer.Options{URL: "ws://" + addr})
				g.open()
				if err := g.conn.Stop(t.Context(), code, "für heute"); err != nil {
					t.Error(err)
				}
				g.ended(code, "für heute", false)
				if c := next(t, r.closed, "the server's end"); c != (closing{int(code), "für heute"}) {
					t.Errorf("the server was told %v", c)
				}
				if who := next(t, first, "the end"); !strings.HasPrefix(who, "server") {
					t.Errorf("%s ended the stream first", who)
				}
				if i := next(t, g.stop, "OnStop"); !i.Local || i.Close.Code != code {
					t.Errorf("OnStop got %+v", i)
				}
			})
			t.Run(fmt.Sprintf("theirs %d", code), func(t *testing.T) {
				addr, first := tap(t, r.addr)
				g := visit(t, dialer.Options{URL: "ws://" + addr, NoReconnect: true})
				g.open()
				g.say(fmt.Sprintf("!close %d auf Wiedersehen, 世界", code))
				g.ended(code, "auf Wiedersehen, 世界", true)
				if c := next(t, r.closed, "the server's end"); c != (closing{int(code), "auf Wiedersehen, 世界"}) {
					t.Errorf("the server was told %v", c)
				}
				if who := next(t, first, "the end"); !strings.HasPrefix(who, "server") {
					t.Errorf("%s ended the stream first", who)
				}
				next(t, g.stop, "OnStop")
			})
		}
	})
}

// D-05: 1008 of the server is final; 1012 is not, and its hint is how long the client stays
// away at least.
func TestDialAndTheCodesOf(t *testing.T) {
	each(t, func(t *testing.T, k foreign) {
		r := k.start(t, setup{})
		g := visit(t, dialer.Options{URL: "ws://" + r.addr, MinWait: time.Millisecond, MaxWait: time.Millisecond})
		g.open()
		g.say("!close 1012 " + client.WithReturnHint("we restart", 600*time.Millisecond))
		g.ended(1012, "we restart; retry-after=0.6", true)
		begun := time.Now()
		if i := g.open(); !i.Reopened || time.Since(begun) < 500*time.Millisecond {
			t.Errorf("after %v it opened with %+v", time.Since(begun), i)
		}
		g.say("here again")
		g.want(client.OpText, "here again")
		g.say("!close 1008 not you")
		g.ended(1008, "not you", true)
		if i := next(t, g.stop, "OnStop"); i.Local || i.Err == nil || i.Close.Code != 1008 {
			t.Errorf("OnStop got %+v", i)
		}
	})
}
