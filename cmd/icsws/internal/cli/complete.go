package cli

import (
	"slices"
	"strings"
)

// node is a place in a command line: behind these words come other words, or flags and
// arguments.
type node struct {
	path  string // of the command, or of the group; empty for the program
	next  []branch
	flags []row
	words []string // for the argument
	files bool
	many  bool // any number of arguments
}

// branch is a word that leads to another node.
type branch struct{ word, about string }

// nodes lists all, the program first.
func (a *App) nodes() []node {
	_, common := a.flagsOf(a.builtin()[0])
	list := []node{{next: a.branches(""), flags: common}}
	for _, word := range a.words("") {
		if len(a.under(word)) > 0 {
			list = append(list, node{path: word, next: a.branches(word), flags: common})
		}
	}
	for _, c := range a.all() {
		own, common := a.flagsOf(c)
		list = append(list, node{path: c.Name, flags: slices.Concat(own, common), words: c.Complete, files: c.Files, many: c.Max != 1})
	}
	return list
}

// branches are the words behind a group, each with its line.
func (a *App) branches(group string) (list []branch) {
	for _, word := range a.words(group) {
		full := strings.TrimSpace(group + " " + word)
		about := oneOf(a.words(full))
		if cmd, _, _ := a.find(strings.Fields(full)); cmd != nil {
			about = cmd.Short
		} else if under := a.under(full); len(under) == 1 {
			about = under[0].Short
		}
		list = append(list, branch{word, about})
	}
	return list
}

// paths tells which files a flag's value is: "file", "folder" or nothing.
func (r row) paths() string {
	if r.value == "file" || r.value == "folder" {
		return r.value
	}
	return ""
}

// spellings are the names that a flag has on a command line.
func (r row) spellings() []string {
	if r.letter != "" {
		return []string{"--" + r.name, "-" + r.letter}
	}
	return []string{"--" + r.name}
}

// quote makes one word for a shell of the family of sh, and for fish.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
