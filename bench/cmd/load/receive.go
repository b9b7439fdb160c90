//go:build linux

package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/wire"
)

// receive sends messages of -size bytes, each in one frame, one after the other, at
// least one. The server answers each with its length.
func (g *generator) receive() (figures.Figures, error) {
	var f figures.Figures
	g.sink = func() wire.Sink { return &upload{want: strconv.FormatInt(g.size, 10)} }
	if err := g.open(0); err != nil {
		return f, err
	}
	defer g.close()
	return g.large(g.sendFor)
}

// upload is a connection's message on its way, and the sink of the answer.
type upload struct {
	wire.Large
	want, got string
	done      int // answers
}

// Piece keeps the answer.
func (u *upload) Piece(p []byte, off int64) error {
	if off+int64(len(p)) > int64(len(u.want)) {
		return fmt.Errorf("%w: %.40q", wire.ErrReply, p)
	}
	u.got += string(p)
	return nil
}

// End compares the answer.
func (u *upload) End(int64) error {
	if u.got != u.want {
		return fmt.Errorf("%w: %q, want %q", wire.ErrReply, u.got, u.want)
	}
	u.got = ""
	u.done++
	return nil
}

// sendFor returns how many messages were answered.
func (g *generator) sendFor(d time.Duration) (int, error) {
	span, err := g.span(d)
	if err != nil {
		return 0, err
	}
	for _, c := range g.conns {
		u := c.bulk.Sink().(*upload)
		u.Reset(g.size)
		if err := g.sendOn(c, u); err != nil {
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
			u := c.bulk.Sink().(*upload)
			before := u.done
			if _, err := g.take(c, ready[i].Events); err != nil {
				return done, err
			}
			if u.done > before {
				done++
				if span.ended(now()) {
					flying--
					continue
				}
				u.Reset(g.size)
			}
			if err := g.sendOn(c, u); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// sendOn offers what follows to the kernel until it takes no more.
func (g *generator) sendOn(c *conn, u *upload) error {
	for len(c.pend) == 0 {
		p := u.Next()
		if p == nil {
			break
		}
		if err := c.write(p); err != nil {
			return err
		}
	}
	return g.poll.watch(c)
}
