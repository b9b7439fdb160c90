//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/icsws/icsws/bench/internal/figures"
)

// record is one run of one case on one server: a line of the journal.
type record struct {
	Run   about  `json:"run"`
	Round int    `json:"round"`
	Case  string `json:"case"`
	Title string `json:"title"`
	Unit  string `json:"unit"`
	Peer  string `json:"peer"`
	Lacks bool   `json:"lacks,omitempty"` // the library can not do this
	figures.Figures
}

// main is the figure that is compared, CPU time or memory; false when there is
// none.
func (r record) main() (float64, bool) {
	switch {
	case r.Error != "" || r.Lacks:
		return 0, false
	case r.Unit == bytesPerConnection:
		return r.MessagedGC, true
	}
	return r.CPU, true
}

// peak is the most memory above that before, in MiB.
func (r record) peak() (float64, bool) {
	if r.Error != "" || r.Peak == nil {
		return 0, false
	}
	return mib(*r.Peak), true
}

// brief is the record in a few words.
func (r record) brief() string {
	v, ok := r.main()
	switch {
	case r.Lacks:
		return "not in this library"
	case !ok:
		return "FAILED: " + r.Error
	case r.Unit == bytesPerConnection:
		return number(v) + " B per connection"
	}
	text := fmt.Sprintf("%s per %s, server busy %.2f", unitOf(r.Unit).cost(v), r.Unit, r.Busy)
	if p, ok := r.peak(); ok {
		text += fmt.Sprintf(", peak %s MiB", number(p))
	}
	return text
}

// units is how the cost of a unit of work is written.
type units struct {
	name   string
	factor float64 // from microseconds, or bytes
}

func unitOf(unit string) units {
	switch unit {
	case bytesPerConnection:
		return units{"B", 1}
	case gib, collection:
		return units{"ms", 1e-3}
	}
	return units{"µs", 1}
}

func (u units) cost(v float64) string { return number(v*u.factor) + " " + u.name }

func mib(n int64) float64 { return float64(n) / float64(miB) }

// failed reports whether the server has failed a case.
func failed(records []record, name string) bool {
	for _, r := range records {
		if r.Peer == name && r.Error != "" {
			return true
		}
	}
	return false
}

// journal is a file of records, one JSON object a line.
type journal struct{ f *os.File }

// openJournal opens the file to append; an empty name is a journal that forgets.
func openJournal(name string) (journal, error) {
	if name == "" {
		return journal{}, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return journal{}, err
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return journal{f}, err
}

func (j journal) write(r record) error {
	if j.f == nil {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = j.f.Write(append(line, '\n'))
	return err
}

func (j journal) close() {
	if j.f != nil {
		_ = j.f.Close()
	}
}

// readLast returns the records of the last run in a journal.
func readLast(name string) ([]record, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var last []record
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if len(last) > 0 && last[0].Run.Start != r.Run.Start {
			last = nil
		}
		last = append(last, r)
	}
	return last, lines.Err()
}
