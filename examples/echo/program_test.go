package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/icsws/icsws/client/clienttest"
)

// asProgram in the environment makes the test binary the program, with its
// flags, signals and exit code.
const asProgram = "ICSWS_ECHO_TEST_MAIN"

// program is the example as a process of its own.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout io.Reader
	stderr bytes.Buffer // only after wait
	addrs  map[string]string
	waited bool
}

// run starts the program, which ends with the test.
func run(t *testing.T, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, cmd: exec.Command(self, args...), addrs: make(map[string]string)}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = &p.stderr
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
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
	return p
}

// start runs the program and reads an address for each port that args ask for.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := run(t, args...)
	ports := strings.Count(strings.Join(args, " "), ":0")
	lines := bufio.NewScanner(p.stdout)
	for len(p.addrs) < ports && lines.Scan() {
		address, found := strings.CutPrefix(lines.Text(), "listening on ")
		u, err := url.Parse(address)
		if !found || err != nil {
			t.Fatalf("printed %q, %v", lines.Text(), err)
		}
		p.addrs[u.Scheme] = u.Host
	}
	if len(p.addrs) < ports {
		t.Fatalf("ended with %d, addresses %v: %s", p.wait(), p.addrs, p.stderr.String())
	}
	return p
}

// open connects to the port with that scheme.
func (p *program) open(scheme, target string, config *tls.Config) *clienttest.Peer {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.addrs[scheme])
	if err != nil {
		p.t.Fatal(err)
	}
	return clienttest.Open(p.t, conn, target, clienttest.DialOptions{TLS: config})
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
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
