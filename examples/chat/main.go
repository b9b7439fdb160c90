// Chat is a chat for the browser: one client class, two virtual hosts, each with rooms
// by path, a plain and a TLS port.
//
//	go run ./examples/chat
//	go run ./examples/chat -addr 127.0.0.1:9000 -tls-addr "" -max-clients 2
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// options are the flags.
type options struct {
	addr, tlsAddr string
	maxClients    int
	maxRooms      int
	log           slog.Level
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, parse(os.Args[1:]), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func parse(args []string) (o options) {
	f := flag.NewFlagSet("chat", flag.ExitOnError)
	f.StringVar(&o.addr, "addr", defaultAddr, "plain `address`, empty for none")
	f.StringVar(&o.tlsAddr, "tls-addr", defaultTLSAddr, "TLS `address`, empty for none")
	f.IntVar(&o.maxClients, "max-clients", 50, "limit of clients in all rooms, 0 for none")
	f.IntVar(&o.maxRooms, "max-rooms", 100, "limit of rooms, those included that are empty and remembered")
	f.TextVar(&o.log, "log", slog.LevelWarn, "least `level` of what is logged: debug, info, warn or error")
	_ = f.Parse(args) // ends the program when it fails
	return o
}

// run serves until ctx ends, and then lets everybody go.
func run(ctx context.Context, o options, out io.Writer) error {
	srv, err := newServer(o)
	if err != nil {
		return err
	}
	if err := listen(ctx, srv); err != nil {
		return err
	}
	invite(out, srv.Listeners().States)
	<-ctx.Done()
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return srv.Shutdown(sctx)
}

// newServer joins the rooms, their pages and the addresses.
func newServer(o options) (*wsserver.Server[*Member], error) {
	door, err := newDoor(o.addr, o.tlsAddr)
	if err != nil {
		return nil, err
	}
	if o.maxRooms < 1 {
		return nil, errors.New("-max-rooms: at least 1")
	}
	var srv *wsserver.Server[*Member] // set before the first request
	full := func() bool { return o.maxClients > 0 && srv.ClientCount() >= o.maxClients }
	chat := &Chat{places: make(map[string]place), rooms: newRooms(o.maxRooms)}
	var list []hosts.Host
	for _, p := range places {
		chat.places[p.Tag] = p
		list = append(list, door.host(p, p.handler(full)))
	}
	srv, err = wsserver.New(chat, wsserver.Config{
		Hosts:        list,
		ListenPolicy: door.policy(),
		Banner: banner.Policy{
			MaxClients: o.maxClients,
			TooBusy:    Line{Kind: "busy", Body: "All places are taken."}.text(),
			// A browser tells the page's script no status of a refused handshake, but
			// messages and close codes.
			Mode: banner.UpgradeThenClose,
		},
		MaxMessageSize: maxBody * 4, // as many bytes as that many runes may have
		SendQueue:      client.SendQueue{MaxBytes: 256 << 10},
		Logger:         slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: o.log})),
	})
	return srv, err
}

// listen can do without [::1], which not every machine has.
func listen(ctx context.Context, srv *wsserver.Server[*Member]) error {
	err := srv.Listen(ctx)
	for _, s := range srv.Listeners().States {
		if s.Err != nil && s.Network == "tcp4" {
			_ = srv.Close()
			return err
		}
	}
	if err != nil && srv.Listening() {
		log.Print(err)
		return nil
	}
	return err
}

// invite tells where the chat is and what to do there.
func invite(out io.Writer, states []multilisten.ListenerState) {
	var scheme string
	var port uint16
	for _, s := range states {
		switch {
		case s.State != multilisten.StateListening:
			continue
		case s.TLS:
			fmt.Fprintf(out, "listening on https://%s (temporary certificate: the browser will ask)\n", s.Bound)
		default:
			fmt.Fprintf(out, "listening on http://%s\n", s.Bound)
		}
		if port == 0 {
			scheme, port = map[bool]string{false: "http", true: "https"}[s.TLS], s.Bound.Port()
		}
	}
	fmt.Fprintf(out, "\nOpen %s://localhost:%d in two windows and talk to yourself.\n", scheme, port)
	fmt.Fprintf(out, "A room of your own is at %s://localhost:%d/r/garden, under any name; another host\n", scheme, port)
	fmt.Fprintf(out, "with other rooms is %s://lounge.localhost:%d. Ctrl+C closes all.\n", scheme, port)
}
