package pty

import (
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProgramHasATerminal(t *testing.T) {
	term := Start(t, exec.Command("sh", "-c", `test -t 0 && test -t 1 && test -t 2 && echo yes; stty size; read line; echo "got $line"; exit 7`))
	term.Expect("yes")
	term.Expect("24 80")
	term.Type("some words\r")
	if got := term.Expect("got some words"); strings.Count(got, "some words") != 2 {
		t.Errorf("no echo in %q", got)
	}
	if code := term.Wait(); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	if !strings.HasPrefix(term.Output(), "yes") {
		t.Errorf("output %q", term.Output())
	}
}

func TestControlCIsASignal(t *testing.T) {
	term := Start(t, exec.Command("sh", "-c", `trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done`))
	term.Expect("ready")
	term.Type("\x03")
	term.Expect("caught")
	if code := term.Wait(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
}

// A program that is still there when the test ends is ended with it; goleak would see
// the reader.
func TestTheTestTakesTheProgramAlong(t *testing.T) {
	var term *Terminal
	t.Run("inner", func(t *testing.T) {
		term = Start(t, exec.Command("sleep", "1000"))
		term.Resize(100, 30)
	})
	if s := term.cmd.ProcessState; s == nil || s.ExitCode() != -1 {
		t.Errorf("the program has ended with %v", s)
	}
}
