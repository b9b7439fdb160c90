//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/icsws/icsws/bench/internal/plot"
)

// drawing is one plot of the document.
type drawing struct {
	topic, title, file string
	svg                []byte
}

// topics are the groups of plots; each is a block of the document.
var topics = []string{"ratios", "memory", "latency", "growth"}

// draw makes all plots that there are figures for.
func draw(rows []row) []drawing {
	return slices.Concat(drawRatios(rows), drawParts(rows), drawLatency(rows), drawGrowth(rows))
}

// families are the plots of ratios, each of the cases with one of these prefixes. What
// belongs nowhere is in the last.
var families = []struct {
	file, title string
	prefixes    []string
}{
	{"ratios-echo", "Echo", []string{"echo-", "tls-"}},
	{"ratios-many", "Messages to many: broadcasts, rooms, game ticks", []string{"broadcast-", "room", "tick-", "slow-"}},
	{"ratios-open", "At a fixed rate (open loop)", []string{"open-"}},
	{"ratios-packed", "Compression", []string{"deflate-"}},
	{"ratios-idle", "Memory and collections of idle connections", []string{"idle", "gc-"}},
	{"ratios-growth", "Echo on many connections", []string{"grow-"}},
	{"ratios-other", "Handshakes, files, large messages", nil},
}

// family is the place of a case in families.
func family(name string) int {
	for i, f := range families {
		if slices.ContainsFunc(f.prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return i
		}
	}
	return len(families) - 1
}

func drawRatios(rows []row) []drawing {
	var all []drawing
	for i, f := range families {
		of := below(rows, func(w row) bool { return family(w.Case) == i })
		if len(of) == 0 {
			continue
		}
		all = append(all, drawing{"ratios", f.title + ", as a multiple of " + base, f.file + ".svg", bars(f.title, of).SVG()})
	}
	return all
}

func bars(title string, rows []row) plot.Bars {
	servers := slices.DeleteFunc(columns(rows), func(p string) bool { return p == base })
	what := "CPU time"
	if rows[0].Unit == bytesPerConnection {
		what = "cost"
	}
	b := plot.Bars{Title: title, Series: servers, Axis: fmt.Sprintf("%s as a multiple of raw %s, logarithmic; bars to the left are cheaper", what, base)}
	for _, p := range servers {
		b.Colour = append(b.Colour, place(p))
	}
	for _, w := range rows {
		g := plot.BarGroup{Label: w.Case}
		for _, p := range servers {
			s, _ := w.of(p)
			v, note := math.NaN(), ""
			switch {
			case s.Ratio.N > 0:
				v = s.Ratio.Median
			case s.Rounds > 0:
				note = s.verdict()
			}
			g.Values, g.Notes = append(g.Values, v), append(g.Notes, note)
		}
		b.Groups = append(b.Groups, g)
	}
	return b
}

func drawParts(rows []row) []drawing {
	var all []drawing
	kinds := memoryParts[:len(memoryParts)-1]
	for _, w := range below(rows, func(w row) bool { return w.has(memoryParts[0]) }) {
		p := plot.Stack{Title: "What an idle connection costs: " + w.Case, Axis: "bytes per connection; the numbers are what is resident"}
		for _, c := range kinds {
			p.Parts = append(p.Parts, c.head)
		}
		for _, s := range w.Servers {
			r := plot.StackRow{Label: s.Peer}
			for _, c := range kinds {
				v, _ := s.figure(c.figure)
				r.Values = append(r.Values, v)
			}
			p.Rows = append(p.Rows, r)
		}
		all = append(all, drawing{"memory", "Memory of a connection by parts, " + w.Case, "memory-" + w.Case + ".svg", p.SVG()})
	}
	return all
}

func drawLatency(rows []row) []drawing {
	var all []drawing
	quantiles := latencyColumns[:4]
	for _, w := range below(rows, row.tail) {
		p := plot.Lines{Title: "Delay: " + w.Case, XAxis: "percentile", YAxis: "µs from when it was due", LogY: true}
		for i, c := range quantiles {
			p.X, p.Labels = append(p.X, float64(i)), append(p.Labels, strings.TrimSuffix(c.head, " µs"))
		}
		for _, s := range w.Servers {
			if s.Cost.N == 0 {
				continue
			}
			l := plot.Line{Name: s.Peer, Colour: place(s.Peer)}
			for _, c := range quantiles {
				l.Y = append(l.Y, orNaN(s.figure(c.figure)))
			}
			p.Series = append(p.Series, l)
		}
		all = append(all, drawing{"latency", "Delays of " + w.Case, "latency-" + w.Case + ".svg", p.SVG()})
	}
	return all
}

func orNaN(v float64, ok bool) float64 {
	if !ok {
		return math.NaN()
	}
	return v
}

// curve is a figure over the number at the end of the names of cases.
type curve struct {
	file, title  string
	prefix       string
	xAxis, yAxis string
	linear       bool // the x axis; else it is logarithmic
	value        func(w row, s result) (float64, bool)
}

var curves = []curve{
	{"growth-echo", "CPU per echo by the number of connections, one message in flight on each", "grow-", "connections", "CPU µs per message", false, cpuOf},
	{"growth-memory", "Resident memory by the number of connections, MiB", "grow-", "connections", "resident MiB, above that without connections", true, residentOf},
	{"growth-rooms", "CPU per delivery by the number of rooms of 256 talkers", "rooms-", "rooms", "CPU µs per delivery", false, cpuOf},
}

func cpuOf(_ row, s result) (float64, bool) { return s.Cost.Median, s.Cost.N > 0 }

func residentOf(_ row, s result) (float64, bool) {
	each, ok := s.figure("messaged_gc_bytes")
	n, _ := s.figure("conns")
	return each * n / float64(miB), ok && s.Cost.N > 0
}

// rows is those of the curve, in order.
func (c curve) rows(rows []row) []row {
	of := below(rows, func(w row) bool { _, ok := c.x(w); return ok })
	slices.SortStableFunc(of, func(a, b row) int {
		x, _ := c.x(a)
		y, _ := c.x(b)
		return int(x - y)
	})
	return of
}

// x is the number in the name of a case.
func (c curve) x(w row) (float64, bool) {
	digits, ok := strings.CutPrefix(w.Case, c.prefix)
	n, err := strconv.Atoi(digits)
	return float64(n), ok && err == nil
}

func drawGrowth(rows []row) []drawing {
	var all []drawing
	for _, c := range curves {
		of := c.rows(rows)
		if len(of) < 2 {
			continue
		}
		p := plot.Lines{Title: c.title, XAxis: c.xAxis, YAxis: c.yAxis, LogX: !c.linear}
		if !c.linear {
			p.XAxis += " (logarithmic)"
		}
		for _, w := range of {
			x, _ := c.x(w)
			p.X = append(p.X, x)
		}
		for _, peer := range columns(of) {
			l := plot.Line{Name: peer, Colour: place(peer)}
			for _, w := range of {
				s, _ := w.of(peer)
				l.Y = append(l.Y, orNaN(c.value(w, s)))
			}
			p.Series = append(p.Series, l)
		}
		all = append(all, drawing{"growth", c.title, c.file + ".svg", p.SVG()})
	}
	return all
}
