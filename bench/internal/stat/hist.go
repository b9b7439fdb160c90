package stat

import "math/bits"

// Hist counts durations in nanoseconds in buckets that are at most 1/64 wide. The
// zero value is empty. It takes 16 KiB and never allocates.
type Hist struct {
	buckets [64 * 64]uint32
	total   uint64
}

// Add counts one value; a negative one counts as zero.
func (h *Hist) Add(v int64) {
	h.buckets[bucket(max(v, 0))]++
	h.total++
}

// Total is the number of values.
func (h *Hist) Total() uint64 { return h.total }

// Quantile returns a value that at least the share q (0 to 1) of all values does
// not exceed, as exact as the buckets are; zero when there are none.
func (h *Hist) Quantile(q float64) int64 {
	if h.total == 0 {
		return 0
	}
	want := min(uint64(q*float64(h.total)), h.total-1)
	var seen uint64
	for i, n := range h.buckets {
		if seen += uint64(n); seen > want {
			return lower(i)
		}
	}
	return 0
}

// bucket maps 0 to 63 to themselves and every further power of two to 64 buckets.
func bucket(v int64) int {
	if v < 64 {
		return int(v)
	}
	e := bits.Len64(uint64(v)) - 7
	return e*64 + int(v>>e)
}

// lower is the smallest value of a bucket.
func lower(i int) int64 {
	if i < 128 {
		return int64(i)
	}
	e := i/64 - 1
	return int64(i%64+64) << e
}
