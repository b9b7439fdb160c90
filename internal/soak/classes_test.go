package soak

import (
	"bytes"
	"sync/atomic"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
)

// member is what every class of this package embeds.
type member interface {
	client.Client
	common() *guest
}

// guest watches what a server promises of all events: they come one at a time, after
// the connect event and before the disconnect event.
type guest struct {
	client.Base
	house  *house
	inside atomic.Int32
	life   atomic.Int32 // 0 created, 1 connected, 2 gone
}

func (g *guest) common() *guest { return g }

// event is called where an event begins; what it returns, where it ends.
func (g *guest) event(name string) func() {
	if n := g.inside.Add(1); n != 1 {
		g.house.add("%s overlaps another event of the same client", name)
	}
	if life := g.life.Load(); life != 1 {
		g.house.add("%s in state %d", name, life)
	}
	return func() { g.inside.Add(-1) }
}

// admit makes a client of the class that the request target names.
func (h *house) admit(r *client.OpenRequest) (client.Client, error) {
	q := r.URI.Query()
	switch r.URI.Path {
	case "/whole":
		return &whole{guest: guest{house: h}}, nil
	case "/pieces":
		return &pieces{guest: guest{house: h}}, nil
	case "/canary":
		return h.newCanary(q)
	case "/stuck":
		return h.newStuck(q)
	case "/healthy":
		return &healthy{guest: guest{house: h}}, nil
	case "/any":
		return &anyone{guest: guest{house: h}}, nil
	case "/upload":
		return &upload{guest: guest{house: h}}, nil
	}
	return nil, &client.RejectError{Status: 404}
}

func (h *house) connect(c client.Client) error {
	h.connects.Add(1)
	g := c.(member).common()
	if !g.life.CompareAndSwap(0, 1) {
		h.add("OnClientConnect in state %d", g.life.Load())
	}
	if s, ok := c.(interface{ connected() error }); ok {
		defer g.event("OnClientConnect")()
		return s.connected()
	}
	return nil
}

func (h *house) disconnect(c client.Client, info client.CloseInfo) {
	h.disconnects.Add(1)
	g := c.(member).common()
	if g.inside.Load() != 0 {
		h.add("OnClientDisconnect overlaps another event of the same client")
	}
	if !g.life.CompareAndSwap(1, 2) {
		h.add("OnClientDisconnect in state %d", g.life.Load())
	}
	if info.Cause == nil {
		h.add("an end without a cause: %v", info)
	}
	h.noteEnd(info)
	if s, ok := c.(interface{ gone(client.CloseInfo) }); ok {
		s.gone(info)
	}
}

// whole echoes messages.
type whole struct{ guest }

func (c *whole) OnMessage(m client.Message) error {
	defer c.event("OnMessage")()
	if m.Op == client.OpText && !utf8.Valid(m.Data) {
		c.house.add("a text that is not UTF-8: %x", m.Data)
	}
	return c.Send(m)
}

// pieces echoes messages that it gets in pieces.
type pieces struct {
	guest
	open bool
	op   client.Opcode
	got  bytes.Buffer
}

func (c *pieces) OnMessage(client.Message) error {
	c.house.add("a class with OnFragment gets a whole message")
	return nil
}

func (c *pieces) OnFragment(f client.Fragment) error {
	defer c.event("OnFragment")()
	if f.First == c.open || c.open && f.Op != c.op {
		c.house.add("a piece that does not follow: first %v, open %v, kind %v after %v", f.First, c.open, f.Op, c.op)
	}
	if f.Op == client.OpText && !utf8.Valid(f.Data) {
		c.house.add("a piece of text that is not whole UTF-8: %x", f.Data)
	}
	c.open, c.op = !f.Final, f.Op
	c.got.Write(f.Data)
	if !f.Final {
		return nil
	}
	defer c.got.Reset()
	return c.Send(client.Message{Op: f.Op, Data: c.got.Bytes()})
}
