package engine

import (
	"bytes"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wstest"
)

// TestReaderOfATornMessageIsNotLentAgain: a message whose rest is thrown away or refused
// below the engine leaves its beginning there. Whoever has that reader next must not be
// charged with it.
func TestReaderOfATornMessageIsNotLentAgain(t *testing.T) {
	beginning := wstest.Text("the beginning ").Open()
	for _, tt := range []struct {
		name string
		end  func(s *Session, p *wstest.Peer)
		code int
	}{
		{"closed by us between two fragments", func(s *Session, p *wstest.Peer) {
			_ = s.CloseWith(client.StatusGoingAway, "", false, client.ErrCloseCalled)
			p.Send(wstest.Continuation([]byte("and the end")))
			p.Send(wstest.Close(1001, ""))
		}, 1001},
		{"half a rune at the end", func(_ *Session, p *wstest.Peer) {
			p.Send(wstest.Continuation([]byte("\xc3")))
		}, 1007},
		{"a wrong byte at the end of a large frame", func(_ *Session, p *wstest.Peer) {
			p.Send(wstest.Continuation(append(bytes.Repeat([]byte{'a'}, 300_000), 0xff)))
		}, 1007},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHall()
			e := h.engine()
			for range 30 { // which of the readers is lent is not for us to say
				s, p := enterOne(t, e)
				p.Send(beginning)
				p.Send(wstest.Ping(nil))
				p.WantPong(nil) // so that the engine has the fragment
				tt.end(s, p)
				p.WantClose(tt.code)
				p.Drop()
				<-s.Ended()

				s, p = enterOne(t, e)
				p.Send(wstest.Text("of somebody else"))
				p.WantText("of somebody else")
				p.Send(wstest.Close(1000, ""))
				p.WantClose(1000)
				<-s.Ended()
			}
		})
	}
}

// enterOne starts a session of e in memory.
func enterOne(t *testing.T, e *Engine) (*Session, *wstest.Peer) {
	t.Helper()
	near, far := memnet.Pipe(0)
	s := e.NewSession(Options{Wire: transport.NewWire(far)})
	gone := make(chan struct{})
	s.Data = gone
	if err := s.Bind(&member{}); err != nil {
		t.Fatal(err)
	}
	s.Start()
	go s.Run()
	t.Cleanup(func() { s.Client.Abort(); <-gone })
	return s, wstest.Wrap(t, near)
}
