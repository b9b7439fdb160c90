package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Main runs the program with the arguments, streams and signals of the process, and
// returns its exit code.
func (a *App) Main() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go watch(signals, cancel, os.Exit) // lives as long as the process
	return a.Run(ctx, os.Args[1:], System())
}

// sameSignal is the time in which a second signal is the first one once more: timeout(1)
// signals the process and then its group, and so do programs that pass Ctrl-C on.
const sameSignal = 100 * time.Millisecond

// watch ends the context at the first signal, and the process at the second.
func watch(signals <-chan os.Signal, cancel context.CancelCauseFunc, exit func(int)) {
	<-signals
	first := time.Now()
	cancel(errInterrupted)
	for range signals {
		if time.Since(first) >= sameSignal {
			exit(int(Interrupted))
			return
		}
	}
}

// Run runs one command line and returns the exit code. The cause of ctx tells whether a
// signal has ended it.
func (a *App) Run(ctx context.Context, args []string, env *Env) int {
	s := new(shared)
	err := a.run(ctx, args, env, s)
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) && CodeOf(err) != Usage {
		return int(Interrupted)
	}
	a.complain(env, s.json || CodeOf(err) == Usage && asksJSON(args), err)
	return int(CodeOf(err))
}

// asksJSON looks for --json in a command line that could not be read to its end.
func asksJSON(args []string) (asks bool) {
	for _, word := range args {
		if word == "--" {
			break
		}
		switch name, value, has := cutFlag(word); {
		case name != "json" || !strings.HasPrefix(word, "-"):
		case !has:
			asks = true
		default:
			on, err := strconv.ParseBool(value)
			asks = on || err != nil // a value that is none is wrong, but not false
		}
	}
	return asks
}

// run finds the command, reads its flags and calls it. Flags of every command may stand
// before its name too.
func (a *App) run(ctx context.Context, args []string, env *Env, s *shared) error {
	if len(args) == 1 && args[0] == "--version" { // what everybody types first
		args = []string{"version"}
	}
	before := newFlags("")
	s.declare(before)
	words, err := before.read(args, true)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		if s.json && !s.help {
			return BadUsage("missing command")
		}
		a.help(s.apply(env))
		if s.help {
			return nil
		}
		return Silent(Usage)
	}
	words, err = a.joined(words, s)
	if err != nil {
		return err
	}
	cmd, rest, group := a.find(words)
	switch {
	case cmd == nil && group == "":
		return a.unknown("", words[0])
	case cmd == nil && len(rest) > 0 && !strings.HasPrefix(rest[0], "-"):
		return a.unknown(group, rest[0])
	case cmd == nil:
		return a.runGroup(env, s, group, rest)
	}
	return a.call(ctx, env, s, cmd, args[:len(args)-len(words)], rest)
}

// joined lets flags stand between the two words of a sub-command.
func (a *App) joined(words []string, s *shared) ([]string, error) {
	if len(words) < 3 || len(a.under(words[0])) == 0 || !strings.HasPrefix(words[1], "-") {
		return words, nil
	}
	between := newFlags(words[0])
	s.declare(between)
	rest, err := between.read(words[1:], true)
	if err != nil || len(rest) == 0 {
		return words, nil // runGroup, or the command's own flags, will say
	}
	flags := words[1 : len(words)-len(rest)]
	return append(append([]string{words[0], rest[0]}, flags...), rest[1:]...), nil
}

// runGroup is for a name that has sub-commands only.
func (a *App) runGroup(env *Env, s *shared, group string, rest []string) error {
	f := newFlags(group)
	s.declare(f)
	if _, err := f.read(rest, false); err != nil {
		return err
	}
	if s.help {
		a.helpGroup(s.apply(env), group)
		return nil
	}
	return &usageError{command: group, text: fmt.Sprintf("%s: which one: %s?", group, oneOf(a.words(group)))}
}

// call reads the flags of a command and runs it. Those before its name are read again,
// into the same set.
func (a *App) call(ctx context.Context, env *Env, s *shared, cmd *Command, before, rest []string) error {
	f := newFlags(cmd.Name)
	s.declare(f)
	run := cmd.Setup(f)
	if _, err := f.read(before, false); err != nil {
		return err
	}
	args, err := f.read(rest, false)
	if err != nil {
		return within(err, cmd)
	}
	e := s.apply(env)
	if s.help {
		a.helpCommand(e, cmd)
		return nil
	}
	switch {
	case len(args) < cmd.Min:
		return &usageError{cmd.Name, fmt.Sprintf("%s: missing argument: %s", cmd.Name, cmd.Args)}
	case cmd.Max >= 0 && len(args) > cmd.Max:
		return &usageError{cmd.Name, fmt.Sprintf("%s: unexpected argument %q", cmd.Name, args[cmd.Max])}
	}
	err = run(ctx, e, args)
	if unwritten := e.broken.Load(); err == nil && unwritten != nil {
		return *unwritten
	}
	return within(err, cmd)
}

// within names the command whose help an error about usage advises.
func within(err error, cmd *Command) error {
	if u, ok := errors.AsType[*usageError](err); ok {
		text := u.text
		if !strings.HasPrefix(text, cmd.Name+": ") {
			text = cmd.Name + ": " + text
		}
		return &usageError{cmd.Name, text}
	}
	return err
}

// complain says what went wrong, unless that was done.
func (a *App) complain(env *Env, asJSON bool, err error) {
	if err == nil {
		return
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Err == nil {
		return
	}
	if asJSON {
		_ = WriteJSON(env.Stderr, struct { // nobody is left to be told
			Error string `json:"error"`
			Exit  Code   `json:"exit"`
		}{err.Error(), CodeOf(err)}, "")
		return
	}
	fmt.Fprintf(env.Stderr, "%s: %s\n", a.Name, Escape(err.Error(), "\n"))
	if u, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(env.Stderr, "Try \"%s\".\n", strings.TrimSpace(a.Name+" help "+u.command))
	}
}
