package transport

import (
	"errors"
	"time"

	"github.com/icsws/icsws/internal/link"
)

// A reader that has waited for dozeAfter gives up what it keeps: it leaves, through the
// engine's loop with a panic of ours, and goes on when something comes. The engine
// continues where it was, because it is always at the start of a frame when Read
// waits. Under the dormant driver nothing is left then but the connection's entry in
// the poller; under the goroutine driver a fresh goroutine, whose stack has never
// grown, waits in its place. With less patience, connections that are merely slow
// would pay for it with every message.
const dozeAfter = time.Second

// crowd is how many readers may wait for what may come soon. Of further ones only those
// wait that have lately had more than one message.
const crowd = 256

type dozeSignal struct{ _ byte }

var doze = new(dozeSignal)

// dozer is a wire whose reader may doze.
type dozer interface {
	// doze interrupts a fill that waits: it returns errDoze, or panics with the doze
	// signal where the engine is on the stack.
	doze()
	// rest has c.resume called when something comes. It returns false if that is so
	// already; after true the caller must not touch the connection.
	rest(c *Conn) bool
}

// adopt is adoptLocked for a reader that is about to rest. Whoever has woken it
// meanwhile has done so on the old wire, so that is looked at again.
func (c *Conn) adopt() (d dozer, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.notices.Load() || c.paused.Load() || c.State() != stateOpen {
		return nil, false
	}
	return c.adoptLocked()
}

// Dozed reports whether v, recovered around the engine's loop, says that the
// reader has waited for long: Rest follows.
func Dozed(v any) bool { return v == any(doze) }

// Rest gives up the reader's goroutine. When it returns true the caller returns as
// well, touching nothing, and Events.Resume follows; else the loop has to go on at
// once.
func (c *Conn) Rest() bool { return c.wire.(dozer).rest(c) }

// resume is the reader's return. It wants a goroutine of its own.
func (c *Conn) resume() {
	c.svc.keepWarm(c)
	c.events.Resume()
}

// errDoze is what fill returns in place of the panic, where the engine is not on the
// stack.
var errDoze = errors.New("transport: the reader may rest")

// doze has the reader leave, by a panic if that must go through the engine. Else it
// returns true.
func (c *Conn) doze() bool {
	if !c.in.outside {
		panic(doze)
	}
	return true
}

// mayDoze has the reader doze, which was interrupted for that, if nothing is here.
func (c *Conn) mayDoze() bool {
	if c.in.buf == nil && !c.notices.Load() && !c.paused.Load() {
		return c.doze()
	}
	c.svc.keepWarm(c) // for the next time
	return false
}

// keepWarm has c looked at until it dozes or ends.
func (s *Service) keepWarm(c *Conn) {
	if _, ok := c.wire.(dozer); !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.warmAt != 0 || c.State() == link.Closed { // see Finish
		return
	}
	s.warm = append(s.warm, c)
	c.warmAt = int32(len(s.warm))
	s.crowded.Store(len(s.warm) > crowd)
	if s.sweeping {
		return
	}
	s.sweeping = true
	if s.sweeper == nil {
		s.sweeper = time.AfterFunc(dozeAfter, s.onSweep)
		return
	}
	s.sweeper.Reset(dozeAfter)
}

// forget takes c out, so that nothing holds on to a connection that has ended.
func (s *Service) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLocked(c)
}

func (s *Service) removeLocked(c *Conn) {
	if c.warmAt == 0 {
		return
	}
	end := len(s.warm) - 1
	last := s.warm[end]
	s.warm[c.warmAt-1], last.warmAt = last, c.warmAt
	s.warm[end], s.warm = nil, s.warm[:end]
	c.warmAt = 0
	s.crowded.Store(len(s.warm) > crowd)
}

// onSweep runs on the timer's goroutine.
func (s *Service) onSweep() {
	now := s.now()
	var tired []*Conn
	s.mu.Lock()
	for i := len(s.warm) - 1; i >= 0; i-- {
		if c := s.warm[i]; c.isTired(now) {
			s.removeLocked(c)
			tired = append(tired, c)
		}
	}
	if s.sweeping = len(s.warm) > 0; s.sweeping {
		s.sweeper.Reset(dozeAfter)
	} else {
		s.warm = nil
	}
	s.mu.Unlock()
	for _, c := range tired {
		c.wire.(dozer).doze()
	}
}

// isTired reports whether the reader has waited long enough.
func (c *Conn) isTired(now time.Duration) bool {
	return c.State() == stateOpen && !c.active.Load() && now-time.Duration(c.lastRead.Load()) >= dozeAfter
}
