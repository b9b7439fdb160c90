//go:build linux || darwin

package soak

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/wsserver"
)

const (
	childFiles = 96  // descriptors that the child may have
	callers    = 150 // connections that want one
)

// A-24, E-12: when the server has no descriptors left it says so, serves those who are
// there, and lets others in when there are some again.
func TestRunningOutOfDescriptorsPasses(t *testing.T) {
	underEach(t, func(t *testing.T, d wsserver.Driver) {
		c := startChild(t, d)
		f := &flock{complaints: new(complaints), strict: true}
		f.connect = func(target string, m manner) (*peer, error) { return visit(c.addr, target, m.offer, nil) }
		f.begin(7)
		eventually(t, "the canaries to be there", func() bool { return c.ask(t).Stats.Clients == 7 })
		first := c.asleep(t, d)
		l := call(t, c.addr)
		eventually(t, "no descriptors left", func() bool { return strings.Contains(c.log.String(), "too many open files") })
		// The last of those that came in may still be in handshake.
		eventually(t, "half of the descriptors to be with callers", func() bool { return len(l.inside()) > childFiles/2 })
		inside := l.inside()
		if len(inside) == callers {
			t.Fatalf("seed %d: %d of %d are inside", seed, len(inside), callers)
		}
		was := f.heard()
		time.Sleep(pick(1500*time.Millisecond, 10*time.Second)) // those inside fall asleep meanwhile
		for i, p := range slices.Concat(inside, first) {
			if err := echoed(p, fmt.Sprint("still here ", i)); err != nil {
				t.Errorf("seed %d: one of those inside: %v", seed, err)
			}
		}
		eventually(t, "each canary to hear something meanwhile", func() bool {
			for i, n := range f.heard() {
				if n == was[i] {
					return false
				}
			}
			return true
		})
		for _, p := range slices.Concat(first, inside[:len(inside)*3/4]) {
			p.drop()
		}
		eventually(t, "others to come in", func() bool { return len(l.inside()) > len(inside) })
		for _, p := range l.inside() {
			p.drop()
		}
		eventually(t, "all to have been inside", func() bool {
			now := l.inside()
			for _, p := range now {
				p.drop()
			}
			return len(now) == callers
		})
		late, err := visit(c.addr, "/whole", "", nil)
		if err != nil {
			t.Fatalf("seed %d: a late client: %v", seed, err)
		}
		if err := echoed(late, "late"); err != nil {
			t.Errorf("seed %d: a late client: %v", seed, err)
		}
		late.drop()
		l.wg.Wait()
		f.recall(t)
		f.complaints.tell(t)
		c.stop(t)
	})
}

// asleep are clients that are there before descriptors are short, and that sleep then,
// where the driver lets them.
func (c *child) asleep(t *testing.T, d wsserver.Driver) (list []*peer) {
	t.Helper()
	for range 12 {
		p, err := visit(c.addr, "/whole", "", nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := echoed(p, "here"); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		list = append(list, p)
	}
	if d == wsserver.DriverDormant {
		eventually(t, "clients to fall asleep", func() bool { return c.ask(t).Stats.Dormant >= len(list) })
	}
	return list
}

// echoed sends a message and waits for it to come back.
func echoed(p *peer, m string) error {
	if err := p.send(opText, []byte(m)); err != nil {
		return err
	}
	if _, got, err := p.receive(); string(got) != m {
		return fmt.Errorf("%q comes back as %q, %v", m, got, err)
	}
	return nil
}

// heard is how many messages each canary has got.
func (f *flock) heard() []uint64 {
	var list []uint64
	for _, b := range f.birds {
		list = append(list, b.back.Load()+b.told.Load())
	}
	return list
}

// line is the callers, inside or not.
type line struct {
	wg   sync.WaitGroup
	mu   sync.Mutex // guards open
	open []*peer    // that were let in
}

func (l *line) inside() []*peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[:len(l.open):len(l.open)]
}

