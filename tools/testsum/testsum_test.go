package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// ev makes one event line; an empty field is left out as go test does.
func ev(action, test, output string) string {
	line := `{"Action":"` + action + `","Package":"p"`
	if test != "" {
		line += `,"Test":"` + test + `"`
	}
	if output != "" {
		line += `,"Output":"` + output + `\n"`
	}
	return line + "}\n"
}

func TestSummary(t *testing.T) {
	ok := ev("start", "", "") + ev("run", "TestA", "") + ev("output", "TestA", "noise") + ev("pass", "TestA", "")
	for _, tt := range []struct {
		name  string
		in    string
		want  count
		good  bool
		shows []string
		hides []string
	}{
		{"passing tests are counted and not shown",
			ok + ev("output", "", "ok p 0.1s") + ev("pass", "", ""),
			count{passed: 1}, true, []string{"ok p 0.1s"}, []string{"noise"}},
		{"a failing test is shown with its output",
			ok + ev("run", "TestB", "") + ev("output", "TestB", "=== RUN TestB") + ev("output", "TestB", "got 1, want 2") +
				ev("fail", "TestB", "") + ev("output", "", "FAIL p") + ev("fail", "", ""),
			count{passed: 1, failed: 1}, false, []string{"got 1, want 2", "FAIL p"}, []string{"noise", "=== RUN"}},
		{"a package that fails without a failing test is one failure",
			ok + ev("output", "", "found unexpected goroutines") + ev("fail", "", ""),
			count{passed: 1, failed: 1}, false, []string{"found unexpected goroutines"}, nil},
		{"a build error is shown",
			`{"ImportPath":"p","Action":"build-output","Output":"p.go:1: undefined: x\n"}` + "\n" + ev("start", "", "") + ev("fail", "", ""),
			count{failed: 1}, false, []string{"undefined: x"}, nil},
		{"a cut stream fails what was running",
			ev("start", "", "") + ev("run", "TestA", "") + ev("output", "TestA", "half way"),
			count{failed: 2}, false, []string{"half way", "CUT OFF: p TestA"}, nil},
		{"skips are counted apart",
			ok + ev("run", "TestS", "") + ev("skip", "TestS", "") + ev("pass", "", ""),
			count{passed: 1, skipped: 1}, true, []string{}, nil},
		{"packages without tests are no success",
			ev("start", "", "") + ev("output", "", "? p [no test files]") + ev("skip", "", ""),
			count{}, false, []string{"no test files"}, nil},
		{"nothing is no success", "", count{}, false, nil, nil},
		{"other lines pass through", "go: warning\n" + ok + ev("pass", "", ""),
			count{passed: 1}, true, []string{"go: warning"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			got, err := summarize(strings.NewReader(tt.in), &out)
			if err != nil || got != tt.want {
				t.Errorf("summarize = %+v, %v; want %+v", got, err, tt.want)
			}
			if got.good() != tt.good {
				t.Errorf("good = %v, want %v", got.good(), tt.good)
			}
			for _, s := range tt.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("output lacks %q:\n%s", s, out.String())
				}
			}
			for _, s := range tt.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("output shows %q:\n%s", s, out.String())
				}
			}
		})
	}
}

func TestTotalIsTheSumOfAllRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts")
	if c, err := run(nil, &strings.Builder{}, "", file); err != nil || c.good() {
		t.Errorf("total before the first run = %v, %v; want none, and not good", c, err)
	}
	for _, c := range []count{{passed: 3}, {passed: 4, skipped: 1}} {
		if err := c.appendTo(file); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if _, err := run(nil, &out, "", file); err != nil || out.String() != "7 passed, 0 failed, 1 skipped\n" {
		t.Errorf("total = %q, %v; want 7 passed, 0 failed, 1 skipped", out.String(), err)
	}
}
