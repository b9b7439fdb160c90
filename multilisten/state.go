package multilisten

import "fmt"

// State is where a [Listener] is in its life; the package comment has the picture.
type State uint8

const (
	// StateClosed: there is no socket. Reopen makes a new one.
	StateClosed State = iota
	// StateBound: the kernel has given the address, the group is not complete yet.
	StateBound
	// StateListening: Accept returns connections.
	StateListening
	// StateClosing: Accept fails, the socket is about to be closed.
	StateClosing
	// StatePaused: the socket is open, the kernel queues connections, Accept waits.
	StatePaused
)

// String returns the state in one lower-case word.
func (s State) String() string {
	switch s {
	case StateClosed:
		return "closed"
	case StateBound:
		return "bound"
	case StateListening:
		return "listening"
	case StateClosing:
		return "closing"
	case StatePaused:
		return "paused"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// change is one step that OnState is to be told.
type change struct{ from, to State }

// setLocked moves to s. The caller holds l.mu and calls tell once it does not.
func (l *Listener) setLocked(s State) {
	if l.opts.OnState != nil {
		l.changes = append(l.changes, change{l.state, s})
	}
	l.state = s
}

// tell calls OnState for every change that waits. When another call is under way,
// here or on another goroutine, it returns: that one goes on with the rest. So
// the changes of a listener arrive in order, never two at a time, and l.mu is
// not held meanwhile.
func (l *Listener) tell() {
	for {
		c, ok := l.nextChange()
		if !ok {
			return
		}
		l.tellOne(c)
	}
}

func (l *Listener) nextChange() (change, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.telling || len(l.changes) == 0 {
		return change{}, false
	}
	c := l.changes[0]
	l.changes = l.changes[1:]
	l.telling = true
	return c, true
}

func (l *Listener) tellOne(c change) {
	defer func() { // also when OnState panics
		l.mu.Lock()
		l.telling = false
		l.mu.Unlock()
	}()
	l.opts.OnState(l, c.from, c.to)
}
