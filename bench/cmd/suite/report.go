//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

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
	t := newTables(records)
	t.overview(&b)
	t.peaks(&b)
	for _, k := range t.cases {
		t.detail(&b, k)
	}
	return b.String()
}

// tables is the records by case and server, both in the order they came.
type tables struct {
	cases []string
	peers []string
	cell  map[[2]string][]record
}

func newTables(records []record) tables {
	t := tables{cell: map[[2]string][]record{}}
	for _, r := range records {
		if !slices.Contains(t.cases, r.Case) {
			t.cases = append(t.cases, r.Case)
		}
		if !slices.Contains(t.peers, r.Peer) {
			t.peers = append(t.peers, r.Peer)
		}
		at := [2]string{r.Case, r.Peer}
		t.cell[at] = append(t.cell[at], r)
	}
	// The usual order, whoever was first in the first round.
	slices.SortStableFunc(t.peers, func(a, b string) int {
		return slices.Index(order(), a) - slices.Index(order(), b)
	})
	return t
}

// servers are those that a case was measured on, or all that are no variants.
func (t tables) servers(k string) []string {
	return slices.DeleteFunc(slices.Clone(t.peers), func(p string) bool {
		return isVariant(p) && len(t.cell[[2]string{k, p}]) == 0
	})
}

// byRound is a figure of each round that has it.
func (t tables) byRound(k, peer string, of func(record) (float64, bool)) map[int]float64 {
	v := map[int]float64{}
	for _, r := range t.cell[[2]string{k, peer}] {
		if f, ok := of(r); ok {
			v[r.Round] = f
		}
	}
	return v
}

func (t tables) ratio(k, peer string) stat.Summary {
	return stat.Ratios(t.byRound(k, peer, record.main), t.byRound(k, base, record.main))
}

// overview is one line a case: what raw gws costs, and the others as its
// multiple.
func (t tables) overview(b *strings.Builder) {
	others := slices.DeleteFunc(t.servers(""), func(p string) bool { return p == base })
	fmt.Fprintf(b, "\n## Cost as a multiple of %s\n\n| case | %s | %s |\n|---|---:|%s\n",
		base, base, strings.Join(others, " | "), strings.Repeat("---:|", len(others)))
	for _, k := range t.cases {
		fmt.Fprintf(b, "| %s | %s |", k, t.cost(k, base))
		for _, p := range others {
			fmt.Fprintf(b, " %s |", t.multiple(k, p))
		}
		b.WriteByte('\n')
	}
}

// cost is a median with its unit, or why there is none.
func (t tables) cost(k, peer string) string {
	s := stat.Summarize(values(t.cell[[2]string{k, peer}], record.main))
	if s.N == 0 {
		return t.verdict(k, peer)
	}
	return unitOf(t.unit(k)).cost(s.Median) + t.losses(k, peer)
}

// peaks is one line for each case whose memory was followed: the most that a server
// had above what it had before.
func (t tables) peaks(b *strings.Builder) {
	for i, k := range t.casesWith(record.peak) {
		if i == 0 {
			fmt.Fprintf(b, "\n## Peak memory above that before, MiB\n\n| case | %s |\n|---|%s\n",
				strings.Join(t.peers, " | "), strings.Repeat("---:|", len(t.peers)))
		}
		fmt.Fprintf(b, "| %s |", k)
		for _, p := range t.peers {
			text := "–"
			if s := stat.Summarize(values(t.cell[[2]string{k, p}], record.peak)); s.N > 0 {
				text = number(s.Median)
			}
			fmt.Fprintf(b, " %s |", text)
		}
		b.WriteByte('\n')
	}
}

// multiple is the median ratio; without a base it is the cost.
func (t tables) multiple(k, peer string) string {
	s := t.ratio(k, peer)
	if s.N == 0 {
		return t.cost(k, peer)
	}
	return number(s.Median) + t.losses(k, peer)
}

// losses tells how many rounds have failed beside those that have figures.
func (t tables) losses(k, peer string) string {
	rs := t.cell[[2]string{k, peer}]
	n := 0
	for _, r := range rs {
		if r.Error != "" {
			n++
		}
	}
	if n == 0 || n == len(rs) {
		return ""
	}
	return fmt.Sprintf(" (%d of %d failed)", n, len(rs))
}

// verdict says in a word why a server has no figure.
func (t tables) verdict(k, peer string) string {
	rs := t.cell[[2]string{k, peer}]
	switch {
	case len(rs) == 0:
		return "not run"
	case rs[0].Lacks:
		return "not offered"
	}
	return "failed"
}

func (t tables) unit(k string) string {
	for _, p := range t.peers {
		if rs := t.cell[[2]string{k, p}]; len(rs) > 0 {
			return rs[0].Unit
		}
	}
	return ""
}

func (t tables) title(k string) string {
	for _, p := range t.peers {
		if rs := t.cell[[2]string{k, p}]; len(rs) > 0 {
			return rs[0].Title
		}
	}
	return ""
}

