package cli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
)

// O-24: a colour only where one is wanted; the case of a terminal is in cmd/icsws.
func TestColours(t *testing.T) {
	paint := &cli.Command{Name: "paint", Short: "paint", Setup: func(*cli.Flags) cli.RunFunc {
		return func(_ context.Context, env *cli.Env, _ []string) error {
			env.Printf("%s%s", env.Paint(cli.Red, "x"), env.Paint(cli.Red, ""))
			env.Logger.Warn("hot")
			env.Logger.Info("cool")
			return nil
		}
	}}
	for _, tt := range []struct{ flags, want, log string }{
		{"", "x", "msg=hot"},
		{"--color auto", "x", "msg=hot"},
		{"--color never", "x", "msg=hot"},
		{"--color always", "\x1b[31mx\x1b[0m", "msg=hot"},
		{"--json", "x", `"msg":"hot"`},
		{"--log-level info", "x", "msg=cool"},
		{"--log-level error", "x", ""},
	} {
		r := clitest.Run(t, []*cli.Command{paint}, append(strings.Fields(tt.flags), "paint")...)
		if r.Stdout != tt.want || !strings.Contains(r.Stderr, tt.log) || tt.log == "" && r.Stderr != "" {
			t.Errorf("%s: %q and %q, want %q and %q", tt.flags, r.Stdout, r.Stderr, tt.want, tt.log)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two three", 7, "one two|three"},
		{"one two three", 8, "one two|three"},
		{"  one\n two ", 80, "one two"},
		{"a verylongwordindeed b", 6, "a|verylongwordindeed|b"},
		{"äöü äöü", 7, "äöü äöü"}, // runes, not bytes
	} {
		if got := strings.Join(cli.Wrap(tt.text, tt.width), "|"); got != tt.want {
			t.Errorf("Wrap(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
	if got := cli.Indent("  x  ", "one two three four five six", 5, 26); got != "  x  one two three four\n     five six\n" {
		t.Errorf("Indent = %q", got)
	}
}

func TestManPageKeepsControlCharactersOutOfTheWay(t *testing.T) {
	odd := &cli.Command{
		Name: "odd", Short: "show 'quotes' and \\ back-slashes", Long: ".profile is a file.\n\n  .kept  'line'",
		Setup: func(*cli.Flags) cli.RunFunc { return nil },
	}
	page := (&cli.App{Name: "icsws", Short: "a test", Date: "2026-01-01", Commands: []*cli.Command{odd}}).ManPage()
	for _, want := range []string{".TH ICSWS 1 2026-01-01 icsws\n", "\n\\&.profile is a file.\n", "\n\\&  .kept  \\(aqline\\(aq\n", "\nShow \\(aqquotes\\(aq and \\e back\\-slashes.\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}
