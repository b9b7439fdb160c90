package transport

import (
	"io"
	"sync"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/link"
)

// inbound is the filter's state. Only the reader touches it.
type inbound struct {
	buf     *[]byte // borrowed while there is input; unread is (*buf)[r:w]
	r, w    int
	ready   int      // of the unread bytes, the engine may take so many now
	direct  int64    // then so many payload bytes straight from the wire: of a fragment
	skip    int64    // then so many bytes are thrown away
	tiny    [16]byte // a wire that can not wait without a buffer waits with this one
	large   bool     // the last frame needed a large buffer
	end     error    // what Read returns from now on
	outside bool     // the engine is not on the stack
	torn    bool     // the engine may have the beginning of a message that has no end
	hears   hearing

	// The message under way.
	open     bool  // a fragment came, the last one did not
	zipped   bool  // it is compressed
	text     bool  // it is text
	checking bool  // its text is checked here, piece by piece
	checked  int64 // payload bytes of the current frame that are checked
	size     int64 // payload bytes of its frames so far
	utf8     utf8Check
	frame    header // the frame that direct or unzip bytes belong to
	at       int64  // position in its payload

	inflate *deflate.Decompressor
	zip     []byte // compressed payload of the message so far
	unzip   int64  // payload bytes of the current compressed frame that are still to come

	sizes  tally   // of the messages since the last read
	textOK bool    // the message that the engine gets next is checked already
	pieces *pieces // not nil: messages go to Events.Fragment, and nothing to the engine
}

var inputs = sync.Pool{New: func() any { return new(inbound) }}

// ended is the filter's state of a connection whose reader is away or gone.
var ended = inbound{end: io.EOF}

// takeInput gives the reader the filter's state, which is kept only as long as there
// is something in it.
func (c *Conn) takeInput() {
	c.in = inputs.Get().(*inbound)
	c.in.inflate = c.inflater
	if c.pieces {
		c.in.pieces = new(pieces)
	}
}

// leaveInput gives it back.
func (c *Conn) leaveInput() {
	c.in.sizes.flush(&c.lane().received)
	*c.in = inbound{}
	inputs.Put(c.in)
	c.in = &ended
}

// BetweenMessages reports whether the engine has seen all of the last message. Only
// for the reader, when the engine's loop was left.
func (c *Conn) BetweenMessages() bool {
	return !c.in.open && !c.in.torn && c.in.direct == 0
}

// AtRest reports whether no part of a message or of a frame is here. Only for the reader,
// when the engine's loop was left.
func (c *Conn) AtRest() bool {
	return c.BetweenMessages() && c.in.buf == nil && !c.in.midFrame()
}

// prepend puts bytes that were read before in front of the input.
func (in *inbound) prepend(p []byte) {
	if len(p) == 0 {
		return
	}
	b := append([]byte(nil), p...)
	in.buf, in.w = &b, len(b)
}

// TextChecked reports whether the text of the message that is delivered now was
// found valid already. Only for the reader.
func (c *Conn) TextChecked() bool {
	ok := c.in.textOK
	c.in.textOK = false
	return ok
}

// Read gives the engine whole data frames, or frames of which at least half has
// arrived: it allocates what a header declares. When nothing is left, what the
// events of this batch have sent is flushed.
func (c *Conn) Read(p []byte) (int, error) {
	in := c.in
	for {
		switch {
		case in.ready > 0:
			n := copy(p, (*in.buf)[in.r:in.r+in.ready])
			in.consume(n)
			in.ready -= n
			return n, nil
		case in.direct > 0:
			return c.readDirect(p)
		case in.end != nil:
			c.idle()
			return 0, in.end
		}
		if err := c.pull(); err != nil {
			in.end = err
		}
	}
}

func (in *inbound) consume(n int) {
	if in.r += n; in.r == in.w {
		in.r, in.w = 0, 0
	}
}

// readDirect reads the rest of a large frame past our buffer.
func (c *Conn) readDirect(p []byte) (int, error) {
	in := c.in
	p = p[:min(int64(len(p)), in.direct)]
	n, err := 0, errWoken
	for err == errWoken && n == 0 {
		c.Gate()
		n, err = c.wire.read(c, p)
	}
	c.received(n)
	if err != nil && n == 0 {
		return n, c.lost(err)
	}
	in.direct -= int64(n)
	c.noteProgress()
	if in.checking {
		if v := in.checkText(in.frame, p[:n], in.direct == 0); v != nil {
			in.end = c.violated(v)
			return 0, in.end
		}
	}
	return n, nil
}

