package engine

import (
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// greet sends the banner, and behind it the broadcasts that came since the
// client was registered. A busy peer gets its text and is closed.
func (s *Session) greet() {
	s.mu.Lock()
	s.greeted = true
	text := s.banner
	s.mu.Unlock()
	if b := s.Busy; b != nil {
		if b.Text != "" {
			_, _ = s.Send(client.OpText, bytesOf(b.Text), true)
		}
		_ = s.CloseWith(b.Code, b.Reason, false, client.ErrTooBusy)
		return
	}
	if text != "" {
		_, _ = s.Send(client.OpText, bytesOf(text), true)
	}
	s.release()
}

// heldBroadcast is one that waits for the banner.
type heldBroadcast struct {
	frames []byte
	terms  *transport.Terms
}

// heldBroadcasts are those of a session.
type heldBroadcasts struct {
	list  []heldBroadcast
	bytes int
}

// hold keeps a broadcast until release; ok is false when it is over.
func (s *Session) hold(b *Broadcast) (ok bool, err error) {
	ok, err = s.tryHold(b)
	if err == client.ErrQueueFull {
		_ = s.CloseWith(client.StatusPolicyViolation, "send queue full", false, err)
	}
	return ok, err
}

func (s *Session) tryHold(b *Broadcast) (ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held.Load() {
		return false, nil
	}
	if s.State() != link.Open {
		return true, client.ErrClosed
	}
	f := b.frame()
	if s.waiting == nil {
		s.waiting = new(heldBroadcasts)
	}
	w := s.waiting
	if w.bytes > 0 && w.bytes+len(f) > s.engine.Settings.Queue.MaxBytes {
		return true, client.ErrQueueFull
	}
	w.list = append(w.list, heldBroadcast{f, b.how.terms})
	w.bytes += len(f)
	return true, nil
}

// release sends what was held, in order. A broadcast that comes meanwhile is held too,
// and follows.
func (s *Session) release() {
	for {
		list := s.takeHeld()
		if list == nil {
			return
		}
		for _, h := range list {
			// Where a policy drops it tells, and every other error ends the session.
			_ = s.Conn.Send(transport.Frame{Whole: h.frames, Max: s.engine.Settings.MaxFrame, NoWait: true, Terms: h.terms})
		}
	}
}

// takeHeld returns what is held, or ends the holding.
func (s *Session) takeHeld() []heldBroadcast {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiting
	s.waiting = nil
	if w == nil {
		s.held.Store(false)
		return nil
	}
	return w.list
}
