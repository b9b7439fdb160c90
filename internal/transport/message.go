package transport

import (
	"errors"
	"math"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
)

const badUTF8 = "text is not UTF-8"

// pass takes a frame of an uncompressed message. One that is a whole message is
// delivered from where it is, when it is here as a whole. Fragments go to the engine,
// each when it is whole, or, if it is large, when half of it is here.
func (c *Conn) pass(h header, b []byte, whole bool) (more bool, err error) {
	in := c.in
	single := h.fin() && h.op() != opContinuation
	if whole && single {
		if in.ready > 0 {
			return false, nil // what came before it is delivered first
		}
		if in.checking { // a part of it was here earlier
			if v := in.checkAhead(h, b[h.size:h.size+int(h.n)]); v != nil || !in.utf8.done() {
				return false, c.violated(invalidText())
			}
			in.checking, in.checked, in.textOK = false, 0, true
		}
		in.begin(h)
		c.noteMessage()
		end := h.size + int(h.n)
		p := b[h.size:end:end]
		h.unmask(p, p, 0)
		c.active.deliver(end == len(b))
		c.events.Message(client.Opcode(h.op()), p)
		in.consume(end)
		in.shrink()
		return in.end == nil, in.end
	}
	have := int64(len(b) - h.size)
	if whole {
		have = h.n
	}
	text := h.op() == opText || h.op() == opContinuation && in.text
	if text {
		if in.ready > 0 {
			return false, nil // so that the checked message is alone in its batch
		}
		if v := in.checkAhead(h, b[h.size:h.size+int(have)]); v != nil {
			return false, c.violated(v)
		}
	}
	if !whole && (single || h.n <= maxWhole || have < h.n/2) {
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
	c.active.deliver(in.direct == 0 && in.r+in.ready == in.w)
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
		err := c.inflate(payload, len(b) == h.size+int(h.n))
		in.consume(h.size + int(h.n))
		return true, err
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
	data := c.in.zip
	c.in.zip = nil
	return true, c.inflate(data, c.in.r == c.in.w)
}

// inflate delivers the message of compressed data, which may be the last that is here.
func (c *Conn) inflate(data []byte, last bool) error {
	in := c.in
	buf := plains.Get().(*[]byte)
	limit := c.set.MaxMessage
	if limit < 0 {
		limit = math.MaxInt64
	}
	out, err := in.inflate.Append((*buf)[:0], data, limit)
	if err != nil {
		putPlain(buf)
		return c.violated(inflateError(err))
	}
	*buf = out
	op := client.OpBinary
	if in.text {
		op = client.OpText
	}
	c.active.deliver(last)
	c.events.Message(op, out[:len(out):len(out)])
	putPlain(buf)
	return in.end
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
