package wstest

import "encoding/binary"

// TryWrite writes bytes as they are.
func (p *Peer) TryWrite(b []byte) error {
	p.bound()
	_, err := p.Conn.Write(b)
	return err
}

// Write writes bytes as they are.
func (p *Peer) Write(b []byte) {
	p.tb.Helper()
	if err := p.TryWrite(b); err != nil {
		p.tb.Fatalf("wstest: writing %d bytes: %v", len(b), err)
	}
}

// WriteChopped writes bytes n at a time, each with a write of its own.
func (p *Peer) WriteChopped(b []byte, n int) {
	p.tb.Helper()
	for len(b) > 0 {
		k := min(n, len(b))
		p.Write(b[:k])
		b = b[k:]
	}
}

// Encode returns frames as Send would write them.
func (p *Peer) Encode(frames ...Frame) []byte {
	var b []byte
	for _, f := range frames {
		b = p.dress(f).Append(b)
	}
	return b
}

// dress masks f, or not, as this end does.
func (p *Peer) dress(f Frame) Frame {
	if !p.masks() {
		f.Unmasked = true
	}
	if !f.Unmasked && !f.ZeroKey && f.Key == [4]byte{} {
		binary.BigEndian.PutUint32(f.Key[:], p.keys.Uint32()|1)
	}
	return f
}

// Send writes frames with one write. Masks are chosen; everything else goes out
// as it is.
func (p *Peer) Send(frames ...Frame) {
	p.tb.Helper()
	p.Write(p.Encode(frames...))
}

// SendChopped writes frames n bytes at a time.
func (p *Peer) SendChopped(n int, frames ...Frame) {
	p.tb.Helper()
	p.WriteChopped(p.Encode(frames...), n)
}

// SendHeader writes the header of a frame that declares n bytes, and none of
// them.
func (p *Peer) SendHeader(f Frame, n uint64) {
	p.tb.Helper()
	p.Write(p.dress(f).Header(n))
}

// Compressed is a frame with the message compressed, as the agreement says. It
// must be sent before the next one is made: both ends go through the same
// history.
func (p *Peer) Compressed(op Opcode, data []byte) Frame {
	p.tb.Helper()
	if p.Deflater == nil {
		p.tb.Fatal("wstest: no compression was agreed on")
	}
	return Frame{Op: op, RSV: RSV1, Payload: p.Deflater.Deflate(data)}
}