// pull makes input ready for the engine.
func (c *Conn) pull() error {
	in := c.in
	for {
		c.Gate()
		if err := c.scan(); err != nil {
			return err
		}
		if in.ready > 0 || in.direct > 0 {
			return nil
		}
		in.sizes.flush(&c.lane().received)
		n, err := c.wire.fill(c)
		if err == errDoze {
			return err
		}
		c.received(n)
		if err != nil && err != errWoken && n == 0 {
			return c.lost(err)
		}
	}
}

// received notes that n bytes came.
func (c *Conn) received(n int) {
	if n <= 0 {
		return
	}
	c.bytesIn.Add(uint64(n))
	now := c.svc.now()
	c.hear(now, c.lastRead.Swap(int64(now)))
	if !c.active.Load() {
		c.active.Store(true)
	}
	if c.slow.Load() {
		c.slowDown(n)
	}
}

// lost ends the connection because reading failed.
func (c *Conn) lost(err error) error {
	c.foundLoss()
	c.events.Await()
	c.end(client.CloseInfo{Code: client.StatusAbnormal, Remote: true, Cause: err})
	return err
}

// violated answers a violation with its close frame.
func (c *Conn) violated(v *client.ProtocolError) error {
	c.in.torn = true
	c.foundFrame()
	c.events.Await()
	cause := error(v)
	if v.Code == client.StatusInvalidPayload && v.Text == badUTF8 {
		cause = &causeError{v, client.ErrInvalidUTF8}
	}
	c.closeWith(v.Code, v.Text, false, cause)
	return v
}

// causeError is a violation that is also one of the package's sentinels.
type causeError struct {
	*client.ProtocolError
	is error
}

func (e *causeError) Unwrap() []error { return []error{e.ProtocolError, e.is} }

// scan walks over the frames in the buffer: data frames become ready, control
// frames are done here, each at its place in the order of events. It stops where
// bytes are missing.
func (c *Conn) scan() error {
	in := c.in
	for in.buf != nil && in.r+in.ready < in.w {
		c.Gate()
		b := (*in.buf)[in.r+in.ready : in.w]
		if in.skip > 0 {
			in.discard(len(b))
			continue
		}
		if in.pieces != nil && in.pieces.left > 0 {
			if err := c.piece(b); err != nil {
				return err
			}
			continue
		}
		if in.unzip > 0 {
			if more, err := c.collect(b); !more || err != nil {
				return err
			}
			continue
		}
		h, ok, v := parseHeader(b, !c.set.Dialed)
		if v == nil && ok {
			limit := c.maxMessage()
			if c.State() >= link.Closing {
				limit = -1 // data is thrown away
			}
			v = in.check(h, limit)
		}
		if v != nil {
			if in.ready > 0 {
				return nil // what came before it is delivered first
			}
			return c.violated(v)
		}
		if !ok {
			return nil
		}
		more, err := c.accept(h, b)
		if !more || err != nil {
			return err
		}
	}
	return nil
}

// accept takes a frame whose header is at the start of b. more tells whether the
// scan may go on behind it.
func (c *Conn) accept(h header, b []byte) (more bool, err error) {
	in := c.in
	whole := int64(len(b)-h.size) >= h.n
	switch {
	case h.control():
		if !whole || in.ready > 0 {
			return false, nil
		}
		return c.control(h, b[h.size:h.size+int(h.n)])
	case c.State() >= link.Closing:
		if in.ready > 0 {
			return false, nil
		}
		in.torn = in.torn || in.open
		in.begin(h) // what follows must still fit
		in.consume(h.size)
		in.skip = h.n
		return true, nil
	case in.pieces != nil:
		return true, c.beginPiece(h)
	case h.first&rsv1Bit != 0 || in.open && in.zipped:
		if in.ready > 0 {
			return false, nil
		}
		return c.unpack(h, b, whole)
	}
	return c.pass(h, b, whole)
}

// midFrame reports whether the rest of a frame that is begun is to come.
func (in *inbound) midFrame() bool {
	return in.skip > 0 || in.unzip > 0 || in.pieces != nil && in.pieces.left > 0
}

