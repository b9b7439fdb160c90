package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// O-24: timeout(1) sends one signal twice; only one that comes later ends the program at
// once.
func TestOnlyALaterSignalEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		signals, exits := make(chan os.Signal, 2), []int{}
		go watch(signals, cancel, func(code int) { exits = append(exits, code) })
		signals <- os.Interrupt
		signals <- os.Interrupt
		synctest.Wait()
		if context.Cause(ctx) != errInterrupted || len(exits) != 0 {
			t.Errorf("cause %v, exits %v", context.Cause(ctx), exits)
		}
		time.Sleep(sameSignal)
		signals <- os.Interrupt
		synctest.Wait()
		if !slices.Equal(exits, []int{int(Interrupted)}) {
			t.Errorf("exits %v", exits)
		}
	})
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// O-24: what could not be printed is no success, and what is said of errors is harmless.
func TestOutputThatGoesNowhereIsAFailure(t *testing.T) {
	says := func(err error) *Command {
		return &Command{Name: "say", Short: "say", Setup: func(*Flags) RunFunc {
			return func(_ context.Context, env *Env, _ []string) error { env.Printf("all is well\n"); return err }
		}}
	}
	for _, tt := range []struct {
		err  error
		code Code
		want string
	}{
		{nil, Failed, "icsws: no space left\n"},
		{Silent(Refused), Refused, ""},
		{errors.New("a\x1b[31m\u202eb"), Failed, "icsws: a\\x1b[31m\\u202eb\n"},
	} {
		var stderr bytes.Buffer
		app := &App{Name: "icsws", Short: "a test", Commands: []*Command{says(tt.err)}}
		code := app.Run(t.Context(), []string{"say"}, &Env{
			Stdin: strings.NewReader(""), Stdout: full{}, Stderr: &stderr, Getenv: func(string) string { return "" }, Width: 80, Logger: slog.New(slog.DiscardHandler),
		})
		if Code(code) != tt.code || stderr.String() != tt.want {
			t.Errorf("%v: exit %d, stderr %q, want %d, %q", tt.err, code, stderr.String(), tt.code, tt.want)
		}
	}
}

// O-24: --json over several lines, and a text of findings, have nothing that a terminal
// obeys.
func TestNothingThatATerminalObeys(t *testing.T) {
	var b bytes.Buffer
	if err := (&Env{Stdout: &b}).PrintJSON(map[string]string{"a": "\u009b2J\u202e\x1b\n"}); err != nil || b.String() != "{\n  \"a\": \"\\u009b2J\\u202e\\u001b\\n\"\n}\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if got := Indent("x ", "a\x1b[31mb c", 2, 80); got != "x a\\x1b[31mb c\n" {
		t.Errorf("%q", got)
	}
}
