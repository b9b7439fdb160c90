package conformance

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/wstest"
)

// limit is -max-message of all variants but large, in bytes.
const limit = 1 << 20

// variant is a server that is started when the first test wants it.
type variant struct {
	name string
	args []string

	once sync.Once
	srv  *process
	err  error
}

// The variants. They run until the end of the suite.
var (
	plain      = newVariant("off", "-compress", "off")
	perMessage = newVariant("message", "-compress", "message")
	context    = newVariant("context", "-compress", "context")
	large      = newVariant("large", "-compress", "off", "-max-message", strconv.Itoa(largeLimit))
	secure     = newVariant("tls", "-compress", "context", "-addr", "", "-tls-addr", "127.0.0.1:0")

	variants = []*variant{plain, perMessage, context, large, secure}
)

// largeLimit is -max-message of large, in bytes.
const largeLimit = 32 << 20

func newVariant(name string, args ...string) *variant {
	first := []string{"-addr", "127.0.0.1:0", "-max-message", strconv.Itoa(limit)}
	return &variant{name: name, args: append(first, args...)}
}

// server starts the variant or returns the running one.
func (v *variant) server(tb testing.TB) *process {
	tb.Helper()
	v.once.Do(func() { v.srv, v.err = start(v.args...) })
	if v.err != nil {
		tb.Fatalf("server %q: %v", v.name, v.err)
	}
	return v.srv
}

// stop ends the variant if it was started.
func (v *variant) stop() error {
	v.once.Do(func() {})
	if v.srv == nil {
		return nil
	}
	return v.srv.stop()
}

// dial connects to the variant. Nothing has been sent yet.
func (v *variant) dial(tb testing.TB) *wstest.Peer {
	tb.Helper()
	srv := v.server(tb)
	p := wstest.DialTCP(tb, srv.addr)
	if srv.scheme == "wss" {
		p = p.OverTLS(&tls.Config{InsecureSkipVerify: true}) // its certificate is made for the moment
	}
	return p
}

// process is a running server.
type process struct {
	cmd          *exec.Cmd
	scheme, addr string
	log          lockedBuffer  // stdout and stderr
	drained      chan struct{} // closed at the end of stdout
}

var listeningLine = regexp.MustCompile(`listening on (wss?)://([^\s/]+)`)

// start runs a server and waits until it listens.
func start(args ...string) (*process, error) {
	p := &process{cmd: exec.Command(*echoPath, args...), drained: make(chan struct{})}
	p.cmd.Stderr = &p.log
	dieWithUs(p.cmd)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan []string, 1)
	go p.drain(out, ready)
	select {
	case found := <-ready:
		p.scheme, p.addr = found[1], found[2]
		return p, nil
	case <-p.drained:
		err = fmt.Errorf("it ends before it listens: %v\n%s", p.cmd.Wait(), p.log.String())
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		<-p.drained
		err = fmt.Errorf("it does not listen: %v\n%s", p.cmd.Wait(), p.log.String())
	}
	return nil, err
}

// drain copies stdout to the log and reports the line that names the address.
func (p *process) drain(out io.Reader, ready chan<- []string) {
	defer close(p.drained)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(&p.log, lines.Text())
		if found := listeningLine.FindStringSubmatch(lines.Text()); found != nil {
			select {
			case ready <- found:
			default:
			}
		}
	}
	io.Copy(io.Discard, out)
}

// stop asks the server to end and judges how it does.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait()
}

// wait waits for the end, which a signal has begun.
func (p *process) wait() error {
	killer := time.AfterFunc(20*time.Second, func() { p.cmd.Process.Kill() })
	defer killer.Stop()
	<-p.drained
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("after SIGTERM: %w\n%s", err, p.log.String())
	}
	for _, bad := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: "} {
		if bytes.Contains([]byte(p.log.String()), []byte(bad)) {
			return fmt.Errorf("its log has %q\n%s", bad, p.log.String())
		}
	}
	return nil
}

// virtualMemory is how much private writable memory the server has mapped, in
// bytes, touched or not.
func (p *process) virtualMemory(tb testing.TB) int {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		tb.Fatal(err)
	}
	found := regexp.MustCompile(`VmData:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		tb.Skip("this kernel does not tell VmData")
	}
	kb, _ := strconv.Atoi(string(found[1]))
	return kb << 10
}

// lockedBuffer is a log that two goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
