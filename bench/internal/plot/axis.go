package plot

import (
	"math"
	"strconv"
)

// axis maps values to a range of pixels.
type axis struct {
	log    bool
	lo, hi float64 // values
	a, b   float64 // pixels
}

// at is where a value is.
func (x axis) at(v float64) float64 {
	lo, hi := x.lo, x.hi
	if x.log {
		v, lo, hi = math.Log(max(v, x.lo/2)), math.Log(lo), math.Log(hi)
	}
	if hi == lo {
		return x.a
	}
	return x.a + (v-lo)/(hi-lo)*(x.b-x.a)
}

// linear is an axis from zero to a round number not below most.
func linear(most, a, b float64) (axis, []float64) {
	if most <= 0 {
		most = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{0.1, 0.2, 0.5, 1, 2} {
		if most/(step*part) <= 6 {
			step *= part
			break
		}
	}
	n := math.Ceil(most/step - 1e-9)
	var ticks []float64
	for i := range int(n) + 1 {
		ticks = append(ticks, float64(i)*step)
	}
	return axis{lo: 0, hi: n * step, a: a, b: b}, ticks
}

// logarithmic is an axis over whole powers of the base, so that all values are in it.
func logarithmic(base, least, most, a, b float64) (axis, []float64) {
	from := math.Floor(math.Log(least)/math.Log(base) + 1e-9)
	to := math.Ceil(math.Log(most)/math.Log(base) - 1e-9)
	if to <= from {
		to = from + 1
	}
	var ticks []float64
	for e := from; e <= to; e++ {
		ticks = append(ticks, math.Pow(base, e))
	}
	return axis{log: true, lo: ticks[0], hi: ticks[len(ticks)-1], a: a, b: b}, ticks
}

// Number is a value in at most three significant digits.
func Number(v float64) string {
	if math.Abs(v) >= 100 || v == 0 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	f, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
