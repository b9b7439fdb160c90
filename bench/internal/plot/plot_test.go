package plot

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wellFormed fails unless the SVG is XML that says all of these.
func wellFormed(t *testing.T, svg []byte, says ...string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	for _, s := range says {
		if !strings.Contains(string(svg), s) {
			t.Errorf("no %q in\n%s", s, svg)
		}
	}
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
		t.Errorf("a place that is no number in\n%s", svg)
	}
}

func TestBarsHaveValuesNotesAxisAndLegend(t *testing.T) {
	svg := Bars{Title: "echo & more", Axis: "multiple of gws", Series: []string{"a", "b"},
		Groups: []BarGroup{
			{Label: "echo <1>", Values: []float64{0.125, 3}},
			{Label: "none", Values: []float64{math.NaN(), 1}, Notes: []string{"failed", ""}},
		}}.SVG()
	wellFormed(t, svg, "echo &amp; more", "echo &lt;1&gt;", "multiple of gws", ">1/8<", ">4<", "a: failed", ">0.125<", "prefers-color-scheme:dark")
}

func TestLinesHaveGaps(t *testing.T) {
	p := Lines{Title: "growth", XAxis: "connections", YAxis: "µs", X: []float64{100, 1000, 10000}, LogX: true,
		Series: []Line{{Name: "a", Y: []float64{1, math.NaN(), 3}}, {Name: "b", Colour: 1, Y: []float64{math.NaN(), math.NaN(), math.NaN()}}}}
	wellFormed(t, p.SVG(), "connections", "µs", ">10000<")
	p.LogY, p.Labels = true, []string{"p50", "p99", "max"}
	wellFormed(t, p.SVG(), ">p99<")
	if n := strings.Count(string(p.SVG()), "<title>a: "); n != 2 {
		t.Errorf("%d marks", n)
	}
}

func TestAStackAddsUp(t *testing.T) {
	svg := Stack{Title: "memory", Axis: "bytes", Parts: []string{"heap", "rest"},
		Rows: []StackRow{{"a", []float64{1000, 500}}, {"b", []float64{200, -5}}}}.SVG()
	wellFormed(t, svg, ">1500<", ">195<", "a, heap: 1000")
}

func TestChartsOfNothingAreCharts(t *testing.T) {
	wellFormed(t, Bars{Title: "no bars"}.SVG())
	wellFormed(t, Stack{Title: "no rows"}.SVG())
	wellFormed(t, Lines{Title: "no lines", X: []float64{1}}.SVG())
}

func TestAxes(t *testing.T) {
	for _, tt := range []struct {
		most, hi float64
		ticks    int
	}{{1, 1, 6}, {7.3, 8, 5}, {95, 100, 6}, {1200, 1200, 7}, {0, 1, 6}} {
		x, ticks := linear(tt.most, 0, 100)
		if x.hi != tt.hi || len(ticks) != tt.ticks || x.at(0) != 0 || x.at(x.hi) != 100 {
			t.Errorf("linear(%v) = %+v, %v", tt.most, x, ticks)
		}
	}
	x, ticks := logarithmic(2, 0.1, 4, 0, 60)
	if x.lo != 0.0625 || x.hi != 4 || len(ticks) != 7 || math.Abs(x.at(1)-40) > 1e-9 {
		t.Errorf("logarithmic = %+v, %v", x, ticks)
	}
}
