package load

import (
	"bytes"
	"math/rand/v2"
	"sync"

	"github.com/icsws/icsws/client"
)

// A message begins with 8 digits of the connection's number and 8 of its own, in hex, as
// far as there is room: those of its own first. The rest is cut out of a long pattern, at
// a place of its own, so that what compresses with a window does not find it there.
const (
	digits = 8
	full   = 2 * digits
	places = 64 << 10
)

// stock is what messages are made of. It may be used by several goroutines.
type stock struct {
	op          client.Opcode
	least, most int
	pattern     []byte // places bytes longer than the longest message; not changed
	buffers     sync.Pool
}

// made is what a message was made of.
type made struct{ size, place int32 }

func newStock(o *options) *stock {
	s := &stock{op: client.OpText, least: o.least, most: o.most, pattern: make([]byte, o.most+places)}
	if o.binary {
		s.op = client.OpBinary
	}
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	for i := range s.pattern {
		if s.pattern[i] = byte(rand.Uint32()); !o.binary {
			s.pattern[i] = letters[s.pattern[i]%64]
		}
	}
	s.buffers.New = func() any { b := make([]byte, s.most); return &b }
	return s
}

// choose chooses a size and a place.
func (s *stock) choose() made {
	m := made{int32(s.most), rand.Int32N(places)}
	if s.least != s.most {
		m.size = int32(s.least + rand.IntN(s.most-s.least+1))
	}
	return m
}

// send makes a message and sends it.
func (s *stock) send(to client.Client, conn, seq uint32, m made) error {
	p := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(p)
	b := (*p)[:m.size]
	copy(b, s.pattern[m.place:])
	switch {
	case len(b) >= full:
		putHex(b, conn)
		putHex(b[digits:], seq)
	case len(b) >= digits:
		putHex(b, seq)
	}
	return to.Send(client.Message{Op: s.op, Data: b})
}

func putHex(b []byte, v uint32) {
	for i := digits - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[v&15]
		v >>= 4
	}
}

func readHex(b []byte) (v uint32, ok bool) {
	for _, c := range b[:digits] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint32(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// number reads the message's own number; numbered is false for one too short to have one.
// ok is false for a message that connection conn has not sent.
func number(data []byte, conn uint32) (seq uint32, numbered, ok bool) {
	if len(data) < digits {
		return 0, false, true
	}
	if len(data) >= full {
		if n, ok := readHex(data); !ok || n != conn {
			return 0, true, false
		}
		data = data[digits:]
	}
	seq, ok = readHex(data)
	return seq, true, ok
}

// same tells whether an answer is what was sent.
func (s *stock) same(got client.Message, m made) bool {
	if got.Op != s.op || len(got.Data) != int(m.size) {
		return false
	}
	head := 0
	switch {
	case m.size >= full:
		head = full
	case m.size >= digits:
		head = digits
	}
	return bytes.Equal(got.Data[head:], s.pattern[int(m.place)+head:int(m.place+m.size)])
}
