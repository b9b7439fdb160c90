package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/pty"
)

// inTerminal runs the program in a terminal, with these variables in its environment.
func inTerminal(t *testing.T, env []string, args ...string) *pty.Terminal {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=")
	cmd.Env = append(cmd.Env, env...)
	return pty.Start(t, cmd)
}

// O-24: colours on a terminal, unless somebody does not want them.
func TestColoursOnATerminal(t *testing.T) {
	for _, tt := range []struct {
		env   []string
		args  string
		paint bool
	}{
		{nil, "explain 1006", true},
		{[]string{"NO_COLOR=1"}, "explain 1006", false},
		{[]string{"TERM=dumb"}, "explain 1006", false},
		{nil, "explain --color never 1006", false},
		{[]string{"NO_COLOR=1"}, "explain --color always 1006", true},
	} {
		term := inTerminal(t, tt.env, strings.Fields(tt.args)...)
		if code := term.Wait(); code != 0 || strings.Contains(term.Output(), "\x1b[1m1006") != tt.paint {
			t.Errorf("%q %s: exit %d, %q", tt.env, tt.args, code, term.Output())
		}
	}
}

// O-24: lines are as long as the terminal is wide.
func TestWidthOfATerminal(t *testing.T) {
	term := pty.Start(t, exec.Command("sh", "-c", `read go; exec "$0" help check`, binary))
	term.Resize(50, 24)
	term.Type("\r")
	if code := term.Wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	_, text, _ := strings.Cut(term.Output(), "Usage")
	text, _, _ = strings.Cut(text, "Examples") // one line each
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); len(line) > 50 {
			t.Errorf("longer than 50: %q", line)
		}
	}
}

// O-24: Ctrl-C ends a server cleanly, and what waits for an answer with 130.
func TestControlC(t *testing.T) {
	term := inTerminal(t, nil, "serve", "echo", "--addr", "127.0.0.1:0")
	term.Expect("listening on ws://127.0.0.1:")
	term.Type("\x03")
	term.Expect("stopping, clients: 0")
	if code := term.Wait(); code != 0 {
		t.Errorf("serve: exit %d", code)
	}
	silent := certkit.Listen(t, certkit.Hush)
	term = inTerminal(t, nil, "check", "--timeout", "1m", "ws://"+silent)
	term.Expect("takes connections")
	term.Type("\x03")
	if code := term.Wait(); code != 130 || strings.Contains(term.Output(), "icsws: ") {
		t.Errorf("check: exit %d, %q", code, term.Output())
	}
}

// O-24: a second Ctrl-C does not wait for clients that do not take their leave.
func TestSecondControlCEndsAtOnce(t *testing.T) {
	term := inTerminal(t, nil, "serve", "echo", "--addr", "127.0.0.1:0", "--verbose", "--patience", "10m")
	term.Expect("listening on ws://")
	addr := strings.TrimSpace(term.Expect("\n"))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", addr)
	term.Expect("1 connected: ")
	term.Type("\x03")
	term.Expect("stopping, clients: 1")
	time.Sleep(200 * time.Millisecond) // sooner it would count as the same signal once more
	term.Type("\x03")
	if code := term.Wait(); code != 130 {
		t.Errorf("exit %d, want 130: %q", code, term.Output())
	}
}
