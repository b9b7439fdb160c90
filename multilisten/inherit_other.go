//go:build !unix

package multilisten

import (
	"errors"
	"os"
	"syscall"
)

func takeFD(int, string) (*handed, error) { return nil, errors.ErrUnsupported }

func takeReady(int) (*os.File, error) { return nil, errors.ErrUnsupported }

func dupFile(syscall.Conn, string) (*os.File, error) { return nil, errors.ErrUnsupported }

func removeAtClose(socket, bool) {}
