package wsserver_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// selfish answers pings itself, in capitals.
type selfish struct{ client.Base }

func (*selfish) OnMessage(client.Message) error { return nil }

func (c *selfish) OnPing(p []byte) error {
	if err := c.Pong(make([]byte, 126)); !errors.Is(err, client.ErrTooLong) {
		return errors.New("a long pong was taken")
	}
	if err := c.Ping([]byte("you?")); err != nil {
		return err
	}
	return c.Pong(append([]byte("got "), p...))
}

// K-08, R-11: with DisablePong a class answers pings itself, or not at all.
func TestClassSendsItsOwnPongs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServerOf(t, wsserver.Class[selfish](), wsserver.Config{DisablePong: true})
		p := wstest.Open(raw(t, serve(t, srv)), "/")
		p.Send(wstest.Ping([]byte("a")))
		for _, want := range []wstest.Frame{wstest.Ping([]byte("you?")), wstest.Pong([]byte("got a"))} {
			f, err := p.NextFrame()
			if err != nil || f.Op != want.Op || string(f.Payload) != string(want.Payload) {
				t.Fatalf("frame %v %q, %v; want %v %q", f.Op, f.Payload, err, want.Op, want.Payload)
			}
		}
	})
}
