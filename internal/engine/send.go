package engine

import (
	"context"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
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

// threshold is the size from which messages are compressed.
func threshold(n int, keep bool) int {
	switch {
	case n < 0:
		return 1 // an empty message would grow
	case n > 0:
		return n
	case keep:
		return zipContext
	}
	return zipMessage
}

// how is the way that a message is sent.
type how struct {
	terms  *transport.Terms // nil: those of the client
	noWait bool             // acts under QueueBlock as under QueueClose
	plain  bool             // not compressed
}

// Send sends one message and returns the size of its frames. With noWait it acts
// under QueueBlock as under QueueClose.
func (s *Session) Send(op client.Opcode, p []byte, noWait bool) (wire int, err error) {
	return s.send(op, p, how{noWait: noWait})
}

// SendWith is Send with options; ctx bounds the wait.
func (s *Session) SendWith(ctx context.Context, op client.Opcode, p []byte, o link.SendOptions) (wire int, err error) {
	if ctx != nil && ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return s.send(op, p, how{terms: terms(ctx, o), plain: o.Plain})
}

func terms(ctx context.Context, o link.SendOptions) *transport.Terms {
	return &transport.Terms{
		Policy: client.QueuePolicy(o.Policy), Key: o.Key, Timeout: o.Timeout, Try: o.Try, Context: ctx,
	}
}

func (s *Session) send(op client.Opcode, p []byte, h how) (wire int, err error) {
	if err := checkMessage(op, p); err != nil {
		return 0, err
	}
	if s.State() != link.Open {
		return 0, client.ErrClosed
	}
	if s.zip != nil && len(p) >= s.zip.min && !h.plain {
		return s.sendZipped(op, p, h)
	}
	f := s.plainFrame(op, p, h)
	return s.wireSize(&f), s.Conn.Send(f)
}

// wireSize is what f takes on the wire.
func (s *Session) wireSize(f *transport.Frame) int {
	n := f.Size()
	if !s.engine.Settings.Dialed {
		return n
	}
	frames := 1 // each has a key
	if f.Max > 0 && len(f.Payload) > f.Max {
		frames = (len(f.Payload) + f.Max - 1) / f.Max
	}
	return n + 4*frames
}

func (s *Session) plainFrame(op client.Opcode, p []byte, h how) transport.Frame {
	return transport.Frame{
		First: fin | byte(op), Payload: p, Max: s.engine.Settings.MaxFrame, NoWait: h.noWait, Terms: h.terms,
	}
}

func checkMessage(op client.Opcode, p []byte) error {
	if op != client.OpText && op != client.OpBinary {
		return client.ErrBadOpcode
	}
	if op == client.OpText && !utf8.Valid(p) {
		return client.ErrInvalidUTF8
	}
	return nil
}

var zipped = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// sendZipped compresses and sends. It has the compressor until the message has its
// place.
func (s *Session) sendZipped(op client.Opcode, p []byte, h how) (wire int, err error) {
	f := s.plainFrame(op, p, h)
	if err := s.takeTurn(f.Size(), h); err != nil {
		return 0, err
	}
	defer s.zip.mu.Unlock()
	f.Admitted = true
	if s.zip.keep && s.Uncompressed(h.terms) {
		return s.wireSize(&f), s.Conn.Send(f)
	}
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
	f.First, f.Payload, f.Kept = f.First|rsv1, out, s.zip.keep
	if err := s.Conn.Send(f); err != nil {
		return 0, err
	}
	s.zip.Extend(p)
	return s.wireSize(&f), nil
}

// takeTurn takes the compressor when there is room for n bytes. Nobody waits for
// room while holding it.
func (s *Session) takeTurn(n int, h how) error {
	for {
		if err := s.Admit(n, h.terms, h.noWait); err != nil {
			return err
		}
		s.zip.mu.Lock()
		if s.Fits(n, h.terms) { // others may have taken the room meanwhile
			return nil
		}
		s.zip.mu.Unlock()
	}
}

// Broadcast is a message on its way to many sessions: its frames are made once for
// each way to write them. One goroutine uses it at a time.
type Broadcast struct {
	Message client.Message
	how     how
	max     int // payload of a frame; 0 = one frame
	plain   []byte
	zipped  map[zipKind][]byte
}

// zipKind is all that the compressed form depends on.
type zipKind struct {
	bits  uint8
	level int8
}

// NewBroadcast checks m and returns it ready to be sent; m.Data is copied.
func (e *Engine) NewBroadcast(m client.Message, o link.SendOptions) (*Broadcast, error) {
	if err := checkMessage(m.Op, m.Data); err != nil {
		return nil, err
	}
	b := &Broadcast{Message: m, how: how{noWait: true, plain: o.Plain}, max: e.Settings.MaxFrame}
	if o != (link.SendOptions{Plain: o.Plain}) {
		b.how.terms = terms(context.Background(), o)
	}
	return b, nil
}

// frame returns the uncompressed form.
func (b *Broadcast) frame() []byte {
	if b.plain == nil {
		b.plain = b.encode(0, b.Message.Data)
	}
	return b.plain
}

func (b *Broadcast) encode(bits byte, p []byte) []byte {
	size := transport.MessageSize(len(p), b.max)
	return transport.AppendMessage(make([]byte, 0, size), fin|bits|byte(b.Message.Op), p, b.max)
}

// zippedFrame returns the compressed form for s, or nil if that is not shorter. It
// refers to no earlier message, so every client with that window understands it.
func (b *Broadcast) zippedFrame(s *Session) ([]byte, error) {
	kind := s.zip.kind
	if f, ok := b.zipped[kind]; ok {
		return f, nil
	}
	c := deflate.NewCompressor(deflate.Params{ServerBits: kind.bits}, int(kind.level))
	out, err := c.Append(nil, b.Message.Data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrCompression, err)
	}
	var f []byte
	if len(out) < len(b.Message.Data) {
		f = b.encode(rsv1, out)
	}
	if b.zipped == nil {
		b.zipped = make(map[zipKind][]byte)
	}
	b.zipped[kind] = f
	return f, nil
}

