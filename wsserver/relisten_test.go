package wsserver_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// L-16: Listen twice, and Listen with a context that has ended.
func TestListenTwice(t *testing.T) { onDrivers(t, testListenTwice) }

func testListenTwice(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Listen(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Listen with an ended context = %v", err)
	}
	addr := open(t, srv)
	if err := srv.Listen(t.Context()); !errors.Is(err, wsserver.ErrListening) {
		t.Errorf("second Listen = %v", err)
	}
	dialTCP(t, addr, "/")
}

// L-17, L-28, L-36, X-01: StopListening leaves the clients alone; Listen works
// again, on the same port at once.
func TestListenAfterStopListening(t *testing.T) { onDrivers(t, testListenAfterStopListening) }

func testListenAfterStopListening(t *testing.T) {
	first, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	want := first.Addr().String()
	first.Close()
	srv := newServer(t, &desk{}, wsserver.Config{Addr: want, Bindings: []multilisten.Binding{{Addr: "127.0.0.1:0"}}})
	var peers []*clienttest.Peer
	for range 5 {
		addr := open(t, srv)
		if addr != want || len(srv.Addrs()) != 2 {
			t.Fatalf("listening on %v, want %s first", srv.Addrs(), want)
		}
		peers = append(peers, dialTCP(t, addr, "/"))
		for range 2 {
			if err := srv.StopListening(); err != nil {
				t.Errorf("StopListening = %v", err)
			}
		}
		if srv.Listening() || srv.AnyListening() || srv.State() != wsserver.StateClosed || len(srv.Addrs()) != 0 || len(srv.Bound()) != 0 {
			t.Errorf("still listening: %v, %v", srv.State(), srv.Addrs())
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Error("the port is still open")
		}
	}
	for _, p := range peers {
		p.SendText("still here")
		p.Receive()
	}
	if n := srv.Broadcast(client.Text("all")); n != 5 {
		t.Errorf("a broadcast goes to %d of 5", n)
	}
	// L-36: a new server takes over the port while connections of the old one wait
	// for their end.
	srv.Close()
	next := newServer(t, &desk{}, wsserver.Config{Addr: want})
	if got := open(t, next); got != want {
		t.Errorf("the next server listens on %s", got)
	}
}

// after the end there is no new beginning.
func TestListenAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(*wsserver.Server[*guest]) error{
		"Shutdown": func(s *wsserver.Server[*guest]) error { return s.Shutdown(t.Context()) },
		"Close":    func(s *wsserver.Server[*guest]) error { return s.Close() },
		"Abort":    func(s *wsserver.Server[*guest]) error { return s.Abort() },
	} {
		srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
		addr := open(t, srv)
		if err := end(srv); err != nil {
			t.Errorf("%s = %v", name, err)
		}
		if err := srv.Listen(t.Context()); !errors.Is(err, wsserver.ErrServerClosed) {
			t.Errorf("Listen after %s = %v", name, err)
		}
		l := clienttest.NewListener()
		if err := srv.Serve(l); !errors.Is(err, wsserver.ErrServerClosed) {
			t.Errorf("Serve after %s = %v", name, err)
		}
		if _, err := l.Dial(t.Context()); err == nil {
			t.Errorf("Serve after %s leaves the listener open", name)
		}
		if err := srv.StopListening(); err != nil {
			t.Errorf("StopListening after %s = %v", name, err)
		}
		if srv.State() != wsserver.StateClosed || len(srv.Addrs()) != 0 {
			t.Errorf("after %s: %v, %v", name, srv.State(), srv.Addrs())
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("the port is open after %s", name)
		}
	}
}

// L-16: ListenAndServe ends with its context, in order; with the server; or with
// the error of Listen.
func TestListenAndServe(t *testing.T) { onDrivers(t, testListenAndServe) }

func testListenAndServe(t *testing.T) {
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.ListenAndServe(ctx) }()
	eventually(t, "the server to listen", srv.Listening)
	p := dialTCP(t, srv.Addrs()[0].String(), "/")
	cancel()
	if code := p.CloseCode(); code != client.StatusGoingAway {
		t.Errorf("closed with %v", code)
	}
	if err := <-done; err != nil {
		t.Errorf("ListenAndServe = %v after its context has ended", err)
	}
	d.want(t, "new", "connect", "disconnect 1001 going away")
	ended(t, srv)

	srv = newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
	go func() { done <- srv.ListenAndServe(t.Context()) }()
	eventually(t, "the server to listen", srv.Listening)
	srv.Close()
	if err := <-done; !errors.Is(err, wsserver.ErrServerClosed) {
		t.Errorf("ListenAndServe = %v after Close", err)
	}
	if err := newServer(t, &desk{}, wsserver.Config{}).ListenAndServe(t.Context()); err == nil {
		t.Error("ListenAndServe without an address = nil")
	}
	if err := wsserver.ListenAndServe("127.0.0.1:x x", wsserver.Class[tally]()); err == nil {
		t.Error("ListenAndServe on no address = nil")
	}
}

// L-16: Listen and Shutdown at the same time leave nothing open.
func TestListenRacesWithTheEnd(t *testing.T) {
	for range 50 {
		srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
		listened := make(chan error, 2)
		for range 2 {
			go func() { listened <- srv.Listen(t.Context()) }()
		}
		srv.Close()
		ok := 0
		for range 2 {
			switch err := <-listened; {
			case err == nil:
				ok++
			case !errors.Is(err, wsserver.ErrServerClosed) && !errors.Is(err, wsserver.ErrListening):
				t.Fatalf("Listen = %v", err)
			}
		}
		if ok > 1 || len(srv.Addrs()) != 0 || srv.State() != wsserver.StateClosed {
			t.Fatalf("%d times listening; now %v %v", ok, srv.State(), slices.Collect(func(yield func(net.Addr) bool) {
				for _, a := range srv.Addrs() {
					yield(a)
				}
			}))
		}
	}
}
