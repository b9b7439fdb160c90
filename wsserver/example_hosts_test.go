package wsserver_test

import (
	"fmt"
	"log/slog"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

// Counter is the class of another host: it counts its messages.
type Counter struct {
	client.Base
	n int
}

func (c *Counter) OnMessage(client.Message) error {
	c.n++
	return c.SendText(fmt.Sprint(c.n))
}

// Two hosts with different classes share one server. T is what they have in common.
func ExampleByHost() {
	srv, err := wsserver.New(wsserver.ByHost(map[string]wsserver.ClientFactory[client.Client]{
		"shout": wsserver.As[client.Client](wsserver.Class[Shouter]()),
		"count": wsserver.As[client.Client](wsserver.Class[Counter]()),
	}, nil), wsserver.Config{
		Hosts: []hosts.Host{
			{Tag: "shout", Names: []string{"shout.example"}},
			{Tag: "count", Names: []string{"count.example"}},
			{Tag: "pages", Names: []string{"pages.example"}},
		},
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
	for _, host := range []string{"shout.example", "count.example"} {
		peer := clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: host})
		peer.SendText("hello")
		fmt.Printf("%s: %s\n", host, peer.Receive().Data)
	}
	_, _, err = clienttest.TryDial(t, l, "/", clienttest.DialOptions{Host: "pages.example"})
	fmt.Println(err)
	// Output:
	// shout.example: HELLO
	// count.example: 1
	// clienttest: handshake refused: 404 Not Found: this host has no WebSocket service
}

// New checks the class behind As as it does any other.
func ExampleAs() {
	_, err := wsserver.New(wsserver.As[client.Client](wsserver.Class[Shouter]()), wsserver.Config{})
	fmt.Println(err)
	_, err = wsserver.New(wsserver.As[client.Client](wsserver.Class[Misspelt]()), wsserver.Config{})
	fmt.Println(err)
	// Output:
	// <nil>
	// wsserver: class *wsserver_test.Misspelt: method OnPimg is not an event (OnMessage, OnFragment, OnPing, OnPong, OnReadyToSend, OnDropped); name a helper onX or HandleX
}
