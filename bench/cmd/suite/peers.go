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
	{name: "melody", dir: "melody", lacks: []peer.Compression{peer.Context}},
	{name: "gws-own", dir: "gws", args: []string{"-own"}},
	{name: "coder", dir: "coder"},
	{name: "gobwas", dir: "gobwas", lacks: []peer.Compression{peer.Message, peer.Context}, stops: []string{"slow-receivers"}},
}

// variants are servers with another setting, measured where that matters.
var variants = []contender{
	{name: project + "-drop", dir: project, args: []string{"-queue", "drop"}},
}

func isVariant(name string) bool {
	return slices.ContainsFunc(variants, func(c contender) bool { return c.name == name })
}

// can reports whether there is something to measure.
func (c contender) can(k kase) bool {
	return !slices.Contains(c.lacks, k.compress) && !slices.Contains(c.stops, k.name)
}

// with is the peers of a case: the chosen ones and their variants.
func (k kase) with(peers []contender) []contender {
	all := slices.Clone(peers)
	for _, v := range variants {
		if k.variants && slices.ContainsFunc(peers, func(p contender) bool { return p.dir == v.dir }) {
			all = append(all, v)
		}
	}
	return all
}

// usual are measured unless -peers says otherwise.
var usual = []string{project, base, "gorilla", "melody"}

func names() []string {
	var all []string
	for _, c := range contenders {
		all = append(all, c.name)
	}
	return all
}

// order is how servers are listed.
func order() []string {
	all := names()
	for _, v := range variants {
		all = append(all, v.name)
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
