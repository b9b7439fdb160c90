package multilisten

import (
	"errors"
	"syscall"
)

// Winsock has numbers of its own; syscall.EADDRINUSE is not one of them.
const (
	wsaAddrInUse    = syscall.Errno(10048)
	wsaAddrNotAvail = syscall.Errno(10049)
	wsaConnRefused  = syscall.Errno(10061)
)

func isInUse(err error) bool   { return errors.Is(err, wsaAddrInUse) }
func isDenied(err error) bool  { return errors.Is(err, syscall.WSAEACCES) }
func isNotHere(err error) bool { return errors.Is(err, wsaAddrNotAvail) }
func isRefused(err error) bool { return errors.Is(err, wsaConnRefused) }
