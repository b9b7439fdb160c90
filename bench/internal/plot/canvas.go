package plot

import (
	"fmt"
	"html"
	"strings"
)

// canvas collects the elements of one SVG.
type canvas struct {
	b             strings.Builder
	width, height float64
}

const (
	fontSize  = 12.0
	letter    = 6.8 // about the width of one
	charWidth = letter
)

// colours of series, for light and dark surroundings: told apart also by those who see
// few colours, and by the shapes of marks.
var colours = [][2]string{
	{"#0060c0", "#58a6ff"}, {"#57606a", "#a8b1bb"}, {"#c05a00", "#ff9d42"}, {"#00805a", "#3fcf9a"},
	{"#8a3ffc", "#c59bff"}, {"#c2255c", "#ff7aa8"}, {"#8a6d00", "#e3c341"}, {"#00798c", "#4fd0e0"},
}

func newCanvas(width, height float64, title string) *canvas {
	c := &canvas{width: width, height: height}
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s"`+
		` font-family="system-ui,-apple-system,'Segoe UI',sans-serif" font-size="%g">`+"\n",
		width, height, width, height, html.EscapeString(title), fontSize)
	c.add("<title>%s</title>\n", html.EscapeString(title))
	c.style()
	c.add(`<rect class="ground" width="%g" height="%g"/>`+"\n", width, height)
	c.text(pad, pad+fontSize, "title", "start", title)
	return c
}

// pad is the margin around everything.
const pad = 12.0

func (c *canvas) style() {
	rules := func(mode int, ground, ink, dim, grid string) string {
		var b strings.Builder
		fmt.Fprintf(&b, ".ground{fill:%s}text{fill:%s}.dim{fill:%s}.grid{stroke:%s}.axis{stroke:%s}", ground, ink, dim, grid, dim)
		for i, pair := range colours {
			fmt.Fprintf(&b, ".s%d{color:%s}", i, pair[mode])
		}
		return b.String()
	}
	c.add("<style>%s.title{font-weight:600}.fill{fill:currentColor}.line{fill:none;stroke:currentColor;stroke-width:2}"+
		"@media(prefers-color-scheme:dark){%s}</style>\n",
		rules(0, "#ffffff", "#1f2328", "#59636e", "#d8dee4"),
		rules(1, "#0d1117", "#f0f6fc", "#9198a1", "#30363d"))
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }

func (c *canvas) text(x, y float64, class, anchor, s string) {
	c.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
}

// upright is text that reads from below.
func (c *canvas) upright(x, y float64, class, s string) {
	c.add(`<text transform="translate(%.1f %.1f) rotate(-90)" class="%s" text-anchor="middle">%s</text>`+"\n",
		x, y, class, html.EscapeString(s))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.add(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

// bar is a rectangle in the colour of a series; it tells its value when pointed at.
func (c *canvas) bar(series int, x, y, w, h float64, says string) {
	c.add(`<rect class="s%d fill" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`+"\n",
		series%len(colours), x, y, max(w, 0.5), h, html.EscapeString(says))
}

// mark is a small shape around a point, another one for each series.
func (c *canvas) mark(series int, x, y float64, says string) {
	const r = 4.0
	shapes := []string{
		fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="%g"/>`, x, y, r),
		fmt.Sprintf(`<path d="M%.1f %.1fh%gv%gh-%gz"/>`, x-r, y-r, 2*r, 2*r, 2*r),
		fmt.Sprintf(`<path d="M%.1f %.1fl%g %gh-%gz"/>`, x, y-r-1, r+1, 2*r, 2*r+2),
		fmt.Sprintf(`<path d="M%.1f %.1fl%g %gl-%g %gl-%g -%gz"/>`, x, y-r-1, r+1, r+1, r+1, r+1, r+1, r+1),
		fmt.Sprintf(`<path d="M%.1f %.1fl%g -%gh-%gz"/>`, x, y+r+1, r+1, 2*r, 2*r+2),
		fmt.Sprintf(`<path d="M%.1f %.1fh%gv%gh-%gz"/>`, x-1.5, y-r-1, 3.0, 2*r+2, 3.0),
	}
	c.add(`<g class="s%d fill">%s<title>%s</title></g>`+"\n", series%len(colours), shapes[series%len(shapes)], html.EscapeString(says))
}

func (c *canvas) path(series int, points [][2]float64) {
	if len(points) < 2 {
		return
	}
	var d strings.Builder
	for i, p := range points {
		fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(i, 1)], p[0], p[1])
	}
	c.add(`<path class="s%d line" d="%s"/>`+"\n", series%len(colours), d.String())
}

// legend writes the names in lines of at most the width, from y on, and returns where
// it ends.
func (c *canvas) legend(y float64, names []string, colour func(i int) int, marks bool) float64 {
	x := pad
	for i, name := range names {
		w := 18 + charWidth*float64(len(name)) + 14
		if x+w > c.width-pad && x > pad {
			x, y = pad, y+18
		}
		if marks {
			c.mark(colour(i), x+6, y-4, name)
		} else {
			c.bar(colour(i), x, y-9, 11, 10, name)
		}
		c.text(x+17, y, "", "start", name)
		x += w
	}
	return y
}

func (c *canvas) done() []byte { return []byte(c.b.String() + "</svg>\n") }

// legendLines is how many lines a legend takes.
func legendLines(width float64, names []string) int {
	x, lines := pad, 1
	for _, name := range names {
		w := 18 + charWidth*float64(len(name)) + 14
		if x+w > width-pad && x > pad {
			x = pad
			lines++
		}
		x += w
	}
	return lines
}
