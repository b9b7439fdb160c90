package clienttest

import (
	"bytes"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// inbound is what the test has given. Recorder.mu guards it.
type inbound struct {
	inbox    []*incoming   // what no event has got yet, oldest first
	under    client.Opcode // of the message that Fragment has begun; 0: none
	paused   bool          // SetAcceptData(false)
	detached bool          // DetachPump

	recordLen int    // 0: messages come as they are
	record    []byte // the part of a record that has come
}

// incoming is a message, a piece of one, a ping or a pong.
type incoming struct {
	client.Fragment
	control func([]byte) error // the event of a ping or pong
	name    string             // of that event

	begun bool // it is counted
	cut   bool // records were made of a part of it
	lost  bool // the connection ended before its turn came
}

// Message runs OnMessage with m, as if the peer had sent it, and returns its
// error, or a [*client.PanicError]. After an error the client is closed as on a
// server, see Closed. m.Data is copied, and the copy overwritten when OnMessage
// has returned, so that a class that keeps it without Clone is found out.
//
// A class that has OnFragment gets m as one piece. After SetRecordLength OnMessage
// runs for each record that is complete. After SetAcceptData(false) the message
// waits, and Message returns nil; it comes when data is accepted again, after the
// event that said so or with the next call of a method that runs events, such as
// [Recorder.Wake].
//
// Message returns [client.ErrClosed] when the client is closing or closed, and
// [client.ErrBadOpcode] or [client.ErrInvalidUTF8] for messages that a server
// does not let through; then no event runs.
func (r *Recorder) Message(m client.Message) error {
	return r.data(client.Fragment{Op: m.Op, Data: m.Data, First: true, Final: true})
}

// Text is Message with a text.
func (r *Recorder) Text(s string) error { return r.Message(client.Text(s)) }

// Binary is Message with bytes.
func (r *Recorder) Binary(p []byte) error { return r.Message(client.Binary(p)) }

var (
	errNoFragments = errors.New("clienttest: the class has no OnFragment")
	errSequence    = errors.New("clienttest: the piece does not continue what came before it")
	errEmptyPiece  = errors.New("clienttest: only the last piece may be empty")
	errLongControl = errors.New("clienttest: a ping or pong carries at most 125 bytes")
)

// Fragment runs OnFragment with a piece of a message, see [Recorder.Message]. The
// class must have OnFragment, and the pieces must make a message as they do on a
// server: f.First and f.Final where it begins and ends, one kind, no piece of text
// that ends inside a rune, and only the last one empty.
func (r *Recorder) Fragment(f client.Fragment) error {
	if _, ok := r.client.(client.FragmentHandler); !ok {
		return errNoFragments
	}
	if len(f.Data) == 0 && !f.Final {
		return errEmptyPiece
	}
	return r.data(f)
}

// data delivers a message or a piece.
func (r *Recorder) data(f client.Fragment) error {
	switch {
	case f.Op != client.OpText && f.Op != client.OpBinary:
		return client.ErrBadOpcode
	case f.Op == client.OpText && !utf8.Valid(f.Data):
		return client.ErrInvalidUTF8
	}
	f.Data = bytes.Clone(f.Data)
	return r.deliver(&incoming{Fragment: f})
}

// Ping runs OnPing, if the class has it, with a copy of payload. The error is
// that of Message.
func (r *Recorder) Ping(payload []byte) error {
	call := func([]byte) error { return nil }
	if h, ok := r.client.(client.PingHandler); ok {
		call = h.OnPing
	}
	return r.control("OnPing", call, payload)
}

// Pong runs OnPong, if the class has it, with a copy of payload. The error is
// that of Message.
func (r *Recorder) Pong(payload []byte) error {
	call := func([]byte) error { return nil }
	if h, ok := r.client.(client.PongHandler); ok {
		call = h.OnPong
	}
	return r.control("OnPong", call, payload)
}

// control runs the event of a control frame.
func (r *Recorder) control(name string, call func([]byte) error, payload []byte) error {
	if len(payload) > client.MaxControl {
		return errLongControl
	}
	in := &incoming{control: call, name: name}
	in.Data = bytes.Clone(payload)
	return r.deliver(in)
}

// deliver runs the events for in, or has it wait.
func (r *Recorder) deliver(in *incoming) error {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if err := r.post(in); err != nil {
		return err
	}
	err := r.runEvents()
	if err == nil && in.lost {
		return client.ErrClosed
	}
	return err
}

// post puts in into the inbox.
func (r *Recorder) post(in *incoming) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.greetLocked()
	if r.state != link.Open {
		return client.ErrClosed
	}
	if in.control == nil {
		if in.First != (r.under == 0) || !in.First && in.Op != r.under {
			return errSequence
		}
		if r.under = in.Op; in.Final {
			r.under = 0
		}
	}
	r.inbox = append(r.inbox, in)
	return nil
}

