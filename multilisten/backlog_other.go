//go:build !unix

package multilisten

import "syscall"

// setBacklog does nothing: Winsock ignores a second listen on the same socket.
func setBacklog(syscall.Conn, int) error { return nil }
