package multilisten

import (
	"net"
	"syscall"
	"testing"
)

// keepAliveOf returns the four options of a socket.
func keepAliveOf(t *testing.T, s syscall.Conn) (all [len(probes)]int) {
	t.Helper()
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		for i, p := range probes {
			if all[i], err = syscall.GetsockoptInt(int(fd), p.level, p.name); err != nil {
				t.Errorf("option %d: %v", p.name, err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// accepted returns a connection that l accepted.
func accepted(t *testing.T, l net.Listener) *net.TCPConn {
	t.Helper()
	c, _ := connect(t, l, l.Addr().String())
	return c.(*net.TCPConn)
}

// packageNet is what a listener of package net has.
func packageNet(t *testing.T) [len(probes)]int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return keepAliveOf(t, accepted(t, l))
}

// K-04, K-05: also after Reopen, and whatever Control does to the listener.
func TestConnectionsHaveTheKeepAliveOfPackageNet(t *testing.T) {
	want := packageNet(t)
	off := Options{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 0)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 77)
		})
	}}
	for name, opts := range map[string]Options{"no options": {}, "Control turns it off": off} {
		l := openWith(t, opts, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
		for range 2 {
			if got := keepAliveOf(t, accepted(t, l)); got != want {
				t.Errorf("%s: a connection has %v, want %v", name, got, want)
			}
		}
		l.Close()
		if err := l.Reopen(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := keepAliveOf(t, accepted(t, l)); got != want {
			t.Errorf("%s: after Reopen a connection has %v, want %v", name, got, want)
		}
	}
}

func TestConnectionsGetTheirKeepAliveOneByOne(t *testing.T) { // K-04
	ln, err := (&net.ListenConfig{KeepAlive: -1}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &probing{TCPListener: ln.(*net.TCPListener)}
	defer l.Close()
	want := packageNet(t)
	for range 2 {
		if got := keepAliveOf(t, accepted(t, l)); got != want {
			t.Errorf("a connection has %v, want %v", got, want)
		}
	}
	if l.from.Load() != oneByOne {
		t.Error("a listener without the options is taken for one that hands them on")
	}
}
