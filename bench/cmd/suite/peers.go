//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/icsws/icsws/bench/internal/peer"
)

// project is the server that decides the exit status, base the one that all are
// compared with.
const (
	project = "icsws"
	base    = "gws"
)

// contender is a server: a folder below servers, and flags of its own.
type contender struct {
	name  string
	dir   string
	args  []string
	lacks []peer.Compression // what its library can not do
	stops []string           // cases that it would never end
}

var contenders = []contender{
	{name: project, dir: "icsws"},
	{name: base, dir: "gws"},
	{name: "gorilla", dir: "gorilla", lacks: []peer.Compression{peer.Context}},
	{name: "coder", dir: "coder"},
	{name: "gobwas", dir: "gobwas", lacks: []peer.Compression{peer.Message, peer.Context}, stops: []string{"slow-receivers"}},
	{name: "melody", dir: "melody", lacks: []peer.Compression{peer.Context}},
	// The same with other settings, measured where that matters or on demand.
	{name: base + "-own", dir: "gws", args: []string{"-own"}},
	{name: project + "-goroutine", dir: project, args: []string{"-driver", "goroutine"}},
	{name: project + "-inline", dir: project, args: []string{"-driver", "inline"}},
	{name: project + "-drop", dir: project, args: []string{"-queue", "drop"}},
}

// usual are measured unless -peers says otherwise: each library once.
var usual = []string{project, base, "gorilla", "coder", "gobwas", "melody"}

// isVariant reports whether a server is another one with other settings, so that it
// is shown only where it was measured.
func isVariant(name string) bool { return !slices.Contains(usual, name) }

// can reports whether there is something to measure.
func (c contender) can(k kase) bool {
	return !slices.Contains(c.lacks, k.compress) && !slices.Contains(c.stops, k.name)
}

// with is the peers of a case: the chosen ones, and those that the case adds to them.
func (k kase) with(peers []contender) []contender {
	all := slices.Clone(peers)
	for _, c := range contenders {
		named := func(p contender) bool { return p.name == c.name }
		kin := func(p contender) bool { return p.dir == c.dir }
		if slices.Contains(k.extra, c.name) && !slices.ContainsFunc(peers, named) && slices.ContainsFunc(peers, kin) {
			all = append(all, c)
		}
	}
	return all
}

// names are all servers, in the order in which they are listed.
func names() []string {
	var all []string
	for _, c := range contenders {
		all = append(all, c.name)
	}
	return all
}

func choose(list string) ([]contender, error) {
	var chosen []contender
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(contenders, func(c contender) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-peers: no server %q", name)
		}
		if slices.ContainsFunc(chosen, func(c contender) bool { return c.name == name }) {
			return nil, fmt.Errorf("-peers: %q twice", name)
		}
		chosen = append(chosen, contenders[i])
	}
	return chosen, nil
}

// rotated is the peers in the order of a round: each is first once.
func rotated(peers []contender, by int) []contender {
	by %= len(peers)
	return slices.Concat(peers[by:], peers[:by])
}
