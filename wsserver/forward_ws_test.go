package wsserver_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// behindProxy is a target that is a server of ours, and a proxy before it.
func behindProxy[T client.Client](t *testing.T, f wsserver.ClientFactory[T], cfg wsserver.Config, edit func(*wsserver.Config)) *clienttest.Listener {
	t.Helper()
	inner := serve(t, newServerOf(t, f, cfg))
	s := &service{Listener: inner}
	s.target = forward.Target{URL: "ws://target.example", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return inner.Dial(ctx) }}
	own := wsserver.Config{Forward: &s.target}
	if edit != nil {
		edit(&own)
	}
	return serve(t, newServerOf(t, wsserver.NoClients(), own))
}

// F-04: messages of every kind and length stay what they are, in both directions, with
// compression on our side alone.
func TestMessagesToAWebSocketTargetStayWhatTheyAre(t *testing.T) {
	for _, zip := range []client.Compression{{}, {Mode: client.CompressionContext}} {
		synctest.Test(t, func(t *testing.T) {
			l := behindProxy(t, wsserver.Class[parrot](), wsserver.Config{MaxMessageSize: 4 << 20}, func(c *wsserver.Config) { c.Compression = zip })
			p := raw(t, l)
			if zip.Mode != 0 {
				p = wstest.OpenDeflate(p, "/", "permessage-deflate; client_max_window_bits")
			} else {
				p = wstest.Open(p, "/")
			}
			for _, n := range []int{0, 1, 125, 126, 1000, 32 << 10, 32<<10 + 1, 65535, 65536, 300_000, 2 << 20} {
				data := bytes.Repeat([]byte("0123456789abcdeé"), n/17+1)[:n/17*17]
				p.Send(wstest.Text(string(data)))
				p.WantMessage(wstest.OpText, data)
				p.Send(wstest.Binary(data).Split(len(data)/3, len(data)/3)...)
				p.WantMessage(wstest.OpBinary, data)
			}
			p.Send(wstest.Ping([]byte("mine")))
			p.WantPong([]byte("mine"))
			p.Send(wstest.Close(4001, "bye"))
			p.WantClose(4001)
		})
	}
}

// F-04: the target learns who comes, and chooses the sub-protocol.
func TestWebSocketTargetIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			h := r.Header
			d.add(fmt.Sprint(r.RawURI, " ", r.HostHeader, " ", r.Origin, " ", h["X-Forwarded-For"], h.Get("X-Forwarded-Proto"), h.Get("X-Forwarded-Host"), h["Cookie"], h.Get("X-Other"), r.SubProtocols))
			return d.guest(), r.Select("b")
		}
		l := behindProxy(t, d, wsserver.Config{AllowedOrigins: []string{"*"}}, func(c *wsserver.Config) {
			c.AllowedOrigins = []string{"*"}
			c.SubProtocols = []string{"a"}
			c.Forward.HeaderNames = []string{"cookie"}
		})
		p := clienttest.Dial(t, l, "/room?x=1", clienttest.DialOptions{
			Host: "front.example", Origin: "https://app.example", SubProtocols: []string{"a", "b"}, Remote: netip.MustParseAddrPort("192.0.2.9:1"),
			Header: http.Header{"X-Forwarded-For": {"203.0.113.1"}, "Cookie": {"id=1"}, "X-Other": {"secret"}},
		})
		if p.SubProtocol() != "b" {
			t.Errorf("the sub-protocol is %q", p.SubProtocol())
		}
		want := "/room?x=1 target.example https://app.example [192.0.2.9]httpfront.example[id=1][a b]"
		if got := d.lines()[1]; got != want {
			t.Errorf("the target was told\n%s, want\n%s", got, want)
		}
	})
}

// F-04: what the target says about who may come is passed on, all else is 502.
func TestRefusalOfAWebSocketTarget(t *testing.T) {
	for target, want := range map[int]int{401: 401, 403: 403, 404: 404, 400: 502, 429: 502, 500: 502, 503: 502, 302: 502} {
		synctest.Test(t, func(t *testing.T) {
			f := wsserver.Factory[*parrot]{New: func(r *client.OpenRequest) (*parrot, error) {
				return nil, &client.RejectError{Status: target, Header: http.Header{"WWW-Authenticate": {"Basic"}, "X-Inside": {"1"}}, Body: "inside"}
			}}
			var rej rejections
			l := behindProxy(t, f, wsserver.Config{}, func(c *wsserver.Config) { c.Events.OnReject = rej.add })
			r := raw(t, l).Request(wstest.Upgrade("/"))
			if r.Status != want || (r.Header.Get("WWW-Authenticate") != "") != (want == 401) || r.Header.Get("X-Inside") != "" || strings.Contains(r.Body, "inside") {
				t.Errorf("%d became %+v", target, r)
			}
			if i := rej.all()[0]; i.Reason != wsserver.ReasonForward || !strings.Contains(i.Err.Error(), fmt.Sprint(target)) {
				t.Errorf("refused with %+v", i)
			}
		})
	}
}

