//go:build linux

package main

import (
	"fmt"
	"syscall"
	"unsafe"
)

// poller is an epoll set of connections.
type poller struct {
	fd     int
	events []syscall.EpollEvent
	conns  []*conn // by descriptor
	buf    []byte  // to read into
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	return &poller{fd: fd, events: make([]syscall.EpollEvent, 512), buf: make([]byte, 512<<10)}, nil
}

func (p *poller) add(c *conn) error {
	for len(p.conns) <= c.fd {
		p.conns = append(p.conns, nil)
	}
	p.conns[c.fd] = c
	return p.control(syscall.EPOLL_CTL_ADD, c, syscall.EPOLLIN)
}

// watch follows whether c has bytes that wait for room.
func (p *poller) watch(c *conn) error {
	waits := len(c.pend) > 0
	if waits == c.waits {
		return nil
	}
	c.waits = waits
	events := uint32(syscall.EPOLLIN)
	if waits {
		events |= syscall.EPOLLOUT
	}
	return p.control(syscall.EPOLL_CTL_MOD, c, events)
}

func (p *poller) control(op int, c *conn, events uint32) error {
	e := syscall.EpollEvent{Events: events, Fd: int32(c.fd)}
	if err := syscall.EpollCtl(p.fd, op, c.fd, &e); err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	return nil
}

// look is how long wait takes when nothing is ready, in milliseconds.
const look = 100

// wait returns what is ready, after at most ms milliseconds perhaps nothing.
func (p *poller) wait(ms int) ([]syscall.EpollEvent, error) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	switch e {
	case 0:
		return p.events[:n], nil
	case syscall.EINTR:
		return nil, nil
	}
	return nil, fmt.Errorf("load: epoll: %w", e)
}

// forget stops watching c.
func (p *poller) forget(c *conn) error { return p.control(syscall.EPOLL_CTL_DEL, c, 0) }

// close frees the set; the connections stay.
func (p *poller) close() error { return syscall.Close(p.fd) }
