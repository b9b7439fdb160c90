package multilisten

import (
	"bytes"
	"runtime"
	"testing"
)

func TestPausedConnectionsWaitInTheKernel(t *testing.T) { // L-12, L-30
	for _, b := range []Binding{{Addr: "127.0.0.1:0"}, {Network: "unix", Addr: t.TempDir() + "/s"}} {
		g := openGroup(t, b)
		l := g.Listeners()[0]
		conns := acceptAll(l)
		waitForAccept(t, "IO wait")
		if err := l.Pause(); err != nil {
			t.Fatal(err)
		}
		waitForAccept(t, "chan receive") // for the end of the pause
		for want := 1; want <= 3; want++ {
			dial(t, l.Addr())
			if got := queueOf(t, l).waiting; got != want {
				t.Errorf("%d connections wait in the kernel, want %d", got, want)
			}
		}
		if err := l.Resume(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			(<-conns).Close()
		}
		if got := queueOf(t, l).waiting; got != 0 {
			t.Errorf("%d connections wait in the kernel, want none", got)
		}
		g.Close()
		<-conns
	}
}

// waitForAccept returns when the goroutine of acceptAll waits in Accept for something.
func waitForAccept(t *testing.T, what string) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for t.Context().Err() == nil {
		for s := range bytes.SplitSeq(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
			if bytes.Contains(s, []byte("["+what)) && bytes.Contains(s, []byte(".(*Listener).Accept")) {
				return
			}
		}
		runtime.Gosched()
	}
}
