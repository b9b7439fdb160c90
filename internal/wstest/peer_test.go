package wstest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/internal/memnet"
)

// served runs serve on the first connection of a listener in memory, after the
// handshake, and waits for its end when the test ends.
func served(t *testing.T, serve func(p *Peer), lines ...string) *memnet.Listener {
	t.Helper()
	l := memnet.Listen()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p, _ := Accepted(t, conn, lines...)
		serve(p)
		conn.Close()
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l
}

// echo sends back every message until a close frame comes, and answers that.
func echo(p *Peer) {
	for {
		m, err := p.TryMessage()
		switch {
		case err != nil && p.closing != nil:
			p.Send(Frame{Op: OpClose, Payload: p.closing.Payload})
			return
		case err != nil:
			return
		case m.Compressed:
			p.Send(p.Compressed(m.Op, m.Data))
		default:
			p.Send(Frame{Op: m.Op, Payload: m.Data})
		}
	}
}

func TestPeersTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Open(DialMem(t, served(t, echo)), "/")
		p.Send(Text("Hello"))
		p.WantText("Hello")
		p.SendChopped(1, Binary([]byte{0xff}), Ping([]byte("x")), Text(""))
		p.WantPong([]byte("x"))
		p.WantMessage(OpBinary, []byte{0xff})
		p.WantText("")
		p.Send(Frame{Op: OpText, Payload: []byte("fragmented"), ZeroKey: true}.Split(3, 0, 4)...)
		p.WantText("fragmented")
		p.WantSilence()
		p.Send(Close(4000, "bye"))
		if code, reason := p.ReadClose(); code != 4000 || reason != "bye" {
			t.Errorf("closed with %d %q", code, reason)
		}
		p.WantEnd()
	})
}

func TestPeersTalkCompressed(t *testing.T) {
	for _, agreed := range []string{
		"permessage-deflate",
		"permessage-deflate; server_max_window_bits=9; client_max_window_bits=10",
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
	} {
		t.Run(agreed, func(t *testing.T) {
			l := served(t, echo, "Sec-WebSocket-Extensions: "+agreed)
			p := OpenDeflate(DialMem(t, l), "/", "permessage-deflate; client_max_window_bits")
			if p.Agreement.String() != agreed {
				t.Errorf("agreed on %v", p.Agreement)
			}
			for range 3 {
				text := strings.Repeat("Hello ", 500)
				f := p.Compressed(OpText, []byte(text))
				p.Send(f.Split(1, 2)...)
				if m := p.WantText(text); !m.Compressed || m.Wire >= len(text) {
					t.Errorf("compressed: %v, %d bytes", m.Compressed, m.Wire)
				}
				p.Send(Text("plain"))
				p.WantText("plain")
			}
		})
	}
}

func TestPeerNoticesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		send []Frame
	}{
		{"masked frame", []Frame{Text("x")}},
		{"continuation of nothing", []Frame{{Unmasked: true}}},
		{"message inside a message", []Frame{{Op: OpText, More: true, Unmasked: true}, {Op: OpText, Unmasked: true}}},
		{"text that is not UTF-8", []Frame{{Op: OpText, Payload: []byte{0xff}, Unmasked: true}}},
		{"close code that must not be sent", []Frame{{Op: OpClose, Payload: []byte{3, 237}, Unmasked: true}}},
		{"close frame of one byte", []Frame{{Op: OpClose, Payload: []byte{3}, Unmasked: true}}},
		{"frame after the close frame", []Frame{{Op: OpClose, Unmasked: true}, {Op: OpPong, Unmasked: true}}},
		{"undecodable message", []Frame{{Op: OpText, RSV: RSV1, Payload: []byte{6}, Unmasked: true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := served(t, func(p *Peer) {
				for _, f := range tt.send {
					p.Write(f.Bytes())
				}
			}, "Sec-WebSocket-Extensions: permessage-deflate")
			p := OpenDeflate(DialMem(t, l), "/", "permessage-deflate")
			for p.err == nil {
				p.step()
			}
			if !errors.Is(p.err, ErrBadFrame) && !errors.Is(p.err, ErrBadDeflate) {
				t.Errorf("got %v", p.err)
			}
		})
	}
}

// failing is a test that is told to fail, and survives.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper()               {}
func (f *failing) Fatal(...any)          { f.failed = true; runtime.Goexit() }
func (f *failing) Fatalf(string, ...any) { f.Fatal() }

// fails tells whether do ends its test.
func fails(t *testing.T, do func(tb testing.TB)) bool {
	tb := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(tb)
	}()
	<-done
	return tb.failed
}

