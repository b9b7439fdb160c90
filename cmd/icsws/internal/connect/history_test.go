package connect

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

func TestHistoryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "history")
	h, err := openHistory(path)
	if err != nil || h.Len() != 0 {
		t.Fatalf("%d lines, %v", h.Len(), err)
	}
	for _, line := range []string{"one", "", " hidden", "two", "two", "a\x1b[31mb", "\u202e", "three"} {
		h.Add(line)
	}
	h.close()
	if data, _ := os.ReadFile(path); string(data) != "one\ntwo\nthree\n" {
		t.Errorf("file %q", data)
	}
	if h, err = openHistory(path); err != nil || h.Len() != 3 || h.At(0) != "three" || h.At(2) != "one" {
		t.Errorf("%q, %v", h.lines, err)
	}
	h.close()
}

// Somebody else may have written the file.
func TestHistoryFileIsNotTrusted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var b strings.Builder
	for i := range 3 * mostHistory {
		fmt.Fprintf(&b, "line %d\n\x1b]0;title\x07\n", i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := openHistory(path)
	if err != nil || h.Len() != mostHistory || h.At(0) != fmt.Sprintf("line %d", 3*mostHistory-1) {
		t.Errorf("%d lines, %v", h.Len(), err)
	}
	h.Add("new")
	h.close()
	data, _ := os.ReadFile(path) // it is short again
	if n := strings.Count(string(data), "\n"); n != mostHistory+1 || strings.Contains(string(data), "\x1b") || !strings.HasSuffix(string(data), "\nnew\n") {
		t.Errorf("%d lines in the file", n)
	}
	if list, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "history-*")); len(list) > 0 {
		t.Errorf("left behind: %q", list)
	}
}

// A file that can not be used costs the history only.
func TestHistoryWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", dir} {
		h, err := openHistory(path)
		if (err != nil) != (path == dir) {
			t.Errorf("%q: %v", path, err)
		}
		h.Add("x")
		if h.Len() != 1 || h.At(0) != "x" {
			t.Errorf("%q: %q", path, h.lines)
		}
		h.close()
	}
}

func TestHistoryPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // which has a folder of its own
	}
	for _, tt := range []struct{ state, home, want string }{
		{"/s", "/h", "/s/icsws/history"},
		{"", "/h", "/h/.local/state/icsws/history"},
		{"", "", ""},
		{"relative", "", ""},
	} {
		env := &cli.Env{Getenv: func(name string) string {
			return map[string]string{"XDG_STATE_HOME": tt.state, "HOME": tt.home}[name]
		}}
		if got := historyPath(env); got != tt.want {
			t.Errorf("historyPath with %q, %q = %q, want %q", tt.state, tt.home, got, tt.want)
		}
	}
}
