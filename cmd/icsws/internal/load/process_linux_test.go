package load

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
	"github.com/icsws/icsws/cmd/icsws/internal/pty"
	"github.com/icsws/icsws/wsserver"
)

// program is this test binary as the tool.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"bench", "--proxy", "none"}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "NO_COLOR=1", "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	return cmd
}

func TestSignalEndsEarlyWithTheResult(t *testing.T) {
	measuring := make(chan struct{})
	var once sync.Once
	_, url := serve(t, wsserver.Config{}, func(v *visitor, m client.Message) error {
		once.Do(func() { close(measuring) })
		return v.Send(m)
	})
	cmd := program(t, "--json", "--duration", "1h", url)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-measuring
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != int(cli.Interrupted) {
		t.Errorf("exit code %d\n%s", code, errs.String())
	}
	var r result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || !r.Interrupted || r.Connections.Opened != 10 {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestTooFewFilesIsSaid(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n 100 && exec "$0" bench -c 200 ws://127.0.0.1:9`, path)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != int(cli.Failed) || !strings.Contains(string(out), "232 open files") || !strings.Contains(string(out), "limit of this process is 100") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The soft limit alone is raised.
func TestFilesAreRaised(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, echo)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -S -n 40 && exec "$0" bench --proxy none -q -c 80 -d 100ms "$1"`, path, url)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "80 of 80 opened") {
		t.Errorf("%v\n%s", err, out)
	}
}

// On a terminal one line is written anew, and gone when the result comes.
func TestProgressOnATerminal(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, echo)
	term := pty.Start(t, program(t, "--duration", "1500ms", url))
	seen := term.Expect("measuring")
	seen += term.Expect("messages/s, p50")
	seen += term.Expect("of 10 opened")
	if code := term.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	before, _, _ := strings.Cut(seen, "ws://")
	if strings.Contains(before, "\n") || !strings.HasSuffix(before, "\r\x1b[K") {
		t.Errorf("progress %q", before)
	}
}

// O-24: no line of the progress wraps, whatever becomes of the terminal's width.
func TestProgressOnANarrowTerminal(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, echo)
	const erased = "\r\x1b[K"
	term := pty.Start(t, program(t, "--duration", "1h", url))
	term.Expect("messages/s, p50")
	term.Expect(erased) // from here on lines are whole
	for _, tt := range []struct {
		columns uint16
		phrases int
	}{{30, 2}, {16, 1}, {8, 0}} {
		term.Resize(tt.columns, 24)
		line, fits := "", false
		for i := 0; i < 20 && !fits; i++ { // some may have been on their way
			line = strings.TrimSuffix(term.Expect(erased), erased)
			phrases := strings.FieldsFunc(line, func(r rune) bool { return r == ',' })
			fits = len(line) < int(tt.columns) && len(phrases) == tt.phrases
		}
		if !fits {
			t.Errorf("%d columns: %q, want %d phrases", tt.columns, line, tt.phrases)
		}
	}
	term.Type("\x03")
	term.Expect("of 10 opened")
	if code := term.Wait(); code != int(cli.Interrupted) {
		t.Errorf("exit code %d", code)
	}
}

func TestPhrasesThatFit(t *testing.T) {
	phrases := []string{"measuring 3 s", "10 open", "p50 12.3 \u00b5s"}
	for columns, want := range map[int]string{
		0: "measuring 3 s, 10 open, p50 12.3 \u00b5s", 36: "measuring 3 s, 10 open, p50 12.3 \u00b5s", 35: "measuring 3 s, 10 open",
		23: "measuring 3 s, 10 open", 22: "measuring 3 s", 14: "measuring 3 s", 13: "", 1: "",
	} {
		if got := fitting(phrases, columns); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func TestPlainProgressIsLines(t *testing.T) {
	o := new(options)
	mode := "echo"
	o.mode, o.connections = &mode, 3
	b := newBench(o, dial.Options{URL: "ws://x"})
	var out clitest.Buffer
	p := &progress{w: &out, b: b, every: time.Millisecond, stop: make(chan struct{}), before: new(figures), at: time.Now()}
	p.all.Go(p.run)
	for i := 0; out.String() == "" && i < 1000; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	p.end()
	if text := out.String(); !strings.HasPrefix(text, "connecting 0 s, 0 open of 3\n") || strings.Contains(text, "\x1b") {
		t.Errorf("progress %q", text)
	}
}
