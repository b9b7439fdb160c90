package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
)

// table is a small program: it prints what it was given.
func table() []*cli.Command {
	return []*cli.Command{
		{
			Name: "greet", Args: "NAME...", Min: 1, Max: 2, Short: "print what it was given", Long: "One.\n\n  kept   as it is\n\nTwo.",
			Examples: []cli.Example{{Text: "Greet Ada", Line: "icsws greet ada"}},
			Setup: func(f *cli.Flags) cli.RunFunc {
				loud := f.Bool("loud", false, "shout")
				f.Short("l", "loud")
				times := f.Int("times", 1, "`number` of times")
				f.Short("n", "times")
				kind := f.Choice("kind", "warm", []string{"warm", "cold"}, "how to greet")
				tags := f.List("tag", "`word` to add")
				f.Short("t", "tag")
				span := f.Span("span", 14*24*time.Hour, "a `time`")
				return func(_ context.Context, env *cli.Env, args []string) error {
					env.Printf("args=%q loud=%v times=%d kind=%s tags=%q span=%v json=%v given=%v\n", args, *loud, *times, *kind, *tags, *span, env.JSON, f.Given("times"))
					return nil
				}
			},
		},
		{Name: "group one", Short: "be the first", Setup: says("one")},
		{Name: "group two", Args: "[X]", Max: 1, Short: "be the second", Setup: says("two")},
	}
}

func says(word string) func(*cli.Flags) cli.RunFunc {
	return func(*cli.Flags) cli.RunFunc {
		return func(_ context.Context, env *cli.Env, args []string) error {
			env.Printf("%s %q json=%v\n", word, args, env.JSON)
			return nil
		}
	}
}

// O-24: flags as GNU has them, before and behind the arguments.
func TestCommandLines(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"greet ada", `args=["ada"] loud=false times=1 kind=warm tags=[] span=336h0m0s json=false given=false`},
		{"greet --loud ada --times 3", `args=["ada"] loud=true times=3 kind=warm tags=[] span=336h0m0s json=false given=true`},
		{"greet ada --times=3 bob -l", `args=["ada" "bob"] loud=true times=3 kind=warm tags=[] span=336h0m0s json=false given=true`},
		{"greet -ln2 ada", `args=["ada"] loud=true times=2 kind=warm tags=[] span=336h0m0s json=false given=true`},
		{"greet -n=2 ada", `args=["ada"] loud=false times=2 kind=warm tags=[] span=336h0m0s json=false given=true`},
		{"greet -t a --tag b -t=c ada", `args=["ada"] loud=false times=1 kind=warm tags=["a" "b" "c"] span=336h0m0s json=false given=false`},
		{"greet -times 4 ada", `args=["ada"] loud=false times=4 kind=warm tags=[] span=336h0m0s json=false given=true`}, // as package flag has it
		{"greet --tag -- -- --loud", `args=["--loud"] loud=false times=1 kind=warm tags=["--"] span=336h0m0s json=false given=false`},
		{"greet -", `args=["-"] loud=false times=1 kind=warm tags=[] span=336h0m0s json=false given=false`},
		{"greet --loud=false --span 3d --kind cold a", `args=["a"] loud=false times=1 kind=cold tags=[] span=72h0m0s json=false given=false`},
		{"greet --span 90m a", `args=["a"] loud=false times=1 kind=warm tags=[] span=1h30m0s json=false given=false`},
		{"--json greet a", `args=["a"] loud=false times=1 kind=warm tags=[] span=336h0m0s json=true given=false`},
		{"--color never greet a --json", `args=["a"] loud=false times=1 kind=warm tags=[] span=336h0m0s json=true given=false`},
		{"group one", `one [] json=false`},
		{"group two x --json", `two ["x"] json=true`},
		{"group --json two", `two [] json=true`},
		{"--json group --color never two x", `two ["x"] json=true`},
	} {
		t.Run(tt.line, func(t *testing.T) {
			r := clitest.Run(t, table(), strings.Fields(tt.line)...)
			if r.Code != cli.OK || strings.TrimSpace(r.Stdout) != tt.want || r.Stderr != "" {
				t.Errorf("exit %d\n%s%swant\n%s", r.Code, r.Stdout, r.Stderr, tt.want)
			}
		})
	}
}

