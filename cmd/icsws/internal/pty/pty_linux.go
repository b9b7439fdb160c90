package pty

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long an expected output may take on a busy machine.
const patience = 30 * time.Second

// Terminal is a program in a terminal of 80 columns and 24 lines. It is for one goroutine.
type Terminal struct {
	tb   testing.TB
	cmd  *exec.Cmd
	host *os.File // the side that a terminal emulator has
	over bool     // Wait has returned
	at   int      // how far Expect has come in out
	read sync.WaitGroup

	mu    sync.Mutex    // guards the following
	out   []byte        // all output
	more  chan struct{} // closed, and replaced, when there is more of it
	ended bool          // there will be no more
}

// Start runs cmd with a terminal as its stdin, stdout and stderr. The program ends with
// the test.
func Start(tb testing.TB, cmd *exec.Cmd) *Terminal {
	tb.Helper()
	host, guest, err := open()
	if err != nil {
		tb.Fatal(err)
	}
	t := &Terminal{tb: tb, cmd: cmd, host: host, more: make(chan struct{})}
	t.Resize(80, 24)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = guest, guest, guest
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	_ = guest.Close()
	if err != nil {
		_ = host.Close()
		tb.Fatal(err)
	}
	t.read.Go(t.reader)
	tb.Cleanup(t.stop)
	return t
}

// open makes a pair: what is written to one side is read from the other. Ours does not
// block, so that closing it ends a read.
func open() (host, guest *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("open /dev/ptmx", err)
	}
	host = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		_ = host.Close()
		return nil, nil, os.NewSyscallError("TIOCSPTLCK", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		guest, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		_ = host.Close()
	}
	return host, guest, err
}

// reader keeps the output. It ends with the last process that has the terminal, or when
// stop closes our side.
func (t *Terminal) reader() {
	buf := make([]byte, 4096)
	for {
		n, err := t.host.Read(buf)
		t.mu.Lock()
		t.out = append(t.out, buf[:n]...)
		t.ended = err != nil
		close(t.more)
		t.more = make(chan struct{})
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (t *Terminal) stop() {
	if !t.over {
		_ = t.cmd.Process.Kill()
		_ = t.cmd.Wait()
	}
	_ = t.host.Close()
	t.read.Wait()
}

// Resize changes the size, of which the program is told.
func (t *Terminal) Resize(columns, lines uint16) {
	t.tb.Helper()
	c, err := t.host.SyscallConn()
	if err == nil {
		_ = c.Control(func(fd uintptr) {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines})
		})
	}
	if err != nil {
		t.tb.Fatal(err)
	}
}

// Type types text. "\x03" is Ctrl-C, "\x04" Ctrl-D, "\r" the return key.
func (t *Terminal) Type(text string) {
	t.tb.Helper()
	if _, err := t.host.WriteString(text); err != nil {
		t.tb.Fatalf("typing %q: %v", text, err)
	}
}

// Expect waits until text has come, after what the last Expect found, and returns what
// came up to its end. The test fails when the program ends without it.
func (t *Terminal) Expect(text string) string {
	t.tb.Helper()
	limit := time.After(patience)
	for {
		t.mu.Lock()
		rest, more, ended := string(t.out[t.at:]), t.more, t.ended
		t.mu.Unlock()
		if i := strings.Index(rest, text); i >= 0 {
			t.at += i + len(text)
			return rest[:i+len(text)]
		}
		if ended {
			t.tb.Fatalf("the program has ended, and not printed %q, but\n%s", text, rest)
		}
		select {
		case <-more:
		case <-limit:
			t.tb.Fatalf("in %v the program has not printed %q, but\n%s", patience, text, rest)
		}
	}
}

// Output returns all that came so far.
func (t *Terminal) Output() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.out)
}

// Wait waits for the end of the program and of its output, and returns its exit code; -1
// after a signal that it did not catch.
func (t *Terminal) Wait() int {
	t.tb.Helper()
	stuck := time.AfterFunc(patience, func() { _ = t.cmd.Process.Kill() })
	defer stuck.Stop()
	if err := t.cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.tb.Error(err)
		}
	}
	t.over = true
	t.read.Wait()
	return t.cmd.ProcessState.ExitCode()
}
