//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package multilisten

import "syscall"

const canShare = true

// shareSocket lets other sockets have the same address.
func shareSocket(c syscall.RawConn) error {
	return setSockopt(c, syscall.SOL_SOCKET, syscall.SO_REUSEPORT, 1)
}

// excludeOthers has nothing to do: two sockets listen on one address only if both share.
func excludeOthers(syscall.RawConn) error { return nil }
