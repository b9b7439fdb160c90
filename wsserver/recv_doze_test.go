//go:build unix

package wsserver_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// asleep counts the readers that wait without their stack.
func asleep() int {
	buf := make([]byte, 4<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*Conn).Await(")
}

// a reader that has dozed off is paused and goes on as any other; one that is paused does not
// doze away its pause.
func TestPauseOfADozingReader(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		l := newLobby(pieces)
		var got atomic.Int32
		l.collect(func(*visitor, client.Opcode, []byte) error { got.Add(1); return nil })
		_, v, p := l.visitOver(t, "tcp", wsserver.Config{PingInterval: -1})
		eventually(t, "the reader dozes", func() bool { return asleep() == 1 })
		v.SetAcceptData(false)
		eventually(t, "it has woken", func() bool { return asleep() == 0 })
		p.Send(wstest.Text("a"), wstest.Text("b"))
		// The sweep that comes by sends nobody to sleep who is paused.
		for start := time.Now(); time.Since(start) < 1500*time.Millisecond; time.Sleep(50 * time.Millisecond) {
			if got.Load() != 0 {
				t.Fatal("a message comes in a pause")
			}
		}
		v.SetAcceptData(true)
		eventually(t, "the messages", func() bool { return got.Load() == 2 })
		eventually(t, "the reader dozes again", func() bool { return asleep() == 1 })
		p.Send(wstest.Text("c"), wstest.Close(1000, ""))
		p.WantClose(1000)
		if i := l.ended(t); i.Code != 1000 || got.Load() != 3 {
			t.Errorf("%d messages, %v", got.Load(), i)
		}
	}
}
