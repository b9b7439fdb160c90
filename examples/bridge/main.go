// Bridge joins each of its clients with a server elsewhere, over a connection that comes
// back when it is lost: the client stays, and what it says meanwhile waits. Only what was
// on its way at that moment is gone. Both ends are of one class.
//
//	go run ./examples/bridge -to wss://echo.example/ws
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/wsserver"
)

// End is the class of both ends: what it receives goes to the other one.
type End struct {
	client.Base
	other func(client.Message) error
	away  *dial.Conn // of an end that was accepted: its connection to the server elsewhere
}

// OnMessage passes m on. A server elsewhere that is slow, or away for longer than the
// queue lasts, ends the client rather than lose a message.
func (e *End) OnMessage(m client.Message) error { return e.other(m) }

// bridge makes the ends. It is the factory of the server.
type bridge struct{ to dial.Options }

// NewClient makes an accepted end, and the dialling one behind it.
func (b *bridge) NewClient(r *client.OpenRequest) (*End, error) {
	near := new(End)
	options := b.to
	if len(r.SubProtocols) > 0 { // the client's first choice is what both ends speak
		options.SubProtocols = r.SubProtocols[:1]
		if err := r.Select(r.SubProtocols[0]); err != nil {
			return nil, err
		}
	}
	near.away = dial.New(options, dial.Handler{
		NewClient: func(dial.OpenInfo) (client.Client, error) { return &End{other: near.Send}, nil },
		OnStop: func(_ *dial.Conn, s dial.StopInfo) {
			if !s.Local { // the server does not want us any more: neither does the client hear of it
				_ = near.Close(client.StatusTryAgainLater, "the other end is gone")
			}
		},
	})
	near.other = near.away.Send
	return near, nil
}

// OnClientConnect dials. What the client says before the connection is open waits for it.
func (b *bridge) OnClientConnect(near *End) error { return near.away.Start() }

// OnClientDisconnect hangs up.
func (b *bridge) OnClientDisconnect(near *End, info client.CloseInfo) {
	code := client.StatusNormalClosure
	if info.Code.Sendable() {
		code = info.Code
	}
	_ = near.away.Stop(context.Background(), code, info.Reason) // in an event it does not wait
}

func newServer(addr string, to dial.Options) (*wsserver.Server[*End], error) {
	if to.QueueWhileDown == 0 {
		to.QueueWhileDown = 64 << 10
	}
	if err := to.Validate(); err != nil {
		return nil, err
	}
	return wsserver.New(&bridge{to}, wsserver.Config{Addr: addr, SendQueue: client.SendQueue{Policy: client.QueueBlock}})
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	to := flag.String("to", "", "`URL` of the server elsewhere, ws:// or wss://")
	flag.Parse()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM) // before the address is told

	srv, err := newServer(*listen, dial.Options{URL: *to})
	check(err)
	check(srv.Listen(context.Background()))
	fmt.Printf("listening on ws://%s\n", srv.Addrs()[0])
	<-signals
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	check(srv.Shutdown(ctx))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
