package wsserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// F-01, F-02, F-03: what the client sends reaches the target as bytes and comes back as
// binary messages. Hooks see the client, its factory and the list of clients do not, and it
// has a place.
func TestForwardedBytesGoBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, echoes)
		var j journal
		cfg := wsserver.Config{Forward: &s.target, Banner: banner.Policy{Welcome: "hi", MaxClients: 1}}
		watch(&cfg, &j, nil)
		srv := newServerOf(t, wsserver.NoClients(), cfg)
		l := serve(t, srv)
		p := clienttest.Dial(t, l, "/")
		p.SendText("hello, ")
		p.SendBinary([]byte("world"))
		if got := receiveAll(p, 12); string(got) != "hello, world" {
			t.Errorf("received %q", got)
		}
		st := srv.Stats()
		if st.Forwarded != 1 || st.ForwardedAll != 1 || st.Clients != 0 || srv.ClientCount() != 0 || st.MessagesIn != 2 {
			t.Errorf("the figures are %+v", st)
		}
		for c := range srv.Clients() {
			t.Errorf("%d is among the clients", c.ID())
		}
		if n := srv.Broadcast(client.Message{Op: client.OpText, Data: []byte("x")}); n != 0 {
			t.Errorf("%d took a broadcast", n)
		}
		if _, _, err := clienttest.TryDial(t, l, "/"); !errors.Is(err, clienttest.ErrRefused) {
			t.Errorf("a second one over the limit: %v", err)
		}
		p.Close(1000, "")
		p.WaitEnd()
		synctest.Wait()
		if st := srv.Stats(); st.Forwarded != 0 || st.ForwardedAll != 1 || st.TargetErrors != 0 {
			t.Errorf("in the end the figures are %+v", st)
		}
		if got, want := j.lines(), []string{"create", "connect", "disconnect"}; !slices.Equal(got, want) {
			t.Errorf("hooks saw %q", got)
		}
		clienttest.Dial(t, l, "/") // the place is free
	})
}

// F-03: a target that can not be reached is 502, one that takes too long 504, before any
// 101, with reason, error and log.
func TestUnreachableTargetIsAnswered(t *testing.T) {
	never := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	silent := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far) // until our end is closed
		return near, nil
	}
	for _, tt := range []struct {
		name   string
		target forward.Target
		status int
		op     string
		after  time.Duration
	}{
		{"refused", forward.Target{Host: "t.example", Port: 1, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}}, 502, "dial", 0},
		{"nothing", forward.Target{Host: "t.example", Port: 1, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}, 502, "dial", 0},
		{"never", forward.Target{Host: "t.example", Port: 1, Dial: never}, 504, "dial", 5 * time.Second},
		{"sooner", forward.Target{Host: "t.example", Port: 1, Dial: never, DialTimeout: time.Second}, 504, "dial", time.Second},
		{"handshake timeout", forward.Target{Host: "t.example", Port: 1, Dial: never, DialTimeout: -1}, 504, "dial", 10 * time.Second},
		{"silent TLS", forward.Target{Host: "t.example", Port: 1, TLS: true, Dial: silent}, 504, "tls", 5 * time.Second},
		{"silent WebSocket", forward.Target{URL: "ws://t.example", Dial: silent}, 504, "handshake", 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var rej rejections
				var j journal
				cfg := wsserver.Config{Forward: &tt.target, Events: wsserver.Events{OnReject: rej.add}}
				watch(&cfg, &j, nil)
				srv := newServerOf(t, wsserver.NoClients(), cfg)
				begin := time.Now()
				p := raw(t, serve(t, srv))
				p.Timeout = time.Minute
				if r := p.Request(wstest.Upgrade("/")); r.Status != tt.status {
					t.Errorf("the answer is %d %q", r.Status, r.Body)
				}
				if d := time.Since(begin); d < tt.after || d > tt.after+time.Second/2 {
					t.Errorf("answered after %v", d)
				}
				list := rej.all()
				var te *forward.TargetError
				if len(list) != 1 || list[0].Reason != wsserver.ReasonForward || list[0].Status != tt.status || !errors.As(list[0].Err, &te) || te.Op != tt.op {
					t.Fatalf("refused were %+v", list)
				}
				if te.Timeout() != (tt.status == 504) {
					t.Errorf("Timeout of %v", te)
				}
				if len(j.lines()) != 0 || srv.Stats().Refused["forward target"] != 1 || srv.Stats().Forwarded != 0 {
					t.Errorf("hooks saw %q, figures %+v", j.lines(), srv.Stats())
				}
			})
		})
	}
}

