package wsserver

import (
	"context"
	"fmt"

	"github.com/icsws/icsws/multilisten"
)

// PauseListener stops accepting on the binding with this index in [Server.Listeners],
// without closing it: who connects waits in the kernel's backlog until ResumeListener
// (L-30). Clients are not touched. The error is [multilisten.ErrIndex], or says that the
// binding is not open. It is legal in every event, as the next three are.
func (s *Server[T]) PauseListener(index int) error {
	return s.core.oneOfGroup(func(g *multilisten.Group) error { return g.Pause(index) })
}

// ResumeListener ends PauseListener; who waited is accepted (L-30).
func (s *Server[T]) ResumeListener(index int) error {
	return s.core.oneOfGroup(func(g *multilisten.Group) error { return g.Resume(index) })
}

// CloseListener closes one binding, while the others go on; clients that came by it stay
// (L-29). Closing one that is closed is no error.
func (s *Server[T]) CloseListener(index int) error {
	return s.core.oneOfGroup(func(g *multilisten.Group) error {
		if l := s.core.servedAt(g, index); l != nil {
			err := l.stop()
			<-l.over
			return err
		}
		return g.CloseOne(index)
	})
}

// ReopenListener opens a binding again that CloseListener closed, or that the best-effort
// policy left closed (L-29). ctx bounds the opening.
func (s *Server[T]) ReopenListener(ctx context.Context, index int) error {
	return s.core.oneOfGroup(func(g *multilisten.Group) error { return s.core.reopen(ctx, g, index) })
}

// oneOfGroup does something with the bindings that Listen has opened.
func (s *core) oneOfGroup(do func(*multilisten.Group) error) error {
	g := s.currentGroup()
	if g == nil {
		return fmt.Errorf("wsserver: nothing was opened by Listen: %w", multilisten.ErrIndex)
	}
	if err := do(g); err != nil {
		return fmt.Errorf("wsserver: %w", err)
	}
	return nil
}

// servedAt is the listener of a binding whose accept loop runs, or nil.
func (s *core) servedAt(g *multilisten.Group, index int) *listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.served {
		if own, ok := l.Listener.(*multilisten.Listener); ok && l.index == index && own == g.Listener(index) {
			return l
		}
	}
	return nil
}

func (s *core) reopen(ctx context.Context, g *multilisten.Group, index int) error {
	bindings, views, err := s.bindings()
	if err != nil {
		return err
	}
	if err := g.Reopen(ctx, index); err != nil {
		return err
	}
	l, err := s.ofGroup(g, index, bindings, views)
	if err != nil {
		_ = g.CloseOne(index)
		return err
	}
	s.mu.Lock()
	if s.closing || s.group != g {
		s.mu.Unlock()
		_ = g.CloseOne(index)
		return ErrServerClosed
	}
	s.served[l] = struct{}{}
	s.wg.Add(1)
	tell := s.setStateLocked(StateListening)
	s.mu.Unlock()
	s.acceptOn(l)
	tell()
	return nil
}
