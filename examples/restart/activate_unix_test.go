//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// activate does what a service manager does between fork and exec: descriptors 3 and up
// are the sockets already.
func activate() {
	os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	os.Setenv(asProgram, "1")
	fmt.Fprintln(os.Stderr, syscall.Exec(os.Args[0], os.Args, os.Environ()))
	os.Exit(1)
}

// An activator listens, and starts the program when the first client connects or before.
type activation struct {
	name string
	cmd  func(t *testing.T, tcp, unix, notify string) *exec.Cmd
}

var args = []string{"-activated", "web,sock", "-window", "1s", "-spread", "1ms"}

// activators are one of our own, which is always there, and that of systemd where it is
// installed.
func activators(t *testing.T) []activation {
	list := []activation{{"own", func(t *testing.T, tcp, unix, notify string) *exec.Cmd {
		cmd := command(t, args...)
		cmd.Env = append(cmd.Env, asProgram+"="+activator, "LISTEN_FDS=2", "LISTEN_FDNAMES=web:sock", "NOTIFY_SOCKET="+notify)
		for _, a := range [][2]string{{"tcp", tcp}, {"unix", unix}} {
			l, err := net.Listen(a[0], a[1])
			if err != nil {
				t.Fatal(err)
			}
			file, err := l.(interface{ File() (*os.File, error) }).File()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { file.Close(); l.Close() })
			cmd.ExtraFiles = append(cmd.ExtraFiles, file)
		}
		return cmd
	}}}
	systemd, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Log("systemd-socket-activate is not installed; the other activator is tested")
		return list
	}
	return append(list, activation{"systemd", func(t *testing.T, tcp, unix, notify string) *exec.Cmd {
		cmd := command(t)
		cmd.Args = append([]string{systemd, "--listen=" + tcp, "--listen=" + unix, "--fdname=web:sock",
			"--setenv=" + asProgram + "=1", "--setenv=NOTIFY_SOCKET=" + notify, cmd.Path}, args...)
		cmd.Path = systemd
		return cmd
	}})
}

// A service manager listens on a TCP port and a Unix socket, and starts the program with
// both by name; the program can still be replaced, and tells the manager by whom.
func TestServiceManagerActivatesTheServer(t *testing.T) { // L-37, socket activation
	for _, a := range activators(t) {
		t.Run(a.name, func(t *testing.T) {
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			tcp, unix := free.Addr().String(), filepath.Join(t.TempDir(), "s")
			free.Close()
			told := manager(t)
			f := start(t, a.cmd(t, tcp, unix, told.path), 0)
			greet := func(pid string) {
				t.Helper()
				for network, addr := range map[string]string{"tcp": tcp, "unix": unix} {
					v := visitSoon(t, network, addr)
					if got, err := v.ask("x"); err != nil || pid != "" && got != pid {
						t.Errorf("over %s process %s answers, %v; want %s", network, got, err, pid)
					}
					v.close()
				}
			}
			if a.name != "own" {
				greet("") // it is started by the first client
			}
			pid := f.next(f.pids)
			greet(pid)
			told.want(t, pid)
			f.signal(pid, syscall.SIGHUP)
			next := f.next(f.pids)
			told.want(t, next)
			if err := f.cmd.Wait(); err != nil { // the old one had nobody left
				t.Errorf("the first process = %v", err)
			}
			greet(next)
			f.signal(next, syscall.SIGTERM)
			<-f.over
			if odd := f.printed(); a.name == "own" && len(odd) > 0 { // systemd's says what it does
				t.Errorf("the program printed %q", odd)
			}
			if _, err := os.Lstat(unix); err != nil {
				t.Errorf("the socket file of the service manager: %v", err)
			}
		})
	}
}

// visitSoon connects as soon as the activator listens.
func visitSoon(t *testing.T, network, addr string) *visitor {
	t.Helper()
	var last error
	for range 1000 {
		v, err := visit(network, addr, "/")
		if err == nil {
			return v
		}
		last = err
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(last)
	return nil
}

// notices are what a service is to tell its manager.
type notices struct {
	path string
	conn *net.UnixConn
}

func manager(t *testing.T) *notices {
	t.Helper()
	path := filepath.Join(t.TempDir(), "n")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &notices{path, c}
}

func (n *notices) want(t *testing.T, pid string) {
	t.Helper()
	b := make([]byte, 100)
	_ = n.conn.SetReadDeadline(time.Now().Add(time.Minute))
	k, err := n.conn.Read(b)
	if want := []byte("MAINPID=" + pid + "\nREADY=1"); err != nil || !bytes.Equal(b[:k], want) {
		t.Errorf("the manager is told %q, %v; want %q", b[:k], err, want)
	}
}

// A socket that nothing in the configuration wants is closed with a warning, and one that
// is wanted and not there keeps the program from starting.
func TestActivationMustFitTheConfiguration(t *testing.T) { // socket activation
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l.Close()
	activated := func(args ...string) *exec.Cmd {
		cmd := command(t, args...)
		cmd.Env = append(cmd.Env, asProgram+"="+activator, "LISTEN_FDS=1", "LISTEN_FDNAMES=extra")
		cmd.ExtraFiles = []*os.File{file}
		return cmd
	}
	f := start(t, activated("-addr", "127.0.0.1:0"), 1)
	f.signal(f.next(f.pids), syscall.SIGTERM)
	<-f.over
	if odd := f.printed(); len(odd) != 1 || !strings.Contains(odd[0], "WARN") || !strings.Contains(odd[0], "extra") {
		t.Errorf("the program printed %q, want a warning", odd)
	}
	if err := f.cmd.Wait(); err != nil {
		t.Errorf("the program = %v", err)
	}
	out, err := activated("-activated", "web").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "web") {
		t.Errorf("without its socket the program = %v, %s", err, out)
	}
}
