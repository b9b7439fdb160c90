//go:build unix

package multilisten

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func init() {
	roles["server"] = server
	roles["stillborn"] = func() error { return errors.New("a configuration that is wrong") }
	roles["deaf"] = deaf
}

// server answers clients line by line with its process id. At SIGHUP it hands over, and
// ends when its last client has left.
func server() error {
	ctx := context.Background()
	time.AfterFunc(2*time.Minute, func() { os.Exit(2) }) // when nobody ends it
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	in, err := Inherit()
	if err != nil {
		return err
	}
	g, err := Open(ctx, Options{Inherited: in},
		Binding{Name: "web", Addr: "127.0.0.1:0"},
		Binding{Name: "sock", Network: "unix", Addr: os.Getenv("ICSWS_TEST_PATH")},
	)
	if err != nil {
		return err
	}
	if err := in.Close(); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, l := range g.Listeners() {
		wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				wg.Go(func() { echoPID(c) })
			}
		})
	}
	fmt.Println(os.Getpid(), g.Listener(0).Addr())
	if err := in.Ready(); err != nil {
		return err
	}
	for range hup {
		cmd := exec.Command(os.Args[0])
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if next := os.Getenv("ICSWS_TEST_NEXT"); next != "" && in.Names() == nil {
			cmd.Env = append(os.Environ(), envRole+"="+next)
			os.Unsetenv("ICSWS_TEST_NEXT")
		}
		hctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := g.HandOver(hctx, cmd)
		cancel()
		if err == nil {
			break
		}
		fmt.Println("failed:", err)
		_ = cmd.Wait()
	}
	if err := g.Close(); err != nil {
		return err
	}
	wg.Wait()
	return nil
}

func echoPID(c net.Conn) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		if _, err := r.ReadString('\n'); err != nil {
			return
		}
		if _, err := fmt.Fprintln(c, os.Getpid()); err != nil {
			return
		}
	}
}

// deaf never gets ready.
func deaf() error {
	time.Sleep(time.Minute)
	return nil
}

// asker asks again and again, over new connections, and notes who answers. Every
// connection must be answered.
type asker struct {
	addr net.Addr
	mu   sync.Mutex // guards the following
	pids []string   // in the order in which they first answered
	n    int
}

func (a *asker) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := a.once(); err != nil {
			return fmt.Errorf("%v, after %d answers: %w", a.addr, a.n, err)
		}
	}
	return nil
}

func (a *asker) once() error {
	c, err := net.Dial(a.addr.Network(), a.addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	pid, err := talk(c)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	if !slices.Contains(a.pids, pid) {
		a.pids = append(a.pids, pid)
	}
	return nil
}

// knows waits until the process has answered, and then for a hundred answers more.
func (a *asker) knows(ctx context.Context, pid string) bool {
	for enough := 0; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		a.mu.Lock()
		known, n := slices.Contains(a.pids, pid), a.n
		a.mu.Unlock()
		switch {
		case !known:
		case enough == 0:
			enough = n + 100
		case n >= enough:
			return true
		}
	}
	return false
}

// talk says a line and returns the answer.
func talk(c net.Conn) (string, error) {
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, "who?\n"); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

