// Package clitest runs commands of the tool within a test.
package clitest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// Result is what a command has left behind.
type Result struct {
	Code           cli.Code
	Stdout, Stderr string
}

// Run runs one command line with these commands. The environment is empty.
func Run(tb testing.TB, commands []*cli.Command, args ...string) Result {
	tb.Helper()
	return RunContext(tb.Context(), commands, args...)
}

// RunContext is Run for a context of the test's own.
func RunContext(ctx context.Context, commands []*cli.Command, args ...string) Result {
	var out, errs Buffer
	app := &cli.App{Name: "icsws", Short: "a test", Commands: commands}
	code := app.Run(ctx, args, &cli.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" },
		Width: 80, Logger: slog.New(slog.DiscardHandler),
	})
	return Result{cli.Code(code), out.String(), errs.String()}
}

// JSON reads stdout as one value.
func (r Result) JSON(tb testing.TB, v any) {
	tb.Helper()
	if err := json.Unmarshal([]byte(r.Stdout), v); err != nil {
		tb.Fatalf("stdout is no JSON: %v\n%s\n%s", err, r.Stdout, r.Stderr)
	}
}

// Buffer is a bytes.Buffer for several goroutines.
type Buffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write appends to the buffer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
