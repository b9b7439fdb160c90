package clienttest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// accepting runs serve on each connection of a listener, and waits for the end
// of it when the test ends.
func accepting(t *testing.T, serve func(conn net.Conn)) *Listener {
	t.Helper()
	l := NewListener()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l
}

// serving is accepting with the handshake done.
func serving(t *testing.T, serve func(p *wstest.Peer), lines ...string) *Listener {
	t.Helper()
	return accepting(t, func(conn net.Conn) {
		p, _ := wstest.Accepted(t, conn, lines...)
		p.Timeout = 24 * time.Hour
		serve(p)
	})
}

// echo answers messages until the connection ends.
func echo(p *wstest.Peer) {
	for {
		m, err := p.TryMessage()
		if err != nil {
			return
		}
		p.Send(wstest.Frame{Op: m.Op, Payload: m.Data})
	}
}

func TestPeerSendsAndReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := Dial(t, serving(t, echo), "/")
		peer.SendText("hello")
		peer.SendBinary([]byte{1, 2})
		peer.SendFragments(client.Text("in pieces"), 2, 0, 1)
		if m := peer.Receive(); m.Op != client.OpText || string(m.Data) != "hello" {
			t.Errorf("received %v %q", m.Op, m.Data)
		}
		if m := peer.Receive(); m.Op != client.OpBinary || !bytes.Equal(m.Data, []byte{1, 2}) {
			t.Errorf("received %v %q", m.Op, m.Data)
		}
		if m := peer.Receive(); string(m.Data) != "in pieces" {
			t.Errorf("received %q", m.Data)
		}
		peer.Ping([]byte("x"))
		peer.SendText("one")
		peer.SendText("two")
		synctest.Wait()
		if got := peer.Received(); len(got) != 2 || string(got[1].Data) != "two" {
			t.Errorf("received %q", got)
		}
	})
}

func TestPeerIntroducesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *http.Request
		var from net.Addr
		l := accepting(t, func(conn net.Conn) {
			from = conn.RemoteAddr()
			_, got = wstest.Accepted(t, conn, "Sec-WebSocket-Protocol: b", "X-Mine: 1")
		})
		remote := netip.MustParseAddrPort("[2001:db8::1]:1234")
		peer := Dial(t, l, "/chat?name=ada", DialOptions{
			Host:         "chat.example",
			Origin:       "https://chat.example",
			SubProtocols: []string{"a", "b"},
			Header:       http.Header{"Authorization": {"Bearer x"}},
			Remote:       remote,
		})
		synctest.Wait() // the other end has answered before it notes what it got
		if got.Host != "chat.example" || got.URL.String() != "/chat?name=ada" || from.String() != remote.String() {
			t.Errorf("request for %s %s from %v", got.Host, got.URL, from)
		}
		for name, want := range map[string]string{
			"Origin":                 "https://chat.example",
			"Sec-Websocket-Protocol": "a, b",
			"Authorization":          "Bearer x",
			"Sec-Websocket-Version":  "13",
		} {
			if v := got.Header.Get(name); v != want {
				t.Errorf("%s: %q, want %q", name, v, want)
			}
		}
		if peer.SubProtocol() != "b" || peer.Header().Get("X-Mine") != "1" {
			t.Errorf("the answer says %v", peer.Header())
		}
	})
}

func TestTryDialTellsTheRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := accepting(t, func(conn net.Conn) {
			wstest.Refused(t, conn, "503 Service Unavailable", "too busy\n", "Retry-After: 5")
		})
		peer, res, err := TryDial(t, l, "/")
		if peer != nil || !errors.Is(err, ErrRefused) || res.StatusCode != 503 || res.Header.Get("Retry-After") != "5" {
			t.Fatalf("got %v, %v, %v", peer, res, err)
		}
		if body, _ := io.ReadAll(res.Body); string(body) != "too busy\n" {
			t.Errorf("body %q", body)
		}
	})
}

func TestTryDialFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewListener()
		l.Close()
		if _, res, err := TryDial(t, l, "/"); res != nil || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("closed listener: %v, %v", res, err)
		}
		mute := accepting(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
		if _, res, err := TryDial(t, mute, "/", DialOptions{Timeout: time.Minute}); res != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("mute server: %v, %v", res, err)
		}
		liar := accepting(t, func(conn net.Conn) {
			conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: no\r\n\r\n"))
		})
		if _, res, err := TryDial(t, liar, "/"); res == nil || err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("wrong accept key: %v, %v", res, err)
		}
	})
}

func TestPeerAnswersPingsWhileNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serving(t, func(p *wstest.Peer) {
			for range 3 {
				time.Sleep(time.Hour)
				p.Send(wstest.Ping([]byte("tick")))
				p.WantPong([]byte("tick"))
			}
			p.Send(wstest.Close(1000, ""))
			p.WantClose(1000)
		})
		if code := Dial(t, l, "/", DialOptions{Timeout: 24 * time.Hour}).CloseCode(); code != client.StatusNormalClosure {
			t.Errorf("closed with %v", code)
		}
		synctest.Wait() // the server sees the answer
	})
}

func TestIgnoredPingsAndCloseGetNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []byte
		l := serving(t, func(p *wstest.Peer) {
			time.Sleep(time.Second)
			p.Send(wstest.Ping([]byte("anyone?")), wstest.Close(1011, "lost"))
			p.Conn.SetDeadline(time.Now().Add(time.Minute))
			got, _ = io.ReadAll(p.Conn)
		})
		peer := Dial(t, l, "/")
		peer.IgnorePings()
		peer.IgnoreClose()
		if got := peer.ReceiveClose(); got != (client.CloseError{Code: 1011, Reason: "lost"}) {
			t.Errorf("closed with %v", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(got) > 0 {
			t.Errorf("the server got % x", got)
		}
	})
}

func TestCloseIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serving(t, func(p *wstest.Peer) {
			p.WantClose(4001)
			p.Send(wstest.Close(4001, "as you like"))
			p.Conn.(interface{ CloseWrite() error }).CloseWrite()
			p.WantEnd() // no second close frame
		})
		peer := Dial(t, l, "/")
		peer.Close(4001, "enough")
		if got := peer.ReceiveClose(); got.Code != 4001 || got.Reason != "as you like" {
			t.Errorf("closed with %v", got)
		}
		if err := peer.WaitEnd(); err != nil {
			t.Errorf("the connection ends with %v", err)
		}
		if _, err := peer.TryReceive(); err == nil || !errors.As(err, new(*client.CloseError)) {
			t.Errorf("TryReceive after the end: %v", err)
		}
		synctest.Wait() // the server sees the end too
	})
}

func TestCloseCodesForFramesWithoutCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serving(t, func(p *wstest.Peer) { p.Send(wstest.EmptyClose()); p.WantClose(1005) })
		if code := Dial(t, l, "/").CloseCode(); code != client.StatusNoCode {
			t.Errorf("empty close frame: %v", code)
		}
		synctest.Wait() // the server sees the answer
		l = serving(t, func(p *wstest.Peer) { p.WantClose(1005) })
		peer := Dial(t, l, "/")
		peer.Close(client.StatusNoCode, "")
		if code := peer.CloseCode(); code != client.StatusAbnormal {
			t.Errorf("no close frame: %v", code)
		}
		l = serving(t, func(p *wstest.Peer) { p.Drop() })
		peer = Dial(t, l, "/")
		if err := peer.WaitEnd(); !errors.Is(err, syscall.ECONNRESET) || peer.CloseCode() != client.StatusAbnormal {
			t.Errorf("reset: %v", err)
		}
	})
}

func TestDropResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		l := serving(t, func(p *wstest.Peer) { _, err = p.TryMessage() })
		Dial(t, l, "/").Drop()
		synctest.Wait()
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the server sees %v", err)
		}
	})
}

func TestPausedPeerTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 1000
		sent := 0
		l := serving(t, func(p *wstest.Peer) {
			for sent = range 500 {
				p.Send(wstest.Binary(make([]byte, size)))
			}
		})
		l.SetBuffer(10 * size)
		peer := Dial(t, l, "/")
		peer.Pause()
		time.Sleep(time.Hour)
		synctest.Wait()
		n := len(peer.Received())
		if sent > n+20 {
			t.Errorf("the server sent %d messages to a peer that read %d", sent, n)
		}
		peer.Resume()
		synctest.Wait()
		if n += len(peer.Received()); n != 500 {
			t.Errorf("%d messages arrived after Resume, want 500", n)
		}
	})
}

func TestPausedPeerEndsWithTheTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		Dial(t, serving(t, echo), "/").Pause()
	})
}

func TestPeerOverTLS(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("a.example")
	synctest.Test(t, func(t *testing.T) {
		l := accepting(t, func(conn net.Conn) {
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
			p, r := wstest.Accepted(t, secure)
			if r.Host != "a.example" || secure.ConnectionState().ServerName != "a.example" {
				t.Errorf("Host %q, SNI %q", r.Host, secure.ConnectionState().ServerName)
			}
			echo(p)
			secure.Close()
		})
		for _, o := range []DialOptions{
			{Host: "a.example", TLS: &tls.Config{RootCAs: ca.Pool()}},
			{TLS: &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example"}},
		} {
			peer := Dial(t, l, "/", o)
			peer.Pause()
			synctest.Wait()
			peer.Resume()
			peer.SendText(strings.Repeat("secret", 20_000))
			if m := peer.Receive(); len(m.Data) != 120_000 {
				t.Errorf("received %d bytes", len(m.Data))
			}
			peer.Drop()
		}
		other := accepting(t, func(conn net.Conn) {
			tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
		})
		if _, _, err := TryDial(t, other, "/", DialOptions{Host: "b.example", TLS: &tls.Config{RootCAs: ca.Pool()}}); err == nil {
			t.Error("a certificate for another name is accepted")
		}
	})
}

func TestOpenWorksOnRealConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
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
		p, _ := wstest.Accepted(t, conn)
		echo(p)
		conn.Close()
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer := Open(t, conn, "/")
	peer.Pause()
	peer.SendText("hello")
	peer.Resume()
	if m := peer.Receive(); string(m.Data) != "hello" {
		t.Errorf("received %q", m.Data)
	}
	peer.Drop()
	<-done
}
