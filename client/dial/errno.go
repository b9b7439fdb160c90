//go:build !windows

package dial

import "syscall"

func ofErrno(no syscall.Errno) Reason {
	switch no {
	case syscall.ECONNREFUSED, syscall.ENOENT: // ENOENT: of a Unix socket
		return ReasonRefused
	case syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL:
		return ReasonUnreachable
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return ReasonReset
	case syscall.ETIMEDOUT:
		return ReasonTimeout
	}
	return ReasonOther
}