// F-03, X-12: the dial ends when the server does, and the peer is told so.
func TestShutdownEndsADial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &forward.Target{Host: "t.example", Port: 1, Dial: never}})
		p := raw(t, serve(t, srv))
		begin := time.Now()
		status := make(chan int, 1)
		go func() { status <- p.Request(wstest.Upgrade("/")).Status }()
		synctest.Wait()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := <-status; got != 503 || time.Since(begin) > 2*time.Second {
			t.Errorf("answered %d after %v", got, time.Since(begin))
		}
	})
}

// F-03: the end of the target's stream is 1000, behind everything that it has sent.
func TestEndOfTargetIsNormalClosure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
		s := newService(t, func(conn net.Conn) { _, _ = conn.Write(data) })
		var infos []client.CloseInfo
		var j journal
		cfg := wsserver.Config{Forward: &s.target}
		watch(&cfg, &j, &infos)
		p := clienttest.Dial(t, serve(t, newServerOf(t, wsserver.NoClients(), cfg)), "/")
		time.Sleep(time.Second) // a slow reader
		if got := receiveAll(p, len(data)); !bytes.Equal(got, data) {
			t.Errorf("received %d bytes, or others", len(got))
		}
		if e := p.ReceiveClose(); e.Code != 1000 {
			t.Errorf("closed with %v", e)
		}
		p.WaitEnd()
		synctest.Wait()
		if len(infos) != 1 || infos[0].Code != 1000 || infos[0].Remote || !errors.Is(infos[0].Cause, forward.ErrTargetClosed) {
			t.Errorf("the end is %+v", infos)
		}
	})
}

// F-03: the client's close frame is the end of its stream to the target, which may still
// send: that is dropped, and no reset destroys what it has yet to read.
func TestCloseOfClientIsHalfCloseToTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string, 1)
		s := newService(t, func(conn net.Conn) {
			time.Sleep(time.Second / 2) // it has not read yet
			_, werr := conn.Write(make([]byte, 500_000))
			b, err := io.ReadAll(conn)
			_, after := conn.Write([]byte("one more thing")) // half of the connection is still there
			got <- fmt.Sprintf("%s %v %v %v", b, err, werr, after)
		})
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
		p := clienttest.Dial(t, serve(t, srv), "/")
		p.SendText("last words")
		p.Close(1000, "")
		p.WaitEnd()
		if g := <-got; g != "last words <nil> <nil> <nil>" {
			t.Errorf("the target got %s", g)
		}
	})
}

// F-03: a target that resets, and one that fails otherwise, is 1011, with a typed cause, a
// counter and a line in the log.
func TestResetOfTargetIsInternalError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, func(conn net.Conn) {
			b := make([]byte, 5)
			_, _ = io.ReadFull(conn, b)
			_ = conn.(interface{ SetLinger(int) error }).SetLinger(0)
		})
		var infos []client.CloseInfo
		var j journal
		cfg := wsserver.Config{Forward: &s.target}
		watch(&cfg, &j, &infos)
		srv := newServerOf(t, wsserver.NoClients(), cfg)
		p := clienttest.Dial(t, serve(t, srv), "/")
		p.SendText("hello")
		if e := p.ReceiveClose(); e.Code != 1011 {
			t.Errorf("closed with %v", e)
		}
		p.WaitEnd()
		synctest.Wait()
		var te *forward.TargetError
		if len(infos) != 1 || !errors.As(infos[0].Cause, &te) || !errors.Is(te, syscall.ECONNRESET) || te.Target != "tcp://target.example:7" {
			t.Errorf("the end is %+v", infos)
		}
		if n := srv.Stats().TargetErrors; n != 1 {
			t.Errorf("%d targets have failed", n)
		}
	})
}

