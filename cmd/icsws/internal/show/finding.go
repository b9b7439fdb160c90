// Package show is how findings look: to people, as lines with a mark and what to do, and
// to programs.
package show

import (
	"fmt"
	"slices"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// Level says how bad a finding is.
type Level uint8

// The levels. From Bad on something is not in order.
const (
	OK Level = iota
	Note
	Warning
	Bad
)

var words = [...]string{"ok", "note", "warning", "bad"}

// String is the word that --json has.
func (l Level) String() string { return words[min(int(l), len(words)-1)] }

// MarshalText is for --json.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (l *Level) UnmarshalText(text []byte) error {
	i := slices.Index(words[:], string(text))
	if i < 0 {
		return fmt.Errorf("show: %q is no level", text)
	}
	*l = Level(i)
	return nil
}

// Finding is one thing that was looked at.
type Finding struct {
	Step   string `json:"step,omitempty"`
	Level  Level  `json:"level"`
	Code   string `json:"code"` // stable, in kebab case
	Text   string `json:"text"` // a sentence
	Advice string `json:"advice,omitempty"`
}

// Findings are those of a run, in order.
type Findings []Finding

// Add appends a finding.
func (f *Findings) Add(level Level, code, text string, args ...any) *Finding {
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	*f = append(*f, Finding{Level: level, Code: code, Text: text})
	return &(*f)[len(*f)-1]
}

// Do says what to do about the finding.
func (f *Finding) Do(advice string, args ...any) {
	if len(args) > 0 {
		advice = fmt.Sprintf(advice, args...)
	}
	f.Advice = advice
}

// Worst returns the highest level.
func (f Findings) Worst() (worst Level) {
	for _, one := range f {
		worst = max(worst, one.Level)
	}
	return worst
}

// In sets the step of those that have none.
func (f Findings) In(step string) Findings {
	for i := range f {
		if f[i].Step == "" {
			f[i].Step = step
		}
	}
	return f
}

// AtMost lowers those that are above a level to it.
func (f Findings) AtMost(level Level) Findings {
	for i := range f {
		f[i].Level = min(f[i].Level, level)
	}
	return f
}

// Print writes findings below each other.
func Print(env *cli.Env, list Findings) {
	for _, f := range list {
		env.Printf("%s", cli.Indent(mark(env, f.Level), f.Text, indent, env.Width))
		if f.Advice != "" {
			env.Printf("%s", cli.Indent(fmt.Sprintf("%*s", indent, "-> "), f.Advice, indent, env.Width))
		}
	}
}

// indent is how wide the marks are.
const indent = 9

func mark(env *cli.Env, l Level) string {
	m := [...]struct {
		word  string
		paint cli.Paint
	}{{"ok", cli.Green}, {"note", cli.Cyan}, {"warning", cli.Yellow}, {"BAD", cli.Red}}[min(l, Bad)]
	pad := fmt.Sprintf("%*s", indent-len(m.word), "")
	return env.Paint(m.paint, m.word) + pad
}
