package multilisten

import (
	"os"
	"syscall"
)

// setInBuffer sets SO_RCVBUF of a socket to n bytes.
func setInBuffer(c syscall.RawConn, n int) error {
	var failed error
	if err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, n)
	}); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", failed)
}
