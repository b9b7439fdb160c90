//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"
)

// socket is one TCP connection by its descriptor. It blocks, with a limit, until
// unblock; then what the kernel does not take waits in pend.
//
// It is a net.Conn for crypto/tls.
type socket struct {
	fd       int
	nonblock bool
	pend     []byte
	own      []byte // memory of pend when it had to be copied
}

// stall bounds every blocking system call.
const stall = 10 * time.Second

// dial connects to addr from the given loopback address.
func dial(addr syscall.SockaddrInet4, from [4]byte) (socket, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return socket{}, fmt.Errorf("load: socket: %w", err)
	}
	s := socket{fd: fd}
	if err := s.connect(addr, from); err != nil {
		s.reset()
		return socket{}, fmt.Errorf("load: connect: %w", err)
	}
	return s, nil
}

func (s *socket) connect(addr syscall.SockaddrInet4, from [4]byte) error {
	const bindAddressNoPort = 24 // choose the port at connect, from all four parts
	limit := syscall.NsecToTimeval(int64(stall))
	err := errors.Join(
		syscall.SetsockoptInt(s.fd, syscall.IPPROTO_IP, bindAddressNoPort, 1),
		syscall.SetsockoptInt(s.fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.SetsockoptTimeval(s.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit),
		syscall.SetsockoptTimeval(s.fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &limit),
		syscall.Bind(s.fd, &syscall.SockaddrInet4{Addr: from}),
	)
	if err != nil {
		return err
	}
	for {
		switch err := syscall.Connect(s.fd, &addr); err {
		case syscall.EINTR, syscall.EALREADY: // it goes on by itself; asking again waits
		case nil, syscall.EISCONN:
			return nil
		default:
			return err
		}
	}
}

func (s *socket) unblock() error {
	s.nonblock = true
	return syscall.SetNonblock(s.fd, true)
}

// reset ends the connection with a reset, so that no TIME_WAIT stays behind.
func (s *socket) reset() {
	_ = syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	_ = syscall.Close(s.fd)
}

// again is EAGAIN as crypto/tls wants it: an error that is temporary does not
// end the connection.
type again struct{}

func (again) Error() string   { return "load: would block" }
func (again) Timeout() bool   { return false }
func (again) Temporary() bool { return true }

var errStalled = errors.New("load: nothing came for 10 s")

// Read reads what there is; [again] when that is nothing.
func (s *socket) Read(b []byte) (int, error) {
	for {
		n, e := rawIO(syscall.SYS_READ, s.fd, b)
		switch {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN && s.nonblock:
			return 0, again{}
		case e == syscall.EAGAIN:
			return 0, errStalled
		case e != 0:
			return 0, e
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write takes all of b, copying what the kernel does not.
func (s *socket) Write(b []byte) (int, error) {
	if len(s.pend) > 0 {
		s.own = append(s.pend, b...)
		s.pend = s.own
		return len(b), nil
	}
	s.pend = b
	err := s.push()
	if len(s.pend) > 0 {
		s.own = append(s.own[:0], s.pend...)
		s.pend = s.own
	}
	return len(b), err
}

// push offers pend to the kernel.
func (s *socket) push() error {
	for len(s.pend) > 0 {
		n, e := rawIO(syscall.SYS_WRITE, s.fd, s.pend)
		switch {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN && s.nonblock:
			return nil
		case e == syscall.EAGAIN:
			return errStalled
		case e != 0:
			return e
		default:
			s.pend = s.pend[n:]
		}
	}
	return nil
}

// rawIO does not tell the scheduler, which costs more than the call: nothing else
// wants to run.
func rawIO(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	n, _, e := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// The rest of net.Conn, which crypto/tls does not need here.

func (s *socket) Close() error                     { return nil }
func (s *socket) LocalAddr() net.Addr              { return nil }
func (s *socket) RemoteAddr() net.Addr             { return nil }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
