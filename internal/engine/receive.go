package engine

import (
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
)

// pieces is what a session keeps whose class has OnFragment.
type pieces struct {
	handler client.FragmentHandler
	began   bool // the event had a piece of this message, and not the final one
}

// Message gets each whole message, from the filter, or from gws, which may have had it
// in its buffer when the gate was closed.
func (s *Session) Message(op client.Opcode, data []byte) {
	checked := s.TextChecked()
	s.Gate()
	if s.State() != link.Open || s.Client == nil {
		return // what comes after a close is discarded
	}
	s.CountMessage(len(data))
	if op == client.OpText && !checked && !utf8.Valid(data) {
		s.RefuseText()
		return
	}
	if m := s.mailbox(); m != nil {
		m.put(letter{kind: messageCall, op: op}, data)
		return
	}
	if r := s.record.Load(); r != nil && op == client.OpBinary {
		s.cut(r, letter{kind: messageCall, op: op}, data, func(rest []byte) {
			if len(rest) > 0 || len(data) == 0 { // else it was records to its end
				s.message(client.Message{Op: op, Data: rest})
			}
		})
		return
	}
	s.message(client.Message{Op: op, Data: data})
}

func (s *Session) message(m client.Message) { s.call(messageCall, m, client.Fragment{}) }

// Fragment gets each piece of a message from the filter.
func (s *Session) Fragment(op client.Opcode, p []byte, first, final bool) {
	if s.State() != link.Open || s.Client == nil {
		return
	}
	l := letter{kind: fragmentCall, op: op, first: first, final: final}
	if m := s.mailbox(); m != nil {
		m.put(l, p)
		return
	}
	if first {
		s.pieces.began = false
	}
	empty := first && len(p) == 0
	if r := s.record.Load(); r != nil && op == client.OpBinary {
		s.cut(r, l, p, func(rest []byte) { s.piece(op, rest, empty, final) })
		return
	}
	s.piece(op, p, empty, final)
}

// piece runs OnFragment, if p, or empty, tells something: the message may have been
// records to its end.
func (s *Session) piece(op client.Opcode, p []byte, empty, final bool) {
	began := s.pieces.began
	if len(p) == 0 && !(final && (began || empty)) {
		return
	}
	s.pieces.began = !final
	s.call(fragmentCall, client.Message{}, client.Fragment{Op: op, Data: p, First: !began, Final: final})
}

// Ping is called by the filter.
func (s *Session) Ping(payload []byte) {
	if _, ok := s.Client.(client.PingHandler); ok {
		s.control(pingCall, payload)
	}
}

// Pong is called by the filter.
func (s *Session) Pong(payload []byte) {
	if _, ok := s.Client.(client.PongHandler); ok {
		s.control(pongCall, payload)
	}
}

func (s *Session) control(k kind, payload []byte) {
	if s.State() != link.Open {
		return
	}
	if m := s.mailbox(); m != nil {
		m.put(letter{kind: k}, payload)
		return
	}
	s.call(k, client.Message{Data: payload}, client.Fragment{})
}

// Notice tells the class, the counters and the log what has happened to its queue.
func (s *Session) Notice() {
	var ready bool
	var drops []client.Drop
	if s.mailbox() == nil {
		ready, drops = s.TakeNotices()
	}
	for {
		m := s.mailbox() // perhaps since the last event
		switch {
		case m != nil:
			m.notice(ready, drops)
			return
		case len(drops) > 0:
			d := drops[0]
			drops = drops[1:]
			s.dropped(d)
		case ready:
			ready = false
			s.readyToSend()
		default:
			return
		}
	}
}

func (s *Session) dropped(d client.Drop) {
	s.engine.Owner.Drop(s, d)
	if h, ok := s.Client.(client.DropHandler); ok {
		s.run("OnDropped", event.Func(func() error { return h.OnDropped(d) }))
	}
}

func (s *Session) readyToSend() {
	if h, ok := s.Client.(client.ReadyToSendHandler); ok && s.State() == link.Open {
		s.run("OnReadyToSend", event.Func(h.OnReadyToSend))
	}
}

// Sent is called by whoever has written a frame.
func (s *Session) Sent(first byte, n int) { s.engine.Owner.Sent(s, first, n) }

func (s *Session) run(name string, r event.Runner) {
	if err := event.Do(r); err != nil {
		s.failed(name, err)
	}
}
