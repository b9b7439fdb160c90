package multilisten

import (
	"context"
	"fmt"
	"net"
	"os"
)

// Reopen opens a closed listener on the address that was requested; names are not
// looked up again, and a requested port 0 may give another port than before. A binding
// that BestEffort could not open is tried again, from the look-up on if that is what
// failed. ctx bounds the call. The error is a [*ListenError]: around [ErrOpen] when the
// listener is not closed, around net.ErrClosed when the group has been closed or Close
// comes in between, around [ErrNotActivated] when the binding has Activated, as its
// socket belonged to another process.
func (l *Listener) Reopen(ctx context.Context) error {
	if err := l.bind(ctx); err != nil {
		return err
	}
	if !l.start() {
		return l.wrap(net.ErrClosed)
	}
	return nil
}

// bind goes from closed to bound.
func (l *Listener) bind(ctx context.Context) error {
	if err := l.beginOpen(); err != nil {
		return l.wrap(err)
	}
	o, err := l.open(ctx)
	if err = l.endOpen(o, err); err != nil {
		if o.socket != nil {
			_ = o.socket.Close()
		}
		return l.wrap(err)
	}
	l.tell()
	return nil
}

// opened is what an attempt to open has brought.
type opened struct {
	socket    socket
	at        endpoint
	inherited bool
	refused   error // why the socket has not Options.InBufferSize
}

// open makes a socket, or takes the one that was handed.
func (l *Listener) open(ctx context.Context) (o opened, err error) {
	l.mu.Lock()
	h, at := l.handed, l.at
	l.handed = nil
	l.mu.Unlock()
	if h == nil && at.network == "" && l.binding.Activated == "" { // Open got no address
		if at, err = l.resolve(ctx); err != nil {
			return o, err
		}
	}
	o.at = at
	switch {
	case h != nil:
		if o.inherited = true; at.network == "" { // nothing was requested
			o.at = h.at
		}
		if o.socket, err = h.adopt(&l.binding, l.opts, &o.refused); err == nil {
			l.opts.Inherited.own(l, h)
		}
	case l.binding.Activated != "":
		err = &FieldError{Field: "Activated", Err: fmt.Errorf("%q: %w", l.binding.Activated, ErrNotActivated)}
	default:
		o.socket, err = listen(ctx, at, &l.binding, l.opts.control(&l.binding, &o.refused))
	}
	return o, err
}

func (l *Listener) beginOpen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retired {
		return fmt.Errorf("group: %w", net.ErrClosed)
	}
	if l.state != StateClosed || l.opening {
		return ErrOpen
	}
	l.opening, l.cancelled = true, false
	return nil
}

// endOpen takes the new socket, unless Close came while it was being made: then
// it is the caller's to close.
func (l *Listener) endOpen(o opened, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opening = false
	l.err, l.bufferErr = err, o.refused
	if o.at.network != "" {
		l.at = o.at
	}
	if err != nil {
		return err
	}
	if l.cancelled || l.retired {
		return net.ErrClosed
	}
	l.socket, l.bound, l.inherited = o.socket, o.socket.Addr(), o.inherited
	l.setLocked(StateBound)
	return nil
}

// start goes from bound to listening. It reports false when Close came first.
func (l *Listener) start() bool {
	l.mu.Lock()
	ok := l.state == StateBound
	if ok {
		l.setLocked(StateListening)
	}
	l.mu.Unlock()
	l.tell()
	return ok
}

// fail notes why the binding never got as far as bind.
func (l *Listener) fail(err error) error {
	l.mu.Lock()
	l.err = err
	l.mu.Unlock()
	return l.wrap(err)
}

// wrap makes err a *ListenError; nil stays nil.
func (l *Listener) wrap(err error) error {
	if err == nil {
		return nil
	}
	return &ListenError{Index: l.index, Binding: l.binding, Err: err}
}

// listen opens one socket.
func listen(ctx context.Context, at endpoint, b *Binding, control controlFunc) (socket, error) {
	open := listenSocket
	if b.RemoveStale {
		open = listenOverStale
	}
	s, err := open(ctx, at, control)
	if err != nil {
		return nil, err
	}
	if err := b.finishSocket(s); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// finishSocket sets what the binding wants of a socket that listens.
func (b *Binding) finishSocket(s socket) error {
	if b.Mode != 0 { // what the umask took away
		if err := os.Chmod(s.Addr().String(), b.Mode); err != nil {
			return &FieldError{Field: "Mode", Err: err}
		}
	}
	return b.setBacklog(s)
}

func (b *Binding) setBacklog(s socket) error {
	if b.Backlog == 0 {
		return nil
	}
	if err := setBacklog(s, b.Backlog); err != nil {
		a := s.Addr()
		return &net.OpError{Op: "listen", Net: a.Network(), Addr: a, Err: err}
	}
	return nil
}
