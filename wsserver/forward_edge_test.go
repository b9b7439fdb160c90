package wsserver_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// F-04: a WebSocket target over TLS: verified, told the host, closed with the client; a
// certificate of nobody is 502, and nothing stays open.
func TestWebSocketTargetOverTLS(t *testing.T) {
	ca := wstest.NewCA(t)
	inner := newServerOf(t, wsserver.Class[parrot](), wsserver.Config{})
	web := &http.Server{Handler: inner, TLSConfig: &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}}
	l, err := tls.Listen("tcp", "127.0.0.1:0", web.TLSConfig)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = web.Serve(l) }()
	defer func() { web.Close(); <-served }()

	open0 := newTCPService(t, nil, echoes) // for its counting Dial
	target := forward.Target{URL: "wss://" + l.Addr().String(), TLSConfig: &tls.Config{RootCAs: ca.Pool()}, Dial: open0.target.Dial}
	srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &target})
	p := dialTCP(t, open(t, srv), "/")
	text := strings.Repeat("hellö", 20_000)
	p.SendText(text)
	if got := p.Receive(); string(got.Data) != text {
		t.Errorf("received %d bytes", len(got.Data))
	}
	p.Close(1000, "")
	_ = p.WaitEnd()
	eventually(t, "the target to be closed", func() bool { return open0.open.Load() == 0 })

	target.TLSConfig = nil
	srv = newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &target})
	if r := wstest.DialTCP(t, open(t, srv)).Request(wstest.Upgrade("/")); r.Status != 502 {
		t.Errorf("a certificate of nobody: %d", r.Status)
	}
	eventually(t, "the target to be closed", func() bool { return open0.open.Load() == 0 })
}

// F-03: a panic of the program while a target is dialled closes what was dialled.
func TestPanicInADialClosesTheTarget(t *testing.T) {
	ca := wstest.NewCA(t)
	s := newTCPService(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, echoes)
	s.target.TLS = true
	s.target.TLSConfig = &tls.Config{RootCAs: ca.Pool(), VerifyConnection: func(tls.ConnectionState) error { panic("by the program") }}
	srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &s.target})
	if r := wstest.DialTCP(t, open(t, srv)).Request(wstest.Upgrade("/")); r.Status != 500 {
		t.Errorf("answered with %d", r.Status)
	}
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d targets are open", n)
	}
}

// F-04: a target that has closed and takes nothing any more does not keep its close from the
// client, which is in the middle of a message.
func TestCloseOfATargetThatDoesNotRead(t *testing.T) {
	for name, end := range map[string]func(q *wstest.Peer) int{
		"close":     func(q *wstest.Peer) int { q.Send(wstest.Close(4000, "")); return 4000 },
		"violation": func(q *wstest.Peer) int { q.Send(wstest.Frame{Op: 3}); return 1011 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, target := pair(t, nil)
				p.Timeout, target.Timeout = 10*time.Minute, 10*time.Minute
				done := make(chan struct{})
				go func() {
					defer close(done)
					for piece := p.Encode(wstest.Binary(make([]byte, 10_000))); p.TryWrite(piece) == nil; {
					}
				}()
				synctest.Wait()
				begin := time.Now()
				p.WantClose(end(target))
				if d := time.Since(begin); d > 5*time.Second {
					t.Errorf("the client heard of it after %v", d)
				}
				p.Drop()
				target.Drop()
				<-done
			})
		})
	}
}

// F-03: a client to which nothing can be sent, as a hook has interrupted that, is closed; it
// does not stay without its target.
func TestInterruptedForwardIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, func(conn net.Conn) {
			for p := make([]byte, 10_000); ; {
				if _, err := conn.Write(p); err != nil {
					return
				}
			}
		})
		var c client.Client
		var infos []client.CloseInfo
		var j journal
		cfg := wsserver.Config{Forward: &s.target, WriteTimeout: -1}
		watch(&cfg, &j, &infos)
		cfg.Hooks = append(cfg.Hooks, wsserver.Hooks{OnClientConnect: func(x client.Client) error { c = x; return nil }})
		p := wstest.Open(raw(t, serve(t, newServerOf(t, wsserver.NoClients(), cfg))), "/")
		p.Timeout = time.Minute
		synctest.Wait() // the target is held back
		c.(interface{ Interrupt() }).Interrupt()
		synctest.Wait()
		for closed := false; !closed; {
			f, err := p.NextFrame()
			if err != nil {
				t.Fatal(err)
			}
			if closed = f.Op == wstest.OpClose; closed {
				if code, _ := f.CloseCode(); code != 1011 {
					t.Errorf("closed with %d", code)
				}
			}
		}
		p.Send(wstest.Close(1011, ""))
		p.Drop()
		synctest.Wait()
		time.Sleep(10 * time.Second)
		if len(infos) != 1 || !errors.Is(infos[0].Cause, client.ErrInterrupted) {
			t.Errorf("the end is %+v", infos)
		}
	})
}

