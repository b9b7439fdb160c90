//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package acme

import (
	"errors"
	"os"
	"syscall"
)

// tryLockFile returns the locked file, nil if somebody else has the lock.
//
// The file is removed when the lock is freed, so it has to be checked that the one
// that we locked is still the one with this name.
func tryLockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return nil, f.Close()
	case err != nil:
		return nil, errors.Join(&os.PathError{Op: "lock", Path: name, Err: err}, f.Close())
	}
	if here, err := os.Stat(name); err == nil {
		if ours, err := f.Stat(); err == nil && os.SameFile(here, ours) {
			return f, nil
		}
	}
	return nil, f.Close()
}

func unlockFile(f *os.File) error {
	return errors.Join(os.Remove(f.Name()), f.Close())
}

// syncDir makes a renaming in the directory survive a loss of power.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // not on this file system
	}
	return errors.Join(err, d.Close())
}