// discard throws away up to n bytes of what is skipped.
func (in *inbound) discard(n int) {
	n = int(min(int64(n), in.skip))
	in.skip -= int64(n)
	in.consume(n)
}

// check holds a frame header against the state of the message under way.
func (in *inbound) check(h header, limit int64) *client.ProtocolError {
	if h.first&(rsvBits&^rsv1Bit) != 0 {
		return violation("reserved bit set")
	}
	if h.first&rsv1Bit != 0 && (in.inflate == nil || h.control() || h.op() == opContinuation) {
		return violation("reserved bit 1 set")
	}
	if h.control() {
		return nil
	}
	if in.open != (h.op() == opContinuation) {
		if in.open {
			return violation("data frame inside a fragmented message")
		}
		return violation("continuation of nothing")
	}
	size := h.n
	if in.open {
		size += in.size
	}
	if limit >= 0 && size > limit && h.first&rsv1Bit == 0 && !(in.open && in.zipped) || size < 0 {
		return tooBig()
	}
	return nil
}

func tooBig() *client.ProtocolError {
	return &client.ProtocolError{Code: client.StatusMessageTooBig, Text: "message too big"}
}

// begin notes that the frame with header h belongs to the message under way.
func (in *inbound) begin(h header) {
	if h.op() != opContinuation {
		in.open, in.size, in.text = true, 0, h.op() == opText
		in.zipped = h.first&rsv1Bit != 0
	}
	in.size += h.n
	in.open = !h.fin()
}

// control handles a whole control frame.
func (c *Conn) control(h header, payload []byte) (more bool, err error) {
	h.unmask(payload, payload, 0)
	switch h.op() {
	case opPing:
		if !c.set.NoPong {
			c.pong(payload)
		}
		c.events.Ping(payload)
	case opPong:
		c.ponged(payload)
		c.events.Pong(payload)
	case opClose:
		c.in.consume(h.size + int(h.n)) // whether more follows matters at the end
		return false, c.peerClosed(payload)
	}
	c.in.consume(h.size + int(h.n))
	return true, nil
}

// idle tells that the reader is about to wait: the batch is over. A sender that
// saw active under the mutex has corked by the time we hold it.
func (c *Conn) idle() {
	if !c.active.Load() {
		return
	}
	c.ask()
	c.active.Store(false)
	c.flushIdle()
	c.relieve()
}

func (c *Conn) flushIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushLocked()
	if c.notices.Load() { // it came after our last look, and found us active
		c.wire.wake()
	}
}

// space returns where the wire may put input, borrowing or enlarging the buffer.
func (c *Conn) space() []byte {
	in := c.in
	if in.buf == nil {
		in.buf = getInput(in.large)
		in.r, in.w = 0, 0
	}
	if in.w < len(*in.buf) && (in.r == 0 || in.w < len(*in.buf)*3/4) {
		return (*in.buf)[in.w:]
	}
	b := in.buf
	if in.r == 0 {
		b = in.grown()
	}
	n := copy(*b, (*in.buf)[in.r:in.w])
	if b != in.buf {
		putInput(in.buf)
		in.buf = b
	}
	in.r, in.w = 0, n
	return (*b)[n:]
}

// grown returns a larger buffer. What it holds is less than twice what arrived.
func (in *inbound) grown() *[]byte {
	if len(*in.buf) < largeInput {
		in.large = true
		return getInput(true)
	}
	return getHuge(2 * len(*in.buf))
}

// shrink moves the little that follows a huge frame out of its buffer, which would be
// held by a frame of a few bytes otherwise.
func (in *inbound) shrink() {
	if len(*in.buf) <= largeInput || in.r == in.w || in.w-in.r > smallInput {
		return
	}
	b := getInput(false)
	in.r, in.w = 0, copy(*b, (*in.buf)[in.r:in.w])
	putInput(in.buf)
	in.buf = b
}

// release gives an empty buffer back before a wait.
func (c *Conn) release() {
	in := c.in
	if in.buf != nil && in.r == in.w {
		in.large = in.large && in.size > smallInput
		putInput(in.buf)
		in.buf = nil
	}
}

var _ io.Reader = (*Conn)(nil)
