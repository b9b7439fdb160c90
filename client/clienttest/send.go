package clienttest

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// Send sends m as one frame.
func (p *Peer) Send(m client.Message) {
	p.tb.Helper()
	p.send(wstest.Frame{Op: wstest.Opcode(m.Op), Payload: m.Data})
}

// SendText sends a text message.
func (p *Peer) SendText(s string) {
	p.tb.Helper()
	p.Send(client.Text(s))
}

// SendBinary sends a binary message.
func (p *Peer) SendBinary(b []byte) {
	p.tb.Helper()
	p.Send(client.Binary(b))
}

// SendFragments sends m in fragments of the given sizes in bytes and a last one
// with the rest (RFC 6455 section 5.4).
func (p *Peer) SendFragments(m client.Message, sizes ...int) {
	p.tb.Helper()
	p.send(wstest.Frame{Op: wstest.Opcode(m.Op), Payload: m.Data}.Split(sizes...)...)
}

// Ping sends a ping and waits for the pong with the same payload, at most 125
// bytes. Other pongs are forgotten.
func (p *Peer) Ping(payload []byte) {
	p.tb.Helper()
	p.update(func() { p.pongs = nil })
	p.send(wstest.Ping(payload))
	p.await("the pong", func() bool {
		return slices.ContainsFunc(p.pongs, func(got []byte) bool { return bytes.Equal(got, payload) })
	})
}

// Close sends a close frame; the code 1005 sends one without a code. It does not
// wait: ReceiveClose gets the answer.
func (p *Peer) Close(code client.StatusCode, reason string) {
	p.tb.Helper()
	p.update(func() { p.closing = true })
	p.send(closeFrame(client.CloseError{Code: code, Reason: reason}))
}

// send writes frames with one write and ends the test when it fails.
func (p *Peer) send(frames ...wstest.Frame) {
	p.tb.Helper()
	if err := p.write(frames...); err != nil {
		p.tb.Fatalf("sending: %v", err)
	}
}

// write waits for its turn, which the reader's answers take too. A mutex would
// stop the clock of a bubble while a full connection makes its owner wait.
func (p *Peer) write(frames ...wstest.Frame) error {
	var wire []byte
	for _, f := range frames {
		binary.BigEndian.PutUint32(f.Key[:], rand.Uint32())
		wire = f.Append(wire)
	}
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.conn.SetWriteDeadline(time.Now().Add(p.timeout))
	_, err := p.conn.Write(wire)
	return err
}

// closeFrame is how e travels.
func closeFrame(e client.CloseError) wstest.Frame {
	if e.Code == client.StatusNoCode {
		return wstest.EmptyClose()
	}
	return wstest.Close(int(e.Code), e.Reason)
}
