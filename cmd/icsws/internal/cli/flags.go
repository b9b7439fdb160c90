package cli

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/icsws/icsws/internal/nearest"
)

// Flags are those of a command: a flag.FlagSet, short names for some, and kinds of values
// that package flag does not have. The word in back quotes in a usage is the name of the
// value; with `file` or `folder` the shell completes paths.
type Flags struct {
	*flag.FlagSet
	letters map[string]string // of a name, its short one
	given   map[string]bool
}

func newFlags(name string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), letters: make(map[string]string), given: make(map[string]bool)}
	f.SetOutput(io.Discard)
	return f
}

// Short gives a flag a second name of one letter.
func (f *Flags) Short(letter, name string) { f.letters[name] = letter }

// Choice declares a flag that is one of words.
func (f *Flags) Choice(name, value string, words []string, usage string) *string {
	c := &choice{words: words, value: value}
	f.Var(c, name, usage)
	return &c.value
}

// List declares a flag that may be repeated.
func (f *Flags) List(name, usage string) *[]string {
	l := new(list)
	f.Var(l, name, usage)
	return (*[]string)(l)
}

// Span declares a duration that may be in days: "14d", "1h30m".
func (f *Flags) Span(name string, value time.Duration, usage string) *time.Duration {
	s := span(value)
	f.Var(&s, name, usage)
	return (*time.Duration)(&s)
}

type choice struct {
	words []string
	value string
}

func (c *choice) String() string { return c.value }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("want %s", oneOf(c.words))
	}
	c.value = s
	return nil
}

// Words are what the shell offers.
func (c *choice) Words() []string { return c.words }

func oneOf(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " or " + words[n]
	}
	return strings.Join(words, "")
}

type list []string

func (l *list) String() string { return strings.Join(*l, ", ") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

type span time.Duration

func (s *span) String() string {
	d := time.Duration(*s)
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return d.String()
}

func (s *span) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			*s = span(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("want a time such as 90s, 12h or 14d")
	}
	*s = span(d)
	return nil
}

// read takes the flags out of args and returns the arguments. With first it stops at the
// first argument, which is the first of the rest.
func (f *Flags) read(args []string, first bool) (rest []string, err error) {
	for len(args) > 0 {
		word := args[0]
		switch {
		case word == "--":
			return append(rest, args[1:]...), nil
		case word == "-" || !strings.HasPrefix(word, "-"):
			if first {
				return args, nil
			}
			rest, args = append(rest, word), args[1:]
		default:
			if args, err = f.one(args); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

// one reads the flag, or the letters, that args begin with, and returns what is behind.
func (f *Flags) one(args []string) ([]string, error) {
	word := args[0]
	name, value, has := cutFlag(word)
	if long := f.Lookup(name); long != nil {
		return f.set(long, "--"+name, value, has, args[1:])
	}
	if strings.HasPrefix(word, "--") {
		return nil, f.unknown(word, name)
	}
	for letters := word[1:]; ; {
		letter := letters[:1]
		long := f.byLetter(letter)
		if long == nil {
			return nil, f.unknown(word, name)
		}
		letters = letters[1:]
		if !isBool(long) {
			return f.set(long, "-"+letter, strings.TrimPrefix(letters, "="), letters != "", args[1:])
		}
		if _, err := f.set(long, "-"+letter, "", false, nil); err != nil || letters == "" {
			return args[1:], err
		}
	}
}

// cutFlag takes hyphens and value off the name of a flag.
func cutFlag(word string) (name, value string, has bool) {
	return strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
}

func (f *Flags) set(fl *flag.Flag, shown, value string, has bool, rest []string) ([]string, error) {
	switch {
	case has:
	case isBool(fl):
		value = "true"
	case len(rest) == 0:
		return nil, BadUsage("flag %s wants a value: %s", shown, valueName(fl))
	default:
		value, rest = rest[0], rest[1:]
	}
	if err := fl.Value.Set(value); err != nil {
		return nil, BadUsage("flag %s: %q: %s", shown, value, plain(err, fl))
	}
	f.given[fl.Name] = true
	return rest, nil
}

// plain says what package flag means by "parse error".
func plain(err error, fl *flag.Flag) string {
	if text := err.Error(); text != "parse error" && text != "value out of range" {
		return text
	}
	return "want a " + kindOf(fl)
}

// kindOf is what a value of package flag is.
func kindOf(fl *flag.Flag) string {
	g, ok := fl.Value.(flag.Getter)
	if !ok {
		return valueName(fl)
	}
	switch g.Get().(type) {
	case bool:
		return "value true or false"
	case time.Duration:
		return "time such as 500ms, 10s or 2m"
	case int, int64, uint, uint64:
		return "whole number"
	case float64:
		return "number"
	}
	return valueName(fl)
}

func (f *Flags) byLetter(letter string) *flag.Flag {
	for name, l := range f.letters {
		if l == letter {
			return f.Lookup(name)
		}
	}
	return nil
}

func (f *Flags) unknown(word, name string) error {
	var known []string
	f.VisitAll(func(fl *flag.Flag) { known = append(known, fl.Name) })
	shown, _, _ := strings.Cut(word, "=")
	text := "unknown flag " + shown
	if guess := nearest.Word(name, known); guess != "" {
		text += "; did you mean --" + guess + "?"
	}
	return &usageError{command: f.Name(), text: text}
}

func isBool(fl *flag.Flag) bool {
	b, ok := fl.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// valueName is what stands for the value in help; empty for a switch.
func valueName(fl *flag.Flag) string {
	if isBool(fl) {
		return ""
	}
	if w := wordsOf(fl); len(w) > 0 {
		return strings.Join(w, "|")
	}
	name, _ := flag.UnquoteUsage(fl)
	return name
}

// wordsOf are the values that a flag may have, if they are known.
func wordsOf(fl *flag.Flag) []string {
	if w, ok := fl.Value.(interface{ Words() []string }); ok {
		return w.Words()
	}
	return nil
}

// usageOf is the sentence of a flag, with its default.
func usageOf(fl *flag.Flag) string {
	_, usage := flag.UnquoteUsage(fl)
	if _, ok := fl.Value.(*list); ok {
		return usage + " (repeatable)"
	}
	switch fl.DefValue {
	case "", "0", "0s", "false":
		return usage
	}
	return usage + " (default " + fl.DefValue + ")"
}

// Given tells whether the flag was set on the command line.
func (f *Flags) Given(name string) bool { return f.given[name] }
