//go:build linux

package main

import (
	"regexp"
	"testing"
)

func TestCasesHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range cases(scale{idle: 100}, 100) {
		if k.name == "" || k.title == "" || k.unit == "" || k.path == "" || seen[k.name] {
			t.Errorf("case %+v", k)
		}
		seen[k.name] = true
	}
}

func TestAQuickRunHasTheSameCasesSmaller(t *testing.T) {
	quick, full := cases(scale{true, 5000}, 15_000), cases(scale{false, 10_000}, 15_000)
	if len(quick) != len(full) {
		t.Fatalf("%d cases and %d", len(quick), len(full))
	}
	for i, k := range quick {
		if k.name != full[i].name || k.file > full[i].file {
			t.Errorf("quick case %q, %d bytes, stands for %q, %d bytes", k.name, k.file, full[i].name, full[i].file)
		}
	}
}

func TestVariantsTakePartWithTheirServer(t *testing.T) {
	ours, err := choose("gws,icsws")
	if err != nil {
		t.Fatal(err)
	}
	others, err := choose("gws,coder")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		k     kase
		peers []contender
		want  int
	}{
		{kase{extra: []string{"icsws-drop"}}, ours, 3},
		{kase{extra: []string{"icsws-drop"}}, others, 2},
		{kase{extra: []string{"gws-own", "icsws-inline"}}, others, 3},
		{kase{extra: []string{"gws"}}, others, 2}, // it is there already
		{kase{}, ours, 2},
	} {
		if got := tt.k.with(tt.peers); len(got) != tt.want {
			t.Errorf("%v: %d servers, want %d", tt.k.extra, len(got), tt.want)
		}
	}
	if len(ours) != 2 {
		t.Error("the chosen servers were changed")
	}
}

func TestNobodyIsAskedForWhatItCanNotDo(t *testing.T) {
	can := map[string]bool{}
	for _, p := range contenders {
		for _, k := range cases(scale{idle: 100}, 100) {
			can[p.name+" "+k.name] = p.can(k)
		}
	}
	for at, want := range map[string]bool{
		"icsws deflate-context": true, "gorilla deflate-context": false, "gorilla deflate-message": true,
		"gobwas deflate-off": true, "gobwas slow-receivers": false, "melody idle-context": false, "melody file-send": true,
	} {
		if got, ok := can[at]; !ok || got != want {
			t.Errorf("%s: %v, %v", at, got, ok)
		}
	}
}

func TestSizesHaveUnits(t *testing.T) {
	for n, want := range map[int64]string{32: "32 B", 64 << 10: "64 KiB", 1 << 20: "1 MiB", 4 << 30: "4 GiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("sizeText(%d) = %q", n, got)
		}
	}
}

func TestChosenCases(t *testing.T) {
	all := cases(scale{idle: 100}, 100)
	for _, tt := range []struct {
		only  string
		quick bool
		want  []string
	}{
		{"^grow", true, []string{"grow-100", "grow-1000"}},
		{"^idle", false, []string{"idle", "idle-tls", "idle-message", "idle-context"}},
		{"^idle", true, []string{"idle", "idle-context"}},
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
