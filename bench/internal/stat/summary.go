package stat

import "slices"

// Summary is the middle of some values and their range.
type Summary struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summarize takes values in any order and leaves them as they are. Of none it
// returns the zero Summary.
func Summarize(values []float64) Summary {
	n := len(values)
	if n == 0 {
		return Summary{}
	}
	v := slices.Sorted(slices.Values(values))
	m := v[n/2]
	if n%2 == 0 {
		m = (v[n/2-1] + v[n/2]) / 2
	}
	return Summary{N: n, Median: m, Min: v[0], Max: v[n-1]}
}

// Ratios divides what was measured by the base of the same round. Rounds that
// lack one of the two, or where the base is not above zero, are left out: a
// machine that changes between rounds then changes both sides.
func Ratios(values, base map[int]float64) Summary {
	var r []float64
	for round, v := range values {
		if b, ok := base[round]; ok && b > 0 {
			r = append(r, v/b)
		}
	}
	return Summarize(r)
}
