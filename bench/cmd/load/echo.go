//go:build linux

package main

import (
	"syscall"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/stat"
)

// echo keeps -depth messages in flight on every connection: each one that comes
// back, and is right, is followed by the next.
func (g *generator) echo() (figures.Figures, error) {
	if err := g.open(g.kind()); err != nil {
		return figures.Figures{}, err
	}
	defer g.close()
	return g.echoOpen()
}

// echoOpen is the echo on connections that are open.
func (g *generator) echoOpen() (figures.Figures, error) {
	var f figures.Figures
	if _, err := g.echoFor(g.warm, &stat.Hist{}); err != nil {
		return f, err
	}
	before := g.bytes()
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	var latency stat.Hist
	n, err := g.echoFor(g.measure, &latency)
	if err != nil {
		return f, err
	}
	f.Conns = len(g.conns)
	f.ReplyBytes = float64(g.bytes()-before) / float64(max(n, 1))
	f.P50 = float64(latency.Quantile(0.50)) / 1e3
	f.P99 = float64(latency.Quantile(0.99)) / 1e3
	return f, m.stop(&f, float64(n))
}

// bytes is what all connections have received.
func (g *generator) bytes() (n int64) {
	for _, c := range g.conns {
		n += c.in.Bytes()
	}
	return n
}

// echoFor sends for a span, waits for what is still in flight and returns how
// many messages came back.
func (g *generator) echoFor(d time.Duration, latency *stat.Hist) (int, error) {
	span, err := g.span(d)
	if err != nil {
		return 0, err
	}
	t := now()
	done, flying := 0, 0
	for _, c := range g.conns {
		c.owed = g.depth
		flying += g.depth
		if err := g.feed(c, t); err != nil {
			return done, err
		}
	}
	for flying > 0 {
		ready, err := g.wait()
		if err != nil {
			return done, err
		}
		for i := range ready {
			c := g.poll.conns[ready[i].Fd]
			n, err := g.take(c, ready[i].Events)
			if err != nil {
				return done, err
			}
			t = now()
			c.record(latency, n, t)
			done += n
			flying -= n
			if !span.ended(t) {
				c.owed += n
				flying += n
			}
			if err := g.feed(c, t); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// take does what the poller says is possible and returns the messages received.
func (g *generator) take(c *conn, events uint32) (int, error) {
	if events&syscall.EPOLLOUT != 0 {
		if err := c.push(); err != nil {
			return 0, err
		}
	}
	if events&^syscall.EPOLLOUT == 0 {
		return 0, nil
	}
	return c.recv(g.poll.buf)
}

// record counts how long each of the last n messages was under way.
func (c *conn) record(latency *stat.Hist, n int, t int64) {
	for seq := c.in.Messages() - n; n > 0; n-- {
		latency.Add(t - c.stamps[seq%len(c.stamps)])
		seq++
	}
}

// feed sends what the connection may send.
func (g *generator) feed(c *conn, t int64) error {
	for c.owed > 0 && len(c.pend) == 0 {
		n := min(c.owed, g.depth)
		for i := range n {
			c.stamps[(c.sent+i)%len(c.stamps)] = t
		}
		frames := g.script.Run(c.sent, n)
		c.sent += n
		c.owed -= n
		if err := c.write(frames); err != nil {
			return err
		}
	}
	return g.poll.watch(c)
}