// F-04: an answer that is none to a WebSocket handshake is 502.
func TestWrongAnswerOfATarget(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.0 101 X\r\n\r\n", "SSH-2.0-x\r\n", "", "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + wstest.SampleAccept + "\r\n\r\n",
		"HTTP/1.1 101 X\r\nX: " + strings.Repeat("x", 20_000) + "\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, func(conn net.Conn) { fmt.Fprint(conn, answer) })
			s.target.URL, s.target.Host, s.target.Port = "ws://target.example/", "", 0
			l := serve(t, newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target}))
			if r := raw(t, l).Request(wstest.Upgrade("/")); r.Status != 502 {
				t.Errorf("%.40q became %d", answer, r.Status)
			}
		})
	}
}

// pair is a peer of the proxy and the raw target that it has reached.
func pair(t *testing.T, edit func(*wsserver.Config)) (p, target *wstest.Peer) {
	t.Helper()
	inner := clienttest.NewListener()
	cfg := wsserver.Config{PingInterval: -1, Forward: &forward.Target{URL: "ws://target.example/", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return inner.Dial(ctx) }}}
	if edit != nil {
		edit(&cfg)
	}
	l := serve(t, newServerOf(t, wsserver.NoClients(), cfg))
	accepted := make(chan *wstest.Peer, 1)
	go func() {
		conn, err := inner.Accept()
		if err == nil {
			q, _ := wstest.Accepted(t, conn)
			accepted <- q
		}
	}()
	p = wstest.Open(raw(t, l), "/")
	t.Cleanup(func() { inner.Close() })
	return p, <-accepted
}

// F-04: close codes and reasons go through in both directions; what must not travel is
// mapped.
func TestCloseCodesGoThrough(t *testing.T) {
	for _, tt := range []struct {
		name         string
		begin        func(p, target *wstest.Peer)
		peer, target int // what each of them gets; 0: nothing
	}{
		{"target 4000", func(_, q *wstest.Peer) { q.Send(wstest.Close(4000, "x")) }, 4000, 4000},
		{"target 1001", func(_, q *wstest.Peer) { q.Send(wstest.Close(1001, "")) }, 1001, 1001},
		{"target without a code", func(_, q *wstest.Peer) { q.Send(wstest.EmptyClose()) }, 1000, 1005},
		{"target with a bad code", func(_, q *wstest.Peer) { q.Send(wstest.Close(1006, "")) }, 1011, 1002},
		{"target with half a code", func(_, q *wstest.Peer) { q.Send(wstest.Frame{Op: wstest.OpClose, Payload: []byte{3}}) }, 1011, 1002},
		{"target with a bad reason", func(_, q *wstest.Peer) { q.Send(wstest.Close(1000, "\xff")) }, 1011, 1007},
		{"target gone", func(_, q *wstest.Peer) { q.CloseWrite() }, 1011, 1001},
		{"target reset", func(_, q *wstest.Peer) { q.Drop() }, 1011, 0},
		{"target breaks the rules", func(_, q *wstest.Peer) { q.Send(wstest.Frame{Op: 3}) }, 1011, 1002},
		{"target masks", func(_, q *wstest.Peer) { _ = q.TryWrite([]byte{0x82, 0x80, 1, 2, 3, 4}) }, 1011, 1002},
		{"target sends text that is none", func(_, q *wstest.Peer) { q.Send(wstest.Text("\xff")) }, 1011, 1001},
		{"target cuts a message", func(_, q *wstest.Peer) { q.Send(wstest.Text("x").Open()); q.CloseWrite() }, 1011, 1001},
		{"peer 4001", func(p, _ *wstest.Peer) { p.Send(wstest.Close(4001, "y")) }, 4001, 4001},
		{"peer without a code", func(p, _ *wstest.Peer) { p.Send(wstest.EmptyClose()) }, 1000, 1005},
		{"peer lost", func(p, _ *wstest.Peer) { p.Drop() }, 0, 1001},
		{"peer breaks the rules", func(p, _ *wstest.Peer) { p.Send(wstest.Frame{Op: 3}) }, 1002, 1001},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, q := pair(t, nil)
				tt.begin(p, q)
				code := func(p *wstest.Peer) int {
					for {
						f, err := p.NextFrame()
						if err != nil {
							return 0
						}
						if f.Op == wstest.OpClose {
							c, _ := f.CloseCode()
							return c
						}
					}
				}
				got := code(p)
				_ = p.TryWrite(p.Encode(wstest.Close(1000, "")))
				if want := code(q); got != tt.peer && !(tt.peer == 1000 && got == 1005) || want != tt.target {
					t.Errorf("the peer got %d, the target %d; want %d, %d", got, want, tt.peer, tt.target)
				}
				p.Drop()
				q.Drop()
			})
		})
	}
}