// O-24: what is wrong with a command line is said in a sentence, with what may be meant.
func TestWrongCommandLines(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"gret ada", `unknown command "gret"; did you mean "greet"?|Try "icsws help".`},
		{"nonsense", `unknown command "nonsense"|Try "icsws help".`},
		{"group", `group: which one: one or two?|Try "icsws help group".`},
		{"group tow", `unknown command "group tow"; did you mean "group two"?|Try "icsws help group".`},
		{"greet", `greet: missing argument: NAME...|Try "icsws help greet".`},
		{"greet a b c", `greet: unexpected argument "c"|Try "icsws help greet".`},
		{"greet --lod a", `greet: unknown flag --lod; did you mean --loud?|Try "icsws help greet".`},
		{"greet --zzz=1 a", `greet: unknown flag --zzz|Try "icsws help greet".`},
		{"greet -x a", `greet: unknown flag -x|Try "icsws help greet".`},
		{"greet a --times", `greet: flag --times wants a value: number|Try "icsws help greet".`},
		{"greet a -n", `greet: flag -n wants a value: number|Try "icsws help greet".`},
		{"greet --times x a", `greet: flag --times: "x": want a whole number|Try "icsws help greet".`},
		{"greet --loud=perhaps a", `greet: flag --loud: "perhaps": want a value true or false|Try "icsws help greet".`},
		{"greet --kind hot a", `greet: flag --kind: "hot": want warm or cold|Try "icsws help greet".`},
		{"greet --span -5m a", `greet: flag --span: "-5m": want a time such as 90s, 12h or 14d|Try "icsws help greet".`},
		{"greet --span 5x a", `greet: flag --span: "5x": want a time such as 90s, 12h or 14d|Try "icsws help greet".`},
		{"--jsn greet a", `unknown flag --jsn; did you mean --json?|Try "icsws help".`},
		{"help gret", `help: unknown command "gret"; did you mean "greet"?|Try "icsws help help".`},
		{"completion tcsh", `completion: "tcsh" is not one of bash, zsh and fish|Try "icsws help completion".`},
		{"version x", `version: unexpected argument "x"|Try "icsws help version".`},
	} {
		t.Run(tt.line, func(t *testing.T) {
			r := clitest.Run(t, table(), strings.Fields(tt.line)...)
			got := strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(r.Stderr), "icsws: "), "\n", "|")
			if r.Code != cli.Usage || got != tt.want || r.Stdout != "" {
				t.Errorf("exit %d, %q, want 2, %q", r.Code, got, tt.want)
			}
		})
	}
	if r := clitest.Run(t, table()); r.Code != cli.Usage || !strings.Contains(r.Stdout, "Commands:") {
		t.Errorf("nothing at all: exit %d, %q", r.Code, r.Stdout)
	}
}

// O-24: a program that asks for JSON gets it, wherever in a wrong line it asks.
func TestWrongCommandLinesAsJSON(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"--json greet", `greet: missing argument: NAME...`},
		{"--json", `missing command`},
		{"--zzz --json greet a", `unknown flag --zzz`},
		{"greet --zzz a --json", `greet: unknown flag --zzz`},
		{"greet --times x a -json", `greet: flag --times: \"x\": want a whole number`},
		{"greet --zzz --json=true a", `greet: unknown flag --zzz`},
		{"greet --json=perhaps a", `greet: flag --json: \"perhaps\": want a value true or false`},
		{"group --zzz --json", `unknown flag --zzz`},
		{"gret ada --json", `unknown command \"gret\"; did you mean \"greet\"?`},
	} {
		r := clitest.Run(t, table(), strings.Fields(tt.line)...)
		if want := `{"error":"` + tt.want + `","exit":2}` + "\n"; r.Code != cli.Usage || r.Stderr != want || r.Stdout != "" {
			t.Errorf("%s: exit %d, %q and %q, want %q", tt.line, r.Code, r.Stdout, r.Stderr, want)
		}
	}
	for _, line := range []string{"greet --zzz -- --json", "greet --zzz json json=true", "greet --zzz --json --json=false", "greet --zzz=--json"} {
		if r := clitest.Run(t, table(), strings.Fields(line)...); r.Code != cli.Usage || !strings.HasPrefix(r.Stderr, "icsws: greet: unknown flag --zzz") {
			t.Errorf("%s: exit %d, %q", line, r.Code, r.Stderr)
		}
	}
	if r := clitest.Run(t, table(), "--json", "--help"); r.Code != cli.OK || !strings.Contains(r.Stdout, "Commands:") || r.Stderr != "" {
		t.Errorf("--json --help: exit %d, %q and %q", r.Code, r.Stdout, r.Stderr)
	}
}