// F-03: a client that is lost closes its target.
func TestLostClientClosesTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan error, 1)
		s := newService(t, func(conn net.Conn) { _, err := io.Copy(io.Discard, conn); gone <- err })
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
		p := wstest.Open(raw(t, serve(t, srv)), "/")
		synctest.Wait()
		begin := time.Now()
		p.Drop()
		<-gone
		if time.Since(begin) > 0 {
			t.Errorf("closed after %v", time.Since(begin))
		}
	})
}

// F-03: what the target sends becomes text, whole runes in each message; what is not UTF-8
// is 1011.
func TestTextOfTarget(t *testing.T) {
	for _, tt := range []struct {
		name  string
		parts []string
		code  int
	}{
		{"runes cut everywhere", []string{"a\xc3", "\xa4\xe2", "\x82", "\xac\xf0\x9f", "\x98", "\x80z"}, 1000},
		{"long", []string{strings.Repeat("€", 50_000)}, 1000},
		{"a wrong byte", []string{"good", "\xff"}, 1011},
		{"half a rune at the end", []string{"good\xe2\x82"}, 1011},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, func(conn net.Conn) {
					for _, part := range tt.parts {
						_, _ = io.WriteString(conn, part)
						time.Sleep(time.Millisecond)
					}
				})
				s.target.Text = true
				srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
				p := wstest.Open(raw(t, serve(t, srv)), "/") // which checks UTF-8
				var got strings.Builder
				for {
					m, err := p.TryMessage()
					if err != nil {
						break
					}
					if m.Op != wstest.OpText || len(m.Data) > 32<<10 {
						t.Errorf("a message of %d bytes with opcode %d", len(m.Data), m.Op)
					}
					got.Write(m.Data)
				}
				if want := strings.Join(tt.parts, ""); tt.code == 1000 && got.String() != want {
					t.Errorf("received %d bytes, want %d", got.Len(), len(want))
				}
				synctest.Wait()
				if n := srv.Stats().TargetErrors; (n == 1) != (tt.code == 1011) {
					t.Errorf("%d targets have failed", n)
				}
			})
		})
	}
}

// F-03: a target that takes nothing keeps us from reading from the client, so memory is
// bounded, and after WriteTimeout it is given up.
func TestStalledTargetHoldsTheClientBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newService(t, func(net.Conn) { <-release })
		defer close(release)
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
		p := wstest.Open(raw(t, serve(t, srv)), "/")
		p.Timeout = 10 * time.Minute
		sent := make(chan int, 1)
		go func() {
			n, piece := 0, p.Encode(wstest.Binary(make([]byte, 10_000)))
			for p.TryWrite(piece) == nil {
				n += len(piece)
			}
			sent <- n
		}()
		begin := time.Now()
		synctest.Wait()
		st := srv.Stats()
		if st.BytesIn > 400_000 {
			t.Errorf("%d bytes were read for a target that takes nothing", st.BytesIn)
		}
		p.WantClose(1011)
		if d := time.Since(begin); d < time.Minute || d > 65*time.Second {
			t.Errorf("given up after %v", d)
		}
		p.Drop()
		<-sent
	})
}

// F-03: while the target stalls and the client waits the clocks for silence stand still,
// and what has come is not lost.
func TestSlowTargetGetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := bytes.Repeat([]byte("0123456789"), 60_000)
		got := make(chan []byte, 1)
		s := newService(t, func(conn net.Conn) {
			time.Sleep(50 * time.Second)
			b, _ := io.ReadAll(conn)
			got <- b
		})
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
		p := wstest.Open(raw(t, serve(t, srv)), "/")
		p.Timeout = 10 * time.Minute
		p.SendChopped(5000, wstest.Binary(data))
		p.Send(wstest.Close(1000, ""))
		p.WantClose(1000)
		if b := <-got; !bytes.Equal(b, data) {
			t.Errorf("the target got %d bytes, or others", len(b))
		}
	})
}

