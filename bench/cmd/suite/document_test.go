//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/icsws/icsws/bench/internal/figures"
)

const frame = `# Title

Prose.

<!-- generated: one -->
old
<!-- end -->

More, see [there](#every-case-32b).

<!-- generated: two -->
<!-- end -->
`

func TestOnlyWhatIsBetweenTheMarksIsReplaced(t *testing.T) {
	got, err := fillIn([]byte(frame), map[string]string{"one": "new\n", "two": "### Every case, 32B\n"})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(frame, "\nold\n", "\n\nnew\n\n", 1)
	want = strings.Replace(want, "two -->\n", "two -->\n\n### Every case, 32B\n\n", 1)
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	again, err := fillIn(got, map[string]string{"one": "new\n", "two": "### Every case, 32B\n"})
	if err != nil || string(again) != want {
		t.Errorf("a second time: %q, %v", again, err)
	}
}

func TestADocumentThatDoesNotFitIsRefused(t *testing.T) {
	both := map[string]string{"one": "x", "two": "# every case 32B"}
	for _, tt := range []struct {
		name, document, err string
		blocks              map[string]string
	}{
		{"a block is nowhere", frame, `no block "three"`, map[string]string{"one": "x", "two": both["two"], "three": "x"}},
		{"a block is unknown", frame, `block "two"`, map[string]string{"one": "x"}},
		{"a block is there twice", frame + "<!-- generated: one -->\n<!-- end -->\n", `block "one"`, both},
		{"a block has no end", strings.Replace(frame, "old\n<!-- end -->", "", 1), `block "two" is inside`, both},
		{"the last has no end", strings.TrimSuffix(frame, "<!-- end -->\n"), `block "two" has no end`, both},
		{"an end has no beginning", frame + "<!-- end -->\n", "without a beginning", both},
		{"a link leads nowhere", frame, "#every-case-32b", map[string]string{"one": "x", "two": "# another case"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := fillIn([]byte(tt.document), tt.blocks); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("fillIn = %v", err)
			}
		})
	}
}

func TestAnchors(t *testing.T) {
	for text, want := range map[string]string{
		"echo-d1-32B": "echo-d1-32b", "Where we lose, and why": "where-we-lose-and-why", "A `b` (c)": "a-b-c", "gc_idle": "gc_idle",
	} {
		if got := anchor(text); got != want {
			t.Errorf("anchor(%q) = %q", text, got)
		}
	}
}

// everything is a run with every kind of case on two servers.
func everything() []record {
	peak := int64(3 << 20)
	of := map[string]figures.Figures{
		"echo-d1-32B":  {CPU: 4},
		"grow-100":     {CPU: 4, Conns: 100, MessagedGC: 10_000},
		"grow-1000":    {CPU: 5, Conns: 1000, MessagedGC: 9_000},
		"rooms-1":      {CPU: 3},
		"rooms-16":     {CPU: 2},
		"open-echo-60": {CPU: 4, P50: 40, P99: 90, P999: 200, Max: 300, Late: 5, Rate: 1000},
		"file-send":    {CPU: 4e5, Peak: &peak},
		"idle":         {MessagedGC: 8000, Heap: 5000, Stacks: 2000, Runtime: 500, Rest: 500},
		"gc-idle":      {CPU: 30_000},
	}
	var all []record
	for _, k := range cases(scale{}, 0) {
		f, in := of[k.name]
		for _, p := range []string{"icsws", base} {
			if in {
				all = append(all, record{Run: about{Start: "2026-01-01"}, Case: k.name, Title: "about " + k.name,
					Unit: k.unit, Peer: p, Figures: f})
			}
		}
	}
	return all
}