// F-03: half a rune waits, and the connection is idle: that is an idle one.
func TestHalfARuneIsNotTheCauseOfAnIdleEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stay := make(chan struct{})
		defer close(stay)
		s := newService(t, func(conn net.Conn) { _, _ = conn.Write([]byte("a\xc3")); <-stay })
		s.target.Text, s.target.IdleTimeout = true, 20*time.Second
		p := wstest.Open(raw(t, serve(t, newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target}))), "/")
		p.Timeout = time.Minute
		p.WantText("a")
		p.WantClose(1001)
	})
}

// F-01: a server behind somebody else's mux forwards too.
func TestServeHTTPForwards(t *testing.T) {
	s := newTCPService(t, nil, echoes)
	srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: srv}
	served := make(chan struct{})
	go func() { defer close(served); _ = web.Serve(l) }()
	defer func() { web.Close(); <-served }()
	p := dialTCP(t, l.Addr().String(), "/")
	p.SendText("hello")
	if got := receiveAll(p, 5); string(got) != "hello" {
		t.Errorf("received %q", got)
	}
	if st := srv.Stats(); st.Forwarded != 1 || st.Clients != 0 || st.Bindings[""].MessagesIn != st.MessagesIn || st.MessagesIn != 1 {
		t.Errorf("the figures are %+v", st)
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	eventually(t, "the target to be closed", func() bool { return s.open.Load() == 0 })
}

// F-03: a client that waits for its target holds up nobody else, under each driver.
func TestStalledTargetHoldsUpNobodyElse(t *testing.T) { onDrivers(t, testStalledTarget) }

func testStalledTarget(t *testing.T) {
	release := make(chan struct{})
	s := newTCPService(t, nil, func(conn net.Conn) {
		var b [1]byte
		if _, _ = conn.Read(b[:]); b[0] == 's' {
			<-release
			return
		}
		_, _ = conn.Write(b[:])
		echoes(conn)
	})
	defer close(release)
	addr := open(t, newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &s.target}))
	for range 4 {
		p := wstest.Open(wstest.DialTCP(t, addr), "/")
		p.Send(wstest.Text("s"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for piece := p.Encode(wstest.Binary(make([]byte, 60_000))); p.TryWrite(piece) == nil; {
			}
		}()
		defer func() { p.Drop(); <-done }()
	}
	q := dialTCP(t, addr, "/")
	for range 50 {
		q.SendText("hello")
		if got := receiveAll(q, 5); string(got) != "hello" {
			t.Fatalf("received %q", got)
		}
	}
	q.Close(1000, "")
	_ = q.WaitEnd()
}

// F-04: the target's choice of a sub-protocol can not write into our answer.
func TestTargetCanNotWriteIntoTheAnswer(t *testing.T) {
	for _, line := range []string{"Sec-WebSocket-Protocol: a\rSet-Cookie: x=1", "Sec-WebSocket-Protocol: a\n Set-Cookie: x=1", "Sec-WebSocket-Protocol: b"} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, func(conn net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				accept := handshake.AppendAccept(nil, r.Header.Get("Sec-WebSocket-Key"))
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n\r\n", accept, line)
			})
			s.target.URL, s.target.Host, s.target.Port = "ws://target.example/", "", 0
			l := serve(t, newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target}))
			if r := raw(t, l).Request(wstest.Upgrade("/").With("Sec-WebSocket-Protocol: a")); r.Status != 502 || r.Header.Get("Set-Cookie") != "" {
				t.Errorf("%q became %+v", line, r)
			}
		})
	}
}

// F-04: what a browser may send in a header that is named reaches the target.
func TestNamedHeadersThatAreNotASCII(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan string, 1)
		s := newService(t, func(conn net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				seen <- r.Header.Get("Cookie")
			}
		})
		s.target.URL, s.target.Host, s.target.Port, s.target.HeaderNames = "ws://target.example/", "", 0, []string{"Cookie"}
		l := serve(t, newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &s.target}))
		raw(t, l).Request(wstest.Upgrade("/").With("Cookie: name=\xc3\xbc\xff"))
		select {
		case got := <-seen:
			if got != "name=\xc3\xbc\xff" {
				t.Errorf("the target got %q", got)
			}
		default:
			t.Error("the target was not asked")
		}
	})
}

// F-03: the target is dialled within the time for the handshake; then the client gets 504,
// and a target that is reached too late is closed.
func TestHandshakeTimeoutBoundsTheDial(t *testing.T) {
	for name, late := range map[string]bool{"never": false, "too late": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var far net.Conn
				target := forward.Target{Host: "target.example", Port: 1, DialTimeout: -1, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					if !late {
						return nil, ctx.Err()
					}
					near, other := net.Pipe()
					far = other
					return near, nil
				}}
				l := serve(t, newServerOf(t, wsserver.NoClients(), wsserver.Config{Forward: &target, HandshakeTimeout: 3 * time.Second}))
				p := raw(t, l)
				if r := p.Request(wstest.Upgrade("/")); r.Status != 504 {
					t.Errorf("answered with %d", r.Status)
				}
				synctest.Wait()
				if late {
					if _, err := far.Read(make([]byte, 1)); err == nil {
						t.Error("the target is open")
					}
				}
			})
		})
	}
}