// O-24: one table of exit codes.
func TestErrorsHaveExitCodes(t *testing.T) {
	timeout := &net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}}
	for _, tt := range []struct {
		err    error
		code   cli.Code
		stderr string
	}{
		{nil, cli.OK, ""},
		{errors.New("x"), cli.Failed, "icsws: x\n"},
		{io.EOF, cli.Failed, "icsws: EOF\n"},
		{cli.Fail(cli.Refused, "no: %w", io.EOF), cli.Refused, "icsws: no: EOF\n"},
		{fmt.Errorf("a: %w", cli.Fail(cli.NoConnection, "b")), cli.NoConnection, "icsws: a: b\n"},
		{cli.Silent(cli.TimedOut), cli.TimedOut, ""},
		{cli.Silent(cli.OK), cli.OK, ""},
		{cli.BadUsage("bad %d", 1), cli.Usage, "icsws: run: bad 1\nTry \"icsws help run\".\n"},
		{context.DeadlineExceeded, cli.TimedOut, "icsws: context deadline exceeded\n"},
		{timeout, cli.TimedOut, "icsws: " + timeout.Error() + "\n"},
		{&net.OpError{Op: "dial", Err: io.EOF}, cli.NoConnection, "icsws: dial: EOF\n"},
	} {
		run := &cli.Command{Name: "run", Short: "fail", Setup: func(*cli.Flags) cli.RunFunc {
			return func(context.Context, *cli.Env, []string) error { return tt.err }
		}}
		if r := clitest.Run(t, []*cli.Command{run}, "run"); r.Code != tt.code || r.Stderr != tt.stderr {
			t.Errorf("%v: exit %d, %q, want %d, %q", tt.err, r.Code, r.Stderr, tt.code, tt.stderr)
		}
	}
	codes := cli.Codes()
	if !slices.IsSortedFunc(codes, func(a, b cli.CodeText) int { return int(a.Code - b.Code) }) || len(codes) != 7 {
		t.Errorf("the table is %v", codes)
	}
}

// O-24: help, by whatever way it is asked for.
func TestHelp(t *testing.T) {
	want := clitest.Run(t, table(), "help", "greet")
	for _, part := range []string{
		"Usage:\n  icsws greet [flags] NAME...\n\nPrint what it was given.\n\nOne.\n\n  kept   as it is\n\nTwo.\n\nFlags:\n",
		"      --kind warm|cold  how to greet (default warm)\n", "  -l, --loud            shout\n", "  -t, --tag word        word to add (repeatable)\n",
		"      --span time       a time (default 14d)\n", "Flags of every command:\n", "Examples:\n  Greet Ada:\n    icsws greet ada\n",
	} {
		if !strings.Contains(want.Stdout, part) {
			t.Errorf("no %q in\n%s", part, want.Stdout)
		}
	}
	for _, line := range []string{"greet -h", "greet --help", "greet a --help", "--help greet", "-h greet x y z"} {
		if r := clitest.Run(t, table(), strings.Fields(line)...); r.Code != cli.OK || r.Stdout != want.Stdout {
			t.Errorf("%s: exit %d\n%s%s", line, r.Code, r.Stdout, r.Stderr)
		}
	}
	group := clitest.Run(t, table(), "help", "group")
	if r := clitest.Run(t, table(), "group", "-h"); r.Stdout != group.Stdout || !strings.Contains(r.Stdout, "group two  be the second") {
		t.Errorf("group -h:\n%s", r.Stdout)
	}
	all := clitest.Run(t, table(), "help")
	if r := clitest.Run(t, table(), "--help"); r.Code != cli.OK || r.Stdout != all.Stdout || !strings.Contains(r.Stdout, "130  interrupted") {
		t.Errorf("--help: exit %d\n%s", r.Code, r.Stdout)
	}
	for line := range strings.Lines(all.Stdout + want.Stdout + group.Stdout) {
		if len(line) > 81 {
			t.Errorf("longer than 80: %s", line)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		if r := clitest.Run(t, table(), arg); r.Code != cli.OK || !strings.HasPrefix(r.Stdout, "icsws ") || !strings.Contains(r.Stdout, " go1.") {
			t.Errorf("%s: exit %d, %q", arg, r.Code, r.Stdout)
		}
	}
	var v cli.Version
	clitest.Run(t, table(), "version", "--json").JSON(t, &v)
	if v != cli.BuildVersion() || v.Go == "" || v.System == "" {
		t.Errorf("version %+v", v)
	}
}
