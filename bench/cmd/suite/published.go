//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// published is what the document says: a row for each case, each from one run, and
// those runs. It is kept beside the document as JSON, one object a line.
type published struct {
	runs map[string]about // by their start
	rows []row
}

// entry is a line of that file, one of the two.
type entry struct {
	Run *about `json:"about,omitempty"`
	Row *row   `json:"row,omitempty"`
}

// readPublished reads the file; without one nothing is published yet.
func readPublished(name string) (published, error) {
	p := published{runs: map[string]about{}}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return p, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if e.Run != nil {
			p.runs[e.Run.Start] = *e.Run
		}
		if e.Row != nil {
			p.rows = append(p.rows, *e.Row)
		}
	}
	for _, w := range p.rows {
		if _, ok := p.runs[w.Run]; !ok {
			return p, fmt.Errorf("%s: %s comes from a run %q that is not there", name, w.Case, w.Run)
		}
	}
	return p, lines.Err()
}

// merge takes the rows of a run in and says what it left as it was. What is published
// stays: a row is replaced only by one that has all its servers, is not older, and is
// no quick look in place of a measurement.
func (p *published) merge(run about, rows []row) (notes []string) {
	p.runs[run.Start] = run
	for _, w := range rows {
		i := slices.IndexFunc(p.rows, func(old row) bool { return old.Case == w.Case })
		if i < 0 {
			p.rows = append(p.rows, w)
			continue
		}
		if why := p.keeps(p.rows[i], w, run); why != "" {
			notes = append(notes, fmt.Sprintf("%s stays that of the run of %s: %s", w.Case, p.runs[p.rows[i].Run].day(), why))
			continue
		}
		p.rows[i] = w
	}
	p.tidy()
	return notes
}

// keeps says why an old row stays, empty when the new one takes its place.
func (p *published) keeps(old, w row, run about) string {
	was := p.runs[old.Run]
	switch {
	case run.Quick && !was.Quick:
		return "the new one is a quick look"
	case run.when().Before(was.when()):
		return "the new one is older"
	}
	var missing []string
	for _, s := range old.Servers {
		if _, in := w.of(s.Peer); !in {
			missing = append(missing, s.Peer)
		}
	}
	if len(missing) > 0 {
		return "the new one lacks " + strings.Join(missing, ", ")
	}
	return ""
}

// tidy sorts the rows as the cases are listed, those that are no more last, and
// forgets runs that nothing comes from.
func (p *published) tidy() {
	listed := cases(scale{}, 0)
	at := func(w row) int {
		i := slices.IndexFunc(listed, func(k kase) bool { return k.name == w.Case })
		if i < 0 {
			return len(listed)
		}
		return i
	}
	slices.SortStableFunc(p.rows, func(a, b row) int { return at(a) - at(b) })
	for start := range p.runs {
		if !slices.ContainsFunc(p.rows, func(w row) bool { return w.Run == start }) {
			delete(p.runs, start)
		}
	}
}

// inOrder is the runs, the newest first.
func (p *published) inOrder() []about {
	var all []about
	for _, r := range p.runs {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b about) int {
		if c := b.when().Compare(a.when()); c != 0 {
			return c
		}
		return strings.Compare(b.Start, a.Start)
	})
	return all
}

// text is the file.
func (p *published) text() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, r := range p.inOrder() {
		if err := e.Encode(entry{Run: &r}); err != nil {
			return nil, err
		}
	}
	for _, w := range p.rows {
		if err := e.Encode(entry{Row: &w}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// when is the start of the run; of one that is known by its day only, midnight.
func (a about) when() time.Time {
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(form, a.Start); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// day is the start for people.
func (a about) day() string {
	if len(a.Start) == len(time.DateOnly) {
		return a.Start
	}
	return a.when().Format("2006-01-02 15:04")
}
