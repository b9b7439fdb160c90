package multilisten

import (
	"fmt"
	"net"
	"time"
)

// Pause stops accepting and keeps the socket open: new connections wait in the kernel's
// backlog, and when that is full the kernel drops or refuses them. Accept returns nothing
// more; one that is just taking a connection waits with it. Close and Reopen end the
// pause. On a listener that is paused Pause returns nil; otherwise the error is a
// [*ListenError], around [ErrNotListening] if there is nothing to pause.
func (l *Listener) Pause() error {
	l.mu.Lock()
	var err error
	switch l.state {
	case StatePaused:
	case StateListening:
		// Also for an Accept that has the socket already and does not wait yet.
		if err = l.socket.SetDeadline(longAgo); err == nil {
			l.resumed = make(chan struct{})
			l.setLocked(StatePaused)
		}
	default:
		err = l.notListeningLocked()
	}
	l.mu.Unlock()
	l.tell()
	return l.wrap(err)
}

// Resume accepts again after Pause, first what has waited in the backlog. On a listener
// that is listening it returns nil; otherwise the error is a [*ListenError], around
// [ErrNotListening] if the listener is closed.
func (l *Listener) Resume() error {
	l.mu.Lock()
	var err error
	switch l.state {
	case StateListening:
	case StatePaused:
		if err = l.socket.SetDeadline(time.Time{}); err == nil {
			l.unparkLocked()
			l.setLocked(StateListening)
		}
	default:
		err = l.notListeningLocked()
	}
	l.mu.Unlock()
	l.tell()
	return l.wrap(err)
}

func (l *Listener) notListeningLocked() error {
	if l.state == StateClosed {
		return fmt.Errorf("%w: %w", ErrNotListening, net.ErrClosed)
	}
	return fmt.Errorf("%w, it is %v", ErrNotListening, l.state)
}

// unparkLocked lets those go on who wait in Accept for the end of a pause.
func (l *Listener) unparkLocked() {
	if l.resumed != nil {
		close(l.resumed)
		l.resumed = nil
	}
}