// F-03: a client that reads slowly keeps us from reading from the target.
func TestFloodOfTargetWaitsForTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := bytes.Repeat([]byte("0123456789"), 500_000)
		s := newService(t, func(conn net.Conn) { _, _ = conn.Write(data) })
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
		p := clienttest.Dial(t, serve(t, srv), "/")
		p.Pause()
		synctest.Wait()
		if st := srv.Stats(); st.Buffered > 300_000 || st.Buffered < 200_000 {
			t.Errorf("%d bytes wait for the client", st.Buffered)
		}
		p.Resume()
		if got := receiveAll(p, len(data)); !bytes.Equal(got, data) {
			t.Errorf("received %d bytes, or others", len(got))
		}
		p.ReceiveClose()
	})
}

// F-03: one that reads nothing is ended by Config.WriteTimeout, and its target with it.
func TestStuckClientClosesTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		s := newService(t, func(conn net.Conn) {
			for _, err := conn.Write(make([]byte, 100_000)); err == nil; {
				_, err = conn.Write(make([]byte, 100_000))
			}
			close(gone)
		})
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
		begin := time.Now()
		wstest.Open(raw(t, serve(t, srv)), "/")
		<-gone
		if d := time.Since(begin); d < 10*time.Second || d > 15*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// F-03: silence on both sides ends the connection with 1001, and bytes of either side are
// no silence.
func TestIdleTimeoutOfATarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, func(conn net.Conn) {
			b := make([]byte, 100)
			for n, _ := conn.Read(b); n > 0 && b[0] != 'q'; n, _ = conn.Read(b) { // nothing comes back
			}
			_, _ = conn.Write([]byte("q"))
			_, _ = conn.Read(b)
		})
		s.target.IdleTimeout = 10 * time.Second
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
		p := clienttest.Dial(t, serve(t, srv), "/", clienttest.DialOptions{Timeout: time.Minute})
		begin := time.Now()
		for range 4 {
			time.Sleep(7 * time.Second)
			p.SendText("x")
		}
		time.Sleep(7 * time.Second)
		p.SendText("q")
		p.Receive()
		if e := p.ReceiveClose(); e.Code != 1001 {
			t.Errorf("closed with %v", e)
		}
		if d := time.Since(begin); d < 45*time.Second || d > 46*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// F-05: the target learns the client's address by a PROXY header, if it is told to.
func TestTargetGetsAProxyLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, echoes)
		s.target.ProxyProtocol = true
		l := serve(t, newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target}))
		p := clienttest.Dial(t, l, "/", clienttest.DialOptions{Remote: netip.MustParseAddrPort("192.0.2.7:4711")})
		_, port, _ := net.SplitHostPort(l.Addr().String())
		want := "PROXY TCP4 192.0.2.7 127.0.0.1 4711 " + port + "\r\n"
		if got := receiveAll(p, len(want)); string(got) != want {
			t.Errorf("the target got %q, want %q", got, want)
		}
	})
}

