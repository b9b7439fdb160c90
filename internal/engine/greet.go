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

// hold keeps a broadcast until release; ok is false when it is over.
func (s *Session) hold(b *Broadcast) (ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held.Load() {
		return false, nil
	}
	if s.State() != link.Open {
		return true, client.ErrClosed
	}
	f := b.frame()
	if s.waitBytes > 0 && s.waitBytes+len(f) > s.engine.Settings.Queue.MaxBytes {
		_ = s.CloseWith(client.StatusPolicyViolation, "send queue full", false, client.ErrQueueFull)
		return true, client.ErrQueueFull
	}
	s.waiting = append(s.waiting, f)
	s.waitBytes += len(f)
	return true, nil
}

// release sends what was held, in order. A broadcast that comes meanwhile waits
// for its turn at the mutex; sending does not block.
func (s *Session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.waiting {
		if s.Conn.Send(transport.Frame{Whole: f, NoWait: true}) != nil {
			break
		}
	}
	s.waiting, s.waitBytes = nil, 0
	s.held.Store(false)
}
