package transport

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"time"
)

// maskWire masks what is written to the wire below, as a client has to (RFC 6455 section
// 5.3). All above it deals with frames as a server sends them.
type maskWire struct {
	wire
	masker
	held     []byte        // masked, and not taken by the wire below yet
	heldNow  atomic.Int64  // its length, for others
	keyBytes atomic.Uint64 // written besides what was given
}

// maskChunk bounds what is masked ahead of the wire below.
const maskChunk = 32 << 10

func (w *maskWire) tryWrite(x, y, z []byte) (n int, blocked bool, err error) {
	src := [...][]byte{x, y, z}
	for left := len(x) + len(y) + len(z); n < left; {
		if w.holds() {
			return n, true, nil
		}
		took, err := w.tryChunk(&src, left-n)
		if n += took; err != nil {
			return n, false, err
		}
	}
	return n, w.holds(), nil
}

// tryChunk takes what is next of left bytes.
func (w *maskWire) tryChunk(src *[3][]byte, left int) (took int, err error) {
	buf := getCork(min(left, maskChunk) + 2*keySize)
	defer putCork(buf)
	for i := range src {
		k := min(len(src[i]), maskChunk-took)
		buf.b = w.mask(buf.b, src[i][:k])
		src[i] = src[i][k:]
		took += k
	}
	n, _, err := w.wire.tryWrite(buf.b, nil, nil)
	if err == nil && n < len(buf.b) {
		w.held = append(w.held[:0], buf.b[n:]...)
		w.heldNow.Store(int64(len(w.held)))
	}
	w.keyBytes.Store(w.keys * keySize)
	return took, err
}

func (w *maskWire) write(p []byte, stall time.Duration) error {
	held := w.held
	w.held = nil // a wait may be long, and there is nothing more to hold then
	if err := w.wire.write(held, stall); err != nil {
		return err
	}
	w.heldNow.Store(0)
	for len(p) > 0 {
		n := min(len(p), maskChunk)
		buf := getCork(n + 2*keySize)
		buf.b = w.mask(buf.b, p[:n])
		err := w.wire.write(buf.b, stall)
		putCork(buf)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	w.keyBytes.Store(w.keys * keySize)
	return nil
}

func (w *maskWire) holds() bool { return len(w.held) > 0 || w.wire.holds() }

// heldBytes are masked and not written: those above take them for written.
func (c *Conn) heldBytes() int {
	if w, ok := c.wire.(*maskWire); ok {
		return int(w.heldNow.Load())
	}
	return 0
}

// masker masks a stream of frames that comes in pieces of any size.
type masker struct {
	head  [MaxHeader]byte // the header that is under way
	nhead int
	left  uint64 // payload of the frame that is still to come
	key   uint32 // turned so that its first byte is for the next one

	keys  uint64   // so many were used
	fresh [64]byte // random bytes for further ones
}

// mask appends p to dst, masked.
func (m *masker) mask(dst, p []byte) []byte {
	for len(p) > 0 {
		if m.left == 0 {
			dst, p = m.header(dst, p)
			continue
		}
		n := int(min(m.left, uint64(len(p))))
		at := len(dst)
		dst = append(dst, p[:n]...)
		m.xor(dst[at:])
		m.left -= uint64(n)
		p = p[n:]
	}
	return dst
}

// header takes what is there of a header; a whole one is appended with a key.
func (m *masker) header(dst, p []byte) (_, rest []byte) {
	for m.nhead < 2 || m.nhead < headerLen(m.head[1]) {
		if len(p) == 0 {
			return dst, nil
		}
		m.head[m.nhead] = p[0]
		m.nhead, p = m.nhead+1, p[1:]
	}
	head := m.head[:m.nhead]
	m.left, m.nhead = payloadLen(head), 0
	head[1] |= maskBit
	return m.nextKey(append(dst, head...)), p
}

func payloadLen(head []byte) uint64 {
	switch len(head) {
	case 4:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case 10:
		return binary.BigEndian.Uint64(head[2:])
	}
	return uint64(head[1])
}

// nextKey takes a key from the system's generator (RFC 6455 section 10.3) and appends it.
func (m *masker) nextKey(dst []byte) []byte {
	at := int(m.keys * keySize % uint64(len(m.fresh)))
	if at == 0 {
		_, _ = rand.Read(m.fresh[:]) // never fails
	}
	m.keys++
	key := m.fresh[at : at+keySize]
	m.key = binary.LittleEndian.Uint32(key)
	return append(dst, key...)
}

// xor masks b in place, and turns the key.
func (m *masker) xor(b []byte) {
	header{mask: m.key}.unmask(b, b, 0) // masking is its own opposite
	turn := 8 * uint(len(b)&3)
	m.key = m.key>>turn | m.key<<(32-turn)
}
