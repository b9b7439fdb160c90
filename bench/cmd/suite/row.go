//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/icsws/icsws/bench/internal/stat"
)

// row is one case of one run, the rounds summed up: a line of what is published.
type row struct {
	Run     string   `json:"run"` // its start
	Case    string   `json:"case"`
	Title   string   `json:"title"`
	Unit    string   `json:"unit"`
	Servers []result `json:"servers"`
}

// result is a server in a case.
type result struct {
	Peer    string             `json:"peer"`
	Lacks   bool               `json:"lacks,omitempty"`
	Cost    stat.Summary       `json:"cost,omitzero"`
	Ratio   stat.Summary       `json:"ratio,omitzero"`    // to the base, by rounds
	Figures map[string]float64 `json:"figures,omitempty"` // medians, named as in package figures
	Failed  []string           `json:"failed,omitempty"`  // why, by round
	Rounds  int                `json:"rounds"`            // of which those failed
}

// rowsOf sums up the records of one run, the cases in the order they came, the servers
// in the usual one.
func rowsOf(records []record) []row {
	var rows []row
	for _, r := range records {
		if !slices.ContainsFunc(rows, func(w row) bool { return w.Case == r.Case }) {
			rows = append(rows, newRow(records, r))
		}
	}
	return rows
}

// newRow is the case of one of the records.
func newRow(records []record, of record) row {
	w := row{Run: of.Run.Start, Case: of.Case, Title: of.Title, Unit: of.Unit}
	byPeer := map[string][]record{}
	for _, r := range records {
		if r.Case != of.Case {
			continue
		}
		if len(byPeer[r.Peer]) == 0 {
			w.Servers = append(w.Servers, result{Peer: r.Peer})
		}
		byPeer[r.Peer] = append(byPeer[r.Peer], r)
	}
	slices.SortStableFunc(w.Servers, func(a, b result) int { return place(a.Peer) - place(b.Peer) })
	costs := byRound(byPeer[base])
	for i := range w.Servers {
		w.Servers[i].fill(byPeer[w.Servers[i].Peer], costs)
	}
	return w
}

// place is where a server is listed: one that is no more comes last.
func place(peer string) int {
	if i := slices.Index(names(), peer); i >= 0 {
		return i
	}
	return len(contenders)
}

// fill sums up the rounds of the server.
func (s *result) fill(rounds []record, baseCosts map[int]float64) {
	costs := byRound(rounds)
	s.Rounds = len(rounds)
	s.Cost = rounded(stat.Summarize(slices.Collect(maps.Values(costs))))
	s.Ratio = rounded(stat.Ratios(costs, baseCosts))
	figures := map[string][]float64{}
	for _, r := range rounds {
		s.Lacks = s.Lacks || r.Lacks
		if r.Error != "" {
			s.Failed = append(s.Failed, fmt.Sprintf("round %d: %s", r.Round+1, oneLine(r.Error)))
			continue
		}
		for name, v := range r.numbers() {
			figures[name] = append(figures[name], v)
		}
	}
	for name, v := range figures {
		if s.Figures == nil {
			s.Figures = map[string]float64{}
		}
		s.Figures[name] = digits(stat.Summarize(v).Median)
	}
}

// byRound is the figure that is compared, of the rounds that have it.
func byRound(rounds []record) map[int]float64 {
	v := map[int]float64{}
	for _, r := range rounds {
		if f, ok := r.main(); ok {
			v[r.Round] = f
		}
	}
	return v
}

// numbers are all figures by their JSON names; those that were not measured are absent.
func (r record) numbers() map[string]float64 {
	text, err := json.Marshal(r.Figures)
	if err != nil {
		return nil
	}
	var all map[string]any
	if json.Unmarshal(text, &all) != nil {
		return nil
	}
	numbers := map[string]float64{}
	for name, v := range all {
		if f, ok := v.(float64); ok {
			numbers[name] = f
		}
	}
	return numbers
}

// rounded keeps as many digits as mean anything.
func rounded(s stat.Summary) stat.Summary {
	return stat.Summary{N: s.N, Median: digits(s.Median), Min: digits(s.Min), Max: digits(s.Max)}
}

func digits(v float64) float64 {
	if math.Abs(v) >= 1000 {
		return math.Round(v)
	}
	f, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		return v
	}
	return f
}

// of is the result of a server.
func (w row) of(peer string) (result, bool) {
	i := slices.IndexFunc(w.Servers, func(s result) bool { return s.Peer == peer })
	if i < 0 {
		return result{}, false
	}
	return w.Servers[i], true
}

// verdict says in a word why a server has no figure.
func (s result) verdict() string {
	switch {
	case s.Rounds == 0:
		return "not run"
	case s.Lacks:
		return "not offered"
	}
	return "failed"
}

// losses tells how many rounds have failed beside those that have figures.
func (s result) losses() string {
	if len(s.Failed) == 0 || s.Cost.N == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d failed)", len(s.Failed), s.Rounds)
}

// cost is the median with its unit, or why there is none.
func (w row) cost(peer string) string {
	s, _ := w.of(peer)
	if s.Cost.N == 0 {
		return s.verdict()
	}
	return unitOf(w.Unit).cost(s.Cost.Median) + s.losses()
}

// multiple is the median ratio; without a base it is the cost.
func (w row) multiple(peer string) string {
	s, _ := w.of(peer)
	if s.Ratio.N == 0 {
		return w.cost(peer)
	}
	return number(s.Ratio.Median) + s.losses()
}

// figure is a median, if it was measured.
func (s result) figure(name string) (float64, bool) {
	v, ok := s.Figures[name]
	return v, ok
}
