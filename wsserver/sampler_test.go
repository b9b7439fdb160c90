package wsserver

import (
	"testing"
	"time"
)

// O-01: a flood of refusals does not fill the log, and what was left out is told.
func TestRefusalLinesAreLimited(t *testing.T) {
	var s sampler
	now := time.Unix(1000, 0)
	passed := 0
	for range 5 * maxRefusalLines {
		if ok, dropped := s.pass(now); ok {
			passed++
		} else if dropped != 0 {
			t.Fatal("a line that does not pass tells of others")
		}
	}
	if passed != maxRefusalLines {
		t.Errorf("%d lines pass in a second, want %d", passed, maxRefusalLines)
	}
	if ok, dropped := s.pass(now.Add(time.Second)); !ok || dropped != 4*maxRefusalLines {
		t.Errorf("the next line: %v with %d left out, want true with %d", ok, dropped, 4*maxRefusalLines)
	}
	if ok, dropped := s.pass(now.Add(time.Second)); !ok || dropped != 0 {
		t.Errorf("the line after: %v with %d left out, want true with 0", ok, dropped)
	}
}
