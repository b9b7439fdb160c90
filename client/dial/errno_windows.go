package dial

import "syscall"

// The errors of Winsock; package syscall has only two of them.
const (
	wsaAddrNotAvail syscall.Errno = 10049
	wsaNetDown      syscall.Errno = 10050
	wsaNetUnreach   syscall.Errno = 10051
	wsaConnAborted  syscall.Errno = 10053
	wsaConnReset    syscall.Errno = 10054
	wsaTimedOut     syscall.Errno = 10060
	wsaConnRefused  syscall.Errno = 10061
	wsaHostUnreach  syscall.Errno = 10065
)

func ofErrno(no syscall.Errno) Reason {
	switch no {
	case wsaConnRefused, syscall.ECONNREFUSED:
		return ReasonRefused
	case wsaNetUnreach, wsaHostUnreach, wsaNetDown, wsaAddrNotAvail, syscall.ENETUNREACH, syscall.EHOSTUNREACH:
		return ReasonUnreachable
	case wsaConnReset, wsaConnAborted, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ERROR_BROKEN_PIPE:
		return ReasonReset
	case wsaTimedOut, syscall.ETIMEDOUT:
		return ReasonTimeout
	}
	return ReasonOther
}
