package soak

import (
	"encoding/binary"
	"math/rand/v2"
	"unicode/utf8"

	"github.com/icsws/icsws/internal/wstest"
)

// mutator writes streams of frames that are nearly right.
type mutator struct {
	*rand.Rand
	zip    *wstest.Deflater // nil without permessage-deflate
	open   bool             // inside a fragmented message
	limit  int              // of a message; some are longer
	others [][]byte         // frames of before, for splices
}

// binaryPool and textPool are what payloads are cut from.
var binaryPool, textPool = func() (bin, text []byte) {
	r := source(0)
	runes := []rune("abc äöü€漢字\U0001F600\x00\x7f\n")
	for len(bin) < 256<<10 {
		bin = binary.LittleEndian.AppendUint64(bin, r.Uint64())
		text = utf8.AppendRune(text, runes[r.IntN(len(runes))])
	}
	for len(text) < len(bin) {
		text = utf8.AppendRune(text, runes[r.IntN(len(runes))])
	}
	return bin, text
}()

// begin makes it ready for another connection.
func (m *mutator) begin(r *rand.Rand, zip *wstest.Deflater, limit int) {
	m.Rand, m.zip, m.open, m.others, m.limit = r, zip, false, nil, limit
}

// one reports true once in n times.
func (m *mutator) one(n int) bool { return m.IntN(n) == 0 }

// length is mostly short, sometimes at a border, seldom long.
func (m *mutator) length() int {
	switch m.IntN(40) {
	case 0:
		return 0
	case 1:
		return 124 + m.IntN(4)
	case 2:
		return m.IntN(2000)
	case 3:
		if m.one(20) {
			return m.IntN(m.limit * 9 / 8)
		}
	}
	return m.IntN(48)
}

// frames appends a message, a control frame, or a part of one or the other.
func (m *mutator) frames(dst []byte) []byte {
	at := len(dst)
	if m.one(4) {
		dst = m.control(dst)
	} else {
		dst = m.data(dst)
	}
	if m.one(40) {
		dst = m.spoil(dst, at)
	} else {
		m.flip(dst[at:])
	}
	if m.one(8) {
		m.others = append(m.others, dst[at:len(dst):len(dst)])
	}
	return dst
}

// flip changes a bit of the mask or the payload of a frame that may say anything.
func (m *mutator) flip(f []byte) {
	switch f[0] & 0x7f {
	case opBinary, opPing, opPong:
		head := 2
		switch f[1] {
		case 0x80 | 126:
			head = 4
		case 0x80 | 127:
			head = 10
		}
		if n := len(f) - head; n > 0 {
			f[head+m.IntN(n)] ^= 1 << m.IntN(8)
		}
	}
}

func (m *mutator) key() uint32 {
	if m.one(16) {
		return 0
	}
	return m.Uint32()
}

func (m *mutator) cutFrom(pool []byte, n int) []byte {
	at := m.IntN(len(pool) - n + 1)
	return pool[at : at+n]
}

// data appends a data frame that fits, or does after a flipped bit in a binary
// payload.
func (m *mutator) data(dst []byte) []byte {
	p := m.cutFrom(binaryPool, m.length())
	first := byte(opBinary)
	if m.one(2) {
		first, p = opText, m.runes(p)
	}
	switch {
	case m.open && m.one(2):
		m.open = false
		return appendFrame(dst, fin|opContinuation, m.key(), m.ascii(p))
	case m.open:
		return appendFrame(dst, opContinuation, m.key(), m.ascii(p))
	case m.zip != nil && m.one(2):
		first, p = first|rsv1, m.zip.Deflate(p)
	}
	if m.one(5) {
		m.open = true
		return appendFrame(dst, first, m.key(), p)
	}
	return appendFrame(dst, fin|first, m.key(), p)
}

// runes is text of about the length of p.
func (m *mutator) runes(p []byte) []byte {
	t := m.cutFrom(textPool, len(p))
	for len(t) > 0 && t[0]&0xc0 == 0x80 {
		t = t[1:]
	}
	if m.one(40) {
		return t // its end is cut anywhere
	}
	for i := 1; i <= 3 && i <= len(t); i++ {
		if last := t[len(t)-i]; last >= 0xc0 {
			return t[:len(t)-i]
		} else if last < 0x80 {
			break
		}
	}
	return t
}

// ascii makes a fragment that fits into messages of both kinds, mostly.
func (m *mutator) ascii(p []byte) []byte {
	if m.one(30) {
		return p
	}
	out := make([]byte, len(p))
	for i, b := range p {
		out[i] = b & 0x7f
	}
	return out
}

func (m *mutator) control(dst []byte) []byte {
	p := m.cutFrom(binaryPool, m.IntN(126))
	switch m.IntN(50) {
	case 0:
		return appendFrame(dst, fin|opClose, m.key(), m.closing(p))
	case 1:
		return appendFrame(dst, fin|opClose, m.key(), nil)
	}
	if m.one(3) {
		return appendFrame(dst, fin|opPong, m.key(), p)
	}
	return appendFrame(dst, fin|opPing, m.key(), p)
}

// closing is the payload of a close frame; half of them are right.
func (m *mutator) closing(p []byte) []byte {
	codes := [...]int{1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 0}
	out := binary.BigEndian.AppendUint16(nil, uint16(codes[m.IntN(len(codes))]))
	switch m.IntN(8) {
	case 0:
		return out[:1]
	case 1:
		return append(out, p[:min(len(p), 123)]...)
	}
	return append(out, m.runes(p[:min(len(p), 123)])...)
}

// spoil changes what is behind at.
func (m *mutator) spoil(dst []byte, at int) []byte {
	f := dst[at:]
	switch m.IntN(12) {
	case 0: // any bit of the header
		f[m.IntN(2)] ^= 1 << m.IntN(8)
	case 1: // any bit
		f[m.IntN(len(f))] ^= 1 << m.IntN(8)
	case 2: // the length, a little
		f[1] += byte(m.IntN(9) - 4)
	case 3: // the length, in another form
		return m.relength(dst, at)
	case 4: // the mask
		if n := len(f); n >= 6 {
			f[2+m.IntN(4)] ^= byte(1 + m.IntN(255))
		}
	case 5: // its end is missing
		return dst[:at+1+m.IntN(len(f))]
	case 6: // something in the middle is missing
		i := m.IntN(len(f))
		return append(dst[:at+i], f[min(len(f), i+1+m.IntN(4)):]...)
	case 7: // something is there twice
		i := m.IntN(len(f))
		return append(dst, f[i:]...)
	case 8: // something is there that should not
		return append(dst, m.cutFrom(binaryPool, 1+m.IntN(20))...)
	case 9: // the head of one and the tail of another
		if len(m.others) > 0 {
			o := m.others[m.IntN(len(m.others))]
			return append(dst[:at+1+m.IntN(len(f))], o[m.IntN(len(o)):]...)
		}
	case 10: // one of before, again
		if len(m.others) > 0 {
			return append(dst, m.others[m.IntN(len(m.others))]...)
		}
	case 11: // garbage
		return append(dst[:at], m.cutFrom(binaryPool, 1+m.IntN(200))...)
	}
	return dst
}

// relength writes the length of the frame at at in 2 or 8 bytes, right or not.
func (m *mutator) relength(dst []byte, at int) []byte {
	f := append([]byte(nil), dst[at:]...)
	dst = append(dst[:at], f[0])
	n := uint64(f[1] & 0x7f)
	if m.one(3) {
		n = m.Uint64() >> m.IntN(64)
	}
	if m.one(2) {
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	} else {
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), n)
	}
	return append(dst, f[2:]...)
}
