//go:build unix

package main

import (
	"context"
	"log"
	"strconv"
	"strings"

	"github.com/icsws/icsws/bench/internal/peer"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// newClient makes a client of the class of its path.
func newClient(o peer.Options) func(r *client.OpenRequest) (client.Client, error) {
	return func(r *client.OpenRequest) (client.Client, error) {
		switch path := r.URI.Path; {
		case path == peer.Broadcast:
			return &member{}, nil
		case path == peer.Tick, strings.HasPrefix(path, peer.Room):
			return &guest{}, nil
		case path == peer.File:
			return &download{file: o.Sends}, nil
		case path == peer.Receive:
			return &upload{}, nil
		}
		return &echo{}, nil
	}
}

// connected takes guests into their group.
func connected(c client.Client) error {
	if g, ok := c.(*guest); ok {
		return g.group().Join(g)
	}
	return nil
}

type echo struct{ client.Base }

func (c *echo) OnMessage(m client.Message) error { return c.Send(m) }

type member struct{ client.Base }

func (c *member) OnMessage(m client.Message) error {
	c.Server().Broadcast(m, wsserver.ByURI(peer.Broadcast))
	return nil
}

// guest is in the group of its path.
type guest struct{ client.Base }

func (c *guest) group() *wsserver.Group[client.Client] {
	return wsserver.ServerOf[client.Client](c).Group(c.URI().Path)
}

func (c *guest) OnMessage(m client.Message) error {
	c.group().Broadcast(m)
	return nil
}

// tick sends everyone their messages, each client their own.
func tick(g *wsserver.Group[client.Client], w *peer.TickWriter) {
	for c := range g.Members() {
		to := c.(*guest)
		for range peer.TickMessages {
			if to.Send(client.Message{Op: client.OpText, Data: w.Next()}) != nil {
				break
			}
		}
	}
}

// download sends a file for each message.
type download struct {
	client.Base
	file string
}

func (c *download) OnMessage(client.Message) error {
	go func() { // ends with the file or the connection
		if err := c.SendFile(context.Background(), c.file); err != nil {
			log.Print(err)
		}
	}()
	return nil
}

// upload takes messages in pieces.
type upload struct {
	client.Base
	size int64
}

// OnMessage is not called: there is OnFragment.
func (c *upload) OnMessage(client.Message) error { return nil }

func (c *upload) OnFragment(f client.Fragment) error {
	if c.size += int64(len(f.Data)); !f.Final {
		return nil
	}
	size := c.size
	c.size = 0
	return c.SendText(strconv.FormatInt(size, 10))
}
