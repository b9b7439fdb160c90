package cli

import (
	"fmt"
	"strings"
)

// zsh returns the completion script, for a folder of fpath or to be sourced.
func (a *App) zsh() string {
	var b strings.Builder
	fn := "_" + a.Name
	fmt.Fprintf(&b, "#compdef %s\n# Completes %s in zsh; made by \"%s completion zsh\".\n", a.Name, a.Name, a.Name)
	for _, n := range a.nodes() {
		fmt.Fprintf(&b, "\n%s() {\n", zshName(fn, n.path))
		if len(n.next) > 0 {
			zshGroup(&b, fn, n)
		} else {
			b.WriteString("\t_arguments -s" + zshFlags(n.flags) + zshArguments(n) + "\n")
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, "\nif [[ $funcstack[1] == %s ]]; then\n\t%s \"$@\"\nelse\n\tcompdef %s %s\nfi\n", fn, fn, fn, a.Name)
	return b.String()
}

func zshName(fn, path string) string {
	if path == "" {
		return fn
	}
	return fn + "_" + strings.ReplaceAll(path, " ", "_")
}

// zshGroup completes a word, and leaves the rest to the word's own function.
func zshGroup(b *strings.Builder, fn string, n node) {
	b.WriteString("\tlocal curcontext=$curcontext state state_descr line ret=1\n\ttypeset -A opt_args\n")
	b.WriteString("\t_arguments -s -C" + zshFlags(n.flags) + " \\\n\t\t'(-)1: :->command' '(-)*:: :->rest' && ret=0\n")
	b.WriteString("\tcase $state in\n\tcommand)\n\t\tlocal -a list\n\t\tlist=(\n")
	for _, next := range n.next {
		fmt.Fprintf(b, "\t\t\t%s\n", quote(next.word+":"+strings.ReplaceAll(next.about, ":", `\:`)))
	}
	b.WriteString("\t\t)\n\t\t_describe -t commands command list && ret=0\n\t\t;;\n\trest)\n\t\tcase $line[1] in\n")
	for _, next := range n.next {
		fmt.Fprintf(b, "\t\t%s) %s && ret=0 ;;\n", next.word, zshName(fn, strings.TrimSpace(n.path+" "+next.word)))
	}
	b.WriteString("\t\tesac\n\t\t;;\n\tesac\n\treturn ret\n")
}

func zshFlags(list []row) string {
	var b strings.Builder
	text := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`)
	for _, r := range list {
		star, value := "", ""
		if r.list {
			star = "*"
		}
		if r.value != "" {
			value = ":" + text.Replace(r.value) + ":" + zshAction(r.words, r.paths())
		}
		about := "[" + text.Replace(r.usage) + "]"
		long := "--" + r.name
		if r.value != "" {
			long += "="
		}
		b.WriteString(" \\\n\t\t" + quote(star+long+about+value))
		if r.letter != "" {
			b.WriteString(" " + quote(star+"-"+r.letter+about+value))
		}
	}
	return b.String()
}

func zshAction(words []string, paths string) string {
	switch {
	case len(words) > 0:
		return "(" + strings.Join(words, " ") + ")"
	case paths == "file":
		return "_files"
	case paths == "folder":
		return "_files -/"
	}
	return " "
}

func zshArguments(n node) string {
	paths := ""
	if n.files {
		paths = "file"
	}
	if len(n.words) == 0 && paths == "" {
		return ""
	}
	place := "1"
	if n.many {
		place = "*"
	}
	action := zshAction(n.words, paths)
	if len(n.words) > 0 && n.files {
		action = "_files"
	}
	return " \\\n\t\t" + quote(place+":argument:"+action)
}
