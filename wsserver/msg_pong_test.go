package wsserver_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// listener is a class with the optional events of the protocol, each of which does
// what the test says.
type listener struct {
	client.Base
	ping, pong, message func(c *listener, p []byte) error
}

func (c *listener) OnMessage(m client.Message) error { return c.message(c, m.Data) }
func (c *listener) OnPing(p []byte) error            { return c.ping(c, p) }
func (c *listener) OnPong(p []byte) error            { return c.pong(c, p) }

// ears makes the listeners of a test.
type ears struct {
	listener
	connect func(c *listener) error
	end     client.CloseInfo
	ends    int
}

func (f *ears) NewClient(*client.OpenRequest) (*listener, error) {
	c := &listener{ping: f.ping, pong: f.pong, message: f.message}
	for _, event := range []*func(*listener, []byte) error{&c.ping, &c.pong, &c.message} {
		if *event == nil {
			*event = func(*listener, []byte) error { return nil }
		}
	}
	return c, nil
}

func (f *ears) OnClientConnect(c *listener) error {
	if f.connect == nil {
		return nil
	}
	return f.connect(c)
}

func (f *ears) OnClientDisconnect(_ *listener, i client.CloseInfo) { f.end, f.ends = i, f.ends+1 }

// hear serves f in memory and opens a connection to it.
func hear(t *testing.T, f *ears, cfg wsserver.Config) *wstest.Peer {
	t.Helper()
	p := wstest.Open(raw(t, serve(t, newServerOf(t, f, cfg))), "/")
	p.Timeout = 100 * time.Hour
	return p
}

// the pong is on its way when OnPing runs, however long that takes; a ping
// without a payload is one too.
func TestPongDoesNotWaitForOnPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &ears{}
		f.ping = func(*listener, []byte) error { time.Sleep(time.Hour); return nil }
		p := hear(t, f, wsserver.Config{PingInterval: -1})
		start := time.Now()
		for _, payload := range [][]byte{nil, make([]byte, 125)} {
			p.Send(wstest.Ping(payload))
			p.WantPong(payload)
			if took := time.Since(start); took > 2*time.Millisecond {
				t.Errorf("the pong takes %v", took)
			}
			time.Sleep(2 * time.Hour)
			start = time.Now()
		}
	})
}

// an error of OnPing or OnPong ends the connection as one of OnMessage
// does, between the messages before and behind it.
func TestErrorsOfPingAndPongEndTheConnection(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code client.StatusCode
	}{{io.ErrNoProgress, 1011}, {&client.CloseError{Code: 4001, Reason: "no pings"}, 4001}} {
		for _, frame := range []wstest.Frame{wstest.Ping([]byte("p")), wstest.Pong([]byte("p"))} {
			synctest.Test(t, func(t *testing.T) {
				f := &ears{}
				messages := 0
				f.message = func(*listener, []byte) error { messages++; return nil }
				f.ping = func(*listener, []byte) error { return tt.err }
				f.pong = f.ping
				p := hear(t, f, wsserver.Config{DisablePong: true})
				p.Send(wstest.Text("before"), frame, wstest.Text("behind"), wstest.Close(1000, ""))
				p.WantClose(int(tt.code))
				p.WantEnd()
				synctest.Wait()
				if f.end.Code != tt.code || f.end.Remote || !errors.Is(f.end.Cause, tt.err) || messages != 1 || f.ends != 1 {
					t.Errorf("%v after %d messages, %d last events", f.end, messages, f.ends)
				}
			})
		}
	}
}

// K-08, R-11: with DisablePong a class answers by itself, or does not: nothing but
// its own messages is sent.
func TestClassAnswersPingsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &ears{}
		f.ping = func(c *listener, p []byte) error { return c.SendText("ping " + string(p)) }
		p := hear(t, f, wsserver.Config{DisablePong: true})
		for i := range 3 {
			p.Send(wstest.Ping([]byte{byte('a' + i)}))
			if got, err := p.NextFrame(); err != nil || got.Op != wstest.OpText || string(got.Payload) != "ping "+string(rune('a'+i)) {
				t.Errorf("frame %+v, %v", got, err)
			}
		}
	})
}
