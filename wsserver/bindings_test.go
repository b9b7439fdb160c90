package wsserver_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// freePort returns an address that nobody listens on for the moment.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// busyPort returns an address that somebody else listens on.
func busyPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// L-25, L-26, L-04: Addr is the first binding, the others follow in order, and a
// client knows which one it came by.
func TestBindingsHaveTheirOrder(t *testing.T) { onDrivers(t, testBindingsHaveTheirOrder) }

func testBindingsHaveTheirOrder(t *testing.T) {
	d := &desk{}
	var mu sync.Mutex
	var clients []*guest
	d.connect = func(g *guest) error { mu.Lock(); defer mu.Unlock(); clients = append(clients, g); return nil }
	srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", Bindings: []multilisten.Binding{
		{Name: "second", Addr: "127.0.0.2:0", Backlog: 7}, {Addr: "[::1]:0"},
	}})
	l := serve(t, srv) // handed in before Listen, and last nevertheless
	open(t, srv)
	addrs := srv.Addrs()
	if len(addrs) != 4 || addrs[3].String() != l.Addr().String() {
		t.Fatalf("Addrs = %v, want three and %v", addrs, l.Addr())
	}
	names := []string{"127.0.0.1:0", "second", "[::1]:0", l.Addr().String()}
	for i, addr := range addrs {
		if i == 3 {
			clienttest.Dial(t, l, "/")
		} else {
			dialTCP(t, addr.String(), "/")
		}
		eventually(t, "the client", func() bool { mu.Lock(); defer mu.Unlock(); return len(clients) == i+1 })
		if g := clients[i]; g.BindingIndex() != i || g.Binding() != names[i] || g.Local().String() != addr.String() || srv.Bound()[i] != g.Local() {
			t.Errorf("client %d came by %d %q at %v, want %q at %v", i, g.BindingIndex(), g.Binding(), g.Local(), names[i], addr)
		}
	}
	// L-31
	states := srv.Listeners()
	if len(states.States) != 3 || states.States[1].Name != "second" || states.States[1].State != wsserver.StateListening || states.States[2].Bound != srv.Bound()[2] {
		t.Errorf("Listeners = %+v", states.States)
	}
	lines := strings.Split(strings.TrimSpace(states.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "second") || !strings.Contains(lines[1], "listening") || !strings.Contains(lines[1], addrs[1].String()) {
		t.Errorf("the report is\n%s", states)
	}
}

// L-12: the backlog of a binding reaches it; a negative one is an error.
func TestBacklogIsChecked(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0", Bindings: []multilisten.Binding{{Addr: "127.0.0.1:0", Backlog: -1}}})
	err := srv.Listen(t.Context())
	e, ok := errors.AsType[*multilisten.ListenError](err)
	if !ok || e.Index != 1 || !strings.Contains(err.Error(), "Backlog") || !strings.Contains(err.Error(), "-1") {
		t.Errorf("Listen = %v", err)
	}
}

// L-16, L-27, L-32: all or nothing, or the best effort, each with errors that name
// the binding.
func TestListenPolicies(t *testing.T) { onDrivers(t, testListenPolicies) }

func testListenPolicies(t *testing.T) {
	busy := []string{busyPort(t), busyPort(t)}
	bindings := func() []multilisten.Binding {
		return []multilisten.Binding{{Name: "good", Addr: "127.0.0.1:0"}, {Name: "bad", Addr: busy[0]}, {Name: "well", Addr: "127.0.0.1:0"}, {Name: "worse", Addr: busy[1]}}
	}
	t.Run("all or nothing", func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Bindings: bindings()})
		err := srv.Listen(t.Context())
		e, ok := errors.AsType[*multilisten.ListenError](err)
		if !ok || e.Index != 1 || e.Binding.Name != "bad" || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Listen = %v", err)
		}
		if srv.Listening() || srv.AnyListening() || len(srv.Addrs()) != 0 || srv.State() != wsserver.StateClosed {
			t.Errorf("it listens on %v", srv.Addrs())
		}
	})
	t.Run("best effort", func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Bindings: bindings(), ListenPolicy: multilisten.BestEffort})
		err := srv.Listen(t.Context())
		if err == nil || !strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), `"worse"`) || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Listen = %v", err)
		}
		if !srv.Listening() || !srv.AnyListening() || srv.AllListening() || len(srv.Addrs()) != 2 {
			t.Errorf("it listens on %v", srv.Addrs())
		}
		for _, addr := range srv.Addrs() {
			dialTCP(t, addr.String(), "/")
		}
		if s := srv.Listeners().States; len(s) != 4 || s[1].Err == nil || s[1].State != wsserver.StateClosed || s[2].State != wsserver.StateListening {
			t.Errorf("Listeners = %+v", s)
		}
		if err := srv.Listen(t.Context()); !errors.Is(err, wsserver.ErrListening) {
			t.Errorf("second Listen = %v", err)
		}
		if err := srv.StopListening(); err != nil {
			t.Errorf("StopListening = %v", err)
		}
		if srv.AnyListening() {
			t.Error("it still listens")
		}
	})
	t.Run("best effort without success", func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Addr: busy[0], ListenPolicy: multilisten.BestEffort})
		if err := srv.Listen(t.Context()); !errors.Is(err, syscall.EADDRINUSE) || srv.Listening() {
			t.Errorf("Listen = %v", err)
		}
	})
}

// tlsBinding is a binding that wants TLS.
func tlsBinding() []multilisten.Binding {
	return []multilisten.Binding{{Addr: "127.0.0.1:0", TLS: true}}
}
