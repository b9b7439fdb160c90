package wsserver_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// L-01, L-02, L-03, L-04, L-16, L-17
func TestListenOpensTheAddress(t *testing.T) {
	for _, tt := range []struct{ addr, host, network string }{
		{"127.0.0.1:0", "127.0.0.1", "tcp4"},
		{"[::1]:0", "::1", "tcp6"},
		{"localhost:0", "127.0.0.1", "tcp4"},
	} {
		t.Run(tt.addr, func(t *testing.T) {
			srv := newServer(t, &desk{}, wsserver.Config{Addr: tt.addr})
			if srv.Listening() || srv.State() != wsserver.StateClosed {
				t.Error("it listens before Listen")
			}
			addr := open(t, srv)
			bound := srv.Bound()
			if len(bound) != 1 || bound[0].String() != addr || bound[0].Addr() != netip.MustParseAddr(tt.host) || bound[0].Port() == 0 {
				t.Errorf("Bound = %v, Addrs = %v", bound, srv.Addrs())
			}
			if srv.PortNum() != 0 { // a free one was asked for
				t.Errorf("PortNum = %d", srv.PortNum())
			}
			if !srv.Listening() || !srv.AllListening() || !srv.AnyListening() || srv.State() != wsserver.StateListening {
				t.Error("it does not say that it listens")
			}
			p := dialTCP(t, addr, "/")
			p.SendText("x")
			p.Receive()
		})
	}
}

// L-01: an empty host is both families on one socket; 0.0.0.0 and [::] share a port.
func TestListenOnAllAddresses(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: ":0"})
	_, port, _ := net.SplitHostPort(open(t, srv))
	dialTCP(t, "127.0.0.1:"+port, "/")
	dialTCP(t, "[::1]:"+port, "/")
	two := newServer(t, &desk{}, wsserver.Config{Addr: "0.0.0.0:0"})
	_, port, _ = net.SplitHostPort(open(t, two))
	more := newServer(t, &desk{}, wsserver.Config{Addr: "[::]:" + port})
	open(t, more)
	dialTCP(t, "127.0.0.1:"+port, "/")
	dialTCP(t, "[::1]:"+port, "/")
	eventually(t, "a client of each", func() bool { return two.ClientCount() == 1 && more.ClientCount() == 1 })
}

// L-02, L-03: a port that was asked for is PortNum, also where it was refused.
func TestPortNumIsTheRequestedPort(t *testing.T) {
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:" + strconv.Itoa(port)})
	open(t, srv)
	if srv.PortNum() != port {
		t.Errorf("PortNum = %d, want %d", srv.PortNum(), port)
	}
}

// L-01, L-02: what can not be listened on is told by Listen.
func TestListenTellsWhatIsWrong(t *testing.T) {
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for addr, part := range map[string]string{
		"127.0.0.1":             "missing port",
		"127.0.0.1:":            "port not set",
		":":                     "port not set",
		"127.0.0.1:65536":       "65536",
		"127.0.0.1:-1":          "-1",
		"127.0.0.1:no-such-svc": "no-such-svc",
		"192.0.2.1:0":           "not an address of this machine",
		busy.Addr().String():    "already in use",
	} {
		srv := newServer(t, &desk{}, wsserver.Config{Addr: addr})
		err := srv.Listen(t.Context())
		e, ok := errors.AsType[*multilisten.ListenError](err)
		if !ok || !strings.Contains(err.Error(), part) || !strings.HasPrefix(err.Error(), "wsserver: ") || e.Binding.Addr != addr {
			t.Errorf("Listen on %q = %v, want %q in it", addr, err, part)
		}
		if srv.Listening() || len(srv.Addrs()) != 0 {
			t.Errorf("%q: the server listens", addr)
		}
		if strings.Contains(part, "in use") && !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("the error is no EADDRINUSE: %v", err)
		}
	}
}

// L-16: Listen twice, and Listen with a context that has ended.
func TestListenTwice(t *testing.T) {
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
func TestListenAfterStopListening(t *testing.T) {
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
func TestListenAndServe(t *testing.T) {
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
