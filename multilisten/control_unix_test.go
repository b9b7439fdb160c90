//go:build unix

package multilisten

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// keepAlive returns SO_KEEPALIVE of a socket.
func keepAlive(t *testing.T, raw syscall.RawConn) (on int) {
	t.Helper()
	var failed error
	err := raw.Control(func(fd uintptr) {
		on, failed = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	return on
}

func TestAcceptedConnectionIsPlain(t *testing.T) {
	l := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	accepted, _ := connect(t, l, l.Addr().String())
	c, ok := accepted.(*net.TCPConn)
	if !ok {
		t.Fatalf("Accept returned a %T, want *net.TCPConn", accepted)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if on := keepAlive(t, raw); on == 0 {
		t.Error("keep-alive is off")
	}
}

func TestControlSeesEachSocket(t *testing.T) { // L-34
	var seen []string
	opts := Options{Control: func(network, address string, c syscall.RawConn) error {
		seen = append(seen, network+" "+address)
		return nil
	}}
	openWith(t, opts, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.2:0"})
	if got := strings.Join(seen, ", "); got != "tcp4 127.0.0.1:0, tcp4 127.0.0.2:0" {
		t.Errorf("Control saw %s", got)
	}
}

func TestKernelErrorsReadWell(t *testing.T) {
	failing := func(errno syscall.Errno) func(string, string, syscall.RawConn) error {
		return func(string, string, syscall.RawConn) error { return os.NewSyscallError("bind", errno) }
	}
	for _, tt := range []struct {
		addr  string
		errno syscall.Errno
		want  string
	}{
		{"127.0.0.1:8080", syscall.EADDRINUSE, "multilisten: binding 0: port 8080 of 127.0.0.1 is already in use"},
		{"127.0.0.1:80", syscall.EACCES, "multilisten: binding 0: no permission to listen on port 80 of 127.0.0.1"},
		{"127.0.0.1:80", syscall.EPERM, "multilisten: binding 0: no permission to listen on port 80 of 127.0.0.1"},
		{":80", syscall.EACCES, "multilisten: binding 0: no permission to listen on port 80 of all addresses"},
		{"[fe80::1%1]:80", syscall.EADDRNOTAVAIL, "multilisten: binding 0: fe80::1%1 is not an address of this machine, so port 80 of it can not be opened"},
	} {
		_, err := Open(t.Context(), Options{Control: failing(tt.errno)}, Binding{Addr: tt.addr})
		if err == nil || err.Error() != tt.want {
			t.Errorf("Open(%s) with %v =\n%v, want\n%s", tt.addr, tt.errno, err, tt.want)
		}
		if _, ok := errors.AsType[*net.OpError](err); !ok || !errors.Is(err, tt.errno) {
			t.Errorf("%v does not unwrap to the *net.OpError and %v", err, tt.errno)
		}
	}
}

func TestAddressInUseIsFoundInTheKernel(t *testing.T) {
	busy := Binding{Name: "api", Addr: taken(t)}
	_, err := Open(t.Context(), Options{}, busy)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), `binding 0 "api": port `) {
		t.Errorf("Open = %v", err)
	}
	path := t.TempDir() + "/s"
	openGroup(t, Binding{Network: "unix", Addr: path})
	_, err = Open(t.Context(), Options{}, Binding{Network: "unix", Addr: path})
	if err == nil || err.Error() != "multilisten: binding 0: "+path+" is already in use" {
		t.Errorf("Open = %v", err)
	}
}
