//go:build unix

package multilisten

import (
	"math"
	"os"
	"syscall"
)

// setBacklog calls listen(2) again on a socket that listens already. Only the
// length of its queue changes, and the kernel caps it (Linux: somaxconn).
func setBacklog(s syscall.Conn, n int) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		// The kernel takes an int of 32 bits: a larger one would lose its top.
		failed = syscall.Listen(int(fd), min(n, math.MaxInt32))
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("listen", failed)
}
