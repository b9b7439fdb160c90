package engine

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// crashes are inputs that end a process which uses gws alone.
var crashes = map[string]struct {
	bytes  []byte
	option gws.ServerOption
	panics func(*gws.Conn, *gws.Message) // in OnMessage
	trace  string                        // part of the report
}{
	// A length with its top bit set is negative, and the panic is not in a handler,
	// so that Recovery does not see it.
	"length": {
		bytes:  []byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
		option: gws.ServerOption{Recovery: gws.Recovery},
		trace:  "readMessage",
	},
	// Recovery does nothing unless it is set.
	"panic in a handler": {
		bytes:  wstest.Text("x").Bytes(),
		panics: func(*gws.Conn, *gws.Message) { panic("a fault of the program") },
		trace:  "a fault of the program",
	},
}

const crashVariable = "ICSWS_TEST_CRASH"

// TestPeersThatKillAProcess: bytes that end a process with gws alone cost us one
// connection.
func TestPeersThatKillAProcess(t *testing.T) {
	if name := os.Getenv(crashVariable); name != "" {
		crash := crashes[name]
		_, p := (&bare{option: crash.option, message: crash.panics}).enter(t, "")
		p.Write(crash.bytes)
		time.Sleep(20 * time.Second)
		return
	}
	for name, crash := range crashes {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPeersThatKillAProcess$")
			cmd.Env = append(os.Environ(), crashVariable+"="+name)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !strings.Contains(string(out), "panic: ") || !strings.Contains(string(out), crash.trace) {
				t.Errorf("gws alone survives: %v\n%s", err, out)
			}
			h := newHall()
			if crash.panics != nil {
				h.message = func(*member, client.Message) error { crash.panics(nil, nil); return nil }
			}
			s, p := h.enter(t)
			p.Write(crash.bytes)
			code, _ := p.ReadClose()
			p.Conn.Close()
			if info := h.info(t, s); int(info.Code) != code || code != 1002 && code != 1011 {
				t.Errorf("we: closed with %d, %v", code, info)
			}
		})
	}
}