// F-05: the open request chooses another target; what it does not choose is the
// default's, and what can not be is 500.
func TestOpenRequestChoosesTheTarget(t *testing.T) {
	for _, tt := range []struct {
		name     string
		fallback *forward.Target
		choose   func(r *client.OpenRequest) (client.Client, error)
		addr     string // that is dialled; empty: 500
	}{
		{"default", &forward.Target{Host: "a.example", Port: 1}, func(*client.OpenRequest) (client.Client, error) { return nil, nil }, "a.example:1"},
		{"host", &forward.Target{Host: "a.example", Port: 1}, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("b.example", 0); return nil, nil }, "b.example:1"},
		{"port", &forward.Target{URL: "tcp://a.example:1"}, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("", 2); return nil, nil }, "a.example:2"},
		{"both", nil, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("2001:db8::1", 2); return nil, nil }, "[2001:db8::1]:2"},
		{"the last", nil, func(r *client.OpenRequest) (client.Client, error) {
			r.ForwardTo("b.example", 2)
			return nil, r.ForwardToURL("tcp://c.example:3")
		}, "c.example:3"},
		{"URL", &forward.Target{URL: "ws://a.example/x", HeaderNames: []string{"Cookie"}}, func(r *client.OpenRequest) (client.Client, error) { return nil, r.ForwardToURL("tcp://c.example:3") }, "c.example:3"},
		{"host of a WebSocket", &forward.Target{URL: "ws://a.example/x"}, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("b.example", 0); return nil, nil }, "b.example:80"},
		{"port of a WebSocket", &forward.Target{URL: "ws://[::1]/x"}, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("", 81); return nil, nil }, "[::1]:81"},
		{"no target", nil, func(*client.OpenRequest) (client.Client, error) { return nil, nil }, ""},
		{"no port", nil, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("b.example", 0); return nil, nil }, ""},
		{"a bad host", nil, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("b.example/x", 1); return nil, nil }, ""},
		{"a bad port", nil, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("b.example", 70000); return nil, nil }, ""},
		{"a bad URL", nil, func(r *client.OpenRequest) (client.Client, error) { return nil, r.ForwardToURL("tcp://b.example") }, ""},
		{"a client, too", nil, func(r *client.OpenRequest) (client.Client, error) { r.ForwardTo("b.example", 1); return &parrot{}, nil }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var dialled journal
				dial := func(_ context.Context, network, addr string) (net.Conn, error) {
					dialled.add(network + " " + addr)
					return nil, errors.New("no network here")
				}
				var cfg wsserver.Config
				if tt.fallback != nil {
					own := *tt.fallback
					own.Dial = dial
					cfg.Forward = &own
				}
				f := wsserver.Factory[client.Client]{New: tt.choose}
				var rej rejections
				cfg.Events.OnReject = rej.add
				srv := newServerOf(t, f, cfg)
				p := raw(t, serve(t, srv))
				want := 500
				if tt.addr != "" {
					want = 502
				}
				if cfg.Forward == nil && tt.addr != "" { // without a hook nothing is dialled in a bubble
					return
				}
				if r := p.Request(wstest.Upgrade("/")); r.Status != want {
					t.Errorf("the answer is %d, want %d", r.Status, want)
				}
				if got := strings.Join(dialled.lines(), ","); tt.addr != "" && got != "tcp "+tt.addr || tt.addr == "" && got != "" {
					t.Errorf("dialled %q, want %q", got, tt.addr)
				}
				if want == 500 && rej.all()[0].Reason != wsserver.ReasonFailed {
					t.Errorf("refused with %v", rej.all()[0])
				}
			})
		})
	}
}

// F-01: a client that NewClient returns is one, whatever the target; and its error refuses.
func TestClientsAndForwardedOnesShareAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "target") })
		f := wsserver.Factory[*parrot]{New: func(r *client.OpenRequest) (*parrot, error) {
			switch r.URI.Path {
			case "/parrot":
				return &parrot{}, nil
			case "/no":
				return nil, r.Reject(403, "no")
			}
			return nil, nil
		}}
		srv := newServerOf(t, f, wsserver.Config{Forward: &s.target})
		l := serve(t, srv)
		p := clienttest.Dial(t, l, "/parrot")
		p.SendText("own")
		if m := p.Receive(); string(m.Data) != "own" {
			t.Errorf("received %q", m.Data)
		}
		if r := raw(t, l).Request(wstest.Upgrade("/no")); r.Status != 403 {
			t.Errorf("answered %d", r.Status)
		}
		q := clienttest.Dial(t, l, "/x")
		if m := q.Receive(); string(m.Data) != "target" {
			t.Errorf("received %q", m.Data)
		}
		if srv.ClientCount() != 1 {
			t.Errorf("%d clients", srv.ClientCount())
		}
	})
}