// call has all callers connect.
func call(t *testing.T, addr string) *line {
	l := new(line)
	for range callers {
		l.wg.Go(func() {
			p, err := visit(addr, "/whole", "", nil)
			if err != nil {
				t.Errorf("seed %d: a caller: %v", seed, err)
				return
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.open = append(l.open, p)
		})
	}
	return l
}

// child is a server in a process of its own.
type child struct {
	cmd  *exec.Cmd
	addr string
	in   io.WriteCloser
	out  *bufio.Scanner
	log  lockedText // stderr
}

// report is what a child says of itself.
type report struct {
	Addr       string
	Stats      wsserver.Stats
	Goroutines int
	Files      int
	Complaints []string
}

func startChild(t *testing.T, d wsserver.Driver) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(exe, "-test.run=^$")}
	c.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childDriver, d))
	c.cmd.Stderr = &c.log
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	})
	c.out = bufio.NewScanner(out)
	c.out.Buffer(nil, 1<<20)
	c.addr = c.read(t).Addr
	return c
}

// read reads a report; a child that does not make one is killed.
func (c *child) read(t *testing.T) (r report) {
	t.Helper()
	killer := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
	defer killer.Stop()
	if !c.out.Scan() {
		t.Fatalf("seed %d: the child is silent: %v\n%s", seed, c.out.Err(), c.log.String())
	}
	if err := json.Unmarshal(c.out.Bytes(), &r); err != nil {
		t.Fatalf("seed %d: the child says %q: %v", seed, c.out.Text(), err)
	}
	return r
}

func (c *child) ask(t *testing.T) report {
	t.Helper()
	if _, err := io.WriteString(c.in, "report\n"); err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, c.log.String())
	}
	return c.read(t)
}

// stop judges a server that everybody has left, and ends it.
func (c *child) stop(t *testing.T) {
	t.Helper()
	var r report
	eventually(t, "the child to be at rest", func() bool {
		r = c.ask(t)
		return r.Stats.Clients == 0 && r.Stats.Pending == 0
	})
	if r.Stats.Errors == 0 {
		t.Errorf("seed %d: no errors were counted: %+v", seed, r.Stats)
	}
	_ = c.in.Close()
	last := c.read(t)
	for _, text := range last.Complaints {
		t.Errorf("seed %d: the child: %s", seed, text)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("seed %d: the child ends with %v\n%s", seed, err, c.log.String())
	}
	for _, bad := range []string{"DATA RACE", "panic: ", "fatal error: "} {
		if strings.Contains(c.log.String(), bad) {
			t.Errorf("seed %d: the child's log has %q\n%s", seed, bad, c.log.String())
		}
	}
	t.Logf("the child was short of descriptors %d times: %+v", r.Stats.Errors, last)
}

// runChild is the child. It serves until the end of its input.
func runChild(driver string) (err error) {
	var d wsserver.Driver
	if _, err := fmt.Sscan(driver, &d); err != nil {
		return err
	}
	h, err := openHouse(wsserver.Config{HandshakeTimeout: patience}, d, nil)
	if err != nil {
		return err
	}
	h.journal.also = os.Stderr
	stop := make(chan struct{})
	var talking sync.WaitGroup
	talking.Go(func() { h.talk(stop) })
	before := look().withPollers()
	if err := limitFiles(childFiles); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	say := func() {
		_ = out.Encode(report{h.plain, h.srv.Stats(), runtime.NumGoroutine(), descriptors(), h.complaints.lines})
	}
	say()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		say()
	}
	if !within(20*time.Second, 20*time.Millisecond, func() bool {
		now := look()
		return now.goroutines <= before.goroutines && now.files <= before.files
	}) {
		h.add("the child holds %+v, before it was %+v\n%s", look(), before, stacks())
	}
	close(stop)
	talking.Wait()
	if err := h.srv.Close(); err != nil {
		return err
	}
	h.balance()
	say()
	return nil
}

// limitFiles lowers the number of descriptors of this process.
func limitFiles(n uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = n
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}
