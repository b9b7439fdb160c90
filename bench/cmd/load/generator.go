//go:build linux

package main

import (
	"errors"
	"fmt"
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
	sink   func() wire.Sink // of a new connection, where no script is followed
}

var started = time.Now()

// now is a monotonic time in nanoseconds.
func now() int64 { return int64(time.Since(started)) }

// errLimit ends a run that takes too long.
var errLimit = errors.New("load: -limit is over")

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
	request := wire.Request(g.target.host, g.target.path, g.compress)
	for len(g.conns) < g.options.conns {
		// Small batches: the server's backlog is bounded.
		n := min(128, g.options.conns-len(g.conns))
		if err := g.openBatch(n, request, op); err != nil {
			return fmt.Errorf("%w (of %d connections %d are open)", err, g.options.conns, len(g.conns))
		}
	}
	return nil
}

func (g *generator) openBatch(n int, request []byte, op byte) error {
	batch := make([]*conn, 0, n)
	for i := range n {
		if now() > g.end {
			return errLimit
		}
		c, err := g.request(len(g.conns)+i, request)
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
		g.expect(c, op, d)
		if err := g.poll.add(c); err != nil {
			return err
		}
		g.conns = append(g.conns, c)
	}
	return nil
}

// expect says what the connection will read.
func (g *generator) expect(c *conn, op byte, d wire.Deflate) {
	if g.sink != nil {
		b := wire.NewBulk(g.sink())
		c.bulk = &b
		return
	}
	if g.script == nil {
		g.script = wire.NewScript(op, g.texts(), g.depth, d)
	}
	c.in = wire.NewStream(g.script)
	c.stamps = make([]int64, g.depth)
}

// request connects and sends the handshake.
func (g *generator) request(i int, request []byte) (*conn, error) {
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
	return c, c.write(request)
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
