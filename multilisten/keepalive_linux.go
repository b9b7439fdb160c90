package multilisten

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
)

// probes are the options that package net sets on each connection: keep-alive on,
// 15 s, 15 s, 9 times. Linux hands the options of a listening socket on to its
// connections, which saves four system calls for each.
var probes = [...]struct{ level, name, value int }{
	{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
}

// listenSocket opens the socket of a binding.
func listenSocket(ctx context.Context, at endpoint, control controlFunc) (socket, error) {
	lc := net.ListenConfig{Control: control}
	if strings.HasPrefix(at.network, "tcp") {
		lc.KeepAlive = -1
		lc.Control = withProbes(control)
	}
	ln, err := lc.Listen(ctx, at.network, at.address())
	if err != nil {
		return nil, err
	}
	if t, ok := ln.(*net.TCPListener); ok {
		return &probing{TCPListener: t}, nil
	}
	return ln.(socket), nil
}

// withProbes sets the options behind control, as package net sets them behind it. They
// must be there before the first connection is. An error shows in the connections.
func withProbes(control controlFunc) controlFunc {
	return func(network, address string, c syscall.RawConn) error {
		if control != nil {
			if err := control(network, address, c); err != nil {
				return err
			}
		}
		return c.Control(func(fd uintptr) {
			for _, p := range probes {
				_ = syscall.SetsockoptInt(int(fd), p.level, p.name, p.value)
			}
		})
	}
}

// probing is a listener whose connections have keep-alive on: from their listener, or
// where they did not get it, because the kernel is not quite Linux, one by one.
type probing struct {
	*net.TCPListener
	from atomic.Uint32 // unknown, inherited or oneByOne, as the first connection tells
}

const (
	unknown = iota
	inherited
	oneByOne
)

// Accept waits for the next connection.
func (l *probing) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	from := l.from.Load()
	if from == unknown {
		from = oneByOne
		if hasProbes(c) {
			from = inherited
		}
		l.from.Store(from)
	}
	if from == oneByOne {
		_ = c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true}) // package net ignores it too
	}
	return c, nil
}

// hasProbes reports whether c has all the options.
func hasProbes(c syscall.Conn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	all := true
	err = raw.Control(func(fd uintptr) {
		for _, p := range probes {
			v, err := syscall.GetsockoptInt(int(fd), p.level, p.name)
			all = all && err == nil && v == p.value
		}
	})
	return err == nil && all
}
