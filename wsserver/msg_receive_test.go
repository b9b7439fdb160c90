package wsserver_test

import (
	"bytes"
	"errors"
	"fmt"
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
