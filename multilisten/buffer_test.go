package multilisten

import (
	"errors"
	"math"
	"net"
	"slices"
	"syscall"
	"testing"
)

func TestBufferSizeOutOfRangeIsRefused(t *testing.T) {
	sizes := []int{-1, math.MinInt}
	if math.MaxInt > math.MaxInt32 {
		sizes = append(sizes, math.MaxInt)
	}
	for _, n := range sizes {
		g, err := Open(t.Context(), Options{InBufferSize: n}, Binding{Addr: "127.0.0.1:0"})
		if g != nil || err == nil {
			t.Fatalf("Open with %d = %v, %v; want an error", n, g, err)
		}
	}
	_, err := Open(t.Context(), Options{InBufferSize: -7}, Binding{Addr: "127.0.0.1:0"})
	if want := "multilisten: InBufferSize: -7 is not from 0 to 2147483647"; err.Error() != want {
		t.Errorf("Open = %v, want %s", err, want)
	}
}

// deadSocket fails every option.
type deadSocket struct {
	syscall.RawConn
	err error
}

func (s deadSocket) Control(func(fd uintptr)) error { return s.err }

func TestRefusedBufferFailsNothing(t *testing.T) {
	no := errors.New("no")
	for _, network := range []string{"tcp4", "tcp6", "unix"} {
		seen := 0
		opts := Options{InBufferSize: 1, Control: func(string, string, syscall.RawConn) error { seen++; return nil }}
		var refused error
		if err := opts.control(&Binding{}, &refused)(network, "", deadSocket{err: no}); err != nil || seen != 1 {
			t.Errorf("%s: control = %v, Control was called %d times", network, err, seen)
		}
		if (refused == nil) != (network == "unix") {
			t.Errorf("%s: refused is %v", network, refused)
		}
	}
}

func TestErrorOfControlFailsTheBindingStill(t *testing.T) { // R-05, L-34
	no := errors.New("no")
	opts := Options{InBufferSize: 1 << 16, Control: func(string, string, syscall.RawConn) error { return no }}
	if _, err := Open(t.Context(), opts, Binding{Addr: "127.0.0.1:0"}); !errors.Is(err, no) {
		t.Errorf("Open = %v, want %v", err, no)
	}
}

func TestStatesTellOfTheRefusedBuffer(t *testing.T) { // R-05, L-31
	g := openWith(t, Options{InBufferSize: 1 << 16}, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.1:0"})
	l := g.Listeners()[1]
	l.Close()
	if err := l.beginOpen(); err != nil {
		t.Fatal(err)
	}
	s, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	if err := l.endOpen(opened{socket: s.(socket), refused: no}, nil); err != nil || !l.start() {
		t.Fatalf("endOpen = %v", err)
	}
	refused := func() (list []error) {
		for _, s := range g.States() {
			list = append(list, s.InBufferErr)
		}
		return list
	}
	if got := refused(); !slices.Equal(got, []error{nil, no}) || !g.AllListening() {
		t.Errorf("States tell %v, want it of the second binding, which listens", got)
	}
	l.Close()
	if err := l.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := refused(); !slices.Equal(got, []error{nil, nil}) {
		t.Errorf("after Reopen States tell %v", got)
	}
}
