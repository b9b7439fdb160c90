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
	coarse bool    // there is no epoll_pwait2
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

// waitNanos is wait to the nanosecond where the kernel can (epoll_pwait2, Linux 5.11);
// elsewhere it does not wait for less than a millisecond, but returns at once.
func (p *poller) waitNanos(ns int64) ([]syscall.EpollEvent, error) {
	const pwait2 = 441
	if p.coarse {
		return p.wait(int(max(ns, 0) / 1e6))
	}
	t := syscall.NsecToTimespec(max(ns, 0))
	n, _, e := syscall.RawSyscall6(pwait2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(unsafe.Pointer(&t)), 0, 0)
	switch e {
	case 0:
		return p.events[:n], nil
	case syscall.EINTR:
		return nil, nil
	case syscall.ENOSYS:
		p.coarse = true
		return p.waitNanos(ns)
	}
	return nil, fmt.Errorf("load: epoll: %w", e)
}

// fineTimer has the kernel wake this thread when its time is up, not 50 µs later as it
// may otherwise.
func fineTimer() {
	const setTimerSlack = 29 // prctl(2)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
}

// forget stops watching c.
func (p *poller) forget(c *conn) error { return p.control(syscall.EPOLL_CTL_DEL, c, 0) }

// close frees the set; the connections stay.
func (p *poller) close() error { return syscall.Close(p.fd) }