// Broadcast sends b. It never waits. Before the banner is out it is held and
// follows the banner.
func (s *Session) Broadcast(b *Broadcast) (wire int, err error) {
	if s.held.Load() {
		if ok, err := s.hold(b); ok {
			return len(b.frame()), err
		}
	}
	if s.zip != nil && len(b.Message.Data) >= s.zip.min && !b.how.plain && s.State() == link.Open {
		f, err := b.zippedFrame(s)
		if f != nil || err != nil {
			return s.sendShared(b, f, err)
		}
	}
	f := b.whole(b.frame())
	return len(f.Whole), s.Conn.Send(f)
}

func (b *Broadcast) whole(p []byte) transport.Frame {
	return transport.Frame{Whole: p, Max: b.max, NoWait: true, Terms: b.how.terms}
}

// sendShared sends a compressed form that others get too.
func (s *Session) sendShared(b *Broadcast, p []byte, err error) (wire int, _ error) {
	if err != nil {
		return 0, err
	}
	f := b.whole(p)
	if !s.zip.keep {
		return len(p), s.Conn.Send(f)
	}
	// It may have to go as it is.
	if err := s.takeTurn(transport.MessageSize(len(b.Message.Data), b.max), b.how); err != nil {
		return 0, err
	}
	defer s.zip.mu.Unlock()
	f.Admitted, f.Kept = true, true
	if s.Uncompressed(b.how.terms) {
		f.Whole, f.Kept = b.frame(), false
		return len(f.Whole), s.Conn.Send(f)
	}
	if err := s.Conn.Send(f); err != nil {
		return 0, err
	}
	s.zip.Extend(b.Message.Data)
	return len(p), nil
}
