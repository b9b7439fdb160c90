//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/wire"
)

// GiB is the unit of work where messages are large.
const GiB = 1 << 30

// file asks for a file of -size bytes, which comes as one message, again and again,
// at least once. Its bytes are compared with marks and zeros.
func (g *generator) file() (figures.Figures, error) {
	var f figures.Figures
	g.sink = func() wire.Sink { return &download{size: g.size} }
	if err := g.open(0); err != nil {
		return f, err
	}
	defer g.close()
	return g.large(g.filesFor)
}

// large measures what moves large messages for a while and says how many.
func (g *generator) large(move func(time.Duration) (int, error)) (f figures.Figures, err error) {
	if _, err := move(g.warm); err != nil {
		return f, err
	}
	p, err := g.startPeak()
	if err != nil {
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	n, err := move(g.measure)
	if err != nil {
		return f, err
	}
	f.Conns = len(g.conns)
	if err := m.stop(&f, float64(n)*float64(g.size)/GiB); err != nil {
		return f, err
	}
	return f, p.stop(&f)
}

// download is the sink of a connection that a file comes on.
type download struct {
	size int64
	done int // files
}

// Piece compares.
func (d *download) Piece(p []byte, off int64) error { return wire.CheckMarks(p, off) }

// End counts.
func (d *download) End(size int64) error {
	if size != d.size {
		return fmt.Errorf("load: a file of %d bytes, want %d", size, d.size)
	}
	d.done++
	return nil
}

// filesFor returns how many files came.
func (g *generator) filesFor(d time.Duration) (int, error) {
	span, err := g.span(d)
	if err != nil {
		return 0, err
	}
	ask := wire.AppendFrame(nil, wire.OpText, false, []byte("please"))
	for _, c := range g.conns {
		if err := c.write(ask); err != nil {
			return 0, err
		}
	}
	done, flying := 0, len(g.conns)
	for flying > 0 {
		ready, err := g.wait()
		if err != nil {
			return done, err
		}
		for i := range ready {
			c := g.poll.conns[ready[i].Fd]
			into := c.bulk.Sink().(*download)
			before := into.done
			if _, err := c.recv(g.poll.buf); err != nil {
				return done, err
			}
			if into.done == before {
				continue
			}
			done++
			if span.ended(now()) {
				flying--
			} else if err := c.write(ask); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}
