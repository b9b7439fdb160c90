package cli

import (
	"fmt"
	"strings"
)

// Markdown returns the reference of the commands: a table of them, then each with flags
// and examples, at the third level of headings.
func (a *App) Markdown() string {
	var b strings.Builder
	b.WriteString("| command | does |\n| --- | --- |\n")
	for _, c := range a.all() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", c.Name, strings.ReplaceAll(c.Name, " ", "-"), cell(c.Short))
	}
	for _, c := range a.all() {
		a.markdownCommand(&b, c)
	}
	b.WriteString("\n### Flags of every command\n")
	markdownFlags(&b, rows(a.sharedFlags(), nil))
	b.WriteString("\n### Exit codes\n\n| code | meaning |\n| --- | --- |\n")
	for _, c := range Codes() {
		fmt.Fprintf(&b, "| %d | %s |\n", c.Code, cell(c.Text))
	}
	return b.String()
}

func (a *App) markdownCommand(b *strings.Builder, c *Command) {
	fmt.Fprintf(b, "\n### %s\n\n```text\n%s\n```\n\n%s.\n", c.Name, a.synopsis(c), capital(c.Short))
	for _, p := range parts(c.Long) {
		if p.verbatim {
			fmt.Fprintf(b, "\n```text\n%s\n```\n", p.text)
			continue
		}
		b.WriteString("\n" + Indent("", p.text, 0, 90))
	}
	own, _ := a.flagsOf(c)
	markdownFlags(b, own)
	if len(c.Examples) == 0 {
		return
	}
	b.WriteString("\n```sh\n")
	for _, x := range c.Examples {
		fmt.Fprintf(b, "%s   # %s\n", x.Line, x.Text)
	}
	b.WriteString("```\n")
}

func markdownFlags(b *strings.Builder, list []row) {
	if len(list) == 0 {
		return
	}
	b.WriteString("\n| flag | |\n| --- | --- |\n")
	for _, r := range list {
		fmt.Fprintf(b, "| `%s` | %s |\n", cell(strings.TrimSpace(r.spelling())), cell(r.usage))
	}
}

// cell keeps the bar from ending a cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
