package cli

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// help prints that of the program.
func (a *App) help(e *Env) {
	w := e.Stdout
	fmt.Fprintf(w, "%s: %s.\n\n%s\n  %s COMMAND [flags] [arguments]\n", a.Name, a.Short, e.head("Usage"), a.Name)
	printLong(w, a.Long, e.Width)
	fmt.Fprintf(w, "\n%s\n", e.head("Commands"))
	a.list(e, a.all())
	fmt.Fprintf(w, "\n%s\n", e.head("Flags of every command"))
	printFlags(w, rows(a.sharedFlags(), nil), e.Width)
	fmt.Fprintf(w, "\n%s\n", e.head("Exit codes"))
	for _, c := range Codes() {
		fmt.Fprintf(w, "  %-4d %s\n", c.Code, c.Text)
	}
	fmt.Fprintf(w, "\nMore with \"%s help COMMAND\".\n", a.Name)
}

// head is a heading.
func (e *Env) head(text string) string { return e.Paint(Bold, text+":") }

// list prints commands with their lines.
func (a *App) list(e *Env, commands []*Command) {
	wide := 0
	for _, c := range commands {
		wide = max(wide, len(c.Name))
	}
	for _, c := range commands {
		io.WriteString(e.Stdout, Indent(fmt.Sprintf("  %-*s  ", wide, c.Name), c.Short, wide+4, e.Width))
	}
}

// helpGroup prints that of a name with sub-commands.
func (a *App) helpGroup(e *Env, group string) {
	fmt.Fprintf(e.Stdout, "%s\n  %s %s COMMAND [flags] [arguments]\n\n%s\n", e.head("Usage"), a.Name, group, e.head("Commands"))
	a.list(e, a.under(group))
	fmt.Fprintf(e.Stdout, "\nMore with \"%s help %s COMMAND\".\n", a.Name, group)
}

// helpCommand prints that of a command.
func (a *App) helpCommand(e *Env, c *Command) {
	w := e.Stdout
	fmt.Fprintf(w, "%s\n  %s\n\n", e.head("Usage"), a.synopsis(c))
	io.WriteString(w, Indent("", capital(c.Short)+".", 0, e.Width))
	printLong(w, c.Long, e.Width)
	own, common := a.flagsOf(c)
	if len(own) > 0 {
		fmt.Fprintf(w, "\n%s\n", e.head("Flags"))
		printFlags(w, own, e.Width)
	}
	fmt.Fprintf(w, "\n%s\n", e.head("Flags of every command"))
	printFlags(w, common, e.Width)
	if len(c.Examples) > 0 {
		fmt.Fprintf(w, "\n%s\n", e.head("Examples"))
	}
	for i, x := range c.Examples {
		if i > 0 {
			fmt.Fprintln(w)
		}
		io.WriteString(w, Indent("  ", x.Text+":", 2, e.Width))
		fmt.Fprintf(w, "    %s\n", x.Line)
	}
}

func (a *App) synopsis(c *Command) string {
	s := a.Name + " " + c.Name
	if own, _ := a.flagsOf(c); len(own) > 0 {
		s += " [flags]"
	}
	if c.Args != "" {
		s += " " + c.Args
	}
	return s
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func printLong(w io.Writer, long string, width int) {
	for _, p := range parts(long) {
		if p.verbatim {
			fmt.Fprintf(w, "\n%s\n", p.text)
			continue
		}
		io.WriteString(w, "\n"+Indent("", p.text, 0, width))
	}
}

// row is a flag as help shows it.
type row struct {
	letter, name, value, usage string
	words                      []string // the values, if they are known
	list                       bool
}

// spelling is the flag with its value: "-H, --header text".
func (r row) spelling() string {
	s := "    --" + r.name
	if r.letter != "" {
		s = "-" + r.letter + ", --" + r.name
	}
	if r.value != "" {
		s += " " + r.value
	}
	return s
}

// rows lists the flags by name, save those of which skip has one of the same name.
func rows(f, skip *Flags) (list_ []row) {
	f.VisitAll(func(fl *flag.Flag) {
		if skip != nil && skip.Lookup(fl.Name) != nil {
			return
		}
		_, isList := fl.Value.(*list)
		list_ = append(list_, row{f.letters[fl.Name], fl.Name, valueName(fl), usageOf(fl), wordsOf(fl), isList})
	})
	return list_
}

func (a *App) sharedFlags() *Flags {
	f := newFlags("")
	new(shared).declare(f)
	return f
}

// flagsOf returns the flags of a command, and those that every command has.
func (a *App) flagsOf(c *Command) (own, common []row) {
	f := newFlags(c.Name)
	c.Setup(f)
	s := a.sharedFlags()
	return rows(f, s), rows(s, nil)
}

// printFlags prints flags in two columns, or a usage below a long spelling.
func printFlags(w io.Writer, list []row, width int) {
	const most = 26
	wide := 0
	for _, r := range list {
		if n := utf8.RuneCountInString(r.spelling()); n <= most {
			wide = max(wide, n)
		}
	}
	for _, r := range list {
		s := r.spelling()
		if utf8.RuneCountInString(s) > wide {
			fmt.Fprintf(w, "  %s\n", s)
			s = ""
		}
		io.WriteString(w, Indent(fmt.Sprintf("  %-*s  ", wide, s), r.usage, wide+4, width))
	}
}

// helpFor prints the help that words ask for.
func (a *App) helpFor(e *Env, words []string) error {
	if len(words) == 0 {
		a.help(e)
		return nil
	}
	cmd, rest, group := a.find(words)
	switch {
	case cmd != nil && len(rest) == 0:
		a.helpCommand(e, cmd)
	case cmd == nil && group != "" && len(rest) == 0:
		a.helpGroup(e, group)
	case cmd != nil:
		return BadUsage("unexpected argument %q", rest[0])
	default:
		return a.unknown(group, slices.Concat(rest, words)[0])
	}
	return nil
}
