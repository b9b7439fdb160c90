package arch

import (
	"os"
	"strings"
	"testing"
)

// shown are the files whose parts a page shows. They are compiled.
var shown = map[string][]string{
	"README.md":         {"examples/first/main.go", "wsserver/example_test.go"},
	"docs/migration.md": {"internal/pages/migration_test.go"},
}

func TestShownCodeIsCompiled(t *testing.T) {
	for page, files := range shown {
		var code strings.Builder
		for _, name := range files {
			code.WriteString(text(t, name))
		}
		_, rest, found := strings.Cut(text(t, page), "```go\n")
		for ; found; _, rest, found = strings.Cut(rest, "```go\n") {
			block, _, _ := strings.Cut(rest, "```\n")
			if !strings.Contains(code.String(), block) {
				t.Errorf("%s: no part of %q:\n%s", page, files, block)
			}
		}
	}
}

// text reads a file of the module.
func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n") // of a checkout on Windows
}
