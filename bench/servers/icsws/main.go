//go:build unix

// icsws serves the paths with this project, as its documentation shows.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/icsws/icsws/bench/internal/peer"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// An echo waits for a slow reader, as it does in the other libraries; a broadcast
// never waits and closes instead.
var queue = flag.String("queue", "block", "send queue policy: block (a broadcast closes), or drop, the oldest messages")

var driver = flag.String("driver", "auto", "how connections wait for input: auto, goroutine, dormant or inline")

var policies = map[string]client.QueuePolicy{"block": client.QueueBlock, "drop": client.QueueDropOldest}

func main() {
	o := peer.Parse()
	srv, err := wsserver.New(wsserver.Factory[client.Client]{New: newClient(o), Connect: connected}, config(o))
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Listen(context.Background()); err != nil {
		log.Fatal(err)
	}
	go peer.RunTicks(func(w *peer.TickWriter) { tick(srv.Group(peer.Tick), w) })
	o.Ready(srv.Addrs()[0])
	<-srv.Done()
}

func config(o peer.Options) wsserver.Config {
	modes := map[peer.Compression]client.CompressionMode{
		peer.Off:     client.CompressionOff,
		peer.Message: client.CompressionMessage,
		peer.Context: client.CompressionContext,
	}
	policy, ok := policies[*queue]
	if !ok {
		log.Fatalf("-queue %q", *queue)
	}
	return wsserver.Config{
		Driver:       parseDriver(*driver),
		Addr:         o.Addr,
		TLS:          o.TLSConfig(),
		PingInterval: -1, // no other server pings during a case
		Compression:  client.Compression{Mode: modes[o.Compress], Threshold: o.Threshold},
		SendQueue:    client.SendQueue{Policy: policy},
	}
}

func parseDriver(name string) wsserver.Driver {
	for d := wsserver.DriverAuto; d <= wsserver.DriverInline; d++ {
		if d.String() == name {
			return d
		}
	}
	log.Fatalf("-driver %q", name)
	return 0
}