func TestExpectationsFail(t *testing.T) {
	for _, tt := range []struct {
		name string
		want func(p *Peer)
	}{
		{"other text", func(p *Peer) { p.WantText("another") }},
		{"pong before anything", func(p *Peer) { p.ReadPong() }},
		{"close with a message before it", func(p *Peer) { p.ReadClose() }},
		{"end with a close code not wanted", func(p *Peer) { p.ReadMessage(); p.WantClose(1002) }},
		{"message after the close frame", func(p *Peer) { p.ReadMessage(); p.ReadMessage() }},
		{"silence with a message", func(p *Peer) { p.WantSilence() }},
		{"compression that was not agreed on", func(p *Peer) { p.Compressed(OpText, nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := served(t, func(p *Peer) { p.Send(Text("this"), Close(1000, "")); p.TryMessage() })
			if !fails(t, func(tb testing.TB) { tt.want(Open(DialMem(tb, l), "/")) }) {
				t.Error("the test goes on")
			}
		})
	}
}

func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := served(t, func(p *Peer) {
			p.Conn.SetDeadline(time.Time{})
			io.Copy(io.Discard, p.Conn)
		})
		start := time.Now()
		p := OpenClosing(DialMem(t, l), "/")
		_, err := p.TryMessage()
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != p.Timeout {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestHandshakeThatIsRefused(t *testing.T) {
	l := memnet.Listen()
	defer l.Close()
	p := DialMem(t, l)
	conn, _ := l.Accept()
	p.Write(Upgrade("/no").Without("Sec-WebSocket-Key").Replace("Upgrade: h2c").Bytes())
	Refused(t, conn, "403 Forbidden", "not you\n", "X-Why: because")
	res := p.ReadResponse()
	if res.Status != http.StatusForbidden || res.Body != "not you\n" || res.Header.Get("X-Why") != "because" {
		t.Errorf("got %+v", res)
	}
}

func TestRequestLinesAreAsWritten(t *testing.T) {
	got := string(Request{Line: "GET /x HTTP/1.1", Lines: []string{"a: 1", "B: 2", "A: 3"}}.Without("A").With("c:4").Bytes())
	if want := "GET /x HTTP/1.1\r\nB: 2\r\nc:4\r\n\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAcceptedSeesTheRequest(t *testing.T) {
	l := memnet.Listen()
	defer l.Close()
	p := DialMem(t, l)
	conn, _ := l.Accept()
	p.Write(Upgrade("/room?x=1").With("Origin: http://a.example").Bytes())
	server, r := Accepted(t, conn)
	if r.URL.String() != "/room?x=1" || r.Header.Get("Origin") != "http://a.example" {
		t.Errorf("request %v %v", r.URL, r.Header)
	}
	p.ReadUpgraded()
	p.CloseWrite()
	if _, err := server.TryMessage(); err != io.EOF {
		t.Errorf("after CloseWrite: %v, want EOF", err)
	}
	p.Drop()
	if err := server.TryWrite([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after Drop: %v, want ECONNRESET", err)
	}
}

func TestPeerOverTCPAndTLS(t *testing.T) {
	ca := NewCA(t)
	certFile, keyFile := ca.Files(ca.Leaf("a.example", "127.0.0.1", "::1"))
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p, _ := Accepted(t, conn)
		echo(p)
		conn.Close()
	}()
	p := Open(DialTLS(t, l.Addr().String(), &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example"}), "/")
	p.Send(Text("secret"))
	p.WantText("secret")
	p.Send(EmptyClose())
	p.WantClose(1005)
	p.WantEnd()
	<-done
}

func TestCertificates(t *testing.T) {
	ca := NewCA(t)
	pem, err := os.ReadFile(ca.File())
	if err != nil || !bytes.Contains(pem, []byte("BEGIN CERTIFICATE")) {
		t.Errorf("authority file: %q, %v", pem, err)
	}
	cert := ca.LeafUntil(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), "old.example")
	if err := cert.Leaf.VerifyHostname("old.example"); err != nil {
		t.Error(err)
	}
	synctest.Test(t, func(t *testing.T) { // the clock stands at the year 2000
		near, far := memnet.Pipe(0)
		done := make(chan error)
		go func() {
			done <- tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
		}()
		client := tls.Client(near, &tls.Config{RootCAs: ca.Pool(), ServerName: "old.example"})
		if err := errors.Join(client.Handshake(), <-done); err != nil {
			t.Error(err)
		}
	})
}

var _ net.Conn = (*memnet.Conn)(nil)
