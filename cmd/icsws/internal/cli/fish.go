package cli

import (
	"fmt"
	"strings"
)

// fish returns the completion script.
func (a *App) fish() string {
	var b strings.Builder
	fn := "__" + a.Name
	fmt.Fprintf(&b, "# Completes %s in fish; made by \"%s completion fish\".\n\n", a.Name, a.Name)
	b.WriteString("# Succeeds behind the command that it is given.\n")
	fmt.Fprintf(&b, "function %s_at\n\tset -l place ''\n\tset -l value 0\n\tset -l words (commandline -opc)\n\tfor word in $words[2..-1]\n", fn)
	b.WriteString("\t\tif test $value = 1\n\t\t\tset value 0\n\t\t\tcontinue\n\t\tend\n")
	b.WriteString("\t\tswitch \"$place $word\"\n")
	for _, n := range a.nodes() {
		for _, next := range n.next {
			fmt.Fprintf(&b, "\t\t\tcase %s\n\t\t\t\tset place %s\n", quote(n.path+" "+next.word), quote(strings.TrimSpace(n.path+" "+next.word)))
		}
		var valued []string
		for _, r := range n.flags {
			if r.value != "" {
				for _, s := range r.spellings() {
					valued = append(valued, quote(n.path+" "+s))
				}
			}
		}
		if len(valued) > 0 {
			fmt.Fprintf(&b, "\t\t\tcase %s\n\t\t\t\tset value 1\n", strings.Join(valued, " "))
		}
	}
	b.WriteString("\t\tend\n\tend\n\ttest \"$place\" = \"$argv[1]\"\nend\n\n")
	fmt.Fprintf(&b, "complete -c %s -f\n", a.Name)
	for _, n := range a.nodes() {
		at := fmt.Sprintf("complete -c %s -n %s", a.Name, quote(fn+"_at "+quoteInside(n.path)))
		for _, next := range n.next {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", at, next.word, quote(next.about))
		}
		if len(n.words) > 0 {
			fmt.Fprintf(&b, "%s -a %s\n", at, quote(strings.Join(n.words, " ")))
		}
		if n.files {
			fmt.Fprintf(&b, "%s -F\n", at)
		}
		for _, r := range n.flags {
			b.WriteString(at + fishFlag(r) + "\n")
		}
	}
	return b.String()
}

// quoteInside quotes a path within what is quoted already.
func quoteInside(path string) string { return `"` + path + `"` }

func fishFlag(r row) string {
	s := " -l " + r.name
	if r.letter != "" {
		s += " -s " + r.letter
	}
	switch {
	case r.value == "":
	case len(r.words) > 0:
		s += " -x -a " + quote(strings.Join(r.words, " "))
	case r.paths() == "file":
		s += " -r -F"
	case r.paths() == "folder":
		s += " -x -a '(__fish_complete_directories)'"
	default:
		s += " -x"
	}
	return s + " -d " + quote(r.usage)
}
