package cli

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks the words of text into lines of at most width runes, if no word is longer.
func Wrap(text string, width int) []string {
	var lines []string
	line, n := "", 0
	for word := range strings.FieldsSeq(text) {
		w := utf8.RuneCountInString(word)
		if n > 0 && n+1+w > width {
			lines, line, n = append(lines, line), "", 0
		}
		if n > 0 {
			line, n = line+" ", n+1
		}
		line, n = line+word, n+w
	}
	return append(lines, line)
}

// Indent wraps text behind a first part that takes as many columns as the others are
// indented by. What a terminal could obey is escaped in it: it may be from outside.
func Indent(first, text string, by, width int) string {
	pad := strings.Repeat(" ", by)
	var b strings.Builder
	for i, line := range Wrap(Escape(text, "\n\t"), max(width-by, 20)) {
		if i == 0 {
			b.WriteString(first)
		} else {
			b.WriteString(pad)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// part is a paragraph of a long text, or lines that stay as they are.
type part struct {
	verbatim bool
	text     string
}

// parts splits a long text at its empty lines.
func parts(long string) (list []part) {
	for p := range strings.SplitSeq(strings.Trim(long, "\n"), "\n\n") {
		switch {
		case strings.TrimSpace(p) == "":
		case strings.HasPrefix(p, "  "):
			list = append(list, part{true, p})
		default:
			list = append(list, part{false, p})
		}
	}
	return list
}
