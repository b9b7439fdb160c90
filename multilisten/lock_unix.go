//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package multilisten

import (
	"context"
	"os"
	"syscall"
	"time"
)

// lockFolder takes the lock of a folder (flock(2)), which the returned function gives
// back. It is a lock among those who ask for it.
func lockFolder(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch err {
		case nil:
			return func() { _ = f.Close() }, nil
		case syscall.EINTR:
			continue
		case syscall.EWOULDBLOCK:
		default:
			_ = f.Close()
			return nil, &os.PathError{Op: "flock", Path: path, Err: err}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			_ = f.Close()
			return nil, &os.PathError{Op: "flock", Path: path, Err: context.Cause(ctx)}
		}
	}
}