// startServer starts the first process; lines is what all of them print.
func startServer(t *testing.T, path string, env ...string) (pid string, addr net.Addr, lines *bufio.Reader, first *exec.Cmd) {
	t.Helper()
	cmd := role(t, "server", append(env, "ICSWS_TEST_PATH="+path)...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lines = bufio.NewReader(r)
	pid, at := started(t, lines)
	addr, err = net.ResolveTCPAddr("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	return pid, addr, lines, cmd
}

// started reads what a server prints when it begins.
func started(t *testing.T, lines *bufio.Reader) (pid, addr string) {
	t.Helper()
	line, err := lines.ReadString('\n')
	if _, scanned := fmt.Sscan(line, &pid, &addr); err != nil || scanned != nil {
		t.Fatalf("the server says %q, %v", line, err)
	}
	return pid, addr
}

func hangUp(t *testing.T, pid string) {
	t.Helper()
	var n int
	fmt.Sscan(pid, &n)
	if err := syscall.Kill(n, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// A server is replaced three times while clients come all the time, to a TCP port and to
// a Unix socket. None is refused, none is left without an answer, and a client of old
// stays with its process.
func TestRestartWithoutARefusedConnection(t *testing.T) { // L-37, handover
	path := t.TempDir() + "/s"
	pid, addr, lines, first := startServer(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	stop, end := context.WithCancel(ctx)
	defer end()
	askers := []*asker{{addr: addr}, {addr: addr}, {addr: unixAt(path)}}
	var wg sync.WaitGroup
	for _, a := range askers {
		wg.Go(func() {
			if err := a.run(stop); err != nil {
				t.Error(err)
				end()
			}
		})
	}
	old := dial(t, addr)
	check := func(want string) {
		t.Helper()
		if got, err := talk(old); err != nil || got != want {
			t.Errorf("the client of old is answered by %q, %v; want %q", got, err, want)
		}
	}
	check(pid)
	for range 3 {
		hangUp(t, pid)
		next, at := started(t, lines)
		if next == pid || at != addr.String() {
			t.Fatalf("process %s listens on %s after %s on %v", next, at, pid, addr)
		}
		for _, a := range askers {
			if !a.knows(stop, next) {
				t.Fatalf("%v: process %s does not answer", a.addr, next)
			}
		}
		pid = next
	}
	check(fmt.Sprint(first.Process.Pid))
	old.Close()
	if err := first.Wait(); err != nil { // its last client has left
		t.Errorf("the first process = %v", err)
	}
	end()
	wg.Wait()
	for _, a := range askers {
		t.Logf("%v: %d answers of %d processes", a.addr, a.n, len(a.pids))
	}
	kill(t, pid, path)
}

// kill ends the last server; what it listened on is still there.
func kill(t *testing.T, pid, path string) {
	t.Helper()
	var n int
	fmt.Sscan(pid, &n)
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		t.Errorf("the socket file: %v, %v", info, err)
	}
}

// A new version that does not start leaves the old one as it was.
func TestFailedHandOverChangesNothing(t *testing.T) { // L-37, handover
	path := t.TempDir() + "/s"
	pid, addr, lines, cmd := startServer(t, path, "ICSWS_TEST_NEXT=stillborn")
	hangUp(t, pid)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, ErrNotReady.Error()) {
		t.Fatalf("the server says %q, %v; want ErrNotReady", line, err)
	}
	for _, a := range []net.Addr{addr, unixAt(path)} {
		who := &asker{addr: a}
		if err := who.once(); err != nil || who.pids[0] != pid {
			t.Errorf("%v is answered by %v, %v; want %s", a, who.pids, err, pid)
		}
	}
	hangUp(t, pid) // now it works
	next, _ := started(t, lines)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the first process = %v", err)
	}
	who := &asker{addr: addr}
	if err := who.once(); err != nil || who.pids[0] != next {
		t.Errorf("%v, %v; want %s to answer", who.pids, err, next)
	}
	kill(t, next, path)
}

func TestHandOverHeedsItsContext(t *testing.T) { // handover
	g := openGroup(t, Binding{Addr: "127.0.0.1:0"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	cmd := role(t, "deaf")
	if err := g.HandOver(ctx, cmd); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("HandOver = %v, want the end of its context", err)
	}
	_ = cmd.Wait() // it was killed
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() {
		t.Errorf("the new process ended as %v, want it killed", cmd.ProcessState)
	}
	a, b := connect(t, g.Listener(0), g.Addrs()[0].String())
	checkEcho(t, a, b)
}

func TestHandOverOfNothing(t *testing.T) { // handover
	g := openGroup(t, Binding{Addr: "127.0.0.1:0"})
	missing := exec.Command(t.TempDir() + "/no-such-program")
	if err := g.HandOver(t.Context(), missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("HandOver = %v, want os.ErrNotExist", err)
	}
	g.Close()
	if err := g.HandOver(t.Context(), missing); !errors.Is(err, net.ErrClosed) {
		t.Errorf("HandOver = %v, want net.ErrClosed", err)
	}
}
