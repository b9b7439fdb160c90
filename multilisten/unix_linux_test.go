package multilisten

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

// chmod comes after bind: whoever connects in between must not get in.
func TestSocketFileNeverHasMoreThanItsMode(t *testing.T) { // L-15
	path := t.TempDir() + "/s"
	b := Binding{Network: "unix", Addr: path, Mode: 0o600}
	var refused error
	s, err := listenSocket(t.Context(), endpoint{network: "unix", path: path}, new(Options).control(&b, &refused))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := fileMode(t, path); got != fs.ModeSocket|0o600 {
		t.Errorf("before chmod the mode is %v, want 0600", got)
	}
}

func TestSocketWithAFullBacklogIsNotStale(t *testing.T) { // L-15
	path := t.TempDir() + "/s"
	live := openGroup(t, Binding{Network: "unix", Addr: path, Backlog: 1}).Listeners()[0]
	waiting := 0
	for ; ; waiting++ {
		c, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	_, err := Open(t.Context(), Options{}, Binding{Network: "unix", Addr: path, RemoveStale: true})
	if !isInUse(err) {
		t.Errorf("Open = %v, want in use", err)
	}
	for range waiting {
		c, err := live.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	connect(t, live, path)
}

func TestAbstractNameIsNoFile(t *testing.T) { // L-15
	name := "@icsws-test/" + t.TempDir()
	l := openGroup(t, Binding{Network: "unix", Addr: name}).Listeners()[0]
	a, b := connect(t, l, name)
	checkEcho(t, a, b)
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lstat = %v, want no file", err)
	}
	if _, err := Open(t.Context(), Options{}, Binding{Network: "unix", Addr: name}); !isInUse(err) {
		t.Errorf("Open = %v, want in use", err)
	}
	for _, b := range []Binding{{Mode: 0o600}, {RemoveStale: true}} {
		b.Network, b.Addr = "unix", name
		if _, ok := errors.AsType[*FieldError](Validate(b)); !ok {
			t.Errorf("Validate(%+v) = nil, want a *FieldError", b)
		}
	}
}
