package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"golang.org/x/term"
)

// Env is what a command has to do with: the streams, and what the flags of every command
// say of them.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Getenv reads the environment.
	Getenv func(string) string

	// JSON is set by --json: stdout is for programs.
	JSON bool
	// Color tells whether stdout takes escape sequences.
	Color bool
	// Width is how many columns stdout has; 80 if it is no terminal.
	Width int
	// Logger writes to stderr from the level of --log-level on.
	Logger *slog.Logger

	broken *atomic.Pointer[error] // the first error of Printf
}

// System returns the environment of the process.
func System() *Env {
	return &Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Width: 80, Logger: slog.New(slog.DiscardHandler)}
}

// IsTerminal tells whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Columns is how wide a terminal is now, and 0 for what is none or does not tell.
func Columns(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

// Printf writes to stdout. A command that can not, because the disk is full, has failed.
func (e *Env) Printf(format string, args ...any) {
	if _, err := fmt.Fprintf(e.Stdout, format, args...); err != nil && e.broken != nil {
		e.broken.CompareAndSwap(nil, &err)
	}
}

// PrintJSON writes v to stdout, on lines of its own, without what a terminal could obey.
func (e *Env) PrintJSON(v any) error {
	return WriteJSON(e.Stdout, v, "  ")
}

// PrintLine is PrintJSON on one line.
func (e *Env) PrintLine(v any) error {
	return WriteJSON(e.Stdout, v, "")
}

// Paint is a colour or weight of text.
type Paint string

// The paints.
const (
	Bold   Paint = "1"
	Dim    Paint = "2"
	Red    Paint = "31"
	Green  Paint = "32"
	Yellow Paint = "33"
	Cyan   Paint = "36"
)

// Paint returns text in a colour, if stdout takes colours.
func (e *Env) Paint(p Paint, text string) string {
	if !e.Color || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

// shared are the flags of every command.
type shared struct {
	json  bool
	color *string
	level *string
	help  bool
}

func (s *shared) declare(f *Flags) {
	f.BoolVar(&s.json, "json", s.json, "print JSON, for programs")
	s.color = f.Choice("color", "auto", []string{"auto", "always", "never"}, "colours in the output; auto: on a terminal, unless NO_COLOR is set")
	s.level = f.Choice("log-level", "warn", []string{"debug", "info", "warn", "error"}, "least level of what is logged to stderr")
	f.BoolVar(&s.help, "help", s.help, "print the help of the command")
	f.Short("h", "help")
}

// apply returns env as the flags want it.
func (s *shared) apply(env *Env) *Env {
	e := *env
	e.JSON, e.broken = s.json, new(atomic.Pointer[error])
	tty := IsTerminal(e.Stdout)
	switch *s.color {
	case "always":
		e.Color = true
	case "auto":
		e.Color = tty && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
	}
	if w := Columns(e.Stdout); w > 0 {
		e.Width = min(max(w, 40), 100)
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(*s.level)) // one of the words
	o := &slog.HandlerOptions{Level: level}
	if e.JSON {
		e.Logger = slog.New(slog.NewJSONHandler(e.Stderr, o))
	} else {
		e.Logger = slog.New(slog.NewTextHandler(e.Stderr, o))
	}
	return &e
}
