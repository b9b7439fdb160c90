package multilisten

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Listener is one open binding of a [Group]. It is a [net.Listener] whose
// connections are plain *net.TCPConn, with keep-alive on, or *net.UnixConn; a
// [*ProxyConn] around one of them if Binding.Proxy trusts the peer.
//
// All methods may be called concurrently.
type Listener struct {
	group   *Group
	index   int
	binding Binding
	opts    *Options
	proxy   *ProxyPolicy // of the binding; nil for none

	mu        sync.Mutex // guards the following
	at        endpoint   // zero until parsed and resolved
	handed    *handed    // a socket of another process, for the next attempt to open
	state     State
	socket    socket        // nil unless bound, listening or paused
	resumed   chan struct{} // closed when a pause ends; nil unless paused
	inherited bool          // the socket is one that was handed
	bound     net.Addr      // of the socket, or of the last one; nil before the first
	err       error         // why the last attempt to open failed
	bufferErr error         // why the system refused Options.InBufferSize then
	opening   bool          // an attempt to open is under way
	cancelled bool          // Close came while opening
	retired   bool          // the group is closed: no Reopen
	changes   []change      // not yet told to OnState
	telling   bool          // OnState is being called
}

// socket is what *net.TCPListener and *net.UnixListener have in common.
type socket interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

var (
	_ net.Listener = (*Listener)(nil)
	_ syscall.Conn = (*Listener)(nil)
)

// Accept waits for the next connection. After Close it returns an error that is
// net.ErrClosed; after Reopen it works again. While the listener is paused, it waits.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		s, resumed, err := l.acceptor()
		if err != nil {
			return nil, err
		}
		if resumed != nil {
			<-resumed
			continue
		}
		c, err := s.Accept()
		switch {
		case err == nil:
			l.waitForResume() // Pause may have come when the wait was over already
			return l.proxy.wrap(c), nil
		case !errors.Is(err, os.ErrDeadlineExceeded): // which is how Pause ends the wait
			return nil, err
		}
	}
}

// waitForResume returns when the listener is not paused.
func (l *Listener) waitForResume() {
	for {
		l.mu.Lock()
		resumed := l.resumed
		l.mu.Unlock()
		if resumed == nil {
			return
		}
		<-resumed
	}
}

// acceptor returns the socket, and what to wait for first if the listener is paused.
func (l *Listener) acceptor() (socket, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket == nil {
		return nil, nil, l.closedLocked("accept")
	}
	return l.socket, l.resumed, nil
}

// Close closes the socket and ends a waiting Accept. Accepted connections stay.
// The port is free when the call that closed it returns; on a listener that is
// closed, or being closed, Close returns nil at once.
func (l *Listener) Close() (err error) {
	s := l.beginClose()
	if s == nil {
		return nil
	}
	defer func() { err = l.endClose(s) }() // also when OnState panics
	l.tell()
	return nil
}

// beginClose takes the socket out, so that one caller alone closes it.
func (l *Listener) beginClose() socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancelled = l.opening
	s := l.socket
	if s != nil {
		l.socket = nil
		l.unparkLocked()
		l.setLocked(StateClosing)
	}
	return s
}

func (l *Listener) endClose(s socket) error {
	err := s.Close()
	l.mu.Lock()
	l.setLocked(StateClosed)
	l.mu.Unlock()
	l.tell()
	return err
}

// retire closes for good.
func (l *Listener) retire() error {
	l.mu.Lock()
	l.retired = true
	h := l.handed
	l.handed = nil
	l.mu.Unlock()
	h.close() // Open did not get as far as this
	return l.Close()
}

// current returns the socket, or the error of op on a closed listener.
func (l *Listener) current(op string) (socket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket == nil {
		return nil, l.closedLocked(op)
	}
	return l.socket, nil
}

func (l *Listener) closedLocked(op string) error {
	return &net.OpError{Op: op, Net: l.at.network, Addr: l.bound, Err: net.ErrClosed}
}

// Addr returns the real address, with the port that the kernel chose for port 0.
// It stays after Close and changes with Reopen.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bound
}

// Bound is Addr as a [netip.AddrPort]; the zero value for a Unix socket. One
// socket for both families has the address [::].
func (l *Listener) Bound() netip.AddrPort {
	return addrPort(l.Addr())
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// Binding returns the binding as it was given to Open.
func (l *Listener) Binding() Binding { return l.binding }

// Index returns the position of the binding among those given to Open, from 0. It
// counts bindings that failed, so that it means the same under both policies.
func (l *Listener) Index() int { return l.index }

// RequestedPort returns the port of Binding.Addr as a number, with a service name
// looked up: 0 when any free port was asked for, and for a Unix socket. The real
// port is in Bound.
//
// A binding that takes any socket of its Activated name has asked for the port that
// it got.
func (l *Listener) RequestedPort() uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at.port
}

// State returns the present state.
func (l *Listener) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// SyscallConn gives access to the socket, for options that have no field here. It
// belongs to the present socket: Reopen makes another.
func (l *Listener) SyscallConn() (syscall.RawConn, error) {
	s, err := l.current("syscall")
	if err != nil {
		return nil, err
	}
	return s.SyscallConn()
}
