package multilisten

import (
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// The parent waits until all who share the sockets are done; what nobody wants is closed.
func TestLastWhoJoinedIsReady(t *testing.T) { // L-37, socket activation
	const first = 260
	kept := listenOn(t, "tcp4", "127.0.0.1:0")
	unwanted := listenOn(t, "tcp4", "127.0.0.2:0")
	env := handTo(t, first, "kept:unwanted", kept.(syscall.Conn), unwanted.(syscall.Conn))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fd, err := syscall.Dup(int(w.Fd())) // which inherit will own
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	env[envReady] = strconv.Itoa(fd)
	in, err := inherit(env, first)
	if err != nil {
		t.Fatal(err)
	}
	one, two := in.Join(), in.Join()
	g := openWith(t, Options{Inherited: in}, Binding{Addr: kept.Addr().String()})
	for range 2 { // the second time does not count for the other
		if left, err := one(); left != nil || err != nil {
			t.Fatalf("the first is done: %q, %v", left, err)
		}
	}
	if got := in.Names(); !slices.Equal(got, []string{"unwanted"}) {
		t.Fatalf("%q are left for the second", got)
	}
	if left, err := two(); !slices.Equal(left, []string{"unwanted"}) || err != nil {
		t.Errorf("the second is done: %q, %v", left, err)
	}
	if n, err := r.Read(make([]byte, 2)); n != 1 || err != nil {
		t.Errorf("the parent reads %d bytes, %v", n, err)
	}
	if left, err := two(); left != nil || err != nil || len(in.Names()) != 0 {
		t.Errorf("once more: %q, %v", left, err)
	}
	unwanted.Close() // the last descriptor
	if c, err := net.Dial("tcp", unwanted.Addr().String()); err == nil {
		c.Close()
		t.Error("the socket that nobody wanted is still open")
	}
	a, b := connect(t, g.Listeners()[0], kept.Addr().String())
	checkEcho(t, a, b)
}

func TestNobodyJoinsNothing(t *testing.T) {
	var in *Inherited
	if left, err := in.Join()(); left != nil || err != nil {
		t.Errorf("done = %q, %v", left, err)
	}
}
