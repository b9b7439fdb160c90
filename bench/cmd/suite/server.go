//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/icsws/icsws/bench/internal/proc"
)

// server is a running contender.
type server struct {
	url  string // without a path
	pid  int
	cmd  *exec.Cmd
	logs string // file of its standard error
	// metrics is the file that it writes when it is asked what its memory is made of.
	metrics string
	done    chan struct{} // closed when the process has ended
}

// How long a server has to begin and to end.
const (
	startLimit = 10 * time.Second
	stopLimit  = 2 * time.Second
)

// start runs p for case k on one CPU, with as many Go processors.
func (w *workshop) start(p contender, k kase, cpu int) (*server, error) {
	if err := w.broken[p.dir]; err != nil {
		return nil, err
	}
	if err := w.makeSparse(k.file); err != nil {
		return nil, err
	}
	logs, err := os.CreateTemp(w.dir, p.name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	args := w.serverArgs(p, k)
	metrics := logs.Name() + ".metrics"
	if k.parts {
		args = append(args, "-metrics", metrics)
	}
	cmd := exec.Command(w.path(p.dir), args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := proc.StartOn(cpu, cmd); err != nil {
		return nil, err
	}
	s := &server{pid: cmd.Process.Pid, cmd: cmd, logs: logs.Name(), metrics: metrics, done: make(chan struct{})}
	lines := make(chan string, 1)
	go func() { // ends with the process
		defer close(s.done)
		line, _ := bufio.NewReader(out).ReadString('\n')
		lines <- line
		_ = cmd.Wait()
	}()
	if err := s.ready(lines); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w; it says: %.300s", err, s.said())
	}
	return s, nil
}

func (w *workshop) serverArgs(p contender, k kase) []string {
	args := slices.Concat([]string{"-addr", "127.0.0.1:0"}, p.args, k.server)
	if k.tls {
		args = append(args, "-tls", "-cert", w.cert, "-key", w.key)
	}
	if k.compress != "" {
		args = append(args, "-compress", string(k.compress))
	}
	if k.file > 0 {
		args = append(args, "-file", w.sparse(k.file))
	}
	return args
}

// ready waits for the line of [peer.Options.Ready].
func (s *server) ready(lines <-chan string) error {
	select {
	case line := <-lines:
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
		if !ok {
			return errors.New("the server did not begin")
		}
		s.url = url
		return nil
	case <-time.After(startLimit):
		return errors.New("the server did not begin in time")
	}
}

// stop ends the process, first politely.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return
	case <-time.After(stopLimit):
	}
	_ = s.cmd.Process.Kill()
	<-s.done
}

// end is how the process ended, empty while it runs.
func (s *server) end() string {
	select {
	case <-s.done:
		return s.cmd.ProcessState.String()
	default:
		return ""
	}
}

// said is the end of what the server wrote to standard error.
func (s *server) said() string {
	text, err := os.ReadFile(s.logs)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(len(text)-300, 0):]))
}
