package multilisten

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// isAbstract reports whether a Unix socket's name is no file.
func isAbstract(name string) bool {
	return name != "" && name[0] == '@' && (runtime.GOOS == "linux" || runtime.GOOS == "android")
}

// staleWait bounds the time for which a process waits for others that look into the
// same folder.
const staleWait = 5 * time.Second

// listenOverStale opens a Unix socket, in the place of a file on which nobody listens.
// The folder is locked from the first attempt on: of two processes that start together
// the second one would remove the new file of the first, who has bound it and does not
// listen yet.
func listenOverStale(ctx context.Context, at endpoint, control controlFunc) (socket, error) {
	wait, cancel := context.WithTimeout(ctx, staleWait)
	defer cancel()
	unlock, err := lockFolder(wait, filepath.Dir(at.path))
	if err != nil {
		return nil, &FieldError{Field: "RemoveStale", Err: err}
	}
	defer unlock()
	s, err := listenSocket(ctx, at, control)
	if !isInUse(err) {
		return s, err
	}
	if err := removeStale(wait, at.path, err); err != nil {
		return nil, err
	}
	return listenSocket(ctx, at, control)
}

// removeStale removes the socket file at path unless somebody listens on it, which is
// inUse, or it is something else.
func removeStale(ctx context.Context, path string, inUse error) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody was quicker
	}
	if err != nil {
		return &FieldError{Field: "RemoveStale", Err: err}
	}
	if info.Mode().Type() != fs.ModeSocket {
		return &FieldError{Field: "RemoveStale", Err: fmt.Errorf("%s: %w", path, ErrNotSocket)}
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
	}
	if !isRefused(err) { // it works, its backlog is full, we may not, it is of another kind
		return inUse
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &FieldError{Field: "RemoveStale", Err: err}
	}
	return nil
}
