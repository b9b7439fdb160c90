//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/icsws/icsws/bench/internal/figures"
)

func TestTrialsAreJudged(t *testing.T) {
	bytes := func(n int64) *int64 { return &n }
	files := func(n int) *int { return &n }
	all := map[string]trial{}
	for _, t := range trials(scale{}) {
		all[t.name] = t
	}
	for _, tt := range []struct {
		name, trial string
		f           figures.Figures
		kept        bool
		line        string
	}{
		{"within", "file", figures.Figures{Peak: bytes(1 << 20)}, true, "| file | peak memory, MiB | 1 | 1 | kept |"},
		{"above", "file-tls", figures.Figures{Peak: bytes(3 << 20)}, false, "| file-tls | peak memory, MiB | 3 | 1 | BROKEN |"},
		{"not measured", "receive", figures.Figures{}, false, "| receive | peak memory, MiB | 0 | 8 | BROKEN |"},
		{"failed", "receive", figures.Figures{Error: "load:\nEOF", Peak: bytes(0)}, false, "| receive | load: EOF | | | FAILED |"},
		{"all back", "churn", figures.Figures{Left: bytes(-5), Files: files(0)}, true, "| churn | descriptors left | 0 | 0 | kept |"},
		{"one left", "churn", figures.Figures{Left: bytes(0), Files: files(1)}, false, "| churn | descriptors left | 1 | 0 | BROKEN |"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if kept := all[tt.trial].judge(&b, tt.f); kept != tt.kept {
				t.Errorf("kept = %v", kept)
			}
			mustContain(t, b.String(), tt.line)
		})
	}
}
