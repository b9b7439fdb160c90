package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/icsws/icsws/internal/nearest"
)

// App is the program: its commands and what is said of all of them.
type App struct {
	Name  string
	Short string // one line, without a full stop
	Long  string // paragraphs, see Command.Long
	Date  string // of the manual page: 2006-01-02
	// Commands are all but help, version, completion and man, which are added.
	Commands []*Command
}

// Command is one row of the table. It is not changed by a run.
type Command struct {
	// Name is one word, or two for a sub-command: "hosts check".
	Name string
	// Args is how the arguments are written: "URL", "FILE...". Empty for none.
	Args string
	// Min and Max are how many arguments there may be; Max -1 is any number.
	Min, Max int
	// Complete says what the shell offers for an argument: words, and files if Files.
	Complete []string
	Files    bool
	// Short is one line that begins with a lower-case verb and has no full stop.
	Short string
	// Long is paragraphs with an empty line between; lines that begin with two blanks
	// stay as they are.
	Long     string
	Examples []Example
	// Setup declares the flags and returns what runs when they are read.
	Setup func(f *Flags) RunFunc
}

// RunFunc runs a command. It ends when ctx does; stdout and stderr are those of env.
type RunFunc func(ctx context.Context, env *Env, args []string) error

// Example is a command line and what it is for.
type Example struct{ Text, Line string }

// all are the commands of the program and those of the frame.
func (a *App) all() []*Command { return slices.Concat(a.Commands, a.builtin()) }

// find returns the command that words begin with, and the words behind its name. With a
// name that stands for sub-commands only, cmd is nil and group that name.
func (a *App) find(words []string) (cmd *Command, rest []string, group string) {
	for n := min(2, len(words)); n > 0; n-- {
		name := strings.Join(words[:n], " ")
		for _, c := range a.all() {
			if c.Name == name {
				return c, words[n:], ""
			}
		}
	}
	if len(words) > 0 && len(a.under(words[0])) > 0 {
		return nil, words[1:], words[0]
	}
	return nil, words, ""
}

// under returns the sub-commands of a name.
func (a *App) under(group string) (list []*Command) {
	for _, c := range a.all() {
		if strings.HasPrefix(c.Name, group+" ") {
			list = append(list, c)
		}
	}
	return list
}

// words are the next words of names behind a group; the group "" is the first words.
func (a *App) words(group string) (list []string) {
	for _, c := range a.all() {
		first, second, _ := strings.Cut(c.Name, " ")
		word := first
		if group != "" {
			if first != group || second == "" {
				continue
			}
			word = second
		}
		if !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	return list
}

// unknown is the error for a word that is no command.
func (a *App) unknown(group, word string) error {
	full := strings.TrimSpace(group + " " + word)
	e := &usageError{command: group, text: "unknown command \"" + full + "\""}
	if guess := nearest.Word(word, a.words(group)); guess != "" {
		e.text += "; did you mean \"" + strings.TrimSpace(group+" "+guess) + "\"?"
	}
	return e
}
