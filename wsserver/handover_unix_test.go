//go:build unix

package wsserver_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// shell is a process that is handed sockets. It does what the script says; $ready is
// where to say that it is ready, standard input ends with the test.
func shell(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); r.Close() })
	cmd := exec.Command("/bin/sh", "-c", `eval "exec 9>&$ICSWS_READY_FD"; `+script)
	cmd.Stdin = r
	cmd.Stderr = os.Stderr
	return cmd
}

// getsReady is the script of a process that takes over and lives as long as the test.
const getsReady = `printf x >&9; read line`

// L-37: after a hand-over the socket lives on in the new process: nobody is refused,
// and who was in handshake here is let in. The clients stay until the shutdown.
func TestHandOverRefusesNobody(t *testing.T) { onDrivers(t, testHandOverRefusesNobody) }

func testHandOverRefusesNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	srv := newServer(t, &desk{}, wsserver.Config{
		Addr: "127.0.0.1:0", Bindings: []multilisten.Binding{{Name: "two", Network: "unix", Addr: path}},
		Drain: wsserver.Drain{Window: time.Millisecond},
	})
	addr := open(t, srv)
	old := dialTCP(t, addr, "/")
	half, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	eventually(t, "the second connection", func() bool { return srv.Stats().Pending == 1 })
	cmd := shell(t, `printf '%s' "$LISTEN_FDNAMES"; `+getsReady)
	var named strings.Builder
	cmd.Stdout = &named
	done := make(chan error, 1)
	go func() { done <- srv.HandOver(t.Context(), cmd) }()
	eventually(t, "the end of the listeners", func() bool { return len(srv.Addrs()) == 0 })
	waiting, err := net.Dial("tcp", addr) // the socket is that of the new process
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	select {
	case err := <-done:
		t.Errorf("HandOver = %v before the last handshake is done", err)
	default:
	}
	if _, err := half.Write(wstest.Upgrade("/").Bytes()); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(half), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake that was under way: %v, %v", res, err)
	}
	if err := <-done; err != nil {
		t.Fatalf("HandOver = %v", err)
	}
	if srv.Listening() || srv.State() != wsserver.StateClosed || srv.ClientCount() != 2 {
		t.Errorf("after the hand-over: %v, %d clients", srv.State(), srv.ClientCount())
	}
	old.SendText("still here")
	old.Receive()
	half.Close()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if e := old.ReceiveClose(); e.Code != client.StatusGoingAway || !strings.HasSuffix(e.Reason, "; retry-after=0") {
		t.Errorf("closed with %v", &e)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		t.Errorf("the socket file: %v, %v", info, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if want := strings.ReplaceAll("127.0.0.1:0", ":", "_") + ":two"; named.String() != want {
		t.Errorf("the sockets are called %q, want %q", named.String(), want)
	}
}

// L-37: a process that does not get ready leaves this one as it was, and the error says
// what became of it.
func TestFailedHandOverLeavesTheServerAsItWas(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
	none := newServer(t, &desk{}, wsserver.Config{})
	addr := open(t, srv)
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for _, tt := range []struct {
		name string
		srv  *wsserver.Server[*guest]
		ctx  context.Context
		cmd  *exec.Cmd
		want error
		text string
	}{
		{"it ends", srv, t.Context(), shell(t, "exit 3"), multilisten.ErrNotReady, "exit status 3"},
		{"it never gets ready", srv, short, shell(t, "exec sleep 60"), context.DeadlineExceeded, "deadline"},
		{"it is not there", srv, t.Context(), exec.Command(filepath.Join(t.TempDir(), "no-such-program")), os.ErrNotExist, "no-such-program"},
		{"nothing is open", none, t.Context(), shell(t, "exit 3"), net.ErrClosed, "Listen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.srv.HandOver(tt.ctx, tt.cmd)
			e, ok := errors.AsType[*wsserver.HandOverError](err)
			if !ok || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("HandOver = %v, want %v", err, tt.want)
			}
			if p := tt.cmd.Process; (p == nil) != (e.PID == 0) || p != nil && (e.PID != p.Pid || tt.cmd.ProcessState == nil) {
				t.Errorf("the process of %+v is %v", e, tt.cmd.ProcessState)
			}
			p := dialTCP(t, addr, "/")
			p.SendText("x")
			p.Receive()
		})
	}
	if !srv.Listening() || srv.State() != wsserver.StateListening || len(srv.Addrs()) != 1 {
		t.Errorf("the server is %v on %v", srv.State(), srv.Addrs())
	}
}

