package dial

import (
	"context"
	"net"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// echoing is a class that answers each message with itself.
type echoing struct{ client.Base }

func (e *echoing) OnMessage(m client.Message) error { return e.Send(m) }

// BenchmarkEcho is one message there and back, over a socket.
func BenchmarkEcho(b *testing.B) {
	srv, err := wsserver.New(wsserver.Class[echoing](), wsserver.Config{Addr: "127.0.0.1:0", Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	if err := srv.Listen(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	back := make(chan struct{}, 1)
	c := New(Options{URL: "ws://" + srv.Addrs()[0].(*net.TCPAddr).String(), Logger: quiet}, Handler{
		OnMessage: func(*Conn, client.Message) error { back <- struct{}{}; return nil },
	})
	if _, err := c.Connect(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer c.Stop(context.Background(), 0, "")
	data := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.SendBinary(data); err != nil {
			b.Fatal(err)
		}
		<-back
	}
}
