package wsserver_test

import (
	"errors"
	"net"
	"testing"

	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// twoBindings is a server on two addresses, with a client on each.
func twoBindings(t *testing.T) (srv *wsserver.Server[*parrot], addrs [2]string, peers [2]*wstest.Peer) {
	t.Helper()
	srv = newServerOf(t, wsserver.Class[parrot](), wsserver.Config{
		Addr: "127.0.0.1:0", Bindings: []multilisten.Binding{{Name: "second", Addr: "127.0.0.1:0"}},
	})
	open(t, srv)
	for i := range addrs {
		addrs[i] = srv.Addrs()[i].String()
		peers[i] = wstest.Open(wstest.DialTCP(t, addrs[i]), "/")
	}
	return srv, addrs, peers
}

func chat(t *testing.T, peers ...*wstest.Peer) {
	t.Helper()
	for _, p := range peers {
		p.Send(wstest.Text("still there"))
		p.WantText("still there")
	}
}

// L-30: a paused listener refuses nobody: who connects waits, and is served afterwards.
func TestPausedListenerLetsClientsWait(t *testing.T) { onDrivers(t, testPausedListenerLetsClientsWait) }

func testPausedListenerLetsClientsWait(t *testing.T) {
	srv, addrs, peers := twoBindings(t)
	no(t, srv.PauseListener(1))
	late := wstest.DialTCP(t, addrs[1])
	late.Write(wstest.Upgrade("/").Bytes())
	chat(t, append(peers[:], wstest.Open(wstest.DialTCP(t, addrs[0]), "/"))...)
	if got := srv.Listeners().States[1].State; got != wsserver.StatePaused || !srv.Listening() {
		t.Errorf("state %v, Listening %v", got, srv.Listening())
	}
	if n := srv.ClientCount(); n != 3 {
		t.Errorf("%d clients, want 3: the late one waits", n)
	}
	no(t, srv.ResumeListener(1))
	if r := late.ReadUpgraded(); r.Status != 101 {
		t.Errorf("the one who waited gets %d", r.Status)
	}
	chat(t, late)
}

// L-29: a listener is closed and opened again while the other goes on, and its clients too.
func TestOneListenerIsClosedAndReopened(t *testing.T) {
	onDrivers(t, testOneListenerIsClosedAndReopened)
}

func testOneListenerIsClosedAndReopened(t *testing.T) {
	srv, addrs, peers := twoBindings(t)
	for range 3 {
		for range 2 {
			no(t, srv.CloseListener(0))
		}
		if c, err := net.Dial("tcp", addrs[0]); err == nil {
			_ = c.Close()
			t.Fatal("the closed listener accepts")
		}
		chat(t, append(peers[:], wstest.Open(wstest.DialTCP(t, addrs[1]), "/"))...)
		no(t, srv.ReopenListener(t.Context(), 0))
		addrs[0] = srv.Addrs()[0].String()
		chat(t, append(peers[:], wstest.Open(wstest.DialTCP(t, addrs[0]), "/"))...)
	}
	if err := srv.ReopenListener(t.Context(), 0); err == nil {
		t.Error("an open listener can be reopened")
	}
	no(t, srv.CloseListener(0))
	no(t, srv.CloseListener(1))
	eventually(t, "the server not to listen", func() bool { return !srv.Listening() })
	chat(t, peers[:]...)
	no(t, srv.ReopenListener(t.Context(), 1))
	if !srv.Listening() {
		t.Error("the server does not listen with a reopened listener")
	}
	chat(t, wstest.Open(wstest.DialTCP(t, srv.Addrs()[0].String()), "/"))
}

// L-29, L-30
func TestListenersThatAreNotThere(t *testing.T) {
	srv := newServerOf(t, wsserver.Class[parrot](), wsserver.Config{Addr: "127.0.0.1:0"})
	for name, do := range map[string]func(int) error{
		"pause": srv.PauseListener, "resume": srv.ResumeListener, "close": srv.CloseListener,
		"reopen": func(i int) error { return srv.ReopenListener(t.Context(), i) },
	} {
		if err := do(0); !errors.Is(err, multilisten.ErrIndex) {
			t.Errorf("%s before Listen = %v", name, err)
		}
	}
	open(t, srv)
	for _, i := range []int{-1, 1} {
		if err := srv.CloseListener(i); !errors.Is(err, multilisten.ErrIndex) {
			t.Errorf("CloseListener(%d) = %v", i, err)
		}
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if err := srv.ReopenListener(t.Context(), 0); err == nil {
		t.Error("a listener of a closed server can be reopened")
	}
}
