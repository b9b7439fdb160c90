//go:build unix

package multilisten

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

var errNoStream = errors.New("not a listening stream socket")

// takeFD makes a listener of a descriptor, which is closed. One that is something else
// stays open.
func takeFD(fd int, name string) (*handed, error) {
	syscall.CloseOnExec(fd)
	// Before an os.File is made, which would close the descriptor sooner or later.
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoStream, os.NewSyscallError("getsockopt", err))
	}
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil || listens == 0 || kind != syscall.SOCK_STREAM {
		return nil, errNoStream
	}
	v6only, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY)
	both := err == nil && v6only == 0

	f := os.NewFile(uintptr(fd), name)
	ln, err := net.FileListener(f) // has a copy
	if err != nil {
		return nil, err // an address family that package net does not know
	}
	_ = f.Close()
	h := &handed{socket: ln.(socket)}
	switch a := ln.Addr().(type) {
	case *net.UnixAddr:
		h.at = endpoint{network: "unix", path: cleanPath(a.Name)}
	case *net.TCPAddr:
		h.at = tcpEndpoint(a, both)
	}
	return h, nil
}

// tcpEndpoint is where a socket listens; both is for one of IPv6 that takes IPv4 too.
func tcpEndpoint(a *net.TCPAddr, both bool) endpoint {
	at := endpoint{network: "tcp6", ip: a.AddrPort().Addr(), port: uint16(a.Port)}
	switch {
	case at.ip.Is4() || at.ip.Is4In6():
		at.network, at.ip = "tcp4", at.ip.Unmap()
	case both && at.ip.IsUnspecified():
		at.network, at.ip = "tcp", netip.Addr{}
	}
	return at
}

// removeAtClose says whether the file of a Unix socket is removed when the socket is
// closed.
func removeAtClose(s socket, remove bool) {
	if u, ok := s.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(remove)
	}
}

// takeReady opens the descriptor of [Inherited.Ready].
func takeReady(fd int) (*os.File, error) {
	syscall.CloseOnExec(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	return os.NewFile(uintptr(fd), "ready"), nil
}

// dupFile returns a copy of a socket's descriptor, called name, for another process.
//
// The File methods of package net would do as well, but a file of theirs makes the
// socket blocking when it is given to a child. The socket is the same for all
// descriptors, so that Accept and Close of this process would block too.
func dupFile(s syscall.Conn, name string) (*os.File, error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	var file *os.File
	var failed error
	if err := raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		n, err := syscall.Dup(int(fd))
		if err != nil {
			failed = os.NewSyscallError("dup", err)
			return
		}
		syscall.CloseOnExec(n)
		file = os.NewFile(uintptr(n), name)
	}); err != nil {
		return nil, err
	}
	return file, failed
}