// F-04: fragments are passed on as they come, and memory does not depend on the message;
// pings of either side are answered on that side, also in the middle.
func TestFragmentsPassThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q := pair(t, nil)
		q.Send(wstest.Text("one ").Open(), wstest.Ping([]byte("t")))
		q.WantPong([]byte("t"))
		f, err := p.NextFrame()
		if err != nil || !f.More || string(f.Payload) != "one " || f.Op != wstest.OpText {
			t.Errorf("the peer got %+v, %v", f, err)
		}
		q.Send(wstest.Continuation([]byte("two")))
		got := ""
		for f.More {
			if f, err = p.NextFrame(); err != nil {
				t.Fatal(err)
			}
			got += string(f.Payload)
		}
		if got != "two" {
			t.Errorf("then it got %q", got)
		}
		p.Send(wstest.Binary([]byte("three ")).Open(), wstest.Ping([]byte("p")))
		p.WantPong([]byte("p"))
		f, err = q.NextFrame()
		if err != nil || !f.More || string(f.Payload) != "three " || f.Op != wstest.OpBinary {
			t.Errorf("the target got %+v, %v", f, err)
		}
		p.Send(wstest.Continuation([]byte("four")))
		if f, err = q.NextFrame(); err != nil || f.More || string(f.Payload) != "four" || f.Op != wstest.OpContinuation {
			t.Errorf("then it got %+v, %v", f, err)
		}
		p.Drop()
		q.Drop()
	})
}

// F-04: an idle time that ends within a frame of the target loses nothing.
func TestIdleTimeoutWithinAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q := pair(t, func(c *wsserver.Config) { c.Forward.IdleTimeout = 2 * time.Second })
		p.Timeout = time.Minute
		go func() {
			for range 20 {
				time.Sleep(time.Second)
				_ = p.TryWrite(p.Encode(wstest.Binary([]byte("x"))))
			}
		}()
		for _, b := range q.Encode(wstest.Text("slow")) {
			time.Sleep(2500 * time.Millisecond)
			_ = q.TryWrite([]byte{b})
		}
		p.WantText("slow")
		p.WantClose(1001)
		p.Drop()
		q.Drop()
	})
}

// F-01, H-11: each host has its own target, and none with nil.
func TestHostsHaveTheirTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		say := func(word string) *forward.Target {
			return &newService(t, func(conn net.Conn) { fmt.Fprint(conn, word) }).target
		}
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{
			Hosts: []hosts.Host{
				{Tag: "a", Names: []string{"a.example"}, Port: 80}, {Tag: "b", Names: []string{"b.example"}, Port: 80},
				{Tag: "c", Names: []string{"c.example"}, Port: 80},
			},
			Forward:       say("default"),
			ForwardByHost: map[string]*forward.Target{"b": say("own"), "c": nil},
		})
		l := serve(t, srv)
		for host, want := range map[string]string{"a.example": "default", "b.example": "own"} {
			p := clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: host})
			if m := p.Receive(); string(m.Data) != want {
				t.Errorf("%s has the target %q", host, m.Data)
			}
		}
		if _, r, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Host: "c.example"}); err == nil || r.StatusCode != 500 {
			t.Errorf("without a target: %v", err)
		}
	})
}

// F-01, F-05: a target that can not be is an error of New that names the field.
func TestBadTargetsAreRefusedByNew(t *testing.T) {
	bad := &forward.Target{Host: "a.example"}
	for want, cfg := range map[string]wsserver.Config{
		"Forward.Port":            {Forward: bad},
		`ForwardByHost["x"].Port`: {Hosts: []hosts.Host{{Tag: "x", Names: []string{"x.example"}, Port: 80}}, ForwardByHost: map[string]*forward.Target{"x": bad}},
		`ForwardByHost["y"]`:      {ForwardByHost: map[string]*forward.Target{"y": nil}},
	} {
		_, err := wsserver.New(wsserver.NoClients(), cfg)
		if err == nil || !strings.Contains(err.Error(), want+":") {
			t.Errorf("New = %v, want one about %s", err, want)
		}
	}
}
