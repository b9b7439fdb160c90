//go:build linux

package main

import (
	"regexp"
	"testing"
)

func TestCasesHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range cases(100) {
		if k.name == "" || k.title == "" || k.unit == "" || k.path == "" || seen[k.name] {
			t.Errorf("case %+v", k)
		}
		seen[k.name] = true
	}
}

func TestChosenCases(t *testing.T) {
	all := cases(100)
	for _, tt := range []struct {
		only  string
		quick bool
		want  []string
	}{
		{"^idle", false, []string{"idle", "idle-tls"}},
		{"^idle", true, []string{"idle"}},
		{"echo-d16-.*KiB", true, []string{"echo-d16-1KiB", "echo-d16-64KiB"}},
		{"nothing", false, nil},
	} {
		got := chosen(all, regexp.MustCompile(tt.only), tt.quick)
		if len(got) != len(tt.want) {
			t.Fatalf("%q: %d cases, want %v", tt.only, len(got), tt.want)
		}
		for i := range got {
			if got[i].name != tt.want[i] {
				t.Errorf("%q: case %q, want %q", tt.only, got[i].name, tt.want[i])
			}
		}
	}
	if n := len(chosen(all, regexp.MustCompile(""), false)); n != len(all) {
		t.Errorf("an empty expression leaves %d cases of %d", n, len(all))
	}
}

func TestEveryPeerIsFirstOnce(t *testing.T) {
	peers, err := choose("icsws,gws,melody")
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]bool{}
	for round := range 3 {
		order := rotated(peers, round)
		first[order[0].name] = true
		if len(order) != 3 {
			t.Errorf("round %d has %d peers", round, len(order))
		}
	}
	if len(first) != 3 || peers[0].name != "icsws" {
		t.Errorf("first were %v", first)
	}
}

func TestChooseRefuses(t *testing.T) {
	for _, list := range []string{"", "nobody", "gws,gws", "gws, icsws"} {
		if got, err := choose(list); err == nil {
			t.Errorf("choose(%q) = %v", list, got)
		}
	}
}
