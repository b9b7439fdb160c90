package conformance

import (
	"syscall"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// TestStopsOnSIGTERM: every client gets 1001, also one in the middle of a
// message, and the process ends by itself with exit code 0. X-12
func TestStopsOnSIGTERM(t *testing.T) {
	t.Parallel()
	srv, err := start("-addr", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	idle := Open(DialTCP(t, srv.addr), "/")
	open := OpenMidMessage(DialTCP(t, srv.addr), "/", "half a")
	busy := Open(DialTCP(t, srv.addr), "/")
	busy.Send(Text("hello"))
	busy.WantText("hello")
	open.Send(Ping(nil))
	open.WantPong(nil)

	srv.cmd.Process.Signal(syscall.SIGTERM)
	for _, p := range []*Peer{idle, open, busy} {
		p.WantClose(1001)
		p.Send(Close(1001, ""))
		p.WantEnd()
	}
	if err := srv.wait(); err != nil {
		t.Error(err)
	}
}
