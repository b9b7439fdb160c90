package engine

import (
	"sync"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/event"
)

// call is an event on its way to the class. It is pooled, so that none allocates.
type call struct {
	s     *Session
	kind  kind
	msg   client.Message // the message, or the payload of a control frame
	piece client.Fragment
}

type kind uint8

const (
	messageCall kind = iota
	fragmentCall
	pingCall
	pongCall
	connectCall // only of a letter
)

// names are the events as users know them.
var names = [...]string{"OnMessage", "OnFragment", "OnPing", "OnPong"}

var calls = sync.Pool{New: func() any { return new(call) }}

// call runs an event.
func (s *Session) call(k kind, m client.Message, f client.Fragment) {
	c := calls.Get().(*call)
	*c = call{s, k, m, f}
	err := event.Do(c)
	*c = call{}
	calls.Put(c)
	if err != nil {
		s.failed(names[k], err)
	}
}

// Run is called by event.Do.
func (c *call) Run() error {
	s, e := c.s, c.s.engine
	switch c.kind {
	case fragmentCall:
		if e.HasFragment {
			if err := e.Owner.Fragment(s, c.piece); err != nil {
				return err
			}
		}
		return s.pieces.handler.OnFragment(c.piece)
	case pingCall:
		return s.Client.(client.PingHandler).OnPing(c.msg.Data)
	case pongCall:
		return s.Client.(client.PongHandler).OnPong(c.msg.Data)
	}
	if e.HasMessage {
		if err := e.Owner.Message(s, c.msg); err != nil {
			return err
		}
	}
	return s.Client.OnMessage(c.msg)
}
