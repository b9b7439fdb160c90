//go:build linux

package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/icsws/icsws/bench/internal/plot"
	"github.com/icsws/icsws/bench/internal/stat"
)

// markdown is the report of one run: the ratios of all cases, then each case with
// all its figures. A server that failed, or can not do a case, has its row.
func markdown(records []record) string {
	var b strings.Builder
	run := records[0].Run
	fmt.Fprintf(&b, "Run of %s: %s, %s. %s.\n", run.Start, run.Machine, run.Go, run.Peers)
	if run.Quick {
		b.WriteString("A quick run: a look, nothing to quote.\n")
	}
	rows := rowsOf(records)
	fmt.Fprintf(&b, "\n## Cost as a multiple of %s\n\n", base)
	overview(&b, rows, plain)
	if t := peaks(rows, plain); t != "" {
		b.WriteString("\n## Peak memory above that before, MiB\n\n" + t)
	}
	for _, w := range rows {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", w.Case, w.Title)
		w.detail(&b)
	}
	return b.String()
}

// naming is how a row is named in a table of several, and what its last column says.
type naming struct {
	name func(w row) string
	run  func(w row) string // nil is no such column
}

var plain = naming{name: func(w row) string { return w.Case }}

// columns are the servers of a table of several cases: those that are measured by
// default, where any of these has them.
func columns(rows []row) []string {
	return slices.DeleteFunc(slices.Clone(usual), func(p string) bool {
		return !slices.ContainsFunc(rows, func(w row) bool { _, in := w.of(p); return in })
	})
}

// overview is one line a case: what raw gws costs, and the others as its multiple.
func overview(b *strings.Builder, rows []row, as naming) {
	others := slices.DeleteFunc(columns(rows), func(p string) bool { return p == base })
	head := append([]string{"case", base}, others...)
	more := slices.ContainsFunc(rows, func(w row) bool { return w.variants() != "" })
	if more {
		head = append(head, "variants")
	}
	var lines [][]string
	for _, w := range rows {
		line := []string{as.name(w), w.cost(base)}
		for _, p := range others {
			line = append(line, w.multiple(p))
		}
		if more {
			line = append(line, cmp.Or(w.variants(), "–"))
		}
		lines = append(lines, line)
	}
	table(b, as.withRun(head), as.withRuns(rows, lines))
}

func (as naming) withRun(head []string) []string {
	if as.run == nil {
		return head
	}
	return append(head, "run")
}

func (as naming) withRuns(rows []row, lines [][]string) [][]string {
	if as.run != nil {
		for i := range lines {
			lines[i] = append(lines[i], as.run(rows[i]))
		}
	}
	return lines
}

// variants are the servers that were measured in this case only, with their multiples.
func (w row) variants() string {
	var all []string
	for _, s := range w.Servers {
		if isVariant(s.Peer) {
			all = append(all, s.Peer+" "+w.multiple(s.Peer))
		}
	}
	return strings.Join(all, ", ")
}

// table writes a table whose first column is text, and the others are numbers.
func table(b *strings.Builder, head []string, lines [][]string) {
	fmt.Fprintf(b, "| %s |\n|---|%s\n", strings.Join(head, " | "), strings.Repeat("---:|", len(head)-1))
	for _, line := range lines {
		fmt.Fprintf(b, "| %s |\n", strings.Join(line, " | "))
	}
}

// peaks is one line for each case whose memory was followed: the most that a server
// had above what it had before.
func peaks(rows []row, as naming) string {
	rows = slices.DeleteFunc(slices.Clone(rows), func(w row) bool { return !w.has(peakColumn) })
	if len(rows) == 0 {
		return ""
	}
	var servers []string
	for _, w := range rows {
		for _, s := range w.Servers {
			if !slices.Contains(servers, s.Peer) {
				servers = append(servers, s.Peer)
			}
		}
	}
	slices.SortStableFunc(servers, func(a, b string) int { return place(a) - place(b) })
	var lines [][]string
	for _, w := range rows {
		line := []string{as.name(w)}
		for _, p := range servers {
			s, _ := w.of(p)
			line = append(line, peakColumn.text(w, s))
		}
		lines = append(lines, line)
	}
	var b strings.Builder
	table(&b, as.withRun(append([]string{"case"}, servers...)), as.withRuns(rows, lines))
	return b.String()
}

// column is one further figure of a detail table.
type column struct {
	head   string // %s is the unit of the cost
	figure string
	factor float64 // from the figure to what is shown; 0 is that of the cost
}

