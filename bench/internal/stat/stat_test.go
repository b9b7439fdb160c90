package stat

import (
	"math"
	"testing"
)

func TestQuantileIsWithinOneBucket(t *testing.T) {
	var h Hist
	for v := int64(1); v <= 100_000; v++ {
		h.Add(v)
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		want := q * 100_000
		if got := float64(h.Quantile(q)); math.Abs(got-want) > want/64+1 {
			t.Errorf("Quantile(%v) = %v, want about %v", q, got, want)
		}
	}
	if h.Total() != 100_000 {
		t.Errorf("Total = %d", h.Total())
	}
}

func TestEveryValueFallsIntoItsBucket(t *testing.T) {
	for _, v := range []int64{0, 1, 63, 64, 65, 127, 128, 129, 1000, 1 << 20, 1<<40 + 12345, math.MaxInt64} {
		i := bucket(v)
		if lo := lower(i); lo > v || v-lo > v/64 {
			t.Errorf("value %d is in bucket %d, which begins at %d", v, i, lo)
		}
	}
	for i := 1; i < 58*64; i++ {
		if bucket(lower(i)) != i {
			t.Errorf("lower(%d) = %d is in bucket %d", i, lower(i), bucket(lower(i)))
		}
	}
}

func TestQuantilesOfTheEdges(t *testing.T) {
	var h Hist
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("median of nothing = %d", got)
	}
	h.Add(-5)
	h.Add(7)
	if a, b := h.Quantile(0), h.Quantile(1); a != 0 || b != 7 {
		t.Errorf("quantiles 0 and 1 = %d, %d; want 0, 7", a, b)
	}
}

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []float64
		want Summary
	}{
		{"nothing", nil, Summary{}},
		{"one", []float64{4}, Summary{1, 4, 4, 4}},
		{"odd", []float64{9, 1, 5}, Summary{3, 5, 1, 9}},
		{"even", []float64{8, 2, 4, 6}, Summary{4, 5, 2, 8}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Summarize(tt.in); got != tt.want {
				t.Errorf("Summarize(%v) = %v, want %v", tt.in, got, tt.want)
			}
		})
	}
}

func TestSummarizeLeavesItsArgument(t *testing.T) {
	in := []float64{3, 1, 2}
	Summarize(in)
	if in[0] != 3 || in[1] != 1 || in[2] != 2 {
		t.Errorf("the argument is now %v", in)
	}
}

func TestRatiosPairRounds(t *testing.T) {
	values := map[int]float64{0: 1, 1: 4, 2: 3, 3: 9}
	base := map[int]float64{0: 2, 1: 2, 2: 0, 4: 1} // round 2 has no usable base, 3 none
	if got, want := Ratios(values, base), (Summary{2, 1.25, 0.5, 2}); got != want {
		t.Errorf("Ratios = %v, want %v", got, want)
	}
}
