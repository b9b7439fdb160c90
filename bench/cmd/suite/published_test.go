//go:build linux

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/icsws/icsws/bench/internal/figures"
)

// measured is a run in which each of the peers did an echo and a broadcast.
func measured(start string, cpu float64, peers ...string) []record {
	var all []record
	for _, p := range peers {
		for _, k := range []string{"echo-d1-32B", "broadcast-x1"} {
			r := echoed(0, p, cpu)
			r.Case, r.Run = k, about{Start: start, Machine: "a machine", Go: "go1", Peers: strings.Join(peers, ", ")}
			all = append(all, r)
		}
	}
	return all
}

func publishedOf(t *testing.T, runs ...[]record) *published {
	t.Helper()
	p := &published{runs: map[string]about{}}
	for _, r := range runs {
		if notes := p.merge(r[0].Run, rowsOf(r)); len(notes) > 0 {
			t.Fatal(notes)
		}
	}
	return p
}

// source is the run that a case comes from.
func (p *published) source(k string) string {
	for _, w := range p.rows {
		if w.Case == k {
			return w.Run
		}
	}
	return ""
}

func TestARunReplacesTheRowsThatItHas(t *testing.T) {
	p := publishedOf(t, measured("2026-01-01", 4, "gws", "icsws"))
	second := measured("2026-01-02T10:00:00Z", 8, "icsws", "gws", "coder")
	var only []record
	for _, r := range second {
		if r.Case == "broadcast-x1" {
			only = append(only, r)
		}
	}
	if notes := p.merge(second[0].Run, rowsOf(only)); len(notes) > 0 {
		t.Error(notes)
	}
	if p.source("echo-d1-32B") != "2026-01-01" || p.source("broadcast-x1") != "2026-01-02T10:00:00Z" {
		t.Errorf("rows come from %q and %q", p.source("echo-d1-32B"), p.source("broadcast-x1"))
	}
	if p.rows[0].Case != "echo-d1-32B" || len(p.rows[1].Servers) != 3 || len(p.runs) != 2 || p.number("2026-01-01") != 2 {
		t.Errorf("published: %+v", p)
	}
	p.merge(second[0].Run, rowsOf(second))
	if _, still := p.runs["2026-01-01"]; still {
		t.Error("a run that nothing comes from is still there")
	}
}

// What is published stays: a row is not replaced by less.
func TestARowStays(t *testing.T) {
	old := measured("2026-05-05T12:00:00Z", 4, "gws", "icsws", "melody")
	for _, tt := range []struct {
		name, note string
		run        []record
		change     func(*about)
	}{
		{"without a server", "the new one lacks melody", measured("2026-06-06T12:00:00Z", 8, "gws", "icsws"), func(*about) {}},
		{"for an older one", "the new one is older", measured("2026-05-05T11:59:00Z", 8, "gws", "icsws", "melody"), func(*about) {}},
		{"for a look", "the new one is a quick look", measured("2026-06-06T12:00:00Z", 8, "gws", "icsws", "melody"), func(a *about) { a.Quick = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := publishedOf(t, old)
			run := tt.run[0].Run
			tt.change(&run)
			notes := p.merge(run, rowsOf(tt.run))
			if len(notes) != 2 || !strings.Contains(notes[0], tt.note) || p.source("echo-d1-32B") != old[0].Run.Start || len(p.runs) != 1 {
				t.Errorf("notes %q, published %+v", notes, p)
			}
		})
	}
}

func TestAServerThatFailsNowIsPublishedAsFailing(t *testing.T) {
	p := publishedOf(t, measured("2026-01-01", 4, "gws", "melody"))
	run := measured("2026-01-02", 4, "gws", "melody")
	run[2].Figures = figures.Figures{Error: "EOF"} // melody's echo
	if notes := p.merge(run[0].Run, rowsOf(run)); len(notes) > 0 {
		t.Error(notes)
	}
	if got := p.rows[0].multiple("melody"); got != "failed" {
		t.Errorf("melody: %q", got)
	}
}

func TestWhatIsPublishedIsReadAsItWasWritten(t *testing.T) {
	p := publishedOf(t, append(measured("2026-01-01", 4, "gws", "icsws"), measured("2026-01-01", 3.14159, "gws")...))
	text, err := p.text()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "results.jsonl")
	if got, err := readPublished(name); err != nil || len(got.rows) != 0 {
		t.Errorf("nothing published: %+v, %v", got, err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readPublished(name)
	if err != nil || !reflect.DeepEqual(got.rows, p.rows) || !reflect.DeepEqual(got.runs, p.runs) {
		t.Errorf("readPublished = %+v, %v; want %+v", got, err, p)
	}
	if err := os.WriteFile(name, text[strings.Index(string(text), "\n")+1:], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readPublished(name); err == nil {
		t.Error("rows without their run were taken")
	}
}
