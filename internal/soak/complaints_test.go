package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// complaints are what went wrong on other goroutines than the test's.
type complaints struct {
	mu    sync.Mutex // guards the following
	lines []string
	more  int
}

const maxComplaints = 12

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lines) >= maxComplaints {
		c.more++
		return
	}
	c.lines = append(c.lines, fmt.Sprintf(format, args...))
}

// any reports whether there is one.
func (c *complaints) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lines) > 0
}

// tell fails the test with all of them.
func (c *complaints) tell(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		t.Errorf("seed %d: %s", seed, line)
	}
	if c.more > 0 {
		t.Errorf("seed %d: and %d more", seed, c.more)
	}
	c.lines, c.more = nil, 0
}

// journal is a log of which the end is kept, and the count of each line.
type journal struct {
	mu    sync.Mutex     // guards the following
	tail  []string       // lines that are usual
	loud  []string       // warnings and errors
	count map[string]int // by level and message
	also  io.Writer      // gets each line, if there is one
}

const maxTail = 16

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Level, r.Message)
	head := b.String()
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&b, " %s=%v", a.Key, a.Value); return true })
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.count == nil {
		j.count = make(map[string]int)
	}
	j.count[head]++
	keep := &j.tail
	if r.Level > slog.LevelInfo {
		keep = &j.loud
	}
	if len(*keep) == maxTail {
		*keep = (*keep)[:copy(*keep, (*keep)[1:])]
	}
	*keep = append(*keep, b.String())
	if j.also != nil {
		fmt.Fprintln(j.also, b.String())
	}
	return nil
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprintf("%v\n%s\n%s", j.count, strings.Join(j.tail, "\n"), strings.Join(j.loud, "\n"))
}

// lockedText is a text that several goroutines write and read.
type lockedText struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
