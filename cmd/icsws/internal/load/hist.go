package load

import (
	"math"
	"math/bits"
	"time"
)

// Each power of two of nanoseconds has 64 buckets of the same width, so a bucket is at
// most 1/64 of its values wide, and its middle at most 1/128 (0.8 %) off.
const (
	subBits = 6
	sub     = 1 << subBits
	maxBits = 42 // values from 73 minutes on are in the last bucket
	buckets = (maxBits - subBits + 1) * sub
)

// hist counts durations in memory of fixed size, 19 KiB. The zero value is empty. It is
// for one goroutine at a time.
type hist struct {
	counts   [buckets]uint64
	n        uint64
	sum      float64 // of nanoseconds
	min, max time.Duration
}

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	v := min(uint64(max(d, 0)), 1<<maxBits-1)
	if v < sub {
		return int(v)
	}
	exp := bits.Len64(v) - subBits - 1
	return exp<<subBits + int(v>>exp)
}

// boundsOf returns the least value of a bucket, and that of the next.
func boundsOf(i int) (from, to time.Duration) {
	if i < sub {
		return time.Duration(i), time.Duration(i + 1)
	}
	exp := i>>subBits - 1
	from = time.Duration(i&(sub-1)|sub) << exp
	return from, from + 1<<exp
}

// record counts one duration; a negative one is 0.
func (h *hist) record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(d)]++
	if h.n == 0 || d < h.min {
		h.min = d
	}
	h.max = max(h.max, d)
	h.n++
	h.sum += float64(d)
}

// merge adds what o has counted.
func (h *hist) merge(o *hist) {
	if o.n == 0 {
		return
	}
	for i, n := range o.counts {
		h.counts[i] += n
	}
	if h.n == 0 || o.min < h.min {
		h.min = o.min
	}
	h.max = max(h.max, o.max)
	h.n += o.n
	h.sum += o.sum
}

// since returns what was counted after a copy was made. Its least and greatest values are
// those of their buckets.
func (h *hist) since(old *hist) *hist {
	d := &hist{n: h.n - old.n, sum: h.sum - old.sum}
	first := true
	for i := range h.counts {
		if d.counts[i] = h.counts[i] - old.counts[i]; d.counts[i] == 0 {
			continue
		}
		from, to := boundsOf(i)
		if first {
			d.min, first = from, false
		}
		d.max = min(to, h.max)
	}
	return d
}

// quantile returns the value that the share q of all is not above; 0 for none.
func (h *hist) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := min(max(uint64(math.Ceil(q*float64(h.n))), 1), h.n)
	if rank == h.n {
		return h.max
	}
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			from, to := boundsOf(i)
			return min(max(from+(to-from)/2, h.min), h.max)
		}
	}
	return h.max
}

func (h *hist) mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return time.Duration(h.sum / float64(h.n))
}
