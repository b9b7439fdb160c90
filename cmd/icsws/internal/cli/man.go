package cli

import (
	"fmt"
	"strings"
)

// ManPage returns the manual page, in troff with the macros of man(7).
func (a *App) ManPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".\\\" Made by \"%s man\".\n.TH %s 1 %s %s\n", a.Name, strings.ToUpper(a.Name), a.Date, troff(a.Name))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", troff(a.Name), troff(a.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.I command\n.RI [ flags ]\n.RI [ arguments ]\n", troff(a.Name))
	b.WriteString(".SH DESCRIPTION\n")
	manLong(&b, a.Long, false)
	b.WriteString(".SH COMMANDS\n")
	for _, c := range a.all() {
		a.manCommand(&b, c)
	}
	b.WriteString(".SH OPTIONS\nThese belong to every command, and may stand before its name too.\n")
	manFlags(&b, rows(a.sharedFlags(), nil))
	b.WriteString(".SH EXIT STATUS\n")
	for _, c := range Codes() {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", c.Code, line(capital(c.Text)+"."))
	}
	b.WriteString(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nNo colours, if it is set and not empty.\n")
	b.WriteString(".TP\n.BR HTTP_PROXY \", \" HTTPS_PROXY \", \" NO_PROXY\nThe proxies for connections, in lower case too.\n")
	return b.String()
}

func (a *App) manCommand(b *strings.Builder, c *Command) {
	fmt.Fprintf(b, ".SS %s\n", troff(a.synopsis(c)))
	fmt.Fprintf(b, "%s\n", line(capital(c.Short)+"."))
	manLong(b, c.Long, true)
	own, _ := a.flagsOf(c)
	manFlags(b, own)
	if len(c.Examples) > 0 {
		b.WriteString(".PP\nExamples:\n")
	}
	for _, x := range c.Examples {
		fmt.Fprintf(b, ".TP\n%s\n.B %s\n", line(x.Text+":"), troff(x.Line))
	}
}

// manLong writes paragraphs; between says that there is one before.
func manLong(b *strings.Builder, long string, between bool) {
	for _, p := range parts(long) {
		if between {
			b.WriteString(".PP\n")
		}
		between = true
		if !p.verbatim {
			fmt.Fprintf(b, "%s\n", line(p.text))
			continue
		}
		b.WriteString(".nf\n")
		for l := range strings.SplitSeq(p.text, "\n") {
			b.WriteString(kept(l) + "\n")
		}
		b.WriteString(".fi\n")
	}
}

func manFlags(b *strings.Builder, list []row) {
	for _, r := range list {
		b.WriteString(".TP\n.B ")
		for i := len(r.spellings()) - 1; i >= 0; i-- {
			b.WriteString(troff(r.spellings()[i]))
			if i > 0 {
				b.WriteString(", ")
			}
		}
		if r.value != "" {
			b.WriteString(" \\fI" + troff(r.value) + "\\fP")
		}
		fmt.Fprintf(b, "\n%s\n", line(capital(r.usage)+"."))
	}
}

// troff keeps characters from being taken as commands, hyphens as such, and quotes and
// the like as they are in ASCII.
func troff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`, `"`, `\(dq`).Replace(s)
}

// line is text in lines of less than 80 columns, none of which begins with a control
// character.
func line(s string) string {
	lines := Wrap(s, 76)
	for i, l := range lines {
		if lines[i] = troff(l); strings.HasPrefix(l, ".") {
			lines[i] = `\&` + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}

// kept is a line that keeps its blanks.
func kept(s string) string { return `\&` + troff(s) }
