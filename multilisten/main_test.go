package multilisten

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// roles are what this program does in place of the tests when envRole names one: so the
// tests have other processes.
var roles = map[string]func() error{}

const envRole = "ICSWS_TEST_ROLE"

func TestMain(m *testing.M) {
	if name := os.Getenv(envRole); name != "" {
		if err := roles[name](); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// openGroup opens the bindings, all or nothing, and closes them after the test.
func openGroup(t testing.TB, bindings ...Binding) *Group {
	t.Helper()
	return openWith(t, Options{}, bindings...)
}

func openWith(t testing.TB, opts Options, bindings ...Binding) *Group {
	t.Helper()
	g, err := Open(t.Context(), opts, bindings...)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// connect returns both ends of a connection that l accepted at addr.
func connect(t testing.TB, l net.Listener, addr string) (accepted, dialled net.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var d net.Dialer
	dialled, err := d.DialContext(ctx, l.Addr().Network(), addr)
	if err != nil {
		t.Fatalf("dial %s = %v", addr, err)
	}
	t.Cleanup(func() { dialled.Close() })
	accepted, err = l.Accept() // the kernel has the connection already
	if err != nil {
		t.Fatalf("Accept = %v", err)
	}
	t.Cleanup(func() { accepted.Close() })
	return accepted, dialled
}

// checkEcho sends a few bytes from a to b and back.
func checkEcho(t testing.TB, a, b net.Conn) {
	t.Helper()
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		if _, err := way[0].Write([]byte("echo")); err != nil {
			t.Fatalf("Write = %v", err)
		}
		buf := make([]byte, 4)
		way[1].SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(way[1], buf); err != nil || string(buf) != "echo" {
			t.Fatalf("Read = %q, %v; want echo", buf, err)
		}
	}
}

// taken returns the address of a listener outside of any group.
func taken(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
