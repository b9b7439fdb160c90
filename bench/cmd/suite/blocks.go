//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// blocks are the generated parts of the document by name.
func (p *published) blocks(drawn []drawing, plots string) map[string]string {
	as := naming{
		name: func(w row) string { return fmt.Sprintf("[%s](#%s)", w.Case, anchor(w.Case)) },
		run:  func(w row) string { return strconv.Itoa(p.number(w.Run)) },
	}
	blocks := map[string]string{
		"runs":         p.runList(),
		"ratios":       text(func(b *strings.Builder) { overview(b, p.rows, as) }),
		"peaks":        peaks(p.rows, as),
		"memory":       costs(below(p.rows, unitIs(bytesPerConnection)), as),
		"memory-parts": parts(p.rows, as),
		"collections":  costs(below(p.rows, unitIs(collection)), as),
		"latency":      latency(p.rows, as),
		"growth":       growthTables(p.rows, as),
		"details":      p.details(),
	}
	for _, topic := range topics {
		blocks["plots-"+topic] = ""
	}
	for _, d := range drawn {
		blocks["plots-"+d.topic] += fmt.Sprintf("![%s](%s/%s)\n\n", d.title, plots, d.file)
	}
	for name, block := range blocks {
		if strings.TrimSpace(block) == "" {
			blocks[name] = "Not measured yet."
		}
	}
	return blocks
}

func text(write func(b *strings.Builder)) string {
	var b strings.Builder
	write(&b)
	return b.String()
}

// below is the rows for which a condition holds.
func below(rows []row, is func(w row) bool) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(w row) bool { return !is(w) })
}

func unitIs(unit string) func(w row) bool { return func(w row) bool { return w.Unit == unit } }

// number is how the document calls a run: 1 is the newest.
func (p *published) number(start string) int {
	return 1 + slices.IndexFunc(p.inOrder(), func(a about) bool { return a.Start == start })
}

func (p *published) runList() string {
	return text(func(b *strings.Builder) {
		for i, r := range p.inOrder() {
			quick := ""
			if r.Quick {
				quick = " A quick look, nothing to quote."
			}
			fmt.Fprintf(b, "%d. %s: %s, %s. %s.%s\n", i+1, r.day(), r.Machine, r.Go, r.Peers, quick)
		}
	})
}

// details is every figure of every case.
func (p *published) details() string {
	return text(func(b *strings.Builder) {
		for _, w := range p.rows {
			fmt.Fprintf(b, "### %s\n\n%s. Run %d, of %s.\n\n", w.Case, w.Title, p.number(w.Run), p.runs[w.Run].day())
			w.detail(b)
			b.WriteString("\n")
		}
	})
}

// costs is one line a case with the figures of all servers, not their ratios.
func costs(rows []row, as naming) string {
	name := as.name
	as.name = func(w row) string { return name(w) + ", " + unitOf(w.Unit).name + " per " + w.Unit }
	return perServer(rows, as, func(w row, s result) string { return number(s.Cost.Median * unitOf(w.Unit).factor) })
}

// perServer is one line a case, with a figure of each server.
func perServer(rows []row, as naming, figure func(w row, s result) string) string {
	if len(rows) == 0 {
		return ""
	}
	servers := columns(rows)
	var lines [][]string
	for _, w := range rows {
		line := []string{as.name(w)}
		for _, p := range servers {
			s, _ := w.of(p)
			if s.Cost.N == 0 {
				line = append(line, s.verdict())
			} else {
				line = append(line, figure(w, s))
			}
		}
		lines = append(lines, line)
	}
	return text(func(b *strings.Builder) {
		table(b, as.withRun(append([]string{"case"}, servers...)), as.withRuns(rows, lines))
	})
}

// memoryParts are the figures of what a connection's memory is made of.
var memoryParts = []column{
	{"heap", "heap_bytes", 1}, {"stacks", "stack_bytes", 1},
	{"rest of the runtime", "runtime_bytes", 1}, {"not the runtime's", "rest_bytes", 1},
	{"in all", "messaged_gc_bytes", 1},
}

// parts is a table for each case that has them, a line a server.
func parts(rows []row, as naming) string {
	return text(func(b *strings.Builder) {
		for _, w := range below(rows, func(w row) bool { return w.has(memoryParts[0]) }) {
			byServer(b, w, as, memoryParts, w.Servers)
		}
	})
}

// latencyColumns are the figures of an open loop.
var latencyColumns = []column{
	{"p50 µs", "p50_us", 1}, {"p99 µs", "p99_us", 1}, {"p99.9 µs", "p999_us", 1}, {"max µs", "max_us", 1},
	{"lost", "lost", 1}, {"CPU µs", "cpu_us", 1}, {"server busy", "busy", 1}, {"sent late p99 µs", "late_us", 1},
}

// latency is a table for each open loop.
func latency(rows []row, as naming) string {
	return text(func(b *strings.Builder) {
		for _, w := range below(rows, row.tail) {
			byServer(b, w, as, latencyColumns, w.Servers)
		}
	})
}

// tail reports whether delays were measured from when messages were due.
func (w row) tail() bool { return w.has(column{figure: "p999_us", factor: 1}) }

func byServer(b *strings.Builder, w row, as naming, columns []column, servers []result) {
	fmt.Fprintf(b, "%s: %s. Run %s.\n\n", as.name(w), w.Title, as.run(w))
	columns = slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return !w.has(c) })
	head := []string{"server"}
	for _, c := range columns {
		head = append(head, c.head)
	}
	var lines [][]string
	for _, s := range servers {
		line := []string{s.Peer}
		for i, c := range columns {
			text := c.text(w, s)
			if i == 0 && s.Cost.N == 0 {
				text = s.verdict()
			}
			line = append(line, text)
		}
		lines = append(lines, line)
	}
	table(b, head, lines)
	b.WriteString("\n")
}

// growthTables are those of the curves.
func growthTables(rows []row, as naming) string {
	return text(func(b *strings.Builder) {
		for _, c := range curves {
			of := c.rows(rows)
			if len(of) == 0 {
				continue
			}
			fmt.Fprintf(b, "%s:\n\n%s\n", c.title, perServer(of, as, func(w row, s result) string {
				v, ok := c.value(w, s)
				if !ok {
					return "–"
				}
				return number(v)
			}))
		}
	})
}
