package main

import (
	"regexp"
	"strings"
	"testing"
)

// flagsIn reads the flags of each command out of the reference: of a name, the row without
// its default.
func flagsIn(page string) map[string]map[string]string {
	all := make(map[string]map[string]string)
	name, usage := regexp.MustCompile("--[a-z-]+"), regexp.MustCompile(` \(default [^)]*\)`)
	for section := range strings.SplitSeq(page, "\n### ") {
		command, text, _ := strings.Cut(section, "\n")
		flags := make(map[string]string)
		for line := range strings.Lines(text) {
			if n := name.FindString(line); strings.HasPrefix(line, "| `") && n != "" {
				flags[n] = usage.ReplaceAllString(line, "")
			}
		}
		all[command] = flags
	}
	return all
}

// O-24: commands that reach a server have one vocabulary.
func TestCommandsThatConnectNameTheirFlagsAlike(t *testing.T) {
	all := flagsIn(app().Markdown())
	common := []string{
		"--ca", "--cert", "--compression", "--header", "--insecure", "--key", "--key-password-file", "--max-size", "--origin", "--protocol",
		"--proxy", "--resolve", "--server-name", "--timeout", "--unix", "--user",
	}
	for _, command := range []string{"connect", "bench", "check"} {
		for _, flag := range common {
			if got, want := all[command][flag], all["connect"][flag]; got == "" || got != want {
				t.Errorf("%s %s: %q, and %q of connect", command, flag, got, want)
			}
		}
	}
	for flag, row := range all["connect"] {
		if other := all["bench"][flag]; other != "" && other != row && flag != "--quiet" && flag != "--binary" {
			t.Errorf("bench %s: %q, and %q of connect", flag, other, row)
		}
	}
	for _, tt := range []struct{ flag, a, b string }{
		{"--timeout", "cert", "check"}, {"--ca", "cert", "check"}, {"--warn", "cert", "check"}, {"--warn", "hosts check", "check"},
		{"--ping-interval", "serve echo", "connect"},
	} {
		if got, want := all[tt.a][tt.flag], all[tt.b][tt.flag]; got == "" || got != want {
			t.Errorf("%s: %s has %q, %s %q", tt.flag, tt.a, got, tt.b, want)
		}
	}
}
