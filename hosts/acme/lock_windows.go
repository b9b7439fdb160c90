package acme

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLockFile returns the locked file, nil if somebody else has the lock. The file
// stays when the lock is freed: an open file can not be removed here.
func tryLockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	switch {
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return nil, f.Close()
	case err != nil:
		return nil, errors.Join(&os.PathError{Op: "lock", Path: name, Err: err}, f.Close())
	}
	return f, nil
}

func unlockFile(f *os.File) error { return f.Close() } // which frees it

func syncDir(string) error { return nil } // NTFS journals renamings
