//go:build !linux

package multilisten

import (
	"io/fs"
	"syscall"
)

// limitMode does nothing: only Linux takes the mode of a socket that has no file yet.
func limitMode(syscall.RawConn, fs.FileMode) error { return nil }
