//go:build unix

package multilisten

import (
	"os"
	"syscall"
)

// setSockopt sets an option of a socket that is an int.
func setSockopt(c syscall.RawConn, level, name, value int) error {
	var failed error
	if err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), level, name, value)
	}); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", failed)
}
