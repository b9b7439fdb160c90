package load

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// result is what --json prints.
type result struct {
	URL         string          `json:"url"`
	Time        time.Time       `json:"time"`
	Mode        string          `json:"mode"`
	Interrupted bool            `json:"interrupted"`
	Seconds     float64         `json:"seconds"` // of the phase that was measured
	Settings    settings        `json:"settings"`
	Connections connectionsPart `json:"connections"`
	Messages    messagesPart    `json:"messages"`
	Latency     *spread         `json:"latency_ms,omitempty"`
	Histogram   []bucket        `json:"histogram,omitempty"` // of the latency; empty buckets are left out
	Exit        cli.Code        `json:"exit"`

	latency hist
}

type settings struct {
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate"` // 0: as many as the depth allows
	Depth       int     `json:"depth"`
	SizeMin     int     `json:"size_min"`
	SizeMax     int     `json:"size_max"`
	Ramp        float64 `json:"ramp"`
	Binary      bool    `json:"binary"`
	Compression string  `json:"compression"`
	Verify      bool    `json:"verify"`
}

type connectionsPart struct {
	Opened  int                 `json:"opened"`
	Failed  map[string]*failure `json:"failed"` // by the code of dial.Reason, with the status if that is it
	Lost    map[string]*failure `json:"lost"`   // by the code of the end, for "icsws explain"
	Connect *spread             `json:"connect_ms,omitempty"`
	Stages  map[string]*spread  `json:"stages_ms,omitempty"` // resolve, connect, proxy, tls, handshake
}

type messagesPart struct {
	Sent       uint64  `json:"sent"`
	Received   uint64  `json:"received"` // answers; with listen all
	PerSecond  float64 `json:"received_per_second"`
	BytesOut   uint64  `json:"bytes_out"` // of payload
	BytesIn    uint64  `json:"bytes_in"`
	BytesInPS  float64 `json:"bytes_in_per_second"`
	Unanswered uint64  `json:"unanswered"`
	Missing    uint64  `json:"missing"` // a later one was answered
	Wrong      uint64  `json:"wrong"`
	NotSent    uint64  `json:"not_sent"` // due by the clock of the rate, and never sent
	Unasked    uint64  `json:"unasked"`  // that answer none
	LeastEach  *uint64 `json:"least_of_a_connection,omitempty"`
	MostEach   *uint64 `json:"most_of_a_connection,omitempty"`
}

// spread are quantiles in milliseconds.
type spread struct {
	Count uint64  `json:"count"`
	Min   float64 `json:"min"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	Max   float64 `json:"max"`
}

type bucket struct {
	From  float64 `json:"from_ms"`
	To    float64 `json:"to_ms"`
	Count uint64  `json:"count"`
}

func (h *hist) spread() *spread {
	if h.n == 0 {
		return nil
	}
	q := func(q float64) float64 { return millis(h.quantile(q)) }
	return &spread{h.n, millis(h.min), millis(h.mean()), q(0.5), q(0.9), q(0.99), q(0.999), millis(h.max)}
}

// millis has more digits than show.Millis: a bucket may be a nanosecond wide.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// result is made when all connections are closed.
func (b *bench) result(ctx context.Context) *result {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.total()
	o := b.o
	r := &result{
		URL: reach.Shown(b.d.URL), Time: time.Now().UTC(), Mode: *o.mode, Interrupted: ctx.Err() != nil, Seconds: b.measured.Seconds(),
		Settings: settings{
			o.connections, o.rate, o.depth, o.least, o.most, o.ramp, o.binary, b.d.Compression.Mode.String(), o.verify,
		},
		Connections: connectionsPart{Opened: len(b.open), Failed: b.failed, Lost: b.lost, Connect: b.connect.spread()},
		latency:     f.latency,
	}
	if len(b.stages) > 0 {
		r.Connections.Stages = make(map[string]*spread)
	}
	for name, h := range b.stages {
		r.Connections.Stages[name] = h.spread()
	}
	r.messages(b, &f)
	r.Latency = f.latency.spread()
	for i, n := range f.latency.counts {
		if n > 0 {
			from, to := boundsOf(i)
			r.Histogram = append(r.Histogram, bucket{millis(from), millis(to), n})
		}
	}
	r.Exit = r.exit()
	return r
}

// messages fills the part in. It is called under b's lock.
func (r *result) messages(b *bench, f *figures) {
	m := &r.Messages
	*m = messagesPart{
		Sent: f.sent, Received: f.answered, BytesOut: f.bytesOut, BytesIn: f.bytesIn, Missing: f.missing, Wrong: f.wrong, Unasked: f.unasked,
	}
	if b.o.listens() {
		m.Received, m.Unasked = f.unasked, 0
		m.LeastEach, m.MostEach = b.each()
	} else {
		for _, p := range b.open {
			unanswered, unsent := p.unanswered()
			m.Unanswered += unanswered
			m.NotSent += unsent
		}
	}
	if s := r.Seconds; s > 0 {
		received := b.inTime.answered
		if b.o.listens() {
			received = b.inTime.unasked
		}
		m.PerSecond = math.Round(10*float64(received)/s) / 10
		m.BytesInPS = math.Round(float64(b.inTime.bytesIn) / s)
	}
}

// each is what the connections got that got least and most.
func (b *bench) each() (least, most *uint64) {
	for i, p := range b.open {
		p.mu.Lock()
		n := p.received
		p.mu.Unlock()
		if i == 0 {
			least, most = new(uint64), new(uint64)
			*least = n
		}
		*least, *most = min(*least, n), max(*most, n)
	}
	return least, most
}

// exit is the code for the program.
func (r *result) exit() cli.Code {
	c, m := &r.Connections, &r.Messages
	switch {
	case c.Opened == 0 && len(c.Failed) > 0:
		return worst(c.Failed).code
	case len(c.Failed)+len(c.Lost) > 0, m.Unanswered+m.Missing+m.Wrong+m.NotSent > 0:
		return cli.Failed
	}
	return cli.OK
}

// worst is the most frequent failure.
func worst(m map[string]*failure) *failure {
	return m[byCount(m)[0]]
}

// byCount lists the reasons, the most frequent first.
func byCount(m map[string]*failure) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b].Count, m[a].Count), cmp.Compare(a, b))
	})
}

// took is a number of milliseconds as people read it.
func took(ms float64) string {
	if ms < 0.9995 {
		return fmt.Sprintf("%.3g µs", ms*1000)
	}
	return show.Took(time.Duration(ms * float64(time.Millisecond)))
}
