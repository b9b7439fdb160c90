package transport

import (
	"errors"
	"math"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
)

const badUTF8 = "text is not UTF-8"

// pass hands a frame of an uncompressed message to the engine: when it is whole,
// or, if it is large, when half of it is here.
func (c *Conn) pass(h header, b []byte, whole bool) (more bool, err error) {
	in := c.in
	have := int64(len(b) - h.size)
	if whole {
		have = h.n
	}
	text := h.op() == opText || h.op() == opContinuation && in.text
	if text && (!whole || !h.fin() || h.op() == opContinuation || in.checking) {
		if in.ready > 0 {
			return false, nil // so that the checked message is alone in its batch
		}
		if v := in.checkAhead(h, b[h.size:h.size+int(have)]); v != nil {
			return false, c.violated(v)
		}
	}
	if !whole && (h.n <= maxWhole || have < h.n/2) {
		c.noteProgress()
		return false, nil
	}
	return c.deliver(h, have)
}

// deliver makes the first have payload bytes of a frame ready, and the rest direct.
func (c *Conn) deliver(h header, have int64) (more bool, err error) {
	in := c.in
	in.begin(h)
	in.checked = 0
	if in.checking && have == h.n && h.fin() {
		if !in.utf8.done() {
			return false, c.violated(invalidText())
		}
		in.checking, in.textOK = false, true
	}
	c.noteMessage()
	in.ready += h.size + int(have)
	if in.direct = h.n - have; in.direct > 0 {
		in.frame, in.at = h, have
	}
	return in.direct == 0 && !in.textOK, nil
}

// checkAhead checks the part of a text frame that is here and not checked yet.
func (in *inbound) checkAhead(h header, p []byte) *client.ProtocolError {
	if h.op() == opText && !in.checking {
		in.checking, in.utf8 = true, utf8Check{}
	}
	if !in.utf8.addMasked(h, p[in.checked:], in.checked) {
		return invalidText()
	}
	in.checked = int64(len(p))
	return nil
}

// checkText checks the next piece of a frame that goes straight to the engine.
func (in *inbound) checkText(h header, p []byte, last bool) *client.ProtocolError {
	ok := in.utf8.addMasked(h, p, in.at)
	in.at += int64(len(p))
	if !ok || last && h.fin() && !in.utf8.done() {
		return invalidText()
	}
	if last && h.fin() {
		in.checking, in.textOK = false, true
	}
	return nil
}

func invalidText() *client.ProtocolError {
	return &client.ProtocolError{Code: client.StatusInvalidPayload, Text: badUTF8}
}

// unpack takes a frame of a compressed message.
func (c *Conn) unpack(h header, b []byte, whole bool) (more bool, err error) {
	in := c.in
	in.begin(h)
	if v := c.zipLimit(); v != nil {
		return false, c.violated(v)
	}
	c.noteMessage()
	if whole && h.fin() && len(in.zip) == 0 {
		payload := b[h.size : h.size+int(h.n)]
		h.unmask(payload, payload, 0)
		err := c.inflate(payload)
		in.consume(h.size + int(h.n))
		return false, err
	}
	in.frame, in.at, in.unzip = h, 0, h.n
	in.consume(h.size)
	if h.n == 0 {
		return c.collected()
	}
	return true, nil
}

// zipLimit refuses compressed data that no message within the limit needs.
func (c *Conn) zipLimit() *client.ProtocolError {
	if limit := c.maxMessage(); limit >= 0 && c.in.size > deflate.CompressedLimit(limit) || c.in.size < 0 {
		return tooBig()
	}
	return nil
}

// collect takes what is here of a compressed frame.
func (c *Conn) collect(b []byte) (more bool, err error) {
	in := c.in
	n := int(min(int64(len(b)), in.unzip))
	in.frame.unmask(b[:n], b[:n], in.at)
	in.zip = append(in.zip, b[:n]...)
	in.at += int64(n)
	in.unzip -= int64(n)
	in.consume(n)
	c.noteProgress()
	if in.unzip > 0 {
		return true, nil
	}
	return c.collected()
}

// collected is called when a compressed frame is complete.
func (c *Conn) collected() (more bool, err error) {
	if !c.in.frame.fin() {
		return true, nil
	}
	err = c.inflate(c.in.zip)
	c.in.zip = nil
	return false, err
}

// inflate makes the message of compressed data a frame with an all-zero mask.
func (c *Conn) inflate(data []byte) error {
	in := c.in
	buf := plains.Get().(*[]byte)
	const room = 14 // for the longest header
	limit := c.set.MaxMessage
	if limit < 0 {
		limit = math.MaxInt64
	}
	out, err := in.inflate.Append((*buf)[:room], data, limit)
	if err != nil {
		putPlain(buf)
		return c.violated(inflateError(err))
	}
	first := byte(finBit | opBinary)
	if in.text {
		first = finBit | opText
	}
	var head [room]byte
	h := AppendHeader(head[:0], first, len(out)-room)
	h[1] |= maskBit
	h = append(h, 0, 0, 0, 0)
	in.plainAt = room - len(h)
	copy(out[in.plainAt:], h)
	*buf = out
	in.plain = buf
	return nil
}

func inflateError(err error) *client.ProtocolError {
	if errors.Is(err, deflate.ErrTooBig) {
		return tooBig()
	}
	return &client.ProtocolError{Code: client.StatusInvalidPayload, Text: "compressed data is corrupt"}
}

// RefuseText answers a text message that is not UTF-8. Only for the reader.
func (c *Conn) RefuseText() { c.in.end = c.violated(invalidText()) }

// noteMessage restarts the idle clock.
func (c *Conn) noteMessage() {
	if c.set.IdleTimeout > 0 {
		c.lastMessage.Store(int64(c.svc.now()))
	}
}

// noteProgress restarts it when a part of a message came.
func (c *Conn) noteProgress() {
	if c.set.IdleTimeout > 0 {
		c.lastMessage.Store(c.lastRead.Load())
	}
}
