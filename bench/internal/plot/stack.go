package plot

import "fmt"

// Stack is horizontal bars that are made of parts.
type Stack struct {
	Title string
	Axis  string // what is added up, and its unit
	Parts []string
	Rows  []StackRow
}

// StackRow is one bar, with the sum of its parts as a number. A part below zero is not
// drawn, but is in that sum.
type StackRow struct {
	Label  string
	Values []float64 // by part
}

// SVG draws the chart.
func (p Stack) SVG() []byte {
	const height = 26.0
	left, most := pad+10, 0.0
	for _, r := range p.Rows {
		left = max(left, pad+charWidth*float64(len(r.Label))+10)
		most = max(most, sum(r.Values))
	}
	top := pad + fontSize + 24 + 18*float64(legendLines(chartWidth, p.Parts))
	bottom := top + height*float64(len(p.Rows))
	c := newCanvas(chartWidth, bottom+46, p.Title)
	same := func(i int) int { return i }
	c.legend(pad+fontSize+22, p.Parts, same, false)
	x, ticks := linear(most, left, chartWidth-pad-50)
	for _, t := range ticks {
		c.line("grid", x.at(t), top-4, x.at(t), bottom)
		c.text(x.at(t), bottom+16, "dim", "middle", Number(t))
	}
	c.text((x.a+x.b)/2, bottom+36, "dim", "middle", p.Axis)
	for i, r := range p.Rows {
		y := top + height*float64(i)
		c.text(left-8, y+16, "", "end", r.Label)
		at := 0.0
		for part, v := range r.Values {
			if v > 0 {
				c.bar(part, x.at(at), y+3, x.at(at+v)-x.at(at), height-7, fmt.Sprintf("%s, %s: %s", r.Label, p.Parts[part], Number(v)))
				at += v
			}
		}
		c.text(x.at(at)+5, y+16, "dim", "start", Number(total(r.Values)))
	}
	return c.done()
}

// sum is how long the bar is, total what it says.
func sum(values []float64) (s float64) {
	for _, v := range values {
		s += max(v, 0)
	}
	return s
}

func total(values []float64) (t float64) {
	for _, v := range values {
		t += v
	}
	return t
}
