//go:build linux

package main

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/icsws/icsws/bench/internal/wire"
)

// generator is one run.
type generator struct {
	options
	target target
	end    int64 // when -limit is over
	poll   *poller
	conns  []*conn
	script *wire.Script
	talker int              // who talks next (room)
	sink   func() wire.Sink // of a new connection, where no script is followed
}

var started = time.Now()

// now is a monotonic time in nanoseconds.
func now() int64 { return int64(time.Since(started)) }

// errLimit ends a run that takes too long.
var errLimit = errors.New("load: -limit is over")

// errEarly is a server that speaks before it is spoken to.
var errEarly = errors.New("load: bytes behind the handshake")

// texts are the messages of this run.
func (g *generator) texts() [][]byte {
	if g.texted() {
		return wire.JSONTexts(64, int(g.size))
	}
	return [][]byte{wire.Filler(int(g.size))}
}

// texted reports whether the messages are JSON texts.
func (g *generator) texted() bool { return g.json || g.compress != wire.Off }

// kind is the opcode of messages that are echoed.
func (g *generator) kind() byte {
	if g.texted() {
		return wire.OpText
	}
	return wire.OpBinary
}

// open makes the connections, does their handshakes and gives them to a poller.
// The script is made when the first response has said how to compress.
func (g *generator) open(op byte) error {
	p, err := newPoller()
	if err != nil {
		return err
	}
	g.poll = p
	for len(g.conns) < g.options.conns {
		// Small batches: the server's backlog is bounded.
		n := min(128, g.options.conns-len(g.conns))
		if err := g.openBatch(n, op); err != nil {
			return fmt.Errorf("%w (of %d connections %d are open)", err, g.options.conns, len(g.conns))
		}
	}
	return nil
}

// path is where connection i goes: with -rooms into one of them.
func (g *generator) path(i int) string {
	if g.rooms == 0 {
		return g.target.path
	}
	return g.target.path + strconv.Itoa(i%g.rooms)
}

func (g *generator) openBatch(n int, op byte) error {
	batch := make([]*conn, 0, n)
	for i := range n {
		if now() > g.end {
			return errLimit
		}
		c, err := g.request(len(g.conns) + i)
		if err != nil {
			return err
		}
		batch = append(batch, c)
	}
	for _, c := range batch {
		d, err := c.upgraded(g.compress)
		if err != nil {
			return err
		}
		if err := g.expect(c, op, d); err != nil {
			return err
		}
		if err := g.poll.add(c); err != nil {
			return err
		}
		g.conns = append(g.conns, c)
	}
	return nil
}

// expect says what the connection will read, and has read already: there must be nothing where
// a script is followed.
func (g *generator) expect(c *conn, op byte, d wire.Deflate) error {
	if g.sink != nil {
		b := wire.NewBulk(g.sink())
		c.bulk = &b
		return b.Feed(c.early)
	}
	if len(c.early) > 0 {
		return errEarly
	}
	if g.script == nil {
		g.script = wire.NewScript(op, g.texts(), g.depth, d)
	}
	c.in = wire.NewStream(g.script)
	c.stamps = make([]int64, g.depth)
	return nil
}

// request connects and sends the handshake.
func (g *generator) request(i int) (*conn, error) {
	s, err := dial(g.target.addr, source(i))
	if err != nil {
		return nil, err
	}
	c := &conn{socket: s}
	if g.target.tls {
		if err := c.secure(); err != nil {
			return nil, err
		}
	}
	return c, c.write(wire.Request(g.target.host, g.path(i), g.compress))
}

// close resets all connections.
func (g *generator) close() {
	for _, c := range g.conns {
		c.reset()
	}
}

// wait returns what the poller has, until -limit is over.
func (g *generator) wait() ([]syscall.EpollEvent, error) {
	if now() > g.end {
		return nil, errLimit
	}
	return g.poll.wait(look)
}
