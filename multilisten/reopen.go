package multilisten

import (
	"context"
	"fmt"
	"net"
)

// Reopen opens a closed listener on the address that was requested; names are not
// looked up again, and a requested port 0 may give another port than before. ctx
// bounds the call. The error is a [*ListenError]: around [ErrOpen] when the
// listener is not closed, around net.ErrClosed when the group has been closed or
// Close comes in between.
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
	var refused error
	s, err := listen(ctx, l.at, l.binding.Backlog, l.opts.control(&refused))
	if err = l.endOpen(s, err, refused); err != nil {
		if s != nil {
			s.Close()
		}
		return l.wrap(err)
	}
	l.tell()
	return nil
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
// it is the caller's to close. refused is why it has not Options.InBufferSize.
func (l *Listener) endOpen(s socket, err, refused error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opening = false
	l.err, l.bufferErr = err, refused
	if err != nil {
		return err
	}
	if l.cancelled || l.retired {
		return net.ErrClosed
	}
	l.socket, l.bound = s, s.Addr()
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

func (l *Listener) wrap(err error) error {
	return &ListenError{Index: l.index, Binding: l.binding, Err: err}
}

// listen opens one socket.
func listen(ctx context.Context, at endpoint, backlog int, control controlFunc) (socket, error) {
	s, err := listenSocket(ctx, at, control)
	if err != nil {
		return nil, err
	}
	if backlog > 0 {
		if err := setBacklog(s, backlog); err != nil {
			s.Close()
			return nil, &net.OpError{Op: "listen", Net: at.network, Addr: s.Addr(), Err: err}
		}
	}
	return s, nil
}
