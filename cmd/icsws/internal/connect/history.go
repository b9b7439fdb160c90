package connect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// mostHistory is how many lines are kept.
const mostHistory = 1000

// history are the lines that were typed, as a term.History: those of the file, to which
// new ones are appended. It is for one goroutine.
type history struct {
	lines []string // the latest is the last
	file  *os.File // nil: they are not kept
}

// historyPath is where the lines are kept; empty if the system does not say.
func historyPath(env *cli.Env) string {
	dir := env.Getenv("XDG_STATE_HOME")
	switch {
	case dir != "":
	case runtime.GOOS == "windows":
		dir = env.Getenv("LocalAppData")
	case env.Getenv("HOME") != "":
		dir = filepath.Join(env.Getenv("HOME"), ".local", "state")
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "icsws", "history")
}

// openHistory reads a file and keeps it open; an empty path is none. The history can be
// used in spite of an error.
func openHistory(path string) (*history, error) {
	h := new(history)
	if path == "" {
		return h, nil
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h, err
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if line != "" && !strings.ContainsFunc(line, unsafe) {
			h.lines = append(h.lines, line)
		}
	}
	long := len(h.lines) > 2*mostHistory
	h.cut()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return h, err
	}
	if long {
		if err := replace(path, strings.Join(h.lines, "\n")+"\n"); err != nil {
			return h, err
		}
	}
	h.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return h, err
}

// unsafe is what must not be written to the terminal, whoever has put it into the file.
func unsafe(r rune) bool { return !cli.Harmless(r) }

// replace writes a file in place of the one at path, whole or not at all.
func replace(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "history-*") // readable for the user alone
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func (h *history) cut() { h.lines = h.lines[max(0, len(h.lines)-mostHistory):] }

func (h *history) close() {
	if h.file != nil {
		_ = h.file.Close()
	}
}

// Add keeps a line, unless it begins with a blank, as in shells, or is the same again.
func (h *history) Add(line string) {
	if line == "" || line[0] == ' ' || strings.ContainsFunc(line, unsafe) || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.cut()
	if h.file != nil {
		_, _ = h.file.WriteString(line + "\n") // it is a comfort only
	}
}

// Len is how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At returns a line; 0 is the latest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
