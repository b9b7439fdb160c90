//go:build unix

package multilisten

import (
	"errors"
	"syscall"
)

func isInUse(err error) bool   { return errors.Is(err, syscall.EADDRINUSE) }
func isDenied(err error) bool  { return errors.Is(err, syscall.EACCES) }
func isNotHere(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