// casesWith is the cases that any server has a figure for.
func (t tables) casesWith(of func(record) (float64, bool)) []string {
	return slices.DeleteFunc(slices.Clone(t.cases), func(k string) bool {
		return len(t.known(k, []column{{"", of}})) == 0
	})
}

// column is one further figure of a detail table.
type column struct {
	head string
	of   func(record) (float64, bool)
}

func positive(f func(record) float64) func(record) (float64, bool) {
	return func(r record) (float64, bool) { return f(r), r.Error == "" && !r.Lacks && f(r) > 0 }
}

var speedColumns = []column{
	{"peak MiB", record.peak},
	{"lost", positive(func(r record) float64 { return float64(r.Lost) })},
	{"per second", positive(func(r record) float64 { return r.PerSecond })},
	{"p50 µs", positive(func(r record) float64 { return r.P50 })},
	{"p99 µs", positive(func(r record) float64 { return r.P99 })},
	{"reply bytes", positive(func(r record) float64 { return r.ReplyBytes })},
	{"server busy", positive(func(r record) float64 { return r.Busy })},
	{"generator %s", positive(func(r record) float64 { return r.ClientCPU * unitOf(r.Unit).factor })},
}

var memoryColumns = []column{
	{"not collected", positive(func(r record) float64 { return r.Messaged })},
	{"before the message", positive(func(r record) float64 { return r.OpenGC })},
	{"not collected", positive(func(r record) float64 { return r.Open })},
	{"CPU ms/s", positive(func(r record) float64 { return r.IdleCPU })},
}

// detail is one case: all servers, the cheapest first.
func (t tables) detail(b *strings.Builder, k string) {
	u := unitOf(t.unit(k))
	head, columns := "CPU "+u.name+" per "+t.unit(k), speedColumns
	if t.unit(k) == bytesPerConnection {
		head, columns = "bytes per connection", memoryColumns
	}
	columns = t.known(k, columns)
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n| server | n | %s | min–max | × %s | min–max |", k, t.title(k), head, base)
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", strings.ReplaceAll(c.head, "%s", u.name))
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---:|", 5+len(columns)))
	for _, p := range t.byCost(k) {
		t.row(b, k, p, columns)
	}
	t.reasons(b, k)
}

// known is the columns that any server has a figure for.
func (t tables) known(k string, columns []column) []column {
	var known []column
	for _, c := range columns {
		for _, p := range t.peers {
			if len(values(t.cell[[2]string{k, p}], c.of)) > 0 {
				known = append(known, c)
				break
			}
		}
	}
	return known
}

// byCost sorts by median; who has none comes last.
func (t tables) byCost(k string) []string {
	cost := func(p string) float64 {
		s := stat.Summarize(values(t.cell[[2]string{k, p}], record.main))
		if s.N == 0 {
			return math.Inf(1)
		}
		return s.Median
	}
	peers := t.servers(k)
	slices.SortStableFunc(peers, func(a, b string) int {
		switch x, y := cost(a), cost(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return peers
}

func (t tables) row(b *strings.Builder, k, peer string, columns []column) {
	rs := t.cell[[2]string{k, peer}]
	s := stat.Summarize(values(rs, record.main))
	fmt.Fprintf(b, "| %s%s | %d |", peer, t.losses(k, peer), s.N)
	if s.N == 0 {
		fmt.Fprintf(b, " %s |%s\n", t.verdict(k, peer), strings.Repeat(" – |", 3+len(columns)))
		return
	}
	factor := unitOf(t.unit(k)).factor
	fmt.Fprintf(b, " %s | %s |", number(s.Median*factor), span(s, factor))
	if r := t.ratio(k, peer); r.N > 0 {
		fmt.Fprintf(b, " %s | %s |", number(r.Median), span(r, 1))
	} else {
		b.WriteString(" – | – |")
	}
	for _, c := range columns {
		text := "–"
		if s := stat.Summarize(values(rs, c.of)); s.N > 0 {
			text = number(s.Median)
		}
		fmt.Fprintf(b, " %s |", text)
	}
	b.WriteByte('\n')
}

// reasons tells below a table what failed.
func (t tables) reasons(b *strings.Builder, k string) {
	for _, p := range t.peers {
		for _, r := range t.cell[[2]string{k, p}] {
			if r.Error != "" {
				fmt.Fprintf(b, "\n%s failed in round %d: %s\n", p, r.Round+1, oneLine(r.Error))
			}
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func values(rs []record, of func(record) (float64, bool)) []float64 {
	var v []float64
	for _, r := range rs {
		if f, ok := of(r); ok {
			v = append(v, f)
		}
	}
	return v
}

func span(s stat.Summary, factor float64) string {
	return number(s.Min*factor) + "–" + number(s.Max*factor)
}

// number has three significant digits, whole numbers above that all.
func number(v float64) string {
	if a := math.Abs(v); a >= 100 || a == 0 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	text := strconv.FormatFloat(v, 'g', 3, 64)
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	return text
}
