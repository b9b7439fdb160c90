package acme

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// H-43
func TestDirStorageKeepsValues(t *testing.T) {
	ctx, s := t.Context(), DirStorage(filepath.Join(t.TempDir(), "new", "acme"))
	if _, err := s.Load(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load of nothing = %v", err)
	}
	for _, value := range []string{"one", "", "two"} {
		if err := s.Store(ctx, "a/b", []byte(value)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(ctx, "a/b"); err != nil || string(got) != value {
			t.Fatalf("Load = %q, %v", got, err)
		}
	}
	for range 2 { // none at all is no error
		if err := s.Delete(ctx, "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Load(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load of a deleted value = %v", err)
	}
}

// H-43: nobody else may read keys.
func TestDirStorageIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are those of Unix")
	}
	dir := filepath.Join(t.TempDir(), "acme")
	s := DirStorage(dir)
	if err := s.Store(t.Context(), "certificates/ca/a.pem", []byte("key")); err != nil {
		t.Fatal(err)
	}
	if err := s.Lock(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	files := 0
	filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
		info, err := e.Info()
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
		return nil
	})
	if files != 2 { // and no temporary one
		t.Errorf("%d files", files)
	}
	if err := s.Unlock(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
}

func TestDirStorageStaysInItsDirectory(t *testing.T) {
	s := DirStorage(t.TempDir())
	for _, key := range []string{"", "..", "../a", "a/../../b", "/etc/passwd", `..\a`, "c:a"} {
		if err := s.Store(t.Context(), key, nil); err == nil {
			t.Errorf("Store(%q) was done", key)
		}
		if _, err := s.Load(t.Context(), key); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load(%q) = %v", key, err)
		}
		if err := s.Lock(t.Context(), "../"+key); err == nil {
			t.Errorf("Lock(%q) was taken", key)
		}
	}
}

// H-43: two values stand for two processes, as each opens the files itself.
func TestOneAtATimeHoldsALock(t *testing.T) {
	dir := t.TempDir()
	stores := []Storage{DirStorage(dir), DirStorage(dir)}
	var inside, most, turns atomic.Int32
	done := make(chan error)
	for n := range 8 {
		s := stores[n%2]
		go func() {
			for range 5 {
				if err := s.Lock(t.Context(), "a"); err != nil {
					done <- err
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				runtime.Gosched()
				turns.Add(1)
				inside.Add(-1)
				if err := s.Unlock(t.Context(), "a"); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 1 || turns.Load() != 40 {
		t.Errorf("%d at once, %d turns", most.Load(), turns.Load())
	}
}

// The file of a lock goes when the lock is freed: who has opened it just before must
// not believe that it has the lock.
func TestAFreedLockFileIsNoLock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.lock")
	var inside, most atomic.Int32
	done := make(chan error)
	for range 8 {
		go func() {
			for turns := 0; turns < 500; {
				f, err := tryLockFile(file)
				if err != nil {
					done <- err
					return
				}
				if f == nil {
					runtime.Gosched()
					continue
				}
				most.Store(max(most.Load(), inside.Add(1)))
				turns++
				inside.Add(-1)
				if err := unlockFile(f); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	s := DirStorage(t.TempDir())
	if err := s.Lock(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Lock(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock = %v", err)
	}
	if err := s.Lock(t.Context(), "b"); err != nil { // another
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(s.Unlock(ended, "a"), s.Unlock(ended, "b")); err != nil {
		t.Error(err)
	}
	if err := s.Unlock(t.Context(), "a"); err == nil {
		t.Error("a lock was freed twice")
	}
}

const lockDirEnv = "ACME_TEST_LOCK_DIR"

// holdLock is the other process of the next test: it takes a lock and waits for its end.
func holdLock() bool {
	dir := os.Getenv(lockDirEnv)
	if dir == "" {
		return false
	}
	fmt.Println(DirStorage(dir).Lock(context.Background(), "a"))
	bufio.NewReader(os.Stdin).ReadByte()
	return true
}

// H-43
func TestLockOfADeadProcessIsFree(t *testing.T) {
	dir := t.TempDir()
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), lockDirEnv+"="+dir)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "<nil>\n" {
		t.Fatalf("the other process: %q, %v", line, err)
	}
	s := DirStorage(dir)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Lock(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Lock while another process has it = %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	if err := s.Lock(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Unlock(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
}
