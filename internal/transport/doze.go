package transport

import "time"

// A reader that has waited for dozeAfter gives its stack back: it unwinds the
// engine's loop with a panic of ours, and a fresh goroutine, whose stack has never
// grown, waits in its place. The engine continues where it was, because it is
// always at the start of a frame when Read waits. That halves what an idle
// connection costs; with less patience, connections that are merely slow would pay
// for it with every message.
const dozeAfter = time.Second

type dozeSignal struct{ _ byte }

var doze = new(dozeSignal)

// dozer is a wire whose reader may doze.
type dozer interface {
	// doze interrupts a fill that waits: it panics with the doze signal.
	doze()
	// await waits for input after that.
	await(c *Conn) error
}

// Dozed reports whether v, recovered around the engine's loop, says that the
// reader gave up its goroutine: Await and the loop have to go on on a new one.
func Dozed(v any) bool { return v == any(doze) }

// Await waits for input, with as little stack as possible.
func (c *Conn) Await() {
	if err := c.wire.(dozer).await(c); err != nil {
		c.in.end = c.lost(err)
		return
	}
	c.svc.keepWarm(c)
}

// keepWarm has c looked at until it dozes or ends.
func (s *Service) keepWarm(c *Conn) {
	if _, ok := c.wire.(dozer); !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warm = append(s.warm, c)
	c.warmAt = len(s.warm)
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
