package wsserver_test

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// L-01, L-02, L-03, L-04, L-16, L-17, E-11
func TestListenOpensTheAddress(t *testing.T) { onDrivers(t, testListenOpensTheAddress) }

func testListenOpensTheAddress(t *testing.T) {
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
func TestListenOnAllAddresses(t *testing.T) { onDrivers(t, testListenOnAllAddresses) }

func testListenOnAllAddresses(t *testing.T) {
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

// L-01, L-02, O-05: what can not be listened on is told by Listen.
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
