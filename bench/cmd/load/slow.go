//go:build linux

package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

// slow broadcasts -count messages at a fixed rate, whatever becomes of them, to
// connections of which -deaf never read. A unit is one delivery to one that reads;
// its delay counts from when the message was due.
func (g *generator) slow() (figures.Figures, error) {
	var f figures.Figures
	readers := g.options.conns - g.deaf
	if readers < 1 {
		return f, errors.New("load: nobody reads")
	}
	b := &broadcasts{generator: g, want: g.count * readers, patience: patience}
	g.sink = func() wire.Sink { return &wire.Stamps{Size: int(g.size), Each: b.got} }
	if err := g.open(0); err != nil {
		return f, err
	}
	defer g.close()
	for _, c := range g.conns[readers:] {
		if err := errors.Join(c.shrink(), g.poll.forget(c)); err != nil {
			return f, err
		}
	}
	time.Sleep(joined)
	p, err := g.startPeak()
	if err != nil {
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	if err := b.run(); err != nil {
		return f, err
	}
	f.Conns, f.Lost = len(g.conns), b.want-b.have
	f.P50 = float64(b.delay.Quantile(0.50)) / 1e3
	f.P99 = float64(b.delay.Quantile(0.99)) / 1e3
	if err := m.stop(&f, float64(b.have)); err != nil {
		return f, err
	}
	return f, p.stop(&f)
}

// shrink keeps the kernel from holding much for a connection that never reads, so
// that the server's own queue is what fills.
func (s *socket) shrink() error {
	return syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10)
}

// broadcasts is what is under way.
type broadcasts struct {
	*generator
	have, want int   // deliveries
	last       int64 // when the last one came
	patience   time.Duration
	delay      stat.Hist
}

func (b *broadcasts) got(due int64) {
	b.last = now()
	b.have++
	b.delay.Add(b.last - due)
}

// patience is how long after the last delivery the rest counts as lost.
const patience = 2 * time.Second

// run sends everything from the first connection, and waits until all has come or
// nothing comes any more.
func (b *broadcasts) run() error {
	messages := wire.NewStamped(int(b.size))
	interval := int64(time.Second) / int64(b.rate)
	talker, due, sent := b.conns[0], now(), 0
	for b.have < b.want {
		t := now()
		switch {
		case t > b.end:
			return fmt.Errorf("%w: %d of %d broadcasts sent, %d of %d deliveries", errLimit, sent, b.count, b.have, b.want)
		case sent == b.count && t-max(b.last, due) > int64(b.patience):
			return nil
		case sent < b.count && t >= due && len(talker.pend) == 0:
			if err := talker.write(messages.Frame(due)); err != nil {
				return err
			}
			if err := b.poll.watch(talker); err != nil {
				return err
			}
			sent++
			due += interval
		}
		if err := b.readFor(due - now()); err != nil {
			return err
		}
	}
	return nil
}

// readFor takes what has come, after waiting for the given nanoseconds at most.
func (b *broadcasts) readFor(d int64) error {
	ready, err := b.poll.wait(int(min(max(d/1e6, 0), look)))
	if err != nil {
		return err
	}
	for i := range ready {
		c := b.poll.conns[ready[i].Fd]
		if _, err := b.take(c, ready[i].Events); err != nil {
			return fmt.Errorf("%w (a receiver that reads)", err)
		}
		if c.waits {
			if err := b.poll.watch(c); err != nil {
				return err
			}
		}
	}
	return nil
}
