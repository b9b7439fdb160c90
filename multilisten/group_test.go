package multilisten

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestOpenBindsEverything(t *testing.T) { // L-16, L-25, L-26
	g := openGroup(t,
		Binding{Name: "public", Addr: "127.0.0.1:0", TLS: true},
		Binding{Addr: "127.0.0.2:0"},
		Binding{Network: "unix", Addr: t.TempDir() + "/s"},
	)
	ls := g.Listeners()
	if len(ls) != 3 || len(g.Addrs()) != 3 || len(g.Bound()) != 3 {
		t.Fatalf("%d listeners, %d addresses, %d bound; want 3 of each", len(ls), len(g.Addrs()), len(g.Bound()))
	}
	for i, l := range ls {
		if l.Index() != i {
			t.Errorf("Index = %d, want %d", l.Index(), i)
		}
		if g.Addrs()[i].String() != l.Addr().String() || g.Bound()[i] != l.Bound() {
			t.Errorf("binding %d: the group says %v, the listener %v", i, g.Addrs()[i], l.Addr())
		}
		accepted, dialled := connect(t, l, l.Addr().String())
		checkEcho(t, accepted, dialled)
	}
	if b := ls[0].Binding(); b.Name != "public" || !b.TLS || b.Addr != "127.0.0.1:0" {
		t.Errorf("Binding = %+v, want it as it was given", b)
	}
}

func TestPortZeroBecomesARealPort(t *testing.T) { // L-03, L-04
	l := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	if l.RequestedPort() != 0 {
		t.Errorf("RequestedPort = %d, want 0", l.RequestedPort())
	}
	real := l.Bound().Port()
	if real == 0 || int(real) != l.Addr().(*net.TCPAddr).Port {
		t.Errorf("Bound = %v, Addr = %v; want the same port, not 0", l.Bound(), l.Addr())
	}
	l.Close()
	again := openGroup(t, Binding{Addr: l.Bound().String()}).Listeners()[0]
	if again.RequestedPort() != real {
		t.Errorf("RequestedPort = %d, want %d", again.RequestedPort(), real)
	}
}

func TestCloseLeavesClients(t *testing.T) { // L-17, L-28
	g := openGroup(t, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.1:0"})
	a, b := connect(t, g.Listeners()[0], g.Addrs()[0].String())
	for range 2 { // the second time there is nothing to do
		if err := g.Close(); err != nil {
			t.Fatalf("Close = %v", err)
		}
	}
	checkEcho(t, a, b)
	for _, l := range g.Listeners() {
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close = %v, want net.ErrClosed", err)
		}
		if _, err := l.SyscallConn(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("SyscallConn after Close = %v, want net.ErrClosed", err)
		}
	}
}

func TestCloseEndsAWaitingAccept(t *testing.T) { // L-28
	l := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want net.ErrClosed", err)
	}
}

func TestAllOrNothingClosesWhatItOpened(t *testing.T) { // L-27
	var opened []*Listener
	opts := Options{OnState: func(l *Listener, _, to State) {
		if to == StateBound {
			opened = append(opened, l)
		}
	}}
	inUse := Binding{Name: "busy", Addr: taken(t)}
	g, err := Open(t.Context(), opts, Binding{Addr: "127.0.0.1:0"}, inUse, Binding{Addr: "127.0.0.1:0"})
	if g != nil || err == nil {
		t.Fatalf("Open = %v, %v; want no group", g, err)
	}
	le, ok := err.(*ListenError)
	if !ok || le.Index != 1 || le.Binding != inUse {
		t.Errorf("Open = %v, want a *ListenError of binding 1", err)
	}
	if len(opened) != 1 || opened[0].State() != StateClosed {
		t.Fatalf("opened %d listeners, want one, closed", len(opened))
	}
	openGroup(t, Binding{Addr: opened[0].Bound().String()}) // its port is free
}

