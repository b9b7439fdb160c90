package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

// asProgram in the environment makes the test binary the program, with its flags,
// signals and memory.
const asProgram = "ICSWS_FILES_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const testLimit = 4 << 20

// site is a server with a shelf, on a network in memory.
type site struct {
	*clienttest.Listener
	dir   string
	shelf *Shelf
}

// serve runs the server on a folder with these files, whose SHA-256 are known.
func serve(t *testing.T, files map[string][]byte) *site {
	t.Helper()
	s := &site{clienttest.NewListener(), t.TempDir(), nil}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.shelf, err = OpenShelf(s.dir, testLimit); err != nil {
		t.Fatal(err)
	}
	s.shelf.Hash(t.Context())
	srv, err := newServer(options{names: []string{"files.example"}, maxSize: testLimit, log: slog.LevelError + 1}, s.shelf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { announce(ctx, srv, s.shelf) })
	go srv.Serve(s)
	t.Cleanup(func() {
		cancel()
		work.Wait()
		srv.Close()
		s.shelf.Close()
	})
	return s
}

// holds checks what is in the folder, hidden files included.
func (s *site) holds(t *testing.T, want map[string][]byte) {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) {
		t.Errorf("the folder holds %v, want %d files", entries, len(want))
	}
	for name, data := range want {
		if got, err := os.ReadFile(filepath.Join(s.dir, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s holds %d bytes, %v; want %d others", name, len(got), err, len(data))
		}
	}
}

func TestRunListensAndLetsEverybodyGo(t *testing.T) {
	p := start(t)
	ada := p.visit()
	ada.upload("a.txt", []byte("hello"))
	if got := ada.next(); got.Kind != "verified" {
		t.Errorf("an upload got %+v", got)
	}
	ada.say(Note{Kind: "download", Name: "a.txt"})
	ada.gets("begin", 5)
	ada.data() // a download without a word at the end
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := ada.CloseCode(); got != client.StatusGoingAway {
		t.Errorf("closed with %v, want %v", got, client.StatusGoingAway)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	if left, err := filepath.Glob(filepath.Join(p.temp, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRunNamesWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := run(t.Context(), options{addr: taken.Addr().String()}, io.Discard); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("run on a port that is taken = %v", err)
	}
	if err := run(t.Context(), options{dir: filepath.Join(t.TempDir(), "nowhere")}, io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run without its folder = %v", err)
	}
}

// program is the example as a process of its own, on a real socket.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	addr   string
	temp   string       // its folder for temporary files
	stderr bytes.Buffer // only after wait
	waited bool
}

// start runs the program, which ends with the test.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, temp: t.TempDir()}
	p.cmd = exec.Command(self, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+p.temp, "TMP="+p.temp)
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.waited {
			p.cmd.Process.Kill()
			p.wait()
		}
	})
	line := bufio.NewScanner(stdout)
	line.Scan()
	address, found := strings.CutPrefix(line.Text(), "listening on http://")
	if !found {
		t.Fatalf("printed %q, ended with %d: %s", line.Text(), p.wait(), p.stderr.String())
	}
	p.addr = address
	return p
}

// visit connects to the program.
func (p *program) visit() *visitor {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	v := &visitor{Peer: clienttest.Open(p.t, conn, "/transfer", clienttest.DialOptions{Host: p.addr, Timeout: time.Minute}), t: p.t}
	v.list()
	return v
}

// wait returns the exit code; -1 after a signal that the program did not catch.
func (p *program) wait() int {
	p.t.Helper()
	p.waited = true
	if err := p.cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			p.t.Error(err)
		}
	}
	return p.cmd.ProcessState.ExitCode()
}
