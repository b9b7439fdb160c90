//go:build unix

// icsws serves the two paths with this project, as its documentation shows.
package main

import (
	"context"
	"log"

	"github.com/icsws/icsws/bench/internal/peer"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

type member struct{ client.Base }

func (c *member) OnMessage(m client.Message) error {
	if c.RawURI() == peer.Broadcast {
		wsserver.ServerOf(c).Broadcast(m, wsserver.ByURI(peer.Broadcast))
		return nil
	}
	return c.Send(m)
}

func main() {
	o := peer.Parse()
	srv, err := wsserver.New(wsserver.Class[member](), config(o))
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Listen(context.Background()); err != nil {
		log.Fatal(err)
	}
	o.Ready(srv.Addrs()[0])
	<-srv.Done()
}

func config(o peer.Options) wsserver.Config {
	modes := map[peer.Compression]client.CompressionMode{
		peer.Off:     client.CompressionOff,
		peer.Message: client.CompressionMessage,
		peer.Context: client.CompressionContext,
	}
	return wsserver.Config{
		Addr:           o.Addr,
		TLS:            o.TLSConfig(),
		MaxMessageSize: peer.MaxMessage,
		PingInterval:   -1, // no other server pings during a case
		Compression:    client.Compression{Mode: modes[o.Compress]},
		// An echo waits for a slow reader, as it does in the other libraries.
		SendQueue: client.SendQueue{Policy: client.QueueBlock},
	}
}
