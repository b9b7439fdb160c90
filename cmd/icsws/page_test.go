package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reference in docs/cli.md and the texts of testdata/help")

const (
	page  = "../../docs/cli.md"
	begin = "<!-- commands: made by go test ./cmd/icsws -run Page -update -->\n"
	end   = "<!-- end of the commands -->\n"
)

// O-24: the reference is made of the table of commands.
func TestPageHasTheCommands(t *testing.T) {
	text := read(t, page)
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has not both of the lines\n%s%s", page, begin, end)
	}
	want := before + begin + "\n" + app().Markdown() + "\n" + end + after
	same(t, page, want)
}

// O-24: the helps, as people see them.
func TestHelpPages(t *testing.T) {
	texts := map[string][]string{"icsws": {"help"}}
	for _, c := range app().Commands {
		texts[strings.ReplaceAll(c.Name, " ", "-")] = append([]string{"help"}, strings.Fields(c.Name)...)
	}
	for name, args := range texts {
		r := run(t, args...)
		if r.code != 0 || r.stderr != "" {
			t.Errorf("%q: exit %d, %s", args, r.code, r.stderr)
		}
		for line := range strings.Lines(r.stdout) {
			if len(line) > 81 && !strings.HasPrefix(line, "    icsws ") { // an example is one line
				t.Errorf("%q: longer than 80: %s", args, line)
			}
		}
		same(t, filepath.Join("testdata", "help", name+".txt"), r.stdout)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil && !*update {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n") // of a checkout on Windows
}

// same compares a file with what it should be, and with -update makes it so.
func same(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, name) != want {
		t.Errorf("%s is not up to date: go test ./cmd/icsws -run Page -update", name)
	}
}
