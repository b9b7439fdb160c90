//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/wire"
)

// handshake opens and ends connections, -conns of them at once: connect, upgrade,
// close frame, the server's close frame, reset. A unit is all of that.
func (g *generator) handshake() (figures.Figures, error) {
	loop := func(d time.Duration) (int, error) { return g.upgradesFor(d, 0) }
	if g.target.tls {
		loop = g.tlsUpgradesFor
	}
	f := figures.Figures{Conns: g.options.conns}
	if _, err := loop(g.warm); err != nil {
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	n, err := loop(g.measure)
	if err != nil {
		return f, err
	}
	if g.target.tls {
		f.KeyExchange = tlsConfig().CurvePreferences[0].String()
	}
	return f, m.stop(&f, float64(n))
}

// upgrades is the handshakes under way.
type upgrades struct {
	*generator
	request, close []byte
	begun, done    int
	total          int // connections in all; every other one ends without a close frame; 0 is no limit
	span           *span
	head           map[int][]byte // by descriptor; nil once upgraded
}

// upgradesFor returns how many connections were opened and ended: total, or if that
// is zero as many as d allows.
func (g *generator) upgradesFor(d time.Duration, total int) (int, error) {
	p, err := newPoller()
	if err != nil {
		return 0, err
	}
	g.poll = p
	span, err := g.span(d)
	if err != nil {
		return 0, err
	}
	u := &upgrades{
		generator: g,
		total:     total,
		span:      span,
		request:   wire.Request(g.target.host, g.target.path, wire.Off),
		close:     wire.CloseFrame(),
		head:      map[int][]byte{},
	}
	for range g.options.conns {
		if u.ended() {
			break
		}
		if err := u.begin(); err != nil {
			return 0, err
		}
	}
	for u.done < u.begun {
		ready, err := g.wait()
		if err != nil {
			return 0, err
		}
		for i := range ready {
			ended, err := u.step(g.poll.conns[ready[i].Fd])
			if err == nil && ended && !u.ended() {
				err = u.begin()
			}
			if err != nil {
				return 0, err
			}
		}
	}
	return u.done, p.close()
}

// ended says whether no more are to begin.
func (u *upgrades) ended() bool {
	if u.total > 0 {
		return u.begun >= u.total
	}
	return u.span.ended(now()) && u.begun >= u.generator.options.conns
}

func (u *upgrades) begin() error {
	s, err := dial(u.target.addr, source(u.begun))
	if err != nil {
		return err
	}
	u.begun++
	c := &conn{socket: s}
	if err := c.unblock(); err != nil {
		return err
	}
	u.head[c.fd] = make([]byte, 0, 512)
	if err := u.poll.add(c); err != nil {
		return err
	}
	return c.write(u.request)
}

// step reads what came and goes on; it says whether the connection has ended.
func (u *upgrades) step(c *conn) (bool, error) {
	n, err := c.Read(u.poll.buf)
	if errors.Is(err, again{}) {
		return false, nil
	}
	head := u.head[c.fd]
	if head == nil { // the server's close frame, or its end of the connection
		return u.end(c), nil
	}
	if err != nil {
		return false, fmt.Errorf("load: handshake: %w", err)
	}
	head = append(head, u.poll.buf[:n]...)
	u.head[c.fd] = head
	switch end := wire.HeadEnd(head); {
	case end == 0 && len(head) < wire.MaxHead:
		return false, nil
	case end != len(head):
		return false, errors.New("load: bytes behind the handshake")
	}
	if _, err := wire.ParseResponse(head, wire.Off); err != nil {
		return false, err
	}
	u.head[c.fd] = nil
	if u.total > 0 && u.done%2 == 1 {
		return u.end(c), nil
	}
	return false, c.write(u.close)
}

func (u *upgrades) end(c *conn) bool {
	c.reset()
	u.done++
	return true
}
