package load

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// The picture is 960 by 720: the figures, below them a histogram, and below that the
// percentiles, both over logarithmic axes. It has no script and nothing from elsewhere.
const (
	wide, high  = 960, 720
	left, right = 72, 928
	histTop     = 188
	histBottom  = 400
	percTop     = 486
	percBottom  = 656
	bars        = 107
)

const style = `
  svg { --paper: #ffffff; --ink: #1c2430; --dim: #5d6b7c; --line: #e3e8ee; --bar: #3f7fd6; --curve: #0f8a6c; --area: #0f8a6c22; --mark: #c2571a; --card: #f5f7fa }
  @media (prefers-color-scheme: dark) { svg { --paper: #12171e; --ink: #e6ebf1; --dim: #93a1b2; --line: #28313c; --bar: #5b9bf0; --curve: #35c39c; --area: #35c39c26; --mark: #f0925a; --card: #1a212a } }
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-size: 12px; fill: var(--dim) }
  .paper { fill: var(--paper) } .card { fill: var(--card) } .bar { fill: var(--bar) }
  .grid { stroke: var(--line); stroke-width: 1; shape-rendering: crispEdges } .axis { stroke: var(--dim); stroke-width: 1; shape-rendering: crispEdges }
  .curve { fill: none; stroke: var(--curve); stroke-width: 2.5; stroke-linejoin: round } .area { fill: var(--area) }
  .mark { stroke: var(--mark); stroke-width: 1.25; stroke-dasharray: 4 3 } .tag { fill: var(--mark); font-weight: 600; font-size: 11px; text-anchor: middle }
  .dot { fill: var(--curve); stroke: var(--paper); stroke-width: 1.5 }
  .title { font-size: 20px; font-weight: 650; fill: var(--ink) } .head { font-size: 13px; font-weight: 600; fill: var(--ink) } .value { font-size: 18px; font-weight: 600; fill: var(--ink) }
  .mid { text-anchor: middle } .end { text-anchor: end }
`

// picture is a drawing under way.
type picture struct {
	bytes.Buffer
	r        *result
	low, top float64 // of the latency axis: decimal logarithms of nanoseconds
}

