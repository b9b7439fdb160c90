package cli

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// builtin are the commands that every such program has.
func (a *App) builtin() []*Command {
	return []*Command{
		{
			Name: "completion", Args: "bash|zsh|fish", Min: 1, Max: 1, Complete: []string{"bash", "zsh", "fish"},
			Short: "print a script that completes commands in a shell",
			Long:  "The script has all commands, flags and their values in it, and calls nothing.",
			Examples: []Example{
				{"bash, for this shell", "source <(" + a.Name + " completion bash)"},
				{"bash, for all that start from now on", a.Name + " completion bash > ~/.local/share/bash-completion/completions/" + a.Name},
				{"zsh, with a folder of $fpath", a.Name + " completion zsh > ~/.zfunc/_" + a.Name},
				{"fish", a.Name + " completion fish > ~/.config/fish/completions/" + a.Name + ".fish"},
			},
			Setup: func(*Flags) RunFunc { return a.runCompletion },
		},
		{
			Name: "help", Args: "[COMMAND]", Max: 2, Complete: a.helpWords(),
			Short: "print the help of the program or of a command",
			Setup: func(*Flags) RunFunc {
				return func(_ context.Context, env *Env, args []string) error { return a.helpFor(env, args) }
			},
		},
		{
			Name: "man", Short: "print the manual page, in troff",
			Examples: []Example{
				{"Read it", a.Name + " man | man -l -"},
				{"Install it", a.Name + " man > /usr/local/share/man/man1/" + a.Name + ".1"},
			},
			Setup: func(*Flags) RunFunc {
				return func(_ context.Context, env *Env, _ []string) error {
					_, err := io.WriteString(env.Stdout, a.ManPage())
					return err
				}
			},
		},
		{
			Name: "version", Short: "print the version and what the program was built with",
			Setup: func(*Flags) RunFunc { return a.runVersion },
		},
	}
}

// Version is what the program knows of its build.
type Version struct {
	Version  string `json:"version"` // of the module; "(devel)" for a build of a checkout
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the checkout had changes
	Go       string `json:"go"`
	System   string `json:"system"`
}

// BuildVersion reads it out of the binary.
func BuildVersion() Version {
	v := Version{Version: "(devel)", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (a *App) runVersion(_ context.Context, env *Env, _ []string) error {
	v := BuildVersion()
	if env.JSON {
		return env.PrintJSON(v)
	}
	line := []string{a.Name, v.Version}
	if v.Revision != "" {
		line = append(line, v.Revision[:min(12, len(v.Revision))])
	}
	if v.Modified {
		line = append(line, "modified")
	}
	env.Printf("%s\n", strings.Join(append(line, v.Go, v.System), " "))
	return nil
}

func (a *App) runCompletion(_ context.Context, env *Env, args []string) error {
	var script string
	switch args[0] {
	case "bash":
		script = a.bash()
	case "zsh":
		script = a.zsh()
	case "fish":
		script = a.fish()
	default:
		return BadUsage("%q is not one of bash, zsh and fish", args[0])
	}
	_, err := io.WriteString(env.Stdout, script)
	return err
}

// helpWords are what "help" completes.
func (a *App) helpWords() []string {
	words := []string{"completion", "help", "man", "version"}
	for _, c := range a.Commands {
		if first, _, _ := strings.Cut(c.Name, " "); !slices.Contains(words, first) {
			words = append(words, first)
		}
	}
	slices.Sort(words)
	return words
}
