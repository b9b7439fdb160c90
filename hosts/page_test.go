package hosts

import (
	"os"
	"strings"
	"testing"
)

// The page shows the body of Example and its output; both have to be current.
func TestPageShowsTheExample(t *testing.T) {
	page, err := os.ReadFile("../docs/hosts-and-tls.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func Example() {\n")
	body, output, _ := strings.Cut(body, "\t// Output:\n")
	output, _, _ = strings.Cut(output, "}\n")
	code := strings.ReplaceAll("\n"+body, "\n\t", "\n")
	output = strings.ReplaceAll("\n"+output, "\n\t// ", "\n")
	if !strings.Contains(string(page), "```go"+code+"```") {
		t.Errorf("docs/hosts-and-tls.md does not show this code:\n%s", code)
	}
	if !strings.Contains(string(page), "```text"+output+"```") {
		t.Errorf("docs/hosts-and-tls.md does not show this output:\n%s", output)
	}
}
