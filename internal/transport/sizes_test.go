package transport

import (
	"math"
	"testing"
)

// O-20: a size is in the first class whose limit it does not exceed.
func TestSizesHaveTheirClasses(t *testing.T) {
	for class := range SizeClasses - 1 {
		limit := int(SizeLimit(class))
		if got := sizeClass(limit); got != class {
			t.Errorf("%d bytes are of class %d, want %d", limit, got, class)
		}
		if got := sizeClass(limit + 1); got != class+1 {
			t.Errorf("%d bytes are of class %d, want %d", limit+1, got, class+1)
		}
	}
	for n, want := range map[int]int{-1: 0, 0: 0, 16: 0, 17: 1, 16 << 20: SizeClasses - 2, math.MaxInt: SizeClasses - 1} {
		if got := sizeClass(n); got != want {
			t.Errorf("%d bytes are of class %d, want %d", n, got, want)
		}
	}
}

// O-20: what a tally has counted is told once.
func TestTallyIsToldOnce(t *testing.T) {
	var batch tally
	var all sizes
	for i := range 1000 {
		batch.note(i * i * i)
		all.note(i * i * i)
	}
	var lane sizes
	batch.flush(&lane)
	if batch != (tally{}) {
		t.Errorf("the tally keeps %+v", batch)
	}
	batch.flush(&lane)
	var got, want Sizes
	lane.addTo(&got)
	all.addTo(&want)
	if got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}
