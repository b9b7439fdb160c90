package wsdial

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"unicode/utf8"
)

// The opcodes (RFC 6455 section 5.2).
const (
	Continuation byte = 0x0
	Text         byte = 0x1
	Binary       byte = 0x2
	Close        byte = 0x8
	Ping         byte = 0x9
	Pong         byte = 0xA
)

const maxControl = 125 // bytes of a control frame (RFC 6455 section 5.5)

// Conn is a WebSocket connection after its handshake, seen from the client.
type Conn struct {
	conn net.Conn

	// Of the goroutine that reads.
	br      *bufio.Reader
	left    uint64 // payload of the frame that is still to be read
	message bool   // a message is under way

	write   turn // held while a frame is written; guards the following
	keys    keys
	key     int   // how many bytes of keys are used up
	closed  bool  // our close frame is out
	broken  error // of the first write that failed
	pending struct {
		sync.Mutex
		pong []byte // the newest that waits, nil: none
	}
}

// Header is that of a frame. Length is not bounded for data frames.
type Header struct {
	Op     byte
	Final  bool
	Length uint64
}

// IsControl tells a control frame (RFC 6455 section 5.5).
func (h Header) IsControl() bool { return h.Op >= Close }

// Next returns the header of the next frame; the payload of the last one must have been
// read. The error is a [*ViolationError], io.EOF between two frames, or one of the
// connection. After a timeout it may be called again.
func (c *Conn) Next() (Header, error) {
	if c.left > 0 {
		return Header{}, errors.New("wsdial: the last frame was not read to its end")
	}
	b, err := c.br.Peek(2)
	if err != nil {
		return Header{}, c.torn(err)
	}
	h := Header{Op: b[0] & 0xf, Final: b[0]&0x80 != 0, Length: uint64(b[1] & 0x7f)}
	switch {
	case b[0]&0x70 != 0:
		return h, violation("a reserved bit is set")
	case b[1]&0x80 != 0:
		return h, violation("a masked frame from a server")
	case h.Op > Pong || h.Op > Binary && h.Op < Close:
		return h, violation("a reserved opcode")
	case h.IsControl() && (!h.Final || h.Length > maxControl):
		return h, violation("a control frame in pieces or too long")
	case !h.IsControl() && (h.Op == Continuation) != c.message:
		return h, violation("a fragment out of order")
	}
	if err := c.length(&h); err != nil {
		return h, err
	}
	if !h.IsControl() {
		c.message = !h.Final
	}
	c.left = h.Length
	return h, nil
}

// length reads an extended length, which must have the shortest form, and takes the header
// out of the buffer.
func (c *Conn) length(h *Header) error {
	n, least := 2, uint64(0)
	switch h.Length {
	case 126:
		n, least = 4, 126
	case 127:
		n, least = 10, 1<<16
	}
	b, err := c.br.Peek(n)
	if err != nil {
		return c.torn(err)
	}
	switch n {
	case 4:
		h.Length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 10:
		h.Length = binary.BigEndian.Uint64(b[2:])
	}
	if h.Length < least || h.Length > 1<<63-1 {
		return violation("a length that is not in its shortest form")
	}
	_, _ = c.br.Discard(n) // they are there
	return nil
}

// torn tells an end within a header from one between two frames.
func (c *Conn) torn(err error) error {
	if err == io.EOF && c.br.Buffered() > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Read reads payload of the frame, and returns io.EOF at its end. An end of the stream
// before that is io.ErrUnexpectedEOF.
func (c *Conn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.br.Read(p[:min(uint64(len(p)), c.left)])
	c.left -= uint64(n)
	if err == io.EOF && c.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Control returns the payload of a control frame, valid until the next call. After a
// timeout it may be called again.
func (c *Conn) Control() ([]byte, error) {
	n := int(c.left)
	p, err := c.br.Peek(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	_, _ = c.br.Discard(n)
	c.left = 0
	return p, nil
}

// ParseClose judges the payload of a close frame (RFC 6455 section 7.4). Without one the
// code is 0.
func ParseClose(p []byte) (code uint16, reason string, err error) {
	if len(p) == 0 {
		return 0, "", nil
	}
	if len(p) == 1 {
		return 0, "", violation("a close frame with half a code")
	}
	code = binary.BigEndian.Uint16(p)
	if code < 1000 || code > 1014 && code < 3000 || code >= 5000 || code >= 1004 && code <= 1006 {
		return 0, "", violation("a close code that must not be sent")
	}
	if !utf8.Valid(p[2:]) {
		return 0, "", &ViolationError{1007, "a close reason that is not UTF-8"}
	}
	return code, string(p[2:]), nil
}

func violation(text string) error { return &ViolationError{1002, text} }
