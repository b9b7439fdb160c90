package wsserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// what the peer may not send, by default and with a limit of
// its own, with the close frame it gets and what the last event is told. The
// message before it has been an event, what comes behind it is none.
func TestViolationsEndTheConnection(t *testing.T) {
	limit := func(n int64) wsserver.Config { return wsserver.Config{MaxMessageSize: n} }
	for _, tt := range []struct {
		name string
		cfg  wsserver.Config
		bad  []wstest.Frame
		code client.StatusCode
		utf8 bool // the cause is ErrInvalidUTF8 too
	}{
		{"1 MiB and a byte", wsserver.Config{}, []wstest.Frame{wstest.Binary(make([]byte, 1<<20+1))}, 1009, false},
		{"in fragments", wsserver.Config{}, wstest.Binary(make([]byte, 1<<20+1)).Split(1<<19, 1<<19), 1009, false},
		{"over its own limit", limit(10), []wstest.Frame{wstest.Text("elevenbytes")}, 1009, false},
		{"text that is not UTF-8", wsserver.Config{}, []wstest.Frame{wstest.Text("a\xffb")}, 1007, true},
		{"a rune that does not end", wsserver.Config{}, wstest.Text("a\xe2\x82").Split(1), 1007, true},
		{"bad text that is not complete", wsserver.Config{}, []wstest.Frame{wstest.Text("\xff").Open()}, 1007, true},
		{"a reason that is not UTF-8", wsserver.Config{}, []wstest.Frame{wstest.Close(1000, "\xff")}, 1007, false},
		{"unmasked", wsserver.Config{}, []wstest.Frame{{Op: wstest.OpText, Unmasked: true}}, 1002, false},
		{"RSV1 without compression", wsserver.Config{}, []wstest.Frame{{Op: wstest.OpText, RSV: wstest.RSV1}}, 1002, false},
		{"RSV2", wsserver.Config{}, []wstest.Frame{{Op: wstest.OpText, RSV: wstest.RSV2}}, 1002, false},
		{"RSV3 on a ping", wsserver.Config{}, []wstest.Frame{{Op: wstest.OpPing, RSV: wstest.RSV3}}, 1002, false},
		{"opcode 7", wsserver.Config{}, []wstest.Frame{{Op: 7}}, 1002, false},
		{"a long ping", wsserver.Config{}, []wstest.Frame{wstest.Ping(make([]byte, 126))}, 1002, false},
		{"a fragmented ping", wsserver.Config{}, []wstest.Frame{wstest.Ping(nil).Open()}, 1002, false},
		{"a length in too many bytes", wsserver.Config{}, []wstest.Frame{{Op: wstest.OpBinary, Length: wstest.Length16}}, 1002, false},
		{"close code 1005", wsserver.Config{}, []wstest.Frame{wstest.Close(1005, "")}, 1002, false},
		{"close code 999", wsserver.Config{}, []wstest.Frame{wstest.Close(999, "")}, 1002, false},
		{"close code 5000", wsserver.Config{}, []wstest.Frame{wstest.Close(5000, "")}, 1002, false},
		{"half a close code", wsserver.Config{}, []wstest.Frame{{Op: wstest.OpClose, Payload: []byte{3}}}, 1002, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				_, _, p := settled(t, d, tt.cfg)
				p.Send(wstest.Text("good"))
				p.WantText("good")
				go p.Conn.Write(p.Encode(append(tt.bad, wstest.Text("behind"))...))
				p.WantClose(int(tt.code))
				p.WantEnd()
				p.Conn.Close()
				synctest.Wait()
				d.want(t, "new", "connect", "message good", "disconnect "+tt.code.String())
				pe, ok := errors.AsType[*client.ProtocolError](end.Cause)
				if !ok || pe.Code != tt.code || end.Code != tt.code || end.Reason != pe.Text || end.Remote {
					t.Errorf("the last event gets %+v", end.CloseInfo)
				}
				if got := errors.Is(end.Cause, client.ErrInvalidUTF8); got != tt.utf8 {
					t.Errorf("the cause %v is ErrInvalidUTF8: %v", end.Cause, got)
				}
			})
		})
	}
}

// a message of the limit passes, in one piece or many.
func TestMessagesUpToTheLimitPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		size := 0
		d.message = func(_ *guest, m client.Message) error { size += len(m.Data); return nil }
		_, _, p := settled(t, d, wsserver.Config{})
		whole := wstest.Binary(make([]byte, 1<<20))
		p.Send(whole)
		p.Send(whole.Split(0, 1, 1<<19, 70_000, 0)...)
		p.WantSilence()
		if size != 2<<20 {
			t.Errorf("%d bytes were received", size)
		}
	})
}

// an event sees what was received before it, and nothing of what comes: the
// data is its own until it returns, and it may change it.
func TestMessageDataBelongsToItsEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.message = func(g *guest, m client.Message) error {
			before := m.Clone()
			time.Sleep(time.Minute) // the next messages arrive
			if !bytes.Equal(before.Data, m.Data) {
				t.Errorf("%q became %q inside of the event", before.Data, m.Data)
			}
			for i := range m.Data {
				m.Data[i] = '-'
			}
			return g.Send(before)
		}
		_, _, p := settled(t, d, wsserver.Config{})
		p.Timeout = time.Hour
		for i := range 5 {
			p.Send(wstest.Text(fmt.Sprint("message ", i)))
		}
		p.Send(wstest.Binary(bytes.Repeat([]byte("x"), 100_000)))
		for i := range 5 {
			p.WantText(fmt.Sprint("message ", i))
		}
		p.WantMessage(wstest.OpBinary, bytes.Repeat([]byte("x"), 100_000))
	})
}

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
