//go:build unix || windows

package multilisten

import "syscall"

// setInBuffer sets SO_RCVBUF of a socket to n bytes.
func setInBuffer(c syscall.RawConn, n int) error {
	return setSockopt(c, syscall.SOL_SOCKET, syscall.SO_RCVBUF, n)
}
