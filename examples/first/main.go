// First says everything to everybody: go run ./examples/first
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// Member is the client class: the server makes one for each connection.
type Member struct {
	client.Base
	said int // its events never overlap, so its fields need no lock
}

// OnMessage is the one event that every class has.
func (m *Member) OnMessage(msg client.Message) error {
	m.said++
	m.Server().Broadcast(client.Text(fmt.Sprintf("%s (%d): %s", m.Name(), m.said, msg.Data)))
	return nil
}

func main() {
	srv, err := wsserver.New(wsserver.Class[Member](), wsserver.Config{Addr: "127.0.0.1:8080"})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := srv.ListenAndServe(ctx); err != nil {
		log.Print(err)
	}
}
