//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd && !windows

package multilisten

import (
	"errors"
	"syscall"
)

const canShare = false

func shareSocket(syscall.RawConn) error   { return errors.ErrUnsupported }
func excludeOthers(syscall.RawConn) error { return nil }