func TestEveryKindOfFigureHasItsBlock(t *testing.T) {
	p := publishedOf(t, everything())
	drawn := draw(p.rows)
	blocks := p.blocks(drawn, "plots")
	for name, lines := range map[string][]string{
		"runs":          {"1. 2026-01-01: , . ."},
		"ratios":        {"| case | gws | icsws | run |", "| [gc-idle](#gc-idle) | 30 ms | 1 | 1 |"},
		"peaks":         {"| case | icsws | gws | run |", "| [file-send](#file-send) | 3 | 3 | 1 |"},
		"memory":        {"| [idle](#idle), B per connection | 8000 | 8000 | 1 |"},
		"memory-parts":  {"| server | heap | stacks | rest of the runtime | not the runtime's | in all |", "| gws | 5000 | 2000 | 500 | 500 | 8000 |"},
		"collections":   {"| [gc-idle](#gc-idle), ms per collection | 30 | 30 | 1 |"},
		"latency":       {"| server | p50 µs | p99 µs | p99.9 µs | max µs | CPU µs | sent late p99 µs |", "| icsws | 40 | 90 | 200 | 300 | 4 | 5 |"},
		"growth":        {"| [grow-1000](#grow-1000) | 5 | 5 | 1 |", "| [grow-1000](#grow-1000) | 8.58 | 8.58 | 1 |", "| [rooms-16](#rooms-16) | 2 | 2 | 1 |"},
		"details":       {"### echo-d1-32B", "about echo-d1-32B. Run 1, of 2026-01-01."},
		"plots-growth":  {"![Resident memory by the number of connections, MiB](plots/growth-memory.svg)"},
		"plots-latency": {"![Delays of open-echo-60](plots/latency-open-echo-60.svg)"},
		"plots-memory":  {"![Memory of a connection by parts, idle](plots/memory-idle.svg)"},
		"plots-ratios":  {"![Echo, as a multiple of gws](plots/ratios-echo.svg)"},
	} {
		mustContain(t, blocks[name], lines...)
		delete(blocks, name)
	}
	if len(blocks) > 0 {
		t.Errorf("further blocks: %v", blocks)
	}
	files := map[string]bool{}
	for _, d := range drawn {
		if files[d.file] || len(d.svg) == 0 {
			t.Errorf("plot %q is there twice or empty", d.file)
		}
		files[d.file] = true
	}
}

func TestWithoutFiguresTheBlocksSaySo(t *testing.T) {
	p := publishedOf(t, measured("2026-01-01", 4, "gws"))
	if got := p.blocks(draw(p.rows), "plots")["latency"]; got != "Not measured yet." {
		t.Errorf("latency: %q", got)
	}
}

// The published document says what the data beside it says.
func TestTheDocumentIsThatOfItsData(t *testing.T) {
	const document, plots = "../../../docs/performance.md", "../../../docs/performance"
	p, err := readPublished(filepath.Join(plots, "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	drawn := draw(p.rows)
	want, err := fillIn(text, p.blocks(drawn, "performance"))
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text) {
		t.Error("docs/performance.md is not what its data says: cd bench && go run ./cmd/suite -from none -document ../docs/performance.md")
	}
	for _, d := range drawn {
		if svg, err := os.ReadFile(filepath.Join(plots, d.file)); err != nil || string(svg) != string(d.svg) {
			t.Errorf("docs/performance/%s is not what its data says: %v", d.file, err)
		}
	}
}

func TestPublishingWritesAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	document, plots := filepath.Join(dir, "doc.md"), filepath.Join(dir, "doc")
	o := options{document: document, plots: plots}
	if err := os.WriteFile(document, []byte("# no blocks\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.publish([][]record{everything()}); err == nil {
		t.Fatal("a document without blocks was taken")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	var b strings.Builder
	for name := range (&published{}).blocks(nil, "") {
		b.WriteString("<!-- generated: " + name + " -->\n<!-- end -->\n")
	}
	if err := os.WriteFile(document, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time the same is published again
		if err := o.publish([][]record{everything()}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(document)
	if err != nil || !strings.Contains(string(text), "(doc/growth-echo.svg)") {
		t.Errorf("%v in\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(plots, "growth-echo.svg")); err != nil {
		t.Error(err)
	}
}
