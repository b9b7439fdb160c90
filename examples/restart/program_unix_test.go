//go:build unix

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// family is the program and the processes that it hands over to. All print into one pipe.
type family struct {
	t     *testing.T
	cmd   *exec.Cmd
	pids  chan string   // of each process when it listens
	addrs []string      // of the first
	over  chan struct{} // closed when all processes have ended

	mu    sync.Mutex     // guards the following
	acked map[string]int // messages that the server has acknowledged, by target
	odd   []string       // what else was printed
	all   []string       // process ids
}

// command is this program with arguments, as a process that ends with the test.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// start starts cmd and waits until it listens on so many addresses.
func start(t *testing.T, cmd *exec.Cmd, addrs int) *family {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f := &family{t: t, cmd: cmd, pids: make(chan string, 100), over: make(chan struct{}), acked: make(map[string]int)}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	first := make(chan string, addrs)
	go f.read(bufio.NewScanner(r), first)
	t.Cleanup(func() {
		f.kill()
		r.Close()
		<-f.over
	})
	for len(f.addrs) < addrs {
		f.addrs = append(f.addrs, f.next(first))
	}
	return f
}

// kill ends what a test that has failed leaves running.
func (f *family) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, pid := range f.all {
		var n int
		if f.t.Failed() && scan(pid, "%d", &n) {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
}

// read reads what the processes print, until the last has ended.
func (f *family) read(lines *bufio.Scanner, first chan<- string) {
	defer close(f.over)
	last := ""
	for lines.Scan() {
		var pid, target, addr string
		var n int
		line := lines.Text()
		switch {
		case scan(line, "listening %s %s", &pid, &addr):
			if pid != last {
				f.mu.Lock()
				f.all = append(f.all, pid)
				f.mu.Unlock()
				f.pids <- pid
				last = pid
			}
			select {
			case first <- addr:
			default:
			}
		case scan(line, "left %s %d", &target, &n):
			f.mu.Lock()
			f.acked[target] += n
			f.mu.Unlock()
		case strings.Contains(line, "level=INFO"), strings.Contains(line, " INFO "):
		default:
			f.mu.Lock()
			f.odd = append(f.odd, line)
			f.mu.Unlock()
		}
	}
}

func scan(line, format string, into ...any) bool {
	n, err := fmt.Sscanf(line, format, into...)
	return err == nil && n == len(into)
}

// next waits for the next line of a kind.
func (f *family) next(c <-chan string) string {
	f.t.Helper()
	select {
	case s := <-c:
		return s
	case <-f.over:
		f.t.Fatalf("the program has ended: %q", f.printed())
	case <-time.After(time.Minute):
		f.t.Fatalf("the program does not go on: %q", f.printed())
	}
	return ""
}

func (f *family) printed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.odd
}

func (f *family) signal(pid string, s syscall.Signal) {
	f.t.Helper()
	var n int
	if !scan(pid, "%d", &n) {
		f.t.Fatalf("the process id is %q", pid)
	}
	if err := syscall.Kill(n, s); err != nil {
		f.t.Fatal(err)
	}
}

// end ends the newest process and waits for all.
func (f *family) end(pid string) {
	f.t.Helper()
	f.signal(pid, syscall.SIGTERM)
	select {
	case <-f.over:
	case <-time.After(time.Minute):
		f.signal(pid, syscall.SIGKILL)
		f.t.Fatalf("the program does not end: %q", f.printed())
	}
	if err := f.cmd.Wait(); err != nil {
		f.t.Errorf("the first process = %v", err)
	}
	if odd := f.printed(); len(odd) > 0 {
		f.t.Errorf("the program printed %q", odd)
	}
}
