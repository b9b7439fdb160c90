package multilisten

import (
	"runtime"
	"strings"
	"syscall"
)

const canShare = true

// shareSocket lets other sockets have the same address. Package syscall does not
// know SO_REUSEPORT on Linux.
func shareSocket(c syscall.RawConn) error {
	reusePort := 0xf
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		reusePort = 0x200
	}
	return setSockopt(c, syscall.SOL_SOCKET, reusePort, 1)
}

// excludeOthers has nothing to do: two sockets listen on one address only if both share.
func excludeOthers(syscall.RawConn) error { return nil }
