//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

// joined is the pause in which a server takes its last connections into its
// broadcasts: some do so after the handshake is answered.
const joined = 300 * time.Millisecond

// broadcast has the first connection send messages that go to everybody, -depth
// of them under way at once. A unit is one delivery.
func (g *generator) broadcast() (figures.Figures, error) {
	var f figures.Figures
	if err := g.open(wire.OpText); err != nil {
		return f, err
	}
	defer g.close()
	time.Sleep(joined)
	if _, err := g.broadcastFor(g.warm, &stat.Hist{}); err != nil {
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	var latency stat.Hist
	rounds, err := g.broadcastFor(g.measure, &latency)
	if err != nil {
		return f, err
	}
	f.Conns = len(g.conns)
	f.P50 = float64(latency.Quantile(0.50)) / 1e3
	f.P99 = float64(latency.Quantile(0.99)) / 1e3
	return f, m.stop(&f, float64(rounds*len(g.conns)))
}

// fanOut follows broadcasts that overlap: number n is complete when everybody has
// n+1 messages more than at the start.
type fanOut struct {
	conns    int
	base     int   // messages that everybody had at the start
	sent     int   // broadcasts begun
	complete int   // of them
	arrived  []int // deliveries of those under way, by their number
	since    []int64
}

func newFanOut(conns, depth, base int) *fanOut {
	return &fanOut{conns: conns, base: base, arrived: make([]int, depth), since: make([]int64, depth)}
}

// begin notes that a broadcast was sent.
func (o *fanOut) begin(t int64) {
	i := o.sent % len(o.arrived)
	o.arrived[i], o.since[i] = 0, t
	o.sent++
}

// deliver notes the last n messages of a connection that has got total in all. A
// message that nobody sent is an error.
func (o *fanOut) deliver(total, n int) error {
	if total-o.base > o.sent {
		return fmt.Errorf("load: a client got %d broadcasts of %d", total-o.base, o.sent)
	}
	for seq := total - o.base - n; n > 0; n-- {
		o.arrived[seq%len(o.arrived)]++
		seq++
	}
	return nil
}

// finish takes the oldest broadcast off if everybody has it, and says how long it
// took.
func (o *fanOut) finish(t int64) (int64, bool) {
	i := o.complete % len(o.arrived)
	if o.complete == o.sent || o.arrived[i] < o.conns {
		return 0, false
	}
	o.complete++
	return t - o.since[i], true
}

// broadcastFor returns how many broadcasts everybody has got.
func (g *generator) broadcastFor(d time.Duration, latency *stat.Hist) (int, error) {
	span, err := g.span(d)
	if err != nil {
		return 0, err
	}
	sender := g.conns[0]
	o := newFanOut(len(g.conns), g.depth, sender.in.Messages())
	begin := func() error {
		o.begin(now())
		return sender.write(g.script.Run(0, 1))
	}
	for range g.depth {
		if err := begin(); err != nil {
			return 0, err
		}
	}
	for o.complete < o.sent {
		ready, err := g.wait()
		if err != nil {
			return 0, fmt.Errorf("%w: %d of %d broadcasts reached everybody", err, o.complete, o.sent)
		}
		for i := range ready {
			if err := g.deliver(g.poll.conns[ready[i].Fd], o); err != nil {
				return 0, err
			}
		}
		for t := now(); ; {
			took, ok := o.finish(t)
			if !ok {
				break
			}
			latency.Add(took)
			if !span.ended(t) {
				if err := begin(); err != nil {
					return 0, err
				}
			}
		}
	}
	return o.complete, nil
}

func (g *generator) deliver(c *conn, o *fanOut) error {
	n, err := c.recv(g.poll.buf)
	if err != nil {
		return err
	}
	return o.deliver(c.in.Messages(), n)
}
