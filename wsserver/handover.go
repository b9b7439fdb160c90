package wsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/multilisten"
)

// ErrHandingOver is in the error of a HandOver that comes while another one runs.
var ErrHandingOver = errors.New("wsserver: another hand-over is under way")

// HandOverError says why no other process has taken over. This one goes on as before.
type HandOverError struct {
	PID int // of the new process, which has ended; 0 if none was started
	// Err tells what happened: multilisten.ErrNotReady with the way in which the process
	// ended, the end of the context, [ErrServerClosed], [ErrHandingOver], net.ErrClosed if
	// no socket is open, or errors.ErrUnsupported on systems other than Unix.
	Err error
}

// Error names the process.
func (e *HandOverError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("wsserver: hand over: %v", e.Err)
	}
	return fmt.Sprintf("wsserver: hand over to process %d: %v", e.PID, e.Err)
}

// Unwrap returns Err.
func (e *HandOverError) Unwrap() error { return e.Err }

// Files returns a copy of each socket that Listen has opened, for another process that is
// to listen on them too; see multilisten.Group.Files, and [multilisten.Environ] for how
// to announce them. Listeners that were given to Serve are not among them. The caller
// closes the files.
func (s *Server[T]) Files() ([]*os.File, error) {
	g, err := s.core.openGroup()
	if err != nil {
		return nil, fmt.Errorf("wsserver: %w", err)
	}
	files, err := g.Files()
	if err != nil {
		return nil, fmt.Errorf("wsserver: %w", err)
	}
	return files, nil
}

// HandOver has another process take over (L-37): it starts cmd with the sockets that
// Listen has opened, and waits until the new process accepts on them. That process gets
// them by multilisten.Inherit and Config.Inherited; its Listen says when it is ready.
// Then this one closes its sockets and finishes the handshakes that it has begun. Nobody
// is refused meanwhile: who waits in the backlog is accepted by the one or the other. The
// clients of this process stay until it is shut down, which is the caller's next step.
//
// ctx bounds all of that. cmd is started with descriptors and environment as
// multilisten.Group.HandOver has them. On success the Wait of cmd is the caller's. On an
// error, a [*HandOverError], the new process has been ended and waited for, and this one
// goes on as if nothing had happened. Listeners that were given to Serve are not touched.
func (s *Server[T]) HandOver(ctx context.Context, cmd *exec.Cmd) error {
	return s.core.handOver(ctx, cmd)
}

// openGroup is what Listen has opened.
func (s *core) openGroup() (*multilisten.Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return nil, ErrServerClosed
	case s.group == nil:
		return nil, fmt.Errorf("nothing was opened by Listen: %w", net.ErrClosed)
	}
	return s.group, nil
}

func (s *core) handOver(ctx context.Context, cmd *exec.Cmd) error {
	g, err := s.openGroup()
	if err != nil {
		return &HandOverError{Err: err}
	}
	if s.handing.Swap(true) {
		return &HandOverError{Err: ErrHandingOver}
	}
	defer s.handing.Store(false)
	begun, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.alive, func() { cancel(ErrServerClosed) })()
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = time.Second // or its children could keep Wait from returning
	}
	if err := g.HandOver(begun, cmd); err != nil {
		return s.notHandedOver(cmd, err)
	}
	s.log.Info("handed over", logkey.PID, cmd.Process.Pid)
	s.retire(ctx, g)
	return nil
}

// notHandedOver waits for the process, which has ended or was killed.
func (s *core) notHandedOver(cmd *exec.Cmd, err error) error {
	e := &HandOverError{Err: err}
	if cmd.Process != nil {
		e.PID = cmd.Process.Pid
		if werr := cmd.Wait(); errors.Is(err, multilisten.ErrNotReady) && werr != nil {
			e.Err = fmt.Errorf("%w: %w", err, werr)
		}
	}
	s.log.Warn("hand-over failed", logkey.Code, "error/hand-over", logkey.PID, e.PID, logkey.Err, e.Err)
	return e
}

// retire stops accepting on the sockets of g, of which another process has copies. It
// waits for the handshakes of those who were accepted here, until ctx ends.
func (s *core) retire(ctx context.Context, g *multilisten.Group) {
	var ls []*listener
	for _, l := range s.open() {
		if _, ours := l.Listener.(*multilisten.Listener); ours {
			l.gentle.Store(true)
			_ = l.stop()
			ls = append(ls, l)
		}
	}
	_ = g.Close()
	if event.Inside() || !s.enter() { // it may be one of them
		return
	}
	over := make(chan struct{})
	go func() {
		defer s.wg.Done()
		for _, l := range ls {
			<-l.over
			l.shaking.Wait()
		}
		close(over)
	}()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// tellReady says to the process that waits, if any, that this one accepts.
func (s *core) tellReady() {
	left, err := s.arrived()
	if len(left) > 0 {
		s.log.Warn("sockets of another process that no binding takes were closed", logkey.Names, left)
	}
	if err != nil {
		s.fault("ready", "", err)
	}
}
