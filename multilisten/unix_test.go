//go:build unix

package multilisten

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func fileMode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestSocketFileHasItsMode(t *testing.T) { // L-15
	for _, mode := range []fs.FileMode{0o600, 0o660, 0o666, 0o777} {
		path := t.TempDir() + "/s"
		l := openGroup(t, Binding{Network: "unix", Addr: path, Mode: mode}).Listeners()[0]
		for range 2 {
			if got := fileMode(t, path); got != fs.ModeSocket|mode {
				t.Errorf("the mode is %v, want %v", got, fs.ModeSocket|mode)
			}
			l.Close()
			if err := l.Reopen(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stale leaves a socket file behind, as a process does that crashes.
func stale(t testing.TB, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestStaleSocketFileMakesWay(t *testing.T) { // L-15
	path := t.TempDir() + "/s"
	stale(t, path)
	if _, err := Open(t.Context(), Options{}, Binding{Network: "unix", Addr: path}); !isInUse(err) {
		t.Fatalf("Open without RemoveStale = %v, want in use", err)
	}
	l := openGroup(t, Binding{Network: "unix", Addr: path, RemoveStale: true, Mode: 0o600, Backlog: 3}).Listeners()[0]
	if got := fileMode(t, path); got != fs.ModeSocket|0o600 {
		t.Errorf("the mode is %v, want 0600", got)
	}
	a, b := connect(t, l, path)
	checkEcho(t, a, b)
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v, want no file", err)
	}
}

func TestSocketWithAListenerIsNotStale(t *testing.T) { // L-15
	path := t.TempDir() + "/s"
	live := openGroup(t, Binding{Network: "unix", Addr: path}).Listeners()[0]
	_, err := Open(t.Context(), Options{}, Binding{Network: "unix", Addr: path, RemoveStale: true})
	if want := "multilisten: binding 0: " + path + " is already in use"; !isInUse(err) || err.Error() != want {
		t.Errorf("Open = %v, want %s", err, want)
	}
	probe, err := live.Accept() // of RemoveStale
	if err != nil {
		t.Fatal(err)
	}
	probe.Close()
	a, b := connect(t, live, path)
	checkEcho(t, a, b)
}

func TestWhatIsNoSocketStays(t *testing.T) { // L-15
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	stale(t, path("target"))
	for name, err := range map[string]error{
		"file":   os.WriteFile(path("file"), []byte("keep me"), 0o600),
		"folder": os.Mkdir(path("folder"), 0o700),
		"pipe":   syscall.Mkfifo(path("pipe"), 0o600),
		"link":   os.Symlink("target", path("link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
		before := fileMode(t, path(name))
		_, err = Open(t.Context(), Options{}, Binding{Network: "unix", Addr: path(name), RemoveStale: true})
		if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != "RemoveStale" || !errors.Is(err, ErrNotSocket) {
			t.Errorf("%s: Open = %v, want ErrNotSocket of RemoveStale", name, err)
		}
		if after := fileMode(t, path(name)); after != before {
			t.Errorf("%s: is %v now", name, after)
		}
	}
}

// Without a lock the second one removes the file of the first, who then listens on
// nothing.
func TestOneOfManyTakesAStaleFile(t *testing.T) { // L-15
	for range 20 {
		path := t.TempDir() + "/s"
		stale(t, path)
		var mu sync.Mutex // guards won
		var won []*Group
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				g, err := Open(t.Context(), Options{}, Binding{Network: "unix", Addr: path, RemoveStale: true})
				switch {
				case err == nil:
					mu.Lock()
					won = append(won, g)
					mu.Unlock()
				case !isInUse(err):
					t.Errorf("Open = %v, want in use", err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d have the socket, want one", len(won))
		}
		conns := acceptAll(won[0].Listeners()[0])
		c := dial(t, won[0].Addrs()[0])
		if _, err := c.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		won[0].Close()
		for conn := range conns { // ours, and the looks of the others
			conn.Close()
		}
	}
}

func TestLockedFolderIsToldOf(t *testing.T) { // L-15
	dir := t.TempDir()
	stale(t, dir+"/s")
	unlock, err := lockFolder(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	b := Binding{Network: "unix", Addr: dir + "/s", RemoveStale: true}
	_, err = Open(ctx, Options{}, b)
	if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != "RemoveStale" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open = %v, want the end of the context", err)
	}
	unlock()
	openGroup(t, b)
}
