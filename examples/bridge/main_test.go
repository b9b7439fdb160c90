package main

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// far is a client of the server elsewhere: an echo.
type far struct{ client.Base }

func (f *far) OnMessage(m client.Message) error { return f.Send(m) }

// TestBridgeOutlivesItsConnection: the client goes on talking while the connection behind
// it is lost and comes back, and its close code arrives at the other end.
func TestBridgeOutlivesItsConnection(t *testing.T) {
	var mu sync.Mutex
	var codes []client.StatusCode
	elsewhere, err := wsserver.New(wsserver.Factory[*far]{
		New: func(*client.OpenRequest) (*far, error) { return new(far), nil },
		Disconnect: func(_ *far, info client.CloseInfo) {
			mu.Lock()
			defer mu.Unlock()
			codes = append(codes, info.Code)
		},
	}, wsserver.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	listen(t, elsewhere)
	srv, err := newServer("127.0.0.1:0", dial.Options{URL: "ws://" + elsewhere.Addrs()[0].String() + "/x", MinWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	listen(t, srv)

	conn, err := net.Dial("tcp", srv.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	p := clienttest.Open(t, conn, "/")
	for i, s := range []string{"one", "two", "three"} {
		p.SendText(s)
		if m := p.Receive(); string(m.Data) != s {
			t.Errorf("received %q", m.Data)
		}
		if i < 2 {
			cut(t, elsewhere, srv, i+2)
		}
	}
	p.Close(4010, "enough")
	for range 500 {
		mu.Lock()
		done := len(codes) == 3 && slices.Contains(codes, 4010)
		mu.Unlock()
		if done {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the ends there were %v", codes)
}

// cut drops the connection to the server elsewhere, and waits for the n-th one.
func cut(t *testing.T, elsewhere *wsserver.Server[*far], srv *wsserver.Server[*End], n int) {
	t.Helper()
	for f := range elsewhere.Clients() {
		if f.RawURI() != "/x" {
			t.Errorf("the URI is %s", f.RawURI())
		}
		f.Abort()
	}
	for range 1000 {
		for near := range srv.Clients() {
			if near.away.Info().Opened == n {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the connection does not come back")
}

func TestBridgeWantsAURL(t *testing.T) {
	if _, err := newServer("127.0.0.1:0", dial.Options{URL: "http://x"}); err == nil {
		t.Error("a URL of http is taken")
	}
}

func listen[T client.Client](t *testing.T, srv *wsserver.Server[T]) {
	t.Helper()
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestBridgeSpeaksOneSubProtocol at both ends: browsers fail a connection whose answer has
// none of those that they have offered.
func TestBridgeSpeaksOneSubProtocol(t *testing.T) {
	elsewhere, err := wsserver.New(wsserver.Class[far](), wsserver.Config{Addr: "127.0.0.1:0", SubProtocols: []string{"b", "a"}})
	if err != nil {
		t.Fatal(err)
	}
	listen(t, elsewhere)
	srv, err := newServer("127.0.0.1:0", dial.Options{URL: "ws://" + elsewhere.Addrs()[0].String()})
	if err != nil {
		t.Fatal(err)
	}
	listen(t, srv)
	conn, err := net.Dial("tcp", srv.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	p := clienttest.Open(t, conn, "/", clienttest.DialOptions{SubProtocols: []string{"a", "b"}})
	p.SendText("x")
	p.Receive()
	for f := range elsewhere.Clients() {
		if near := p.SubProtocol(); near != "a" || f.SubProtocol() != near {
			t.Errorf("%q here, %q elsewhere", near, f.SubProtocol())
		}
	}
}