// popLocked is the end of what came first.
func (r *Recorder) popLocked() { r.inbox = r.inbox[1:] }

// nextInputLocked returns the next event for what has come, or nil.
func (r *Recorder) nextInputLocked() *due {
	if r.state != link.Open {
		for _, in := range r.inbox {
			in.lost = !in.begun
		}
		r.inbox = nil
	}
	for len(r.inbox) > 0 && !r.paused {
		if d := r.inputLocked(r.inbox[0]); d != nil {
			return d
		}
	}
	return nil
}

// inputLocked returns an event for in, the first of the inbox, or nil if it makes
// none any more.
func (r *Recorder) inputLocked(in *incoming) *due {
	r.countLocked(in)
	switch {
	case in.control != nil:
		r.popLocked()
		return &due{in.name, in.Data, func() error { return in.control(in.Data) }}
	case in.Op == client.OpBinary && (in.cut || r.recordLen > 0 || len(r.record) > 0):
		return r.recordLocked(in)
	}
	return r.wholeLocked(in)
}

// countLocked counts in once, as a masked frame.
func (r *Recorder) countLocked(in *incoming) {
	const maskKey = 4
	if in.begun {
		return
	}
	in.begun = true
	r.counts.BytesIn += uint64(transport.FrameSize(len(in.Data)) + maskKey)
	r.counts.LastRead = time.Now()
	switch {
	case in.name == "OnPing":
		r.counts.BytesOut += uint64(transport.FrameSize(len(in.Data)))
	case in.control == nil && in.Final:
		r.counts.MessagesIn++
	}
}

// wholeLocked is the event for in, or for what records have left of it.
func (r *Recorder) wholeLocked(in *incoming) *due {
	r.popLocked()
	if h, ok := r.client.(client.FragmentHandler); ok {
		return &due{"OnFragment", in.Data, func() error { return h.OnFragment(in.Fragment) }}
	}
	return r.messageDue(in.Op, in.Data)
}

func (r *Recorder) messageDue(op client.Opcode, p []byte) *due {
	return &due{"OnMessage", p, func() error { return r.client.OnMessage(client.Message{Op: op, Data: p}) }}
}

// recordLocked is the event for the next record of in, joined with what is left of
// earlier data.
func (r *Recorder) recordLocked(in *incoming) *due {
	n, have := r.recordLen, len(r.record)
	switch {
	case have > 0 && have >= n: // n may be smaller than it was
		if n == 0 {
			n = have
		}
		rec := r.record[:n:n]
		r.record = r.record[n:]
		return r.messageDue(client.OpBinary, rec)
	case in.cut && len(in.Data) == 0, n > 0 && len(in.Data) == 0:
		r.popLocked()
		return nil
	case n == 0:
		return r.wholeLocked(in)
	case have == 0 && len(in.Data) >= n:
		in.cut = true
		rec := in.Data[:n:n]
		in.Data = in.Data[n:]
		return r.messageDue(client.OpBinary, rec)
	}
	in.cut = true
	k := min(n-have, len(in.Data))
	r.record = append(r.record, in.Data[:k]...)
	in.Data = in.Data[k:]
	return nil
}
