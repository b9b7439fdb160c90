package plot

import (
	"fmt"
	"math"
)

// Lines are curves.
type Lines struct {
	Title        string
	XAxis, YAxis string // what they are, with the unit
	X            []float64
	Labels       []string // in place of the numbers of X, which are then places on a line
	LogX, LogY   bool
	Series       []Line
}

// Line is one curve.
type Line struct {
	Name   string
	Colour int
	Y      []float64 // by X; NaN is a gap
}

// SVG draws the chart.
func (p Lines) SVG() []byte {
	names := make([]string, len(p.Series))
	for i, s := range p.Series {
		names[i] = s.Name
	}
	const left, height = pad + 62, 280.0
	top := pad + fontSize + 24 + 18*float64(legendLines(chartWidth, names))
	bottom := top + height
	c := newCanvas(chartWidth, bottom+46, p.Title)
	c.legend(pad+fontSize+22, names, func(i int) int { return p.Series[i].Colour }, true)
	least, most := p.extent()
	y, ticks := linear(most, bottom, top)
	if p.LogY {
		y, ticks = logarithmic(10, least, most, bottom, top)
	}
	for _, t := range ticks {
		c.line("grid", left, y.at(t), chartWidth-pad, y.at(t))
		c.text(left-6, y.at(t)+4, "dim", "end", Number(t))
	}
	x := p.xAxis(c, left+20, bottom)
	c.line("axis", left, bottom, chartWidth-pad, bottom)
	c.text((left+chartWidth-pad)/2, bottom+36, "dim", "middle", p.XAxis)
	c.upright(pad+8, (top+bottom)/2, "dim", p.YAxis)
	for _, s := range p.Series {
		p.curve(c, s, x, y)
	}
	return c.done()
}

// xAxis draws the values of X below, where they are.
func (p Lines) xAxis(c *canvas, left, bottom float64) axis {
	x := axis{log: p.LogX, lo: p.X[0], hi: p.X[len(p.X)-1], a: left, b: chartWidth - pad - 24}
	for i, v := range p.X {
		label := Number(v)
		if p.Labels != nil {
			label = p.Labels[i]
		}
		c.line("axis", x.at(v), bottom, x.at(v), bottom+4)
		c.text(x.at(v), bottom+17, "dim", "middle", label)
	}
	return x
}

func (p Lines) curve(c *canvas, s Line, x, y axis) {
	var points [][2]float64
	for i, v := range s.Y {
		if !math.IsNaN(v) {
			points = append(points, [2]float64{x.at(p.X[i]), y.at(v)})
		}
	}
	c.path(s.Colour, points)
	for i, v := range s.Y {
		if !math.IsNaN(v) {
			c.mark(s.Colour, x.at(p.X[i]), y.at(v), fmt.Sprintf("%s: %s", s.Name, Number(v)))
		}
	}
}

// extent is the least value above zero, and the most.
func (p Lines) extent() (least, most float64) {
	least = math.Inf(1)
	for _, s := range p.Series {
		for _, v := range s.Y {
			if v > 0 && !math.IsNaN(v) {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if math.IsInf(least, 1) {
		return 1, 1
	}
	return least, most
}
