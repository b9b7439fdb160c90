package wsdial

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"sync"
)

// keys are masking keys, made by the system's generator (RFC 6455 section 5.3), many at a
// time.
type keys [256]byte

const (
	maxHeader  = 14
	writeChunk = 32 << 10
)

var writeBuffers = sync.Pool{New: func() any { return new([maxHeader + writeChunk]byte) }}

// turn is a mutex that may be held over a write that waits: a channel, so that tests with
// their own clock see who waits for it.
type turn chan struct{}

func newTurn() turn    { return make(turn, 1) }
func (t turn) lock()   { t <- struct{}{} }
func (t turn) unlock() { <-t }

func (t turn) tryLock() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// WriteFrame writes one frame. op is Continuation for all but the first of a message.
// Frames of several goroutines do not mix; p is not kept and not changed. It returns
// net.ErrClosed after WriteClose.
func (c *Conn) WriteFrame(op byte, final bool, p []byte) error {
	c.write.lock()
	err := c.frame(op, final, p)
	if err == nil {
		err = c.pongs()
	}
	c.write.unlock()
	c.flushPong() // one that came just before the lock was given up
	return err
}

// WriteClose writes the close frame, once; code 0 is none, and then there is no reason.
func (c *Conn) WriteClose(code uint16, reason string) error {
	c.write.lock()
	defer c.write.unlock()
	if c.broken == nil && c.closed {
		return net.ErrClosed
	}
	var p []byte
	if code != 0 {
		p = append(binary.BigEndian.AppendUint16(nil, code), reason...)
	}
	err := c.frame(Close, true, p[:min(len(p), maxControl)])
	c.closed = true
	return err
}

// Pong answers a ping. It does not wait for a frame that another goroutine is writing:
// then that one sends the pong behind its own, and only the newest (RFC 6455 section
// 5.5.3).
func (c *Conn) Pong(payload []byte) {
	c.pending.Lock()
	c.pending.pong = append(make([]byte, 0, len(payload)+1), payload...)
	c.pending.Unlock()
	c.flushPong()
}

// flushPong writes a pong that waits, unless somebody else is writing, who will.
func (c *Conn) flushPong() {
	for c.waits() && c.write.tryLock() {
		err := c.pongs()
		c.write.unlock()
		if err != nil {
			return
		}
	}
}

func (c *Conn) waits() bool {
	c.pending.Lock()
	defer c.pending.Unlock()
	return c.pending.pong != nil
}

// pongs writes the pong that waits. The lock for writing is held.
func (c *Conn) pongs() error {
	c.pending.Lock()
	p := c.pending.pong
	c.pending.pong = nil
	c.pending.Unlock()
	if p == nil || c.closed {
		return c.broken
	}
	return c.frame(Pong, true, p)
}

// frame writes a frame in pieces of moderate size, the header with the first.
func (c *Conn) frame(op byte, final bool, p []byte) error {
	switch {
	case c.broken != nil:
		return c.broken
	case c.closed:
		return net.ErrClosed
	}
	if c.key == len(c.keys) {
		_, _ = rand.Read(c.keys[:]) // never fails
		c.key = 0
	}
	key := [4]byte(c.keys[c.key:])
	c.key += len(key)
	buf := writeBuffers.Get().(*[maxHeader + writeChunk]byte)
	defer writeBuffers.Put(buf)
	b := appendHeader(buf[:0], op, final, len(p), key)
	for first := true; first || len(p) > 0; first = false {
		n := min(len(p), writeChunk) // a multiple of four, so the key needs no turning
		at := len(b)
		b = append(b, p[:n]...)
		mask(b[at:], key)
		p = p[n:]
		if _, err := c.conn.Write(b); err != nil {
			c.broken = err // what followed would be taken for the rest of this frame
			return err
		}
		b = buf[:0]
	}
	return nil
}

func appendHeader(b []byte, op byte, final bool, n int, key [4]byte) []byte {
	if final {
		op |= 0x80
	}
	switch {
	case n < 126:
		b = append(b, op, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, op, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, op, 0x80|127), uint64(n))
	}
	return append(b, key[:]...)
}

// mask masks p in place, from the beginning of the key on (RFC 6455 section 5.3).
func mask(p []byte, key [4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= key[i&3]
	}
}
