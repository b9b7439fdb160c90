package wsserver

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/logkey"
)

// line is a kind of log line that peers can cause, besides those of refusals. Each is
// sampled by itself, so that a flood of one does not fill the log or hide the others.
type line uint8

const (
	lineFault line = iota
	lineHandshake
	lineEvent
	linePanic
	lineDropped
	lineDisconnected
	lineCheck
	lineFile
	lineHTTP
	lineBanned
	lineTarget
	lines
)

// Lines of a kind that are logged per second: those with a stack are long.
const (
	maxLines  = maxRefusalLines
	maxPanics = 10
)

// passes reports whether a line of a kind is to be logged, and how many were left out
// before it. Nothing is counted, and the arguments need not be made, where the level is
// off.
func (s *core) passes(l line, level slog.Level) (leftOut int, ok bool) {
	if !s.log.Enabled(context.Background(), level) {
		return 0, false
	}
	most := maxLines
	if l == linePanic {
		most = maxPanics
	}
	ok, leftOut = s.lines[l].passUpTo(most, time.Now())
	return leftOut, ok
}

// logPanic logs a panic in user code.
func (s *core) logPanic(p PanicInfo, id uint64) {
	if n, ok := s.passes(linePanic, slog.LevelError); ok {
		s.log.Error("panic", logkey.Code, "error/panic", logkey.Event, p.Event, logkey.Conn, id,
			logkey.Value, p.Value, logkey.Stack, string(p.Stack), logkey.LeftOut, n)
	}
}

// report tells of an error that no caller is waiting for, and that is logged.
func (s *core) report(e *ServerError) {
	e.friendly = s.cfg.FriendlyErrors
	s.lastError.Store(e)
	s.counters.errors.Add(1)
	if s.cfg.Events.OnError != nil {
		s.user("OnError", func() { s.cfg.Events.OnError(e) })
	}
}

// eventOf is the event in the cause of an end.
func eventOf(err error) string {
	if e, ok := errors.AsType[*client.EventError](err); ok {
		return e.Event
	}
	return ""
}

// httpLog is the core as the log of its http.Server, whose lines are about what peers do.
type httpLog core

// Write logs one line.
func (l *httpLog) Write(p []byte) (int, error) {
	s := (*core)(l)
	if n, ok := s.passes(lineHTTP, slog.LevelDebug); ok {
		s.log.Debug("http", logkey.Err, strings.TrimSpace(string(p)), logkey.LeftOut, n)
	}
	return len(p), nil
}