// draw writes the SVG.
func (r *result) draw(w io.Writer) error {
	p := &picture{r: r}
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="title what">`, wide, high)
	p.add(`<title id="title">Latency of %s</title>`, escape(r.URL))
	p.add(`<desc id="what">%s</desc>`, escape(r.summary()))
	p.add(`<style>%s</style>`, style)
	p.add(`<rect class="paper" width="%d" height="%d"/>`, wide, high)
	p.add(`<text class="title" x="32" y="46">Latency of %s</text>`, escape(clip(r.URL, 70)))
	p.add(`<text x="32" y="70">%s</text>`, escape(clip(fmt.Sprintf("%d connections, %s", r.Connections.Opened, r.title()), 140)))
	p.cards()
	if r.latency.n == 0 {
		p.add(`<text class="head mid" x="%d" y="%d">No message was answered.</text>`, wide/2, high/2)
	} else {
		p.scale()
		p.histogram()
		p.percentiles()
	}
	p.add(`<text class="end" x="%d" y="%d">icsws bench, %s</text>`, right, high-10, r.Time.Format(time.RFC3339))
	p.add(`</svg>`)
	_, err := w.Write(p.Bytes())
	return err
}

func (p *picture) add(format string, args ...any) {
	if len(args) == 0 {
		p.WriteString(format + "\n")
		return
	}
	fmt.Fprintf(p, format+"\n", args...)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // of a Builder
	return b.String()
}

// clip shortens a text to n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// summary is the picture in words.
func (r *result) summary() string {
	if r.Latency == nil {
		return "No message was answered."
	}
	l := r.Latency
	return fmt.Sprintf("%d messages: half are answered within %s, 90 %% within %s, 99 %% within %s, 99.9 %% within %s, all within %s.",
		l.Count, took(l.P50), took(l.P90), took(l.P99), took(l.P999), took(l.Max))
}

// cards are the figures.
func (p *picture) cards() {
	r := p.r
	list := [][2]string{{"received", number3(math.Round(r.Messages.PerSecond)) + "/s"}}
	if l := r.Latency; l != nil {
		list = append(list, [][2]string{{"p50", took(l.P50)}, {"p90", took(l.P90)}, {"p99", took(l.P99)}, {"p99.9", took(l.P999)}, {"max", took(l.Max)}, {"mean", took(l.Mean)}}...)
	}
	const first, gap = 32, 10
	w := float64(right-first-gap*(len(list)-1)) / float64(max(len(list), 7))
	for i, c := range list {
		x := first + float64(i)*(w+gap)
		p.add(`<rect class="card" x="%.1f" y="88" width="%.1f" height="56" rx="8"/>`, x, w)
		p.add(`<text x="%.1f" y="108">%s</text><text class="value" x="%.1[1]f" y="132">%[3]s</text>`, x+12, c[0], escape(c[1]))
	}
}

// scale finds bounds of the latency axis that are not too close together.
func (p *picture) scale() {
	h := &p.r.latency
	p.low = math.Log10(math.Max(float64(h.min), 1))
	p.top = math.Log10(math.Max(float64(h.max), 2))
	if p.top-p.low < 0.6 {
		mid := (p.top + p.low) / 2
		p.low, p.top = mid-0.3, mid+0.3
	}
	p.low, p.top = p.low-0.04, p.top+0.04
}

// share places a latency between 0 and 1.
func (p *picture) share(ns float64) float64 {
	return min(max((math.Log10(math.Max(ns, 1))-p.low)/(p.top-p.low), 0), 1)
}

func (p *picture) x(ns float64) float64 { return left + p.share(ns)*(right-left) }

// ticks are round values of the latency axis: 1, 2 and 5 of each decade, or 1 alone.
func (p *picture) ticks() (list []float64) {
	steps := []float64{1, 2, 5}
	if p.top-p.low > 4 {
		steps = steps[:1]
	}
	for decade := math.Floor(p.low); decade <= p.top; decade++ {
		for _, s := range steps {
			if v := s * math.Pow(10, decade); math.Log10(v) >= p.low && math.Log10(v) <= p.top {
				list = append(list, v)
			}
		}
	}
	return list
}

// tick is the text of a round value.
func tick(ns float64) string {
	for _, u := range []struct {
		of   float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= 0.999*u.of {
			return fmt.Sprintf("%g %s", math.Round(1000*ns/u.of)/1000, u.name)
		}
	}
	return fmt.Sprintf("%.0f ns", ns)
}

// histogram is the upper half: the share of the messages for each of the bars, which are
// equally wide in logarithms.
func (p *picture) histogram() {
	p.add(`<text class="head" x="32" y="%d">How many answers took how long</text>`, histTop-16)
	parts, most := p.parts()
	step := niceStep(most)
	top := math.Ceil(most/step) * step
	y := func(share float64) float64 { return histBottom - share/top*(histBottom-histTop-22) }
	for v := 0.0; v <= top+step/2; v += step {
		p.add(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1[3]f"/><text class="end" x="%[4]d" y="%.1[5]f">%[6]s %%</text>`, left, right, y(v), left-8, y(v)+4, trim(100*v))
	}
	p.latencyTicks(histBottom)
	w := float64(right-left) / bars
	for i, share := range parts {
		if share > 0 {
			h := math.Max(histBottom-y(share), 0.75)
			p.add(`<rect class="bar" x="%.2f" y="%.2f" width="%.2f" height="%.2f"/>`, left+float64(i)*w, histBottom-h, w-0.75, h)
		}
	}
	p.marks()
	p.add(`<line class="axis" x1="%d" x2="%d" y1="%d" y2="%[3]d"/>`, left, right, histBottom)
	p.add(`<text class="mid" x="%d" y="%d">latency, logarithmic (upwards: share of the answers in each of %d bars)</text>`, (left+right)/2, histBottom+38, bars)
}

// parts spreads the buckets over the bars. A bucket that is wider than a bar is spread.
func (p *picture) parts() (parts []float64, most float64) {
	parts = make([]float64, bars)
	h := &p.r.latency
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		from, to := boundsOf(i)
		a, b := bars*p.share(float64(max(from, h.min))), bars*p.share(float64(min(to, h.max)))
		for k := int(a); k < bars && (float64(k) < b || k == int(a)); k++ {
			part := 1.0
			if b > a {
				part = (min(b, float64(k+1)) - max(a, float64(k))) / (b - a)
			}
			parts[k] += part * float64(n) / float64(h.n)
		}
		if int(a) == bars {
			parts[bars-1] += float64(n) / float64(h.n)
		}
	}
	for _, v := range parts {
		most = max(most, v)
	}
	return parts, most
}