// L-37, X-12: a shutdown ends a hand-over that is under way, and a second one is refused.
func TestShutdownEndsAHandOver(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
	open(t, srv)
	cmd := shell(t, `printf begun; exec sleep 60`)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd.Stdout = w
	done := make(chan error, 1)
	go func() { done <- srv.HandOver(t.Context(), cmd) }()
	if _, err := io.ReadFull(r, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if err := srv.HandOver(t.Context(), shell(t, getsReady)); !errors.Is(err, wsserver.ErrHandingOver) {
		t.Errorf("a second HandOver = %v", err)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if err := <-done; !errors.Is(err, wsserver.ErrServerClosed) {
		t.Errorf("HandOver = %v, want ErrServerClosed", err)
	}
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !s.Signaled() {
		t.Errorf("the new process ended as %v, want it killed", cmd.ProcessState)
	}
	if err := srv.HandOver(t.Context(), shell(t, getsReady)); !errors.Is(err, wsserver.ErrServerClosed) {
		t.Errorf("HandOver afterwards = %v", err)
	}
	if _, err := srv.Files(); !errors.Is(err, wsserver.ErrServerClosed) {
		t.Errorf("Files afterwards = %v", err)
	}
}

// L-37: an event may hand over; it does not wait for its own handshake.
func TestHandOverInAnEvent(t *testing.T) {
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0"})
	cmd := shell(t, getsReady)
	d.newClient = func(*client.OpenRequest) (*guest, error) {
		if err := srv.HandOver(t.Context(), cmd); err != nil {
			t.Errorf("HandOver = %v", err)
		}
		return d.guest(), nil
	}
	p := dialTCP(t, open(t, srv), "/")
	p.SendText("x")
	p.Receive()
	cmd.Process.Kill()
	cmd.Wait()
}

// L-37: the files of a server are its listening sockets; who has them keeps them open.
func TestFilesAreTheListeners(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Bindings: []multilisten.Binding{{Name: "a", Addr: "127.0.0.1:0"}, {Name: "b", Addr: "127.0.0.1:0"}}})
	if _, err := srv.Files(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Files before Listen = %v", err)
	}
	open(t, srv)
	addrs := srv.Addrs()
	files, err := srv.Files()
	if err != nil || len(files) != 2 {
		t.Fatalf("Files = %v, %v", files, err)
	}
	if env := multilisten.Environ(nil, files); !slices.Contains(env, "LISTEN_FDNAMES=a:b") {
		t.Errorf("Environ = %q", env)
	}
	srv.Close()
	for i, f := range files {
		l, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f.Close()
		c, err := net.Dial("tcp", addrs[i].String())
		if err != nil || l.Addr().String() != addrs[i].String() {
			t.Fatalf("file %d listens on %v: %v", i, l.Addr(), err)
		}
		c.Close()
	}
}

// inAccept is how many goroutines wait for a connection of a binding.
func inAccept() int {
	b := make([]byte, 1<<20)
	return strings.Count(string(b[:runtime.Stack(b, true)]), "multilisten.(*Listener).Accept(")
}

// A-27, L-37: a connection that was accepted just before the hand-over and waits for a
// slot of MaxPending is served, not reset.
func TestHandOverServesWhoWasAccepted(t *testing.T) {
	d, leave := &desk{}, make(chan struct{})
	d.newClient = func(r *client.OpenRequest) (*guest, error) {
		if r.RawURI == "/slow" {
			<-leave
		}
		return d.guest(), nil
	}
	srv := newServer(t, d, wsserver.Config{
		MaxPending: 1, Bindings: []multilisten.Binding{{Addr: "127.0.0.1:0"}, {Addr: "127.0.0.2:0"}},
	})
	open(t, srv)
	eventually(t, "both listeners to accept", func() bool { return inAccept() >= 2 })
	addrs := srv.Addrs()
	connect := func(i int, target string) net.Conn {
		conn, err := net.Dial("tcp", addrs[i].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write(wstest.Upgrade(target).Bytes()); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	slow := connect(0, "/slow")
	eventually(t, "the slow handshake", func() bool { return d.count("new") == 1 })
	other := connect(1, "/") // its listener accepts it, as it was waiting before the slot was taken
	eventually(t, "the other connection", func() bool { return srv.Stats().Accepted == 2 })
	cmd, done := shell(t, getsReady), make(chan error, 1)
	go func() { done <- srv.HandOver(t.Context(), cmd) }()
	eventually(t, "the end of the listeners", func() bool { return len(srv.Addrs()) == 0 })
	close(leave)
	for _, c := range []net.Conn{slow, other} {
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("the handshake = %v, %v", res, err)
		}
	}
	if err := <-done; err != nil {
		t.Errorf("HandOver = %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
}
