package wstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ReadMessage returns the next message.
func (p *Peer) ReadMessage() Message {
	p.tb.Helper()
	m, err := p.TryMessage()
	if err != nil {
		p.tb.Fatalf("waiting for a message: %v", err)
	}
	return m
}

// WantMessage reads the next message, which must be this one.
func (p *Peer) WantMessage(op Opcode, data []byte) Message {
	p.tb.Helper()
	m := p.ReadMessage()
	if m.Op != op || !bytes.Equal(m.Data, data) {
		p.tb.Fatalf("message with opcode %d and %s; want opcode %d and %s", m.Op, brief(m.Data), op, brief(data))
	}
	return m
}

// WantText reads the next message, which must be this text.
func (p *Peer) WantText(s string) Message {
	p.tb.Helper()
	return p.WantMessage(OpText, []byte(s))
}

// ReadPong returns the payload of the next pong, which may come before or after
// messages that are still to be asked for.
func (p *Peer) ReadPong() []byte {
	p.tb.Helper()
	for len(p.pongs) == 0 {
		if p.err != nil || p.closing != nil {
			p.tb.Fatalf("waiting for a pong: %s", p.state())
		}
		p.step()
	}
	payload := p.pongs[0]
	p.pongs = p.pongs[1:]
	return payload
}

// WantPong reads the next pong, which must have this payload.
func (p *Peer) WantPong(payload []byte) {
	p.tb.Helper()
	if got := p.ReadPong(); !bytes.Equal(got, payload) {
		p.tb.Fatalf("pong with %s, want %s", brief(got), brief(payload))
	}
}

// ReadClose waits for the close frame and returns its code (1005 for none) and
// reason. A message or pong that comes before and was not asked for ends the
// test.
func (p *Peer) ReadClose() (int, string) {
	p.tb.Helper()
	for p.closing == nil && p.err == nil {
		p.step()
	}
	if p.closing == nil || p.err != nil {
		p.tb.Fatalf("waiting for the close frame: %s", p.state())
	}
	if len(p.messages) > 0 {
		p.tb.Fatalf("a message with %s before the close frame", brief(p.messages[0].Data))
	}
	if len(p.pongs) > 0 {
		p.tb.Fatalf("a pong with %s before the close frame", brief(p.pongs[0]))
	}
	return p.closing.CloseCode()
}

// WantClose waits for the close frame, which must have one of the codes; 1005
// stands for a frame without a code.
func (p *Peer) WantClose(codes ...int) {
	p.tb.Helper()
	if code, reason := p.ReadClose(); !slices.Contains(codes, code) {
		p.tb.Fatalf("closed with %d %q, want %v", code, reason, codes)
	}
}

// WantEnd waits for the end of the stream and closes this end too. Anything else,
// a reset too, ends the test.
func (p *Peer) WantEnd() {
	p.tb.Helper()
	for p.err == nil {
		p.step()
	}
	if !errors.Is(p.err, io.EOF) {
		p.tb.Fatalf("the stream ends with %v, want EOF", p.err)
	}
	p.Conn.Close()
}

// WantSilence makes sure that the other side has nothing to say before it
// answers a ping.
func (p *Peer) WantSilence() {
	p.tb.Helper()
	probe := []byte("still there?")
	p.Send(Ping(probe))
	p.WantPong(probe)
	if len(p.messages) > 0 {
		p.tb.Fatalf("an unexpected message with %s", brief(p.messages[0].Data))
	}
}

// state says what has come to the end of the connection.
func (p *Peer) state() string {
	s := "open"
	if p.closing != nil {
		code, reason := p.closing.CloseCode()
		s = fmt.Sprintf("closed with %d %q", code, reason)
	}
	if p.err != nil {
		s += fmt.Sprintf(", %v", p.err)
	}
	return s
}

// brief shows the beginning of what may be long.
func brief(b []byte) string {
	if len(b) <= 40 {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%d bytes %q...", len(b), b[:40])
}
