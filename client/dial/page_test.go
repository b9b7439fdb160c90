package dial

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated table of docs/dial.md")

// The table of reasons is that of the code: go test ./client/dial -run Page -update.
func TestPageHasTheReasons(t *testing.T) {
	const begin, end, name = "<!-- reasons: made by go test ./client/dial -run Page -update -->\n", "<!-- end -->", "../../docs/dial.md"
	var b strings.Builder
	b.WriteString("| code | meaning | what to do |\n| --- | --- | --- |\n")
	for _, r := range Reasons() {
		meaning, advice := r.Explain()
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Code(), meaning, advice)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(raw), "\r\n", "\n")
	head, rest, ok := strings.Cut(page, begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the marks are missing")
	}
	want := head + begin + b.String() + end + tail
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if page != want {
		t.Errorf("%s is not up to date", name)
	}
}
