package wsserver_test

import (
	"fmt"
	"log/slog"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// Talker is in the room that its path names.
type Talker struct {
	client.Base
}

func (c *Talker) room() *wsserver.Group[*Talker] {
	return wsserver.ServerOf(c).Group(c.URI().Path)
}

// OnMessage says m to everybody else in the room.
func (c *Talker) OnMessage(m client.Message) error {
	c.room().Broadcast(m, wsserver.Except(c))
	return nil
}

// A client joins in OnClientConnect. When OnClientDisconnect runs it has left all its
// groups already, so what is sent there goes to the others.
func ExampleGroup() {
	srv, err := wsserver.New(wsserver.Factory[*Talker]{
		New:     func(*client.OpenRequest) (*Talker, error) { return new(Talker), nil },
		Connect: func(c *Talker) error { return c.room().Join(c) },
		Disconnect: func(c *Talker, _ client.CloseInfo) {
			c.room().Broadcast(client.Text(fmt.Sprintf("one has left, %d are here", c.room().Len())))
		},
	}, wsserver.Config{
		Banner: banner.Policy{Welcome: "welcome"},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	l := clienttest.NewListener()
	go srv.Serve(l)

	t, end := example()
	defer end()
	ada, bob := clienttest.Dial(t, l, "/garden"), clienttest.Dial(t, l, "/garden")
	eve := clienttest.Dial(t, l, "/kitchen")
	for _, peer := range []*clienttest.Peer{ada, bob, eve} {
		peer.Receive() // who has the banner is connected
	}
	fmt.Println(srv.Groups())
	ada.SendText("hello")
	fmt.Printf("%s\n", bob.Receive().Data)
	ada.Close(client.StatusNormalClosure, "")
	fmt.Printf("%s\n", bob.Receive().Data)
	// Output:
	// [/garden /kitchen]
	// hello
	// one has left, 1 are here
}
