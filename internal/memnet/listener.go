package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// Listener is a [net.Listener] in memory. All its methods may be called at the
// same time.
type Listener struct {
	addr *net.TCPAddr

	mu      sync.Mutex // guards the following
	cond    sync.Cond  // something has come, or closed is set
	waiting []*Conn    // dialled and not yet accepted, oldest first
	buffer  int
	closed  bool
}

// Listen returns an open listener with an address of its own, 127.0.0.1 and a
// port that is meaningful in memory only.
func Listen() *Listener {
	l := &Listener{addr: nextPort(), buffer: DefaultBuffer}
	l.cond.L = &l.mu
	return l
}

// SetBuffer sets how many unread bytes each direction of the connections holds
// that are dialled from now on; zero or less means DefaultBuffer.
func (l *Listener) SetBuffer(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer = bytes
}

// Accept returns the next connection, a *Conn, and waits while there is none.
// After Close it returns an error that wraps net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) == 0 && !l.closed {
		l.cond.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	conn := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	return conn, nil
}

// Close stops the listener and resets the connections that wait to be accepted.
// Accepted ones stay. A second Close returns net.ErrClosed.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	l.closed = true
	waiting := l.waiting
	l.waiting = nil
	l.cond.Broadcast()
	l.mu.Unlock()

	for _, conn := range waiting {
		conn.SetLinger(0)
		conn.Close()
	}
	return nil
}

// Addr is the *net.TCPAddr that accepted connections have as local address.
func (l *Listener) Addr() net.Addr { return l.addr }

// Dial connects to l from a new memory address. It does not wait for Accept. It
// fails when ctx has ended, and with ECONNREFUSED when l is closed.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	return l.dial(ctx, nextPort())
}

// DialFrom is Dial with the given address of the caller, which the accepting
// side sees as its remote address.
func (l *Listener) DialFrom(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	return l.dial(ctx, net.TCPAddrFromAddrPort(remote))
}

func (l *Listener) dial(ctx context.Context, from *net.TCPAddr) (net.Conn, error) {
	fail := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Source: from, Addr: l.addr, Err: err}
	}
	if ctx.Err() != nil {
		return nil, fail(context.Cause(ctx))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	near, far := pair(from, l.addr, l.buffer)
	l.waiting = append(l.waiting, far)
	l.cond.Signal()
	return near, nil
}

var ports atomic.Uint32

// nextPort returns an address that differs from the last 60,000 ones.
func nextPort() *net.TCPAddr {
	const first, count = 1024, 60_000
	port := first + int(ports.Add(1)-1)%count
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1).To4(), Port: port}
}
