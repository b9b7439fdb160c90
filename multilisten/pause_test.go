package multilisten

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// acceptAll sends on what l accepts, until it is closed.
func acceptAll(l net.Listener) <-chan net.Conn {
	conns := make(chan net.Conn)
	go func() {
		defer close(conns)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
		}
	}()
	return conns
}

func dial(t testing.TB, a net.Addr) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), a.Network(), a.String())
	if err != nil {
		t.Fatalf("dial %v = %v", a, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPausedConnectionsAreAcceptedLater(t *testing.T) { // L-30
	for _, b := range []Binding{{Addr: "127.0.0.1:0"}, {Network: "unix", Addr: t.TempDir() + "/s"}} {
		g := openGroup(t, b)
		l := g.Listeners()[0]
		conns := acceptAll(l)
		before := dial(t, l.Addr())
		checkEcho(t, <-conns, before)
		for range 2 { // the second time there is nothing to do
			if err := l.Pause(); err != nil {
				t.Fatalf("Pause = %v", err)
			}
		}
		for range 3 {
			dial(t, l.Addr()) // the kernel answers
		}
		select {
		case <-conns:
			t.Error("a paused listener has accepted")
		default:
		}
		for range 2 {
			if err := l.Resume(); err != nil {
				t.Fatalf("Resume = %v", err)
			}
		}
		for range 3 {
			(<-conns).Close()
		}
		g.Close()
		<-conns
	}
}

func TestAcceptOfAPausedListenerWaits(t *testing.T) { // L-30
	l := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	if err := l.Pause(); err != nil {
		t.Fatal(err)
	}
	conns := acceptAll(l)
	c := dial(t, l.Addr())
	if err := l.Resume(); err != nil {
		t.Fatal(err)
	}
	checkEcho(t, <-conns, c)
	l.Close()
	<-conns
}

// late is a socket that has a connection for Accept when it is told to.
type late struct {
	socket
	conn chan net.Conn
}

func (l late) Accept() (net.Conn, error)   { return <-l.conn, nil }
func (l late) SetDeadline(time.Time) error { return nil }
func (l late) Close() error                { return nil }

func TestConnectionThatIsBeingTakenWaitsToo(t *testing.T) { // L-30
	for name, end := range map[string]func(*Listener) error{"Resume": (*Listener).Resume, "Close": (*Listener).Close} {
		synctest.Test(t, func(t *testing.T) {
			l := &Listener{opts: &Options{}, state: StateListening, socket: late{conn: make(chan net.Conn)}}
			s := l.socket.(late)
			conns := make(chan net.Conn, 1)
			go func() {
				c, _ := l.Accept()
				conns <- c
			}()
			synctest.Wait()
			l.Pause()
			c, other := net.Pipe()
			defer other.Close()
			s.conn <- c
			synctest.Wait()
			if len(conns) > 0 {
				t.Error("a paused listener has accepted")
			}
			if err := end(l); err != nil {
				t.Fatal(err)
			}
			if got := <-conns; got != c { // after Close too: the peer is connected
				t.Errorf("after %s Accept returns %v", name, got)
			}
		})
	}
}

func TestCloseEndsAPause(t *testing.T) { // L-29, L-30
	l := openGroup(t, Binding{Addr: "127.0.0.1:0"}).Listeners()[0]
	if err := l.Pause(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want net.ErrClosed", err)
	}
	if err := l.Reopen(t.Context()); err != nil || l.State() != StateListening {
		t.Fatalf("Reopen = %v, the listener is %v", err, l.State())
	}
	a, b := connect(t, l, l.Addr().String())
	checkEcho(t, a, b)
}

func TestPauseIsOfOneListener(t *testing.T) { // L-26, L-30, L-31, L-32
	var j journal
	g := openWith(t, Options{OnState: j.onState}, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.1:0"})
	j.check(t, "0 closed-bound", "1 closed-bound", "0 bound-listening", "1 bound-listening")
	if err := g.Pause(1); err != nil {
		t.Fatal(err)
	}
	j.check(t, "1 listening-paused")
	if g.AllListening() || !g.AnyListening() || !g.AnyOpen() {
		t.Error("with one of two paused, want any listening, not all")
	}
	if s := g.States()[1]; s.State != StatePaused || s.Bound != g.Bound()[1] {
		t.Errorf("state = %+v, want paused and bound", s)
	}
	if lines := strings.Split(g.String(), "\n"); !strings.Contains(lines[1], " paused ") {
		t.Errorf("the table says\n%s", g)
	}
	connect(t, g.Listener(0), g.Addrs()[0].String())
	g.Pause(0)
	if g.AnyListening() || !g.AnyOpen() {
		t.Error("with both paused, want none listening, any open")
	}
	j.check(t, "0 listening-paused")
	if err := g.Resume(1); err != nil {
		t.Fatal(err)
	}
	connect(t, g.Listener(1), g.Addrs()[1].String())
	j.check(t, "1 paused-listening")
	g.Close()
	j.check(t, "0 paused-closing", "0 closing-closed", "1 listening-closing", "1 closing-closed")
}

func TestOnlyAListeningSocketIsPaused(t *testing.T) { // L-30
	var early error
	opts := Options{OnState: func(l *Listener, _, to State) {
		if to == StateBound {
			early = l.Pause()
		}
	}}
	g := openWith(t, opts, Binding{Name: "one", Addr: "127.0.0.1:0"})
	g.Close()
	for what, err := range map[string]error{"Pause": g.Pause(0), "Resume": g.Resume(0), "Pause before listening": early} {
		le, ok := errors.AsType[*ListenError](err)
		if !ok || le.Index != 0 || le.Binding.Name != "one" || !errors.Is(err, ErrNotListening) {
			t.Errorf("%s = %v, want a *ListenError: ErrNotListening", what, err)
		}
	}
	if !errors.Is(g.Pause(0), net.ErrClosed) || errors.Is(early, net.ErrClosed) {
		t.Errorf("Pause of a closed one = %v, of a bound one %v; want net.ErrClosed in the first", g.Pause(0), early)
	}
}

func TestIndexOfNoBinding(t *testing.T) { // L-26, L-29, L-30
	g := openGroup(t, Binding{Addr: "127.0.0.1:0"})
	for _, i := range []int{-1, 1} {
		if g.Listener(i) != nil {
			t.Errorf("Listener(%d) is one", i)
		}
		for _, err := range []error{g.Pause(i), g.Resume(i), g.CloseOne(i), g.Reopen(t.Context(), i)} {
			if !errors.Is(err, ErrIndex) {
				t.Errorf("binding %d: %v, want ErrIndex", i, err)
			}
		}
	}
}

func TestOneBindingIsClosedAndReopened(t *testing.T) { // L-29
	g := openGroup(t, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.1:0"})
	if err := g.CloseOne(0); err != nil || g.Listener(0).State() != StateClosed || g.Listener(1).State() != StateListening {
		t.Fatalf("CloseOne = %v,\n%v", err, g)
	}
	if err := g.Reopen(t.Context(), 0); err != nil || !g.AllListening() {
		t.Errorf("Reopen = %v,\n%v", err, g)
	}
}

func TestReopenOfABindingThatFailed(t *testing.T) { // L-27, L-29
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	g, err := Open(t.Context(), Options{Policy: BestEffort}, Binding{Addr: busy.Addr().String()}, Binding{Addr: "127.0.0.1:0"})
	if g == nil || !isInUse(err) {
		t.Fatalf("Open = %v, %v", g, err)
	}
	defer g.Close()
	if err := g.Reopen(t.Context(), 0); !isInUse(err) {
		t.Errorf("Reopen = %v, want in use", err)
	}
	busy.Close()
	if err := g.Reopen(t.Context(), 0); err != nil || !g.AllListening() || len(g.Listeners()) != 2 {
		t.Errorf("Reopen = %v, %d listeners,\n%v", err, len(g.Listeners()), g)
	}
}

// A name that is unknown when the program starts may be known later.
func TestReopenLooksUpWhatOpenCouldNot(t *testing.T) { // L-05, L-29
	g, err := Open(t.Context(), Options{Policy: BestEffort}, Binding{Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.1:no-such-service"})
	if g == nil || err == nil {
		t.Fatalf("Open = %v, %v", g, err)
	}
	defer g.Close()
	l := g.Listener(1)
	if _, ok := errors.AsType[*FieldError](l.Reopen(t.Context())); !ok {
		t.Error("Reopen did not look the name up")
	}
	l.binding.Addr = "127.0.0.1:0" // as if the name were found now
	if err := l.Reopen(t.Context()); err != nil || !g.AllListening() {
		t.Fatalf("Reopen = %v", err)
	}
	connect(t, l, l.Addr().String())
}