var peakColumn = column{"peak MiB", "peak_bytes", 1.0 / (1 << 20)}

var speedColumns = []column{
	peakColumn,
	{"lost", "lost", 1},
	{"bytes per connection", "messaged_gc_bytes", 1},
	{"per second", "per_s", 1},
	{"p50 µs", "p50_us", 1},
	{"p99 µs", "p99_us", 1},
	{"p99.9 µs", "p999_us", 1},
	{"max µs", "max_us", 1},
	{"sent late p99 µs", "late_us", 1},
	{"reply bytes", "reply_bytes", 1},
	{"server busy", "busy", 1},
	{"generator busy", "client_busy", 1},
	{"generator %s", "client_cpu_us", 0},
}

var memoryColumns = []column{
	{"not collected", "messaged_bytes", 1},
	{"before the message", "open_gc_bytes", 1},
	{"not collected", "open_bytes", 1},
	{"CPU ms/s", "idle_cpu_ms_per_s", 1},
}

// text is the figure of a server, a dash without one.
func (c column) text(w row, s result) string {
	v, ok := s.figure(c.figure)
	if !ok || s.Cost.N == 0 {
		return "–"
	}
	return number(v * cmp.Or(c.factor, unitOf(w.Unit).factor))
}

// has reports whether any server has the figure.
func (w row) has(c column) bool {
	return slices.ContainsFunc(w.Servers, func(s result) bool { return c.text(w, s) != "–" })
}

// detail is all servers of the case, the cheapest first.
func (w row) detail(b *strings.Builder) {
	u := unitOf(w.Unit)
	head, columns := "CPU "+u.name+" per "+w.Unit, speedColumns
	if w.Unit == bytesPerConnection {
		head, columns = "bytes per connection", memoryColumns
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return !w.has(c) })
	heads := []string{"server", "n", head, "min–max", "× " + base, "min–max"}
	for _, c := range columns {
		heads = append(heads, strings.ReplaceAll(c.head, "%s", u.name))
	}
	var lines [][]string
	for _, s := range w.byCost() {
		lines = append(lines, w.line(s, columns))
	}
	table(b, heads, lines)
	for _, s := range w.Servers {
		if s.outrun() {
			fmt.Fprintf(b, "\n%s: the generator was the limit; its rate and delays are not the server's.\n", s.Peer)
		}
		if s.late() {
			fmt.Fprintf(b, "\n%s: the generator itself was often late; the delays contain that.\n", s.Peer)
		}
		for _, why := range s.Failed {
			fmt.Fprintf(b, "\n%s failed in %s\n", s.Peer, why)
		}
	}
}

// outrun reports whether the server had CPU time left and the generator had none.
func (s result) outrun() bool {
	server, _ := s.figure("busy")
	generator, _ := s.figure("client_busy")
	return generator > 0.95 && server < 0.9
}

// late reports whether much of the delays comes from messages that were sent late.
func (s result) late() bool {
	sent, _ := s.figure("late_us")
	p99, _ := s.figure("p99_us")
	return sent > 0.2*p99
}

// byCost sorts by median; who has none comes last.
func (w row) byCost() []result {
	cost := func(s result) float64 {
		if s.Cost.N == 0 {
			return math.Inf(1)
		}
		return s.Cost.Median
	}
	servers := slices.Clone(w.Servers)
	slices.SortStableFunc(servers, func(a, b result) int { return cmp.Compare(cost(a), cost(b)) })
	return servers
}

// line is a server's.
func (w row) line(s result, columns []column) []string {
	cells := []string{s.Peer + s.losses(), strconv.Itoa(s.Cost.N)}
	if s.Cost.N == 0 {
		cells = append(cells, s.verdict(), "–", "–", "–")
	} else {
		factor := unitOf(w.Unit).factor
		cells = append(cells, number(s.Cost.Median*factor), span(s.Cost, factor))
		if s.Ratio.N > 0 {
			cells = append(cells, number(s.Ratio.Median), span(s.Ratio, 1))
		} else {
			cells = append(cells, "–", "–")
		}
	}
	for _, c := range columns {
		cells = append(cells, c.text(w, s))
	}
	return cells
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func span(s stat.Summary, factor float64) string {
	return number(s.Min*factor) + "–" + number(s.Max*factor)
}

// number has three significant digits, whole numbers above that all.
func number(v float64) string { return plot.Number(v) }
