package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/icsws/icsws/cmd/icsws/internal/pty"
)

// tool returns the path of a program. Where ci/shells.sh has called the tests it has to be
// there.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("ICSWS_SHELLS") == "1" {
		t.Fatalf("%s is not installed: ci/shells.sh install brings it", name)
	}
	if err != nil {
		t.Skipf("%s is not installed; ci/shells.sh has it", name)
	}
	return path
}

// completions are command lines, the last word of which is completed, with what the shells
// have to offer among others, and must not.
var completions = []struct{ line, want, not string }{
	{"icsws ch", "check", "serve"},
	{"icsws --color never ser", "serve", "check"},
	{"icsws serve ", "echo", "check"},
	{"icsws serve e", "echo", "static"},
	{"icsws serve --json st", "static", "echo"},
	{"icsws serve echo --compr", "--compression", "--tls-cert"},
	{"icsws serve echo --compression mes", "message", "context"},
	{"icsws serve echo --tls-cert some-fi", "some-file.pem", "other"},
	{"icsws cert some-fi", "some-file.pem", "other"},
	{"icsws explain reject/orig", "reject/origin", "reject/tls"},
	{"icsws help ver", "version", "check"},
	{"icsws hosts c", "check", "cert"},
	{"icsws check --origin https://a.example --prot", "--protocol", "--origin"},
}

// script writes a completion script, and the files that are completed, into a folder.
func script(t *testing.T, shell, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	r := run(t, "completion", shell)
	if r.code != 0 {
		t.Fatalf("exit %d, %s", r.code, r.stderr)
	}
	for n, text := range map[string]string{name: r.stdout, "some-file.pem": "", "other.pem": ""} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// offered compares what a shell has to offer.
func offered(t *testing.T, line, got, want, not string) {
	t.Helper()
	words := strings.Fields(got)
	has := func(w string) bool {
		for _, word := range words {
			if word == w {
				return true
			}
		}
		return false
	}
	if !has(want) || has(not) {
		t.Errorf("%q: offers %q, want %s and not %s", line, got, want, not)
	}
}

// O-24: the script for bash. Words arrive broken at "=" and ":", as bash has it.
func TestShellBash(t *testing.T) {
	dir, bash := script(t, "bash", "icsws.bash"), tool(t, "bash")
	const ask = `source ./icsws.bash; line=$1; words=${line//:/ : }; words=${words//=/ = }
COMP_WORDS=($words); [[ $line != *' ' ]] || COMP_WORDS+=(''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _icsws; echo "${COMPREPLY[@]}"`
	lines := append(completions[:len(completions):len(completions)], struct{ line, want, not string }{"icsws --color=nev", "never", "auto"})
	for _, tt := range lines {
		cmd := exec.CommandContext(t.Context(), bash, "--norc", "-u", "-c", ask, "bash", tt.line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", tt.line, err, out)
		}
		offered(t, tt.line, string(out), tt.want, tt.not)
	}
}

// O-24: the script for fish.
func TestShellFish(t *testing.T) {
	dir, fish := script(t, "fish", "icsws.fish"), tool(t, "fish")
	for _, tt := range completions {
		cmd := exec.CommandContext(t.Context(), fish, "--no-config", "-c", "source ./icsws.fish; complete -C "+"'"+tt.line+"'")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", tt.line, err, out)
		}
		var words []string
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(line, "\t")
			words = append(words, word)
		}
		offered(t, tt.line, strings.Join(words, " "), tt.want, tt.not)
	}
}

// O-24: the script for zsh, which completes nowhere but in a terminal.
func TestShellZsh(t *testing.T) {
	dir := script(t, "zsh", "_icsws")
	cmd := exec.Command(tool(t, "zsh"), "-f", "-i")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=dumb", "HOME="+dir, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	term := pty.Start(t, cmd)
	term.Resize(200, 50)
	term.Type("PROMPT='> '; fpath=(" + dir + " $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste; echo re''ady\r")
	term.Expect("ready")
	for _, tt := range completions {
		if strings.HasSuffix(tt.line, " ") {
			continue // a list of several, which the cursor goes around in
		}
		at := strings.LastIndex(tt.line, " ") + 1
		term.Type(tt.line + "\t")
		// What is completed stands behind what was typed.
		term.Expect(tt.want[len(tt.line)-at:])
		term.Type("\x15echo do''ne\r") // Ctrl-U
		term.Expect("done")
	}
	term.Type("exit\r")
	term.Wait()
}

// O-24: the manual page is read without a complaint.
func TestManualPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "icsws.1")
	if err := os.WriteFile(page, []byte(run(t, "man").stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, reader := range [][]string{
		{"groff", "-man", "-ww", "-Tutf8", page},
		{"mandoc", "-T", "lint", "-W", "all,stop", page},
	} {
		t.Run(reader[0], func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), tool(t, reader[0]), reader[1:]...)
			var complaints, text strings.Builder
			cmd.Stdout, cmd.Stderr = &text, &complaints
			err := cmd.Run()
			if reader[0] == "mandoc" {
				complaints.WriteString(text.String())
			} else if !strings.Contains(text.String(), "Interrupted by a signal.") {
				t.Errorf("no page: %s", text.String())
			}
			if err != nil || complaints.Len() > 0 {
				t.Errorf("%v: %s", err, complaints.String())
			}
		})
	}
}
