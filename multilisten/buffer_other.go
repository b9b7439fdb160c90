//go:build !unix && !windows

package multilisten

import (
	"errors"
	"syscall"
)

// setInBuffer says that sockets have no such option here.
func setInBuffer(syscall.RawConn, int) error { return errors.ErrUnsupported }
