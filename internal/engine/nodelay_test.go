//go:build unix

package engine

import (
	"net"
	"syscall"
	"testing"
)

// TestNoDelayOfAWrapper: gws changes TCP_NODELAY of bare sockets only, and says
// nothing of others, such as our transport; wsserver does it where it accepts. S-10
func TestNoDelayOfAWrapper(t *testing.T) {
	near, far := socketPair(t)
	c, _ := new(bare).enterOn(t, near, struct{ net.Conn }{far}, "")
	if err := c.SetNoDelay(false); err != nil {
		t.Fatalf("gws alone: SetNoDelay = %v", err)
	}
	sock, err := far.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	noDelay, opErr := 0, error(nil)
	if err := sock.Control(func(fd uintptr) {
		noDelay, opErr = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	}); err != nil || opErr != nil {
		t.Fatal(err, opErr)
	}
	if noDelay == 0 {
		t.Error("gws alone: SetNoDelay reaches the socket through a wrapper")
	}
}
