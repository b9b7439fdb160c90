// Game is an arena for the browser: everything happens on one goroutine, thirty times a
// second, without a lock.
//
//	go run ./examples/game
//	go run ./examples/game -bots 500 -addr 127.0.0.1:9000
//
// arena.go is the game without a network, game.go joins it to the pilots, wire.go says
// what travels, view.go makes of it what differs for each pilot since its last message.
// The goroutine is that of a pump.Loop, which main is in: it runs the events of all
// pilots and the ticks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// options are the flags.
type options struct {
	addr       string
	bots       int
	maxClients int
	log        slog.Level
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, parse(os.Args[1:]), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func parse(args []string) (o options) {
	f := flag.NewFlagSet("game", flag.ExitOnError)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	f.IntVar(&o.bots, "bots", 12, "pilots that the program brings along")
	f.IntVar(&o.maxClients, "max-clients", 1000, "limit of pilots, bots included")
	f.TextVar(&o.log, "log", slog.LevelWarn, "least `level` of what is logged: debug, info, warn or error")
	_ = f.Parse(args) // ends the program when it fails
	return o
}

// run plays until ctx ends, and then lets everybody go. The game is on its goroutine.
func run(ctx context.Context, o options, out io.Writer) error {
	loop := pump.New(pump.Options{})
	game, srv, err := newServer(o, loop)
	if err != nil {
		return err
	}
	if err := srv.Listen(ctx); err != nil {
		return err
	}
	addr := srv.Addrs()[0].String()
	fmt.Fprintf(out, "listening on http://%s\n\nOpen it in a window or two and fly with the arrow keys, or with a finger. Ctrl+C\nends the game.\n", addr)
	bots := startBots(ctx, addr, o.bots)
	ended := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		ended <- srv.Shutdown(sctx) // the last events run on the loop
		loop.Close()
	})
	game.Play()
	err = loop.Run(context.WithoutCancel(ctx))
	bots.Wait()
	return errors.Join(err, <-ended)
}

// newServer joins the game, its pages and the address.
func newServer(o options, loop *pump.Loop) (*Game, *wsserver.Server[*Pilot], error) {
	if o.maxClients < 1 || o.maxClients > maxSlots/2 {
		return nil, nil, fmt.Errorf("-max-clients: from 1 to %d", maxSlots/2)
	}
	game := NewGame(loop, o.maxClients, rand.Uint64())
	srv, err := wsserver.New(game, wsserver.Config{
		Addr: o.addr,
		HTTP: pages(),
		Pump: loop,
		// No event runs where input is waited for, so that can be done for all at once.
		Driver:         wsserver.DriverInline,
		Banner:         banner.Policy{MaxClients: o.maxClients},
		MaxMessageSize: 64,
		SendQueue:      client.SendQueue{MaxBytes: 256 << 10},
		Logger:         slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: o.log})),
	})
	return game, srv, err
}

// startBots has so many bots play until ctx ends.
func startBots(ctx context.Context, addr string, n int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := playBot(ctx, addr, fmt.Sprintf("bot-%d", i+1), rand.Uint64()); err != nil && ctx.Err() == nil {
				slog.Warn("a bot has left", "bot", i+1, "err", err)
			}
		})
	}
	return &wg
}
