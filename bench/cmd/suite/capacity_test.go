//go:build linux

package main

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestAPacedCaseGetsItsShareOfTheCapacity(t *testing.T) {
	o := options{rate: 123_456}
	ks, err := o.atRates(context.Background(), nil, []kase{{name: "a", title: "other", args: []string{"-x"}}, {name: "b", title: "paced", share: 0.2}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ks[0].args, []string{"-x"}) || ks[0].title != "other" {
		t.Errorf("another case is now %+v", ks[0])
	}
	if !slices.Equal(ks[1].args, []string{"-rate", "25000"}) || ks[1].title != "paced (25000 messages a second)" {
		t.Errorf("the paced case is now %+v", ks[1])
	}
}

func TestAPacedCaseHasARate(t *testing.T) {
	for capacity, want := range map[int]string{100_000: "-rate 60000", 7: "-rate 4", 1: "-rate 1"} {
		if got := strings.Join(kase{share: 0.6}.atRate(capacity).args, " "); got != want {
			t.Errorf("of %d: %q, want %q", capacity, got, want)
		}
	}
}
