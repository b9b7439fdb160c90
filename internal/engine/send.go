package engine

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

const (
	fin  = 0x80
	rsv1 = 0x40

	// Below these sizes compressing costs more than it saves.
	zipMessage = 200
	zipContext = 32
)

// Send sends one message and returns the size of its frame. With noWait it acts
// under QueueBlock as under QueueClose.
func (s *Session) Send(op client.Opcode, p []byte, noWait bool) (wire int, err error) {
	if op != client.OpText && op != client.OpBinary {
		return 0, client.ErrBadOpcode
	}
	if op == client.OpText && !utf8.Valid(p) {
		return 0, client.ErrInvalidUTF8
	}
	if s.State() != link.Open {
		return 0, client.ErrClosed
	}
	if s.zips(len(p)) {
		return s.sendZipped(op, p, noWait)
	}
	f := transport.Frame{First: fin | byte(op), Payload: p, NoWait: noWait}
	return f.Size(), s.Conn.Send(f)
}

// zips reports whether a message of n bytes is sent compressed.
func (s *Session) zips(n int) bool {
	return s.zip != nil && (n >= zipMessage || s.zkeep && n >= zipContext)
}

var zipped = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// sendZipped compresses and sends. It has the compressor until the frame has its
// place.
func (s *Session) sendZipped(op client.Opcode, p []byte, noWait bool) (wire int, err error) {
	if err := s.takeTurn(transport.FrameSize(len(p)), noWait); err != nil {
		return 0, err
	}
	defer s.zmu.Unlock()
	buf := zipped.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= 64<<10 {
			zipped.Put(buf)
		}
	}()
	out, err := s.zip.Append((*buf)[:0], p)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", client.ErrCompression, err)
	}
	*buf = out
	f := transport.Frame{First: fin | rsv1 | byte(op), Payload: out, Admitted: true}
	if err := s.Conn.Send(f); err != nil {
		return 0, err
	}
	s.zip.Extend(p)
	return f.Size(), nil
}

// takeTurn takes the compressor when there is room for n bytes. Nobody waits for
// room while holding it.
func (s *Session) takeTurn(n int, noWait bool) error {
	for {
		if err := s.Admit(n, noWait); err != nil {
			return err
		}
		s.zmu.Lock()
		if s.Fits(n) { // others may have taken the room meanwhile
			return nil
		}
		s.zmu.Unlock()
	}
}

// Broadcast is a message on its way to many sessions: its frames are made once.
// One goroutine uses it at a time.
type Broadcast struct {
	Message client.Message
	plain   []byte
}

// NewBroadcast checks m and returns it ready to be sent; m.Data is copied.
func NewBroadcast(m client.Message) (*Broadcast, error) {
	if m.Op != client.OpText && m.Op != client.OpBinary {
		return nil, client.ErrBadOpcode
	}
	if m.Op == client.OpText && !utf8.Valid(m.Data) {
		return nil, client.ErrInvalidUTF8
	}
	return &Broadcast{Message: m}, nil
}

// frame returns the uncompressed frame.
func (b *Broadcast) frame() []byte {
	if b.plain == nil {
		n := len(b.Message.Data)
		b.plain = transport.AppendHeader(make([]byte, 0, transport.FrameSize(n)), fin|byte(b.Message.Op), n)
		b.plain = append(b.plain, b.Message.Data...)
	}
	return b.plain
}

// Broadcast sends b. It never waits. Before the banner is out it is held and
// follows the banner.
func (s *Session) Broadcast(b *Broadcast) (wire int, err error) {
	if s.held.Load() {
		if ok, err := s.hold(b); ok {
			return len(b.frame()), err
		}
	}
	if s.zips(len(b.Message.Data)) {
		return s.Send(b.Message.Op, b.Message.Data, true)
	}
	f := transport.Frame{Whole: b.frame(), NoWait: true}
	return len(f.Whole), s.Conn.Send(f)
}
