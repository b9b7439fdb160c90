package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsFollowEachOther(t *testing.T) {
	var end time.Duration
	for i := range buckets {
		from, to := boundsOf(i)
		if from != end || to <= from {
			t.Fatalf("bucket %d is %d to %d, and the one before ends at %d", i, from, to, end)
		}
		if bucketOf(from) != i || bucketOf(to-1) != i {
			t.Fatalf("bucket %d: its bounds %d and %d are in %d and %d", i, from, to-1, bucketOf(from), bucketOf(to-1))
		}
		end = to
	}
	if end != 1<<maxBits {
		t.Errorf("the last bucket ends at %d", end)
	}
	if bucketOf(math.MaxInt64) != buckets-1 || bucketOf(-1) != 0 {
		t.Error("values outside are in other buckets than the last and the first")
	}
}

// quantiles of exact numbers, and of those merged from four histograms, agree to 2 %.
func TestQuantilesAreWithinTwoPercent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name string
		next func() float64
	}{
		{"uniform", func() float64 { return r.Float64() * 1e9 }},
		{"exponential", func() float64 { return r.ExpFloat64() * 3e5 }},
		{"over eight decades", func() float64 { return math.Pow(10, 2+8*r.Float64()) }},
		{"two humps", func() float64 { return 1e5 + 1e4*r.NormFloat64() + 2e8*float64(r.IntN(50)/49) }},
		{"small", func() float64 { return float64(r.IntN(60)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var parts [4]hist
			var exact []time.Duration
			for i := range 50000 {
				d := time.Duration(max(tt.next(), 0))
				exact = append(exact, d)
				parts[i%4].record(d)
			}
			var all hist
			for i := range parts {
				all.merge(&parts[i])
			}
			slices.Sort(exact)
			compare(t, &all, exact)
		})
	}
}

func compare(t *testing.T, h *hist, exact []time.Duration) {
	t.Helper()
	n := len(exact)
	if h.n != uint64(n) || h.min != exact[0] || h.max != exact[n-1] {
		t.Errorf("%d values from %v to %v, want %d from %v to %v", h.n, h.min, h.max, n, exact[0], exact[n-1])
	}
	for _, q := range []float64{0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1} {
		want := exact[max(int(math.Ceil(q*float64(n))), 1)-1]
		got := h.quantile(q)
		if diff := math.Abs(float64(got - want)); diff > 0.02*float64(want) {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	var sum float64
	for _, d := range exact {
		sum += float64(d)
	}
	if got, want := float64(h.mean()), sum/float64(n); math.Abs(got-want) > 1 {
		t.Errorf("mean %v, want %v", got, want)
	}
}

func TestSinceIsTheDifference(t *testing.T) {
	var h hist
	h.record(5 * time.Second)
	old := h
	if d := h.since(&old); d.n != 0 || d.quantile(0.99) != 0 || d.mean() != 0 {
		t.Errorf("nothing came, and there are %d", d.n)
	}
	h.record(time.Millisecond)
	h.record(2 * time.Millisecond)
	d := h.since(&old)
	if d.n != 2 || d.quantile(1) > 2100*time.Microsecond || d.mean() != 1500*time.Microsecond {
		t.Errorf("%d values up to %v, mean %v", d.n, d.quantile(1), d.mean())
	}
}
