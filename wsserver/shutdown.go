package wsserver

import (
	"context"
	"errors"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
)

// StopListening closes every listener; clients stay connected, and Listen works
// again (X-01, L-28). It may be called more than once.
func (s *Server[T]) StopListening() error { return s.core.stopListening() }

// Shutdown stops listening, refuses with 503 what is still in handshake, closes
// every client with 1001 and waits until all have ended. When ctx ends
// first the rest is aborted and the error is that of ctx. In an event it begins
// the work, bounded by ctx and by Config.ShutdownTimeout, and returns nil at once:
// Done tells the end. Afterwards the server is spent.
//
// With Config.Drain it closes the clients one after the other, over a time that leaves
// the last of them enough of ctx to answer. Until its turn comes a client is served as
// ever, broadcasts included. A second call closes the rest at once, with hints; so do
// Close and Abort, in their way.
func (s *Server[T]) Shutdown(ctx context.Context) error {
	s.core.begin(s.core.sendAway, s.core.newDrain(ctx))
	if event.Inside() {
		go s.core.awaitInEvent(ctx)
		return nil
	}
	return s.core.await(ctx)
}

// Close ends the server at once: every client gets its close frame with 1001 if
// the kernel takes it, and no time to answer. OnClientDisconnect still comes
// exactly once for each; Close waits for that, up to Config.ShutdownTimeout, but not
// in an event, where page requests have another second to be answered. Afterwards
// the server is spent.
func (s *Server[T]) Close() error {
	return s.core.hardEnd(func(sess *engine.Session) {
		_ = sess.CloseWith(client.StatusGoingAway, shutdownReason, false, client.ErrServerShutdown)
		sess.Drop(client.ErrServerShutdown)
	})
}

// Abort is Close without close frames: connections are reset.
func (s *Server[T]) Abort() error {
	return s.core.hardEnd(func(sess *engine.Session) { sess.Abort(client.ErrServerShutdown) })
}

func (s *core) stopListening() error {
	s.mu.Lock()
	group := s.group
	var tell = func() {}
	if !s.closing {
		tell = s.setStateLocked(StateClosed)
	}
	s.mu.Unlock()
	var errs []error
	for _, l := range s.open() {
		errs = append(errs, l.stop())
	}
	if group != nil {
		errs = append(errs, group.Close())
	}
	tell()
	return errors.Join(errs...)
}

// begin starts the end of the server, once, and calls end for every session; with a
// drain that does it in its time, unless the end has begun already.
func (s *core) begin(end func(*engine.Session), d *drain) {
	s.mu.Lock()
	first := !s.closing
	s.closing, s.end = true, end
	tell := func() {}
	if first {
		tell = s.setStateLocked(StateClosing)
		if d != nil {
			d.beginLocked()
		}
	}
	s.mu.Unlock()
	s.kill(ErrServerClosed)
	tell()
	_ = s.stopListening()
	s.hurry()
	if first && d != nil {
		go d.run()
	} else {
		for _, sess := range s.running() {
			end(sess)
		}
		s.hasten()
	}
	if first {
		go s.finish()
	}
}

// hasten ends the waiting of a drain, if there is one.
func (s *core) hasten() {
	s.mu.Lock()
	d := s.drain
	s.mu.Unlock()
	if d != nil {
		d.hasten()
	}
}

// finish waits for every goroutine of the server and closes done.
func (s *core) finish() {
	s.closePages()
	s.wg.Wait()
	s.service.Close()
	s.mu.Lock()
	if s.opening.clock != nil {
		s.opening.clock.Stop()
	}
	s.stopRescueLocked()
	tell := s.setStateLocked(StateClosed)
	s.mu.Unlock()
	tell()
	close(s.done)
}

// await waits for the end. When ctx ends first, what is left is aborted.
func (s *core) await(ctx context.Context) error {
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	s.abortAll()
	s.rescue()
	// What does not sit in a handler for good ends now.
	t := time.NewTimer(100 * time.Millisecond)
	defer t.Stop()
	select {
	case <-s.done:
	case <-t.C:
	}
	return context.Cause(ctx)
}

// awaitInEvent is await for a caller that may not wait.
func (s *core) awaitInEvent(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.in.Load().cfg.ShutdownTimeout)
	defer cancel()
	_ = s.await(ctx)
}

func (s *core) abortAll() {
	abort := func(sess *engine.Session) { sess.Abort(client.ErrServerShutdown) }
	s.mu.Lock()
	s.end = abort
	s.mu.Unlock()
	s.pages.cut()
	for _, sess := range s.running() {
		abort(sess)
	}
	s.hasten()
	s.abandon()
}

func (s *core) hardEnd(end func(*engine.Session)) error {
	s.begin(end, nil)
	if event.Inside() {
		// It may be a page handler that has called, and its answer is still to come.
		time.AfterFunc(refusalLinger, s.pages.cut)
		s.rescueLater()
		return nil
	}
	s.pages.cut()
	t := time.NewTimer(s.in.Load().cfg.ShutdownTimeout)
	defer t.Stop()
	select {
	case <-s.done:
		return nil
	case <-t.C:
		s.rescue()
		return context.DeadlineExceeded
	}
}

func (s *core) disconnectAll(ctx context.Context, code client.StatusCode, reason string) error {
	if code != 0 && !code.Sendable() {
		return client.ErrBadCloseCode
	}
	list := s.forwards()
	for sess := range s.registry.All {
		list = append(list, sess)
	}
	for _, sess := range list {
		if err := sess.Link.Ops.Close(uint16(code), reason, false); errors.Is(err, client.ErrInvalidUTF8) {
			return err
		}
	}
	if event.Inside() {
		return nil
	}
	for _, sess := range list {
		select {
		case <-sess.Ended():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func facts(c client.Client) *link.Conn { return link.ConnOf(c) }