// niceStep gives an axis from 0 three to six lines.
func niceStep(most float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, f := range []float64{0.2, 0.5, 1} {
		if most/(f*step) <= 5 {
			return f * step
		}
	}
	return 2 * step
}

func trim(v float64) string { return fmt.Sprintf("%g", math.Round(v*1e4)/1e4) }

func (p *picture) latencyTicks(y int) {
	for _, v := range p.ticks() {
		p.add(`<line class="axis" x1="%.1f" x2="%.1[1]f" y1="%d" y2="%d"/><text class="mid" x="%.1[1]f" y="%[4]d">%[5]s</text>`, p.x(v), y, y+5, y+20, tick(v))
	}
}

// marks are the percentiles in the histogram. Texts that would touch are left out.
func (p *picture) marks() {
	last := -100.0
	for _, m := range p.quantiles() {
		x := p.x(m.ns)
		p.add(`<line class="mark" x1="%.1f" x2="%.1[1]f" y1="%d" y2="%d"/>`, x, histTop+4, histBottom)
		if x-last > 32 {
			p.add(`<text class="tag" x="%.1f" y="%d">%s</text>`, x, histTop-2, m.name)
			last = x
		}
	}
}

type quantileMark struct {
	name string
	q    float64
	ns   float64
}

func (p *picture) quantiles() []quantileMark {
	list := []quantileMark{{"p50", 0.5, 0}, {"p90", 0.9, 0}, {"p99", 0.99, 0}, {"p99.9", 0.999, 0}}
	for i := range list {
		list[i].ns = float64(p.r.latency.quantile(list[i].q))
	}
	return list
}

// percentiles is the lower half: the latency that a share of the messages is not above.
// Each step to the right leaves a tenth of them.
func (p *picture) percentiles() {
	p.add(`<text class="head" x="32" y="%d">Which latency a share of the answers is not above</text>`, percTop-14)
	nines := math.Max(math.Log10(float64(p.r.latency.n)), 1)
	x := func(q float64) float64 {
		return left + min(-math.Log10(math.Max(1-q, 1e-12)), nines)/nines*(right-left)
	}
	y := func(ns float64) float64 { return percBottom - p.share(ns)*(percBottom-percTop-12) }
	lastY := math.Inf(1)
	for _, v := range p.ticks() {
		p.add(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1[3]f"/>`, left, right, y(v))
		if lastY-y(v) >= 14 {
			p.add(`<text class="end" x="%d" y="%.1f">%s</text>`, left-8, y(v)+4, tick(v))
			lastY = y(v)
		}
	}
	p.curve(x, y, nines)
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999} {
		if -math.Log10(1-q) > nines {
			break
		}
		p.add(`<line class="axis" x1="%.1f" x2="%.1[1]f" y1="%d" y2="%d"/><text class="mid" x="%.1[1]f" y="%[4]d">%[5]s %%</text>`, x(q), percBottom, percBottom+5, percBottom+20, trim(100*q))
	}
	p.add(`<line class="axis" x1="%d" x2="%d" y1="%d" y2="%[3]d"/>`, left, right, percBottom)
	p.add(`<text class="mid" x="%d" y="%d">share of the answers (upwards: latency, logarithmic)</text>`, (left+right)/2, percBottom+38)
}

func (p *picture) curve(x, y func(float64) float64, nines float64) {
	const points = 240
	var line strings.Builder
	for i := range points + 1 {
		q := 1 - math.Pow(10, -nines*float64(i)/points)
		if i == points {
			q = 1
		}
		fmt.Fprintf(&line, "%.1f,%.1f ", x(q), y(float64(p.r.latency.quantile(q))))
	}
	p.add(`<polygon class="area" points="%d,%d %s%d,%[2]d"/>`, left, percBottom, line.String(), right)
	p.add(`<polyline class="curve" points="%s"/>`, strings.TrimSpace(line.String()))
	for _, m := range p.quantiles() {
		if -math.Log10(1-m.q) <= nines {
			p.add(`<circle class="dot" cx="%.1f" cy="%.1f" r="4.5"/><text class="tag" x="%.1[1]f" y="%.1[3]f">%[4]s</text>`, x(m.q), y(m.ns), y(m.ns)-10, m.name)
		}
	}
}