// X-12, F-03: everything that ends clients ends forwarded ones, and their targets; Done waits.
func TestEndOfServerReachesForwardedClients(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(srv *wsserver.Server[client.Client]) error
		code int
	}{
		{"Shutdown", func(srv *wsserver.Server[client.Client]) error { return srv.Shutdown(context.Background()) }, 1001},
		{"Close", func(srv *wsserver.Server[client.Client]) error { return srv.Close() }, 1001},
		{"Abort", func(srv *wsserver.Server[client.Client]) error { return srv.Abort() }, 0},
		{"DisconnectAll", func(srv *wsserver.Server[client.Client]) error {
			return srv.DisconnectAll(context.Background(), 4001, "enough")
		}, 4001},
	} {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stalled %v", tt.name, busy), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					gone := make(chan struct{}, 1)
					s := newService(t, func(conn net.Conn) {
						if busy {
							_ = conn.SetDeadline(time.Now().Add(time.Hour))
							time.Sleep(30 * time.Second)
						}
						_, _ = io.Copy(io.Discard, conn)
						gone <- struct{}{}
					})
					var j journal
					cfg := wsserver.Config{Forward: &s.target}
					watch(&cfg, &j, nil)
					srv := newServerOf(t, wsserver.NoClients(), cfg)
					p := wstest.Open(raw(t, serve(t, srv)), "/")
					if busy {
						go func() {
							for piece := p.Encode(wstest.Binary(make([]byte, 10_000))); p.TryWrite(piece) == nil; {
							}
						}()
					}
					synctest.Wait()
					closed := make(chan int, 1)
					go func() {
						f, err := p.NextFrame()
						code := 0
						if err == nil {
							code, _ = f.CloseCode()
							if !busy {
								_ = p.TryWrite(p.Encode(wstest.Close(code, "")))
							}
						}
						closed <- code
					}()
					begin := time.Now()
					if err := tt.end(srv); err != nil {
						t.Errorf("the end = %v", err)
					}
					if d := time.Since(begin); d > 8*time.Second {
						t.Errorf("took %v", d)
					}
					if code := <-closed; code != tt.code && !busy {
						t.Errorf("closed with %d", code)
					}
					synctest.Wait()
					if got := strings.Join(j.lines(), " "); got != "create connect disconnect" {
						t.Errorf("hooks saw %q", got)
					}
					if srv.Stats().Forwarded != 0 {
						t.Error("it is still counted")
					}
					if tt.name != "DisconnectAll" {
						ended(t, srv)
					}
					p.Drop()
					<-gone
				})
			})
		}
	}
}

// E-18, F-03: a loop never waits for a target.
func TestForwardedClientsStayOffTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, echoes)
		loop := pump.New(pump.Options{}) // which nobody runs
		defer loop.Close()
		var attached error
		cfg := wsserver.Config{Forward: &s.target, Pump: loop, Hooks: []wsserver.Hooks{{
			OnClientConnect: func(c client.Client) error {
				attached = errors.Join(c.AttachPump(loop), c.DetachPump())
				return nil
			},
		}}}
		srv := newServerOf(t, wsserver.NoClients(), cfg)
		p := clienttest.Dial(t, serve(t, srv), "/")
		p.SendText("hello")
		if got := receiveAll(p, 5); string(got) != "hello" {
			t.Errorf("received %q", got)
		}
		if err := srv.AttachPump(loop); err != nil {
			t.Error(err)
		}
		p.SendText("again")
		if got := receiveAll(p, 5); string(got) != "again" || !errors.Is(attached, forward.ErrForwarded) {
			t.Errorf("received %q, attaching = %v", got, attached)
		}
	})
}

// E-15, F-05: a panic in Target.Dial costs that connection; what a hook refuses closes the
// target.
func TestUserCodeOfAForwardedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &forward.Target{Host: "t.example", Port: 1,
			Dial: func(context.Context, string, string) (net.Conn, error) { panic("boom") }}})
		if r := raw(t, serve(t, srv)).Request(wstest.Upgrade("/")); r.Status != 500 || srv.Stats().Panics != 1 {
			t.Errorf("answered %d, figures %+v", r.Status, srv.Stats())
		}
		for _, hook := range []wsserver.Hooks{
			{OnClientCreate: func(_ client.Client, r *client.OpenRequest) error { return r.Reject(403, "no") }},
			{OnClientConnect: func(client.Client) error { return errors.New("no") }},
			{OnClientConnect: func(c client.Client) error { c.Abort(); return nil }},
		} {
			gone := make(chan struct{})
			s := newService(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn); close(gone) })
			srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target, Hooks: []wsserver.Hooks{hook}})
			p := raw(t, serve(t, srv))
			_ = p.TryWrite([]byte("GET / HTTP/1.1\r\nHost: x.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + wstest.SampleKey + "\r\nSec-WebSocket-Version: 13\r\n\r\n"))
			<-gone
			p.Drop()
			synctest.Wait()
			if st := srv.Stats(); st.Forwarded != 0 {
				t.Errorf("the figures are %+v", st)
			}
		}
	})
}
