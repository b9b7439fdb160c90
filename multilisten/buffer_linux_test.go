package multilisten

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// receiveBuffer returns SO_RCVBUF of a socket.
func receiveBuffer(t *testing.T, s syscall.Conn) (n int) {
	t.Helper()
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		n, failed = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	return n
}

// Small sizes, so that no limit of the system comes in between. Linux doubles them.
func TestBufferReachesTheKernel(t *testing.T) {
	const size = 12_000
	free := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	if n := receiveBuffer(t, free); n <= 2*size {
		t.Fatalf("the system's buffer has %d bytes; it proves nothing", n)
	}
	l := openWith(t, Options{InBufferSize: size}, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	check := func(what string, s syscall.Conn) {
		t.Helper()
		if n := receiveBuffer(t, s); n < size || n > 2*size {
			t.Errorf("%s has a buffer of %d bytes, want %d to %d", what, n, size, 2*size)
		}
	}
	check("the listener", l)
	a, b := connect(t, l, l.Addr().String())
	check("a connection", a.(*net.TCPConn))
	checkEcho(t, a, b)
	l.Close()
	if err := l.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("the listener after Reopen", l)
}

func TestControlHasTheLastWordOnTheBuffer(t *testing.T) { // R-05, L-34
	const size = 12_000
	opts := Options{InBufferSize: 8 * size, Control: func(_, _ string, c syscall.RawConn) error {
		return setInBuffer(c, size)
	}}
	l := openWith(t, opts, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	if n := receiveBuffer(t, l); n > 2*size {
		t.Errorf("the listener has a buffer of %d bytes, want at most %d", n, 2*size)
	}
}

func TestUnixSocketKeepsItsBuffer(t *testing.T) {
	path := t.TempDir() + "/s"
	plain := openGroup(t, Binding{Network: "unix", Addr: path + "1"}).Listeners()[0]
	g := openWith(t, Options{InBufferSize: 12_000}, Binding{Network: "unix", Addr: path})
	l := g.Listeners()[0]
	if a, b := receiveBuffer(t, l), receiveBuffer(t, plain); a != b {
		t.Errorf("a Unix socket has a buffer of %d bytes, want the system's %d", a, b)
	}
	if err := g.States()[0].InBufferErr; err != nil {
		t.Errorf("InBufferErr = %v", err)
	}
	a, b := connect(t, l, path)
	checkEcho(t, a, b)
}

// windowScale returns the scale of the window that a connection offers its peer. It
// is the high half of the seventh byte of tcp_info (little-endian bit fields).
func windowScale(t *testing.T, s syscall.Conn) int {
	t.Helper()
	return int(tcpInfo(t, s).Data[1] >> 20 & 15)
}

// The scale is in the SYN-ACK: a size that is set after accept comes too late for it.
func TestBufferIsThereWhenTheWindowIsAgreedOn(t *testing.T) { // R-05, RFC 7323 section 2
	scaled := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	a, _ := connect(t, scaled, scaled.Addr().String())
	if windowScale(t, a.(*net.TCPConn)) == 0 {
		t.Skip("the system scales no window")
	}
	small := openWith(t, Options{InBufferSize: 12_000}, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	a, _ = connect(t, small, small.Addr().String())
	if n := windowScale(t, a.(*net.TCPConn)); n != 0 {
		t.Errorf("the window of a buffer below 64 KiB is scaled by %d bits", n)
	}
}
