package multilisten

import (
	"net"
	"net/netip"
	"strconv"
	"testing"
)

// needIPv6 skips where the machine has no IPv6 loopback.
func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	l.Close()
}

// at is the loopback address of a family on the port of l.
func at(l *Listener, loopback string) string {
	return net.JoinHostPort(loopback, strconv.Itoa(int(l.Bound().Port())))
}

func TestEmptyHostIsOneDualStackSocket(t *testing.T) { // L-01
	needIPv6(t)
	l := openGroup(t, Binding{Addr: ":0"}).Listeners()[0]
	for _, loopback := range []string{"127.0.0.1", "::1"} {
		accepted, dialled := connect(t, l, at(l, loopback))
		checkEcho(t, accepted, dialled)
	}
	if got := l.Bound().Addr(); got != netip.IPv6Unspecified() {
		t.Errorf("Bound = %v, want [::]", got)
	}
}

func TestLiteralBindsItsOwnFamilyOnly(t *testing.T) { // L-01
	needIPv6(t)
	l := openGroup(t, Binding{Addr: "[::]:0"}).Listeners()[0]
	connect(t, l, at(l, "::1"))
	if c, err := net.Dial("tcp4", at(l, "127.0.0.1")); err == nil {
		c.Close()
		t.Error("[::] took an IPv4 connection")
	}
}

func TestWildcardsOfBothFamiliesShareAPort(t *testing.T) { // L-01, L-09
	needIPv6(t)
	for range 20 { // another process may hold the port that the first one got
		first := openGroup(t, Binding{Addr: "0.0.0.0:0"}).Listeners()[0]
		addr := at(first, "::")
		g, err := Open(t.Context(), Options{}, Binding{Addr: addr})
		if isInUse(err) {
			continue
		}
		if err != nil {
			t.Fatalf("Open %s beside %v = %v", addr, first.Bound(), err)
		}
		t.Cleanup(func() { g.Close() })
		connect(t, first, at(first, "127.0.0.1"))
		connect(t, g.Listeners()[0], at(first, "::1"))
		return
	}
	t.Error("no port was free for both families")
}

func TestUnixSocketIsABinding(t *testing.T) { // L-15
	path := t.TempDir() + "/s"
	g := openGroup(t, Binding{Network: "unix", Addr: path})
	l := g.Listeners()[0]
	accepted, dialled := connect(t, l, path)
	checkEcho(t, accepted, dialled)
	if _, ok := accepted.(*net.UnixConn); !ok {
		t.Errorf("Accept returned a %T, want *net.UnixConn", accepted)
	}
	if l.Bound().IsValid() || g.Bound()[0].IsValid() {
		t.Errorf("Bound = %v, want the zero value", l.Bound())
	}
	if l.Addr().String() != path {
		t.Errorf("Addr = %v, want %s", l.Addr(), path)
	}
}
