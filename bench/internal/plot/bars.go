package plot

import (
	"fmt"
	"math"
	"slices"
)

// Bars are multiples of something, as bars to the left of one (less) and to the right
// (more), on a logarithmic axis: twice and half are equally far from one.
type Bars struct {
	Title  string
	Axis   string   // what the multiple is
	Series []string // their names, in order; the colour follows the position
	Colour []int    // of each series, by number; nil is by position
	Groups []BarGroup
}

// BarGroup is a label with a bar for each series.
type BarGroup struct {
	Label  string
	Values []float64 // by series; NaN is none
	Notes  []string  // said in place of a value, by series; may be nil
}

const (
	chartWidth = 760.0
	barHeight  = 11.0
	groupGap   = 10.0
)

// SVG draws the chart.
func (p Bars) SVG() []byte {
	left := pad + 10
	for _, g := range p.Groups {
		left = max(left, pad+charWidth*float64(len(g.Label))+10)
	}
	perGroup := barHeight*float64(len(p.Series)) + groupGap
	legend := 18 * float64(legendLines(chartWidth, p.Series))
	top := pad + fontSize + 14 + legend + 10
	bottom := top + perGroup*float64(len(p.Groups))
	c := newCanvas(chartWidth, bottom+46, p.Title)
	c.legend(pad+fontSize+22, p.Series, p.colour, false)
	x, ticks := logarithmic(2, p.extreme(1, math.Min), p.extreme(1, math.Max), left, chartWidth-pad-42)
	for _, t := range ticks {
		class := "grid"
		if t == 1 {
			class = "axis"
		}
		c.line(class, x.at(t), top-4, x.at(t), bottom)
		c.text(x.at(t), bottom+16, "dim", "middle", fraction(t))
	}
	c.text((x.a+x.b)/2, bottom+36, "dim", "middle", p.Axis)
	for i, g := range p.Groups {
		y := top + perGroup*float64(i)
		c.text(left-8, y+(perGroup-groupGap)/2+4, "", "end", g.Label)
		for s := range p.Series {
			p.bar(c, x, g, s, y+barHeight*float64(s))
		}
	}
	return c.done()
}

func (p Bars) bar(c *canvas, x axis, g BarGroup, s int, y float64) {
	v := g.Values[s]
	if math.IsNaN(v) {
		if g.Notes != nil && g.Notes[s] != "" {
			c.add(`<text x="%.1f" y="%.1f" class="dim" font-size="9">%s: %s</text>`+"\n", x.at(1)+4, y+8, p.Series[s], g.Notes[s])
		}
		return
	}
	from, to := min(x.at(1), x.at(v)), max(x.at(1), x.at(v))
	c.bar(p.colour(s), from, y, to-from, barHeight-1, fmt.Sprintf("%s, %s: %s", g.Label, p.Series[s], Number(v)))
	c.add(`<text x="%.1f" y="%.1f" class="dim" font-size="9">%s</text>`+"\n", x.at(max(v, 1))+4, y+8, Number(v))
}

func (p Bars) colour(i int) int {
	if p.Colour == nil {
		return i
	}
	return p.Colour[i]
}

// extreme is the least or the most of all values and v.
func (p Bars) extreme(v float64, pick func(a, b float64) float64) float64 {
	for _, g := range p.Groups {
		for _, x := range slices.DeleteFunc(slices.Clone(g.Values), math.IsNaN) {
			v = pick(v, x)
		}
	}
	return max(v, 1.0/256)
}

func fraction(v float64) string {
	if v < 1 {
		return "1/" + Number(1/v)
	}
	return Number(v)
}
