package explain

import (
	"context"
	"strconv"
	"strings"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/internal/nearest"
)

// Command returns "explain".
func Command() *cli.Command {
	return &cli.Command{
		Name: "explain", Args: "CODE...", Max: -1, Complete: codes(),
		Short: "say what a close code, an HTTP status or a code of the log means",
		Long: "CODE is a number: from 1000 on a close code, below the HTTP status that answers a " +
			"handshake. Or it is one of the codes in the log and the metrics of a server of this library, such " +
			"as reject/origin, with or without what is before the slash; or the reason for which a dialling client " +
			"has no connection, such as cert-expired.\n\n" +
			"The exit code is 1 if a code is not known.",
		Examples: []cli.Example{
			{Text: "Why does the browser say 1006", Line: "icsws explain 1006"},
			{Text: "A refusal in the log, and the status that the client got", Line: "icsws explain reject/origin 403"},
			{Text: "Everything that there is", Line: "icsws explain --list"},
		},
		Setup: func(f *cli.Flags) cli.RunFunc {
			all := f.Bool("list", false, "list all codes")
			return func(_ context.Context, env *cli.Env, args []string) error {
				switch {
				case *all && len(args) > 0:
					return cli.BadUsage("--list takes no codes")
				case *all:
					return list(env)
				case len(args) == 0:
					return cli.BadUsage("missing argument: CODE...")
				}
				return run(env, args)
			}
		},
	}
}

func codes() (words []string) {
	for _, e := range All() {
		words = append(words, e.Code)
	}
	return words
}

// answer is what --json has for one code.
type answer struct {
	Asked string  `json:"asked"`
	Found []Entry `json:"found"`
	Hint  string  `json:"hint,omitempty"` // the code that may be meant
}

func run(env *cli.Env, args []string) error {
	code := cli.OK
	var answers []answer
	for _, arg := range args {
		a := answer{Asked: arg, Found: Find(arg)}
		if len(a.Found) == 0 {
			code, a.Found, a.Hint = cli.Failed, []Entry{}, guess(arg)
		}
		answers = append(answers, a)
	}
	if env.JSON {
		if err := env.PrintJSON(answers); err != nil {
			return err
		}
		return cli.Silent(code)
	}
	for i, a := range answers {
		if i > 0 {
			env.Printf("\n")
		}
		a.print(env)
	}
	return cli.Silent(code)
}

func (a answer) print(env *cli.Env) {
	if len(a.Found) == 0 {
		env.Printf("%s: not known", env.Paint(cli.Bold, a.Asked))
		if a.Hint != "" {
			env.Printf("; did you mean %s?", a.Hint)
		}
		env.Printf("\n")
	}
	for i, e := range a.Found {
		if i > 0 {
			env.Printf("\n")
		}
		e.print(env)
	}
}

func (e Entry) print(env *cli.Env) {
	env.Printf("%s  %s\n", env.Paint(cli.Bold, e.Code), env.Paint(cli.Dim, strings.TrimSuffix(e.Kind+": "+e.Name, ": ")))
	for _, part := range []struct{ head, text string }{
		{"", e.Text},
		{"", e.Advice},
		{"setting: ", e.Setting},
		{"HTTP status: ", number(e.Status)},
		{"close code: ", number(e.Close)},
	} {
		if part.text != "" {
			env.Printf("%s", cli.Indent("  ", part.head+part.text, 2, env.Width))
		}
	}
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// guess returns the code of ours that is most like a word.
func guess(word string) string {
	var all, behind []string
	for _, e := range All() {
		if _, b, ok := strings.Cut(e.Code, "/"); ok {
			all, behind = append(all, e.Code), append(behind, b)
		}
	}
	if g := nearest.Word(word, all); g != "" {
		return g
	}
	return nearest.Word(word, behind)
}

func list(env *cli.Env) error {
	all := All()
	if env.JSON {
		return env.PrintJSON(all)
	}
	for _, e := range all {
		env.Printf("%s", cli.Indent(e.Code+strings.Repeat(" ", max(1, 24-len(e.Code))), e.Text, 24, env.Width))
	}
	return nil
}