func TestAllOrNothingChecksBeforeItOpens(t *testing.T) { // L-27, L-38
	opts := Options{OnState: func(*Listener, State, State) { t.Error("a socket was opened") }}
	for _, last := range []Binding{{}, {Addr: "127.0.0.1:1"}} {
		if g, err := Open(t.Context(), opts, Binding{Addr: "127.0.0.1:1"}, last); g != nil || err == nil {
			t.Errorf("Open = %v, %v; want no group", g, err)
		}
	}
}

func TestBestEffortKeepsWhatWorked(t *testing.T) { // L-27, L-32
	busy := taken(t)
	g, err := Open(t.Context(), Options{Policy: BestEffort},
		Binding{},
		Binding{Addr: "127.0.0.1:0"},
		Binding{Addr: busy},
		Binding{Addr: "127.0.0.2:0"},
	)
	if g == nil {
		t.Fatalf("Open = nil, %v; want a group", err)
	}
	defer g.Close()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 2 {
		t.Fatalf("Open = %v, want two joined errors", err)
	}
	for i, want := range []int{0, 2} { // each error is about its own binding
		le, ok := joined.Unwrap()[i].(*ListenError)
		if !ok || le.Index != want {
			t.Errorf("error %d = %v, want a *ListenError of binding %d", i, joined.Unwrap()[i], want)
		}
	}
	if !strings.Contains(err.Error(), busy[strings.LastIndex(busy, ":")+1:]) {
		t.Errorf("Open = %v, want the port of %s in it", err, busy)
	}
	var index []int
	for _, l := range g.Listeners() {
		index = append(index, l.Index())
	}
	if !slices.Equal(index, []int{1, 3}) {
		t.Errorf("listeners have the indexes %v, want [1 3]", index)
	}
	if g.AllListening() || !g.AnyListening() {
		t.Errorf("AllListening = %v, AnyListening = %v; want false, true", g.AllListening(), g.AnyListening())
	}
}

func TestBestEffortKeepsTheFirstOfDuplicates(t *testing.T) { // L-27, L-38
	free := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	free.Close()
	addr := free.Bound().String()
	g, err := Open(t.Context(), Options{Policy: BestEffort}, Binding{Addr: addr}, Binding{Addr: addr, TLS: true})
	if g == nil || !errors.Is(err, ErrDuplicate) {
		t.Fatalf("Open = %v, %v; want a group and ErrDuplicate", g, err)
	}
	defer g.Close()
	if ls := g.Listeners(); len(ls) != 1 || ls[0].Index() != 0 {
		t.Errorf("%d listeners, want binding 0 alone", len(ls))
	}
}

func TestBestEffortWithoutAnyIsNoGroup(t *testing.T) { // L-27
	g, err := Open(t.Context(), Options{Policy: BestEffort}, Binding{}, Binding{Addr: taken(t)})
	if g != nil || !isInUse(err) {
		t.Errorf("Open = %v, %v; want nil and both errors", g, err)
	}
}

func TestOpenRefusesNonsense(t *testing.T) {
	if _, err := Open(t.Context(), Options{}); !errors.Is(err, ErrNoBindings) {
		t.Errorf("Open without bindings = %v, want ErrNoBindings", err)
	}
	if _, err := Open(t.Context(), Options{Policy: 7}, Binding{Addr: "127.0.0.1:0"}); err == nil {
		t.Error("Open with policy 7 = nil, want an error")
	}
}

func TestRestartOnTheSamePort(t *testing.T) { // L-36
	addr := "127.0.0.1:0"
	for range 5 {
		g := openGroup(t, Binding{Addr: addr})
		l := g.Listeners()[0]
		addr = l.Addr().String()
		accepted, dialled := connect(t, l, addr)
		accepted.Close() // our side first: the port goes through TIME_WAIT
		dialled.Close()
		g.Close()
	}
}

func TestPanicOfACallbackLeavesNoSocket(t *testing.T) {
	var bound string
	opts := Options{OnState: func(l *Listener, _, to State) {
		if to == StateListening {
			bound = l.Bound().String()
			panic("user code")
		}
	}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Open swallowed the panic")
			}
		}()
		Open(t.Context(), opts, Binding{Addr: "127.0.0.1:0"})
	}()
	openGroup(t, Binding{Addr: bound}) // the port is free
}
