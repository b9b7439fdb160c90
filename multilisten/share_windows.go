package multilisten

import (
	"errors"
	"syscall"
)

// SO_REUSEADDR would give connections to one of the sockets, nobody knows which.
const canShare = false

func shareSocket(syscall.RawConn) error { return errors.ErrUnsupported }

// excludeOthers sets SO_EXCLUSIVEADDRUSE, which is the complement of SO_REUSEADDR.
func excludeOthers(c syscall.RawConn) error {
	return setSockopt(c, syscall.SOL_SOCKET, ^syscall.SO_REUSEADDR, 1)
}
