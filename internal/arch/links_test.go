package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fenced = regexp.MustCompile("(?s)```.*?```")

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

// Links inside of the repository; those to the world have a colon.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, _ := filepath.Glob("../../*/*.md")
	for _, page := range append(pages, more...) {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(b), ""), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", strings.TrimPrefix(page, "../../"), err)
			}
		}
	}
}
