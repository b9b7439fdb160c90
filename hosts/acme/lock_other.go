//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package acme

import (
	"errors"
	"fmt"
	"os"
)

func tryLockFile(name string) (*os.File, error) {
	return nil, fmt.Errorf("acme: DirStorage: locking %s: %w", name, errors.ErrUnsupported)
}

func unlockFile(f *os.File) error { return f.Close() }

func syncDir(string) error { return nil }
