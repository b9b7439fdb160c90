//go:build unix

package multilisten

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func init() {
	roles["activator"] = activator
	roles["activated"] = activated
	roles["plain"] = plainActivated
}

// activator does what a service manager does between fork and exec. Descriptors 3 and up
// are the sockets already.
func activator() error {
	os.Setenv(envPID, fmt.Sprint(os.Getpid()))
	os.Setenv(envRole, os.Getenv("ICSWS_TEST_NEXT"))
	return syscall.Exec(os.Args[0], os.Args, os.Environ())
}

// answer tells each client who it speaks to, and ends after n of them.
func answer(l net.Listener, who string, n int) error {
	for range n {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintln(c, who)
		c.Close()
	}
	return l.Close()
}

// activated has three bindings, of which two are activated, and answers a client on each.
func activated() error {
	in, err := Inherit()
	if err != nil {
		return err
	}
	if again, err := Inherit(); err != nil || len(again.Names()) != 0 {
		return fmt.Errorf("the second Inherit has %q, %v", again.Names(), err)
	}
	for _, s := range os.Environ() {
		if strings.HasPrefix(s, "LISTEN_") {
			return fmt.Errorf("%s is still there", s)
		}
	}
	g, err := Open(context.Background(), Options{Inherited: in},
		Binding{Activated: "web"}, Binding{Network: "unix", Addr: os.Getenv("ICSWS_TEST_PATH")}, Binding{Addr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	if err := in.Ready(); err != nil { // nobody waits
		return err
	}
	fmt.Println(g.Listener(2).Addr())
	for _, l := range g.Listeners() {
		if err := answer(l, l.Binding().name(), 1); err != nil {
			return err
		}
	}
	return in.Close()
}

// plainActivated has no bindings at all.
func plainActivated() error {
	list, err := Activated()
	if err != nil {
		return err
	}
	for _, l := range list {
		if err := answer(l, l.Name, 1); err != nil {
			return err
		}
	}
	return nil
}

// ask connects and returns the answer.
func ask(t testing.TB, a net.Addr) string {
	t.Helper()
	c := dial(t, a)
	c.SetDeadline(time.Now().Add(30 * time.Second))
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%v: %v", a, err)
	}
	return strings.TrimSpace(string(text))
}

// sockets are what a service manager listens on, as files of its child.
func sockets(t testing.TB, path string) (addrs []net.Addr, files []*os.File) {
	t.Helper()
	for _, a := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", path}} {
		l, err := net.Listen(a[0], a[1])
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close(); l.Close() })
		addrs, files = append(addrs, l.Addr()), append(files, f)
	}
	return addrs, files
}

func TestServiceManagerActivatesBindings(t *testing.T) { // socket activation
	path := t.TempDir() + "/s"
	addrs, files := sockets(t, path)
	cmd := role(t, "activator", "ICSWS_TEST_NEXT=activated", "ICSWS_TEST_PATH="+path, "LISTEN_FDS=2", "LISTEN_FDNAMES=web:sock")
	cmd.ExtraFiles = files
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := net.ResolveTCPAddr("tcp", strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"web", path, "127.0.0.1:0"} {
		if got := ask(t, append(slices.Clone(addrs), fresh)[i]); got != want {
			t.Errorf("binding %d answers %q, want %q", i, got, want)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the process = %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket file of the service manager: %v", err)
	}
}

func TestActivatedProgramNeedsNoBindings(t *testing.T) { // socket activation
	addrs, files := sockets(t, t.TempDir()+"/s")
	cmd := role(t, "activator", "ICSWS_TEST_NEXT=plain", "LISTEN_FDS=2")
	cmd.ExtraFiles = files
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if got := ask(t, a); got != "unknown" {
			t.Errorf("%v answers %q, want unknown", a, got)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the process = %v", err)
	}
}

// The proof with an activator of our own is above; this is the one of systemd.
func TestSystemdActivates(t *testing.T) { // socket activation
	systemd, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("the other tests have an activator of their own")
	}
	path := t.TempDir() + "/s"
	cmd := role(t, "")
	cmd.Path = systemd
	cmd.Args = []string{
		"systemd-socket-activate", "--listen=" + path, "--fdname=only", "--setenv=" + envRole + "=plain", testProgram(t),
	}
	cmd.Stderr = nil // it says what it does
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Lstat(path); err == nil {
			break
		}
		if t.Context().Err() != nil || cmd.Process.Signal(syscall.Signal(0)) != nil {
			t.Fatal("systemd-socket-activate makes no socket")
		}
		time.Sleep(time.Millisecond)
	}
	var c net.Conn
	for c == nil { // bind comes before listen
		c, _ = net.Dial("unix", path)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if text, err := io.ReadAll(c); err != nil || string(text) != "only\n" {
		t.Errorf("it answers %q, %v; want the name", text, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the process = %v", err)
	}
}
