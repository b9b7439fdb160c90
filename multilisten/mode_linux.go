package multilisten

import (
	"io/fs"
	"os"
	"syscall"
)

// limitMode gives a socket its mode before it is bound: bind(2) makes the file with
// it, less the umask. So nobody gets in between that and chmod.
func limitMode(c syscall.RawConn, mode fs.FileMode) error {
	var failed error
	if err := c.Control(func(fd uintptr) {
		failed = syscall.Fchmod(int(fd), uint32(mode.Perm()))
	}); err != nil {
		return err
	}
	return os.NewSyscallError("fchmod", failed)
}
