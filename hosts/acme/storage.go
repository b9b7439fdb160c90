package acme

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Storage keeps what must survive a restart (H-43). Keys are paths with "/" whose
// parts are made of lower- and upper-case letters, digits, ".", "-" and "_". Values are
// small; those of certificates and accounts hold private keys. The methods may be called
// from any goroutine.
//
// Every certmagic.Storage is one; many exist, for databases and object stores.
type Storage interface {
	// Load returns the value, or an error that is fs.ErrNotExist if there is none.
	Load(ctx context.Context, key string) ([]byte, error)
	// Store sets the value as a whole: whoever loads it meanwhile gets the old or the
	// new one.
	Store(ctx context.Context, key string, value []byte) error
	// Delete removes the value. None at all is no error.
	Delete(ctx context.Context, key string) error
	// Lock waits until nobody holds the lock name, here or in another process, and
	// takes it. The locks of a process that died are free.
	Lock(ctx context.Context, name string) error
	// Unlock frees a lock that Lock took. Its context may have ended.
	Unlock(ctx context.Context, name string) error
}

// DirStorage keeps everything in a directory, which is made when it is first needed:
// directories with mode 0700, files with mode 0600, each replaced by renaming, so that
// a crash leaves the old or the new one. Several processes may share it; their locks are
// those of the operating system (flock, LockFileEx) on files below "locks", which end
// with the process. On a network file system that has no such locks each process should
// have a directory of its own.
//
//	accounts/CA/EMAIL.json            account and its key
//	certificates/CA/NAME/NAME.pem     private key and chain, fit for Host.Cert
//	certificates/CA/NAME/NAME.json    when it should be renewed
//	challenges/CA/...                 answers that other processes may give, for seconds
//
// A certificate for several names is kept under the first of them and a checksum of
// all. What belongs to names that are served no more stays and may be deleted.
func DirStorage(path string) Storage {
	return &dirStorage{path: path, held: make(map[string]*os.File)}
}

type dirStorage struct {
	path string

	mu   sync.Mutex // guards held
	held map[string]*os.File
}

// String is for logs.
func (d *dirStorage) String() string { return d.path }

// file returns the path of key. filepath.IsLocal refuses what leads out of the
// directory, and names that are devices on Windows.
func (d *dirStorage) file(key string) (string, error) {
	local := filepath.FromSlash(key)
	if key == "" || !filepath.IsLocal(local) || strings.ContainsAny(key, "\\:") {
		return "", fmt.Errorf("acme: invalid storage key %q", key)
	}
	return filepath.Join(d.path, local), nil
}

func (d *dirStorage) Load(_ context.Context, key string) ([]byte, error) {
	file, err := d.file(key)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func (d *dirStorage) Delete(_ context.Context, key string) error {
	file, err := d.file(key)
	if err != nil {
		return err
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d *dirStorage) Store(_ context.Context, key string, value []byte) error {
	file, err := d.file(key)
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	if err = writeAll(temp, value); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		os.Remove(temp.Name())
		return err
	}
	return syncDir(dir)
}

// writeAll writes, syncs and closes f.
func writeAll(f *os.File, value []byte) error {
	_, err := f.Write(value)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Pauses between attempts to get a lock: nothing tells us when it is free.
const (
	lockPoll    = 20 * time.Millisecond
	lockPollMax = time.Second
)

func (d *dirStorage) Lock(ctx context.Context, name string) error {
	file, err := d.file("locks/" + name + ".lock")
	if err == nil && strings.Contains(name, "/") {
		err = fmt.Errorf("acme: invalid lock name %q", name)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	for pause := lockPoll; ; pause = min(2*pause, lockPollMax) {
		f, err := tryLockFile(file)
		if err != nil {
			return err
		}
		if f != nil {
			d.mu.Lock()
			d.held[name] = f
			d.mu.Unlock()
			return nil
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (d *dirStorage) Unlock(_ context.Context, name string) error {
	d.mu.Lock()
	f := d.held[name]
	delete(d.held, name)
	d.mu.Unlock()
	if f == nil {
		return fmt.Errorf("acme: lock %q is not held", name)
	}
	return unlockFile(f)
}
