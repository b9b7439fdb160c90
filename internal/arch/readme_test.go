package arch

import (
	"os"
	"strings"
	"testing"
)

// shown are the files whose parts the README shows. They are compiled.
var shown = []string{"examples/first/main.go", "wsserver/example_test.go"}

func TestReadmeCodeIsCompiled(t *testing.T) {
	var code strings.Builder
	for _, name := range shown {
		code.WriteString(text(t, name))
	}
	_, rest, found := strings.Cut(text(t, "README.md"), "```go\n")
	for ; found; _, rest, found = strings.Cut(rest, "```go\n") {
		block, _, _ := strings.Cut(rest, "```\n")
		if !strings.Contains(code.String(), block) {
			t.Errorf("no part of %q:\n%s", shown, block)
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
