package wsserver

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// workers are the goroutines that accept on a listener, one at a time: the one that
// got a connection hands its turn on and does the handshake itself. So a handshake
// costs no goroutine of its own, whose stack would have to grow first.
type workers struct {
	turn    chan bool     // to a worker that waits for its turn; false sends it away
	idle    atomic.Int32  // workers that wait
	sending atomic.Bool   // they will be sent away in a while
	over    chan struct{} // closed after the last turn
	err     error         // why it was the last; of no interest before over

	delay time.Duration // after the last error; for whoever has the turn

	gentle  atomic.Bool    // stopped by a hand-over: who was accepted is served
	shaking sync.WaitGroup // those in handshake; nothing is added once over is closed
}

// Workers of a listener that wait for their turn: how many there are at most, and how
// often all of them are sent away. Their stacks have some KiB each.
const (
	maxIdle  = 8
	idleTime = time.Second
)

// accept accepts on l until it is closed, and returns what Serve returns.
func (s *core) accept(l *listener) error {
	s.wg.Add(1) // the caller is counted too
	go s.work(l)
	<-l.over
	return l.err
}

// work has the turn, and then again and again.
func (s *core) work(l *listener) {
	defer s.wg.Done()
	for {
		a := s.next(l)
		if a == nil {
			return
		}
		select {
		case l.turn <- true:
		default:
			s.wg.Add(1)
			go s.work(l)
		}
		s.handshake(l, a)
		if !l.wait() {
			return
		}
	}
}

// wait waits for the turn; false when none will come.
func (l *listener) wait() bool {
	defer l.idle.Add(-1)
	if l.idle.Add(1) > maxIdle {
		return false
	}
	l.sendAway()
	select {
	case mine := <-l.turn:
		return mine
	case <-l.quit:
		return false
	}
}

// sendAway has those who wait now sent away in a while.
func (l *listener) sendAway() {
	if l.sending.Load() || l.sending.Swap(true) {
		return
	}
	time.AfterFunc(idleTime, func() {
		for waiting := true; waiting; {
			select {
			case l.turn <- false:
			default:
				waiting = false
			}
		}
		l.sending.Store(false)
		if l.idle.Load() > 0 { // on their way to wait, or from there
			l.sendAway()
		}
	})
}

// next returns the next connection of l, or nil after the last.
func (s *core) next(l *listener) *attempt {
	a, err := s.acceptOne(l)
	if a == nil {
		s.unserve(l)
		s.health.acceptEnded(err)
		l.err = err
		close(l.over)
	}
	return a
}

// acceptOne waits for a connection. Errors that pass, such as too many open files, are
// reported and waited out. With none the listener is at its end, and the error tells why.
func (s *core) acceptOne(l *listener) (*attempt, error) {
	for {
		// What waits for a slot waits in the kernel's backlog. None is held meanwhile, as
		// the other listeners need them.
		if !s.room(l) {
			return nil, s.stopError(nil)
		}
		conn, err := l.Accept()
		if err != nil {
			if l.stopped.Load() {
				return nil, s.stopError(nil)
			}
			if !passing(err) {
				return nil, s.stopError(err)
			}
			l.delay = min(max(2*l.delay, 5*time.Millisecond), time.Second)
			s.fault("accept", l.name, err)
			if !l.pause(l.delay) {
				return nil, s.stopError(nil)
			}
			continue
		}
		l.delay = 0
		s.counters.accepted.Add(1)
		in := s.in.Load()
		held, ok := s.door(l, conn, in)
		if !ok {
			continue
		}
		if !takeSlot(l, in.pending) && !(l.gentle.Load() && s.takeLateSlot(in.pending)) {
			s.tooLate(l, conn, in, held)
			return nil, s.stopError(nil)
		}
		a := s.newAttempt(l, conn, in)
		a.held = held
		if s.begun(&a.arrival) {
			l.shaking.Add(1)
			return a, nil
		}
		<-in.pending
		s.tooLate(l, conn, in, held)
	}
}

// tooLate closes a connection that was accepted just when its listener was stopped. The
// refusal is user code, and the loop has to come to its end.
func (s *core) tooLate(l *listener, conn net.Conn, in *inForce, held *held) {
	s.wg.Add(1) // the caller is counted too
	go func() {
		defer s.wg.Done()
		held.release()
		_ = conn.Close()
		s.reject(s.rejection(&s.newAttempt(l, conn, in).arrival, ReasonShutdown, 0, "the listener is closing"))
	}()
}

// room waits until a slot is free; false when l is stopped.
func (s *core) room(l *listener) bool {
	for {
		in := s.in.Load()
		if len(in.pending) < cap(in.pending) {
			return true
		}
		select {
		case in.pending <- struct{}{}:
			<-in.pending
			return true
		case <-in.over:
		case <-l.quit:
			return false
		}
	}
}

// takeSlot waits for one of the slots of connections in handshake; false when l is
// stopped.
func takeSlot(l *listener, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}: // quicker than with the other one
		return true
	default:
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-l.quit:
		return false
	}
}

// takeLateSlot waits for a slot for a connection that was accepted just before a
// hand-over; false when the server is closing.
func (s *core) takeLateSlot(slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-s.alive.Done():
		return false
	}
}

// passing reports whether accepting may work again later.
func passing(err error) bool {
	var ne net.Error
	//lint:ignore SA1019 Temporary is deprecated for what it means elsewhere; for accept errors it is what net/http asks
	return errors.As(err, &ne) && !errors.Is(err, net.ErrClosed) && ne.Temporary()
}

func (s *core) stopError(err error) error {
	if s.isClosing() {
		return ErrServerClosed
	}
	return err
}

// unserve takes l out; with the last one the server is no longer listening.
func (s *core) unserve(l *listener) {
	_ = l.stop()
	s.mu.Lock()
	delete(s.served, l)
	tell := func() {}
	if len(s.served) == 0 && s.state == StateListening {
		tell = s.setStateLocked(StateClosed)
	}
	s.mu.Unlock()
	tell()
}
