package soak

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"unicode/utf8"

	"github.com/icsws/icsws/internal/wstest"
)

// judge says what a server must answer to a stream of client frames (RFC 6455
// section 5, RFC 7692 section 6). It is written for clarity and shares nothing with
// the server.
type judge struct {
	limit   int              // bytes of a message
	inflate *wstest.Inflater // nil without permessage-deflate

	at     int // of the first frame that is not judged
	frames int
	echoes []echo
	pings  [][]byte
	end    ending
	codes  []int // that may answer a stream that is wrong or cut; 0 is an end without a close frame
	close  []byte
	why    string

	open, text, zipped bool // of the message under way
	joined             []byte
	history            []byte // of the inflater
}

// echo is a message that comes back.
type echo struct {
	op   byte
	data []byte
}

// ending is how a stream stands at its end.
type ending byte

const (
	goesOn ending = iota // between two frames
	cut                  // inside a frame
	closed               // by a close frame
	wrong
	unclear // a server may take it or leave it
	endings
)

func (e ending) String() string {
	return [...]string{"goes on", "cut", "closed", "wrong", "unclear"}[e]
}

// head is a frame header.
type head struct {
	first byte
	size  int // of the header
	n     uint64
	key   uint32
}

func (h head) op() byte      { return h.first & 0x0f }
func (h head) fin() bool     { return h.first&fin != 0 }
func (h head) control() bool { return h.op() >= opClose }

// run goes on to the end of stream, of which it has seen the first at bytes. It
// unmasks in place.
func (j *judge) run(stream []byte) {
	for j.end == goesOn || j.end == cut {
		rest := stream[j.at:]
		if j.end, j.codes, j.why = goesOn, nil, ""; len(rest) == 0 {
			return
		}
		h, whole, bad := j.header(rest)
		if bad != "" && whole {
			j.fail(bad, 1002)
			return
		}
		if whole && !h.control() && j.tooBig(h) {
			return
		}
		if !whole || uint64(len(rest)-h.size) < h.n {
			j.halt(h, whole, bad)
			return
		}
		j.at += h.size + int(h.n)
		j.frames++
		payload := rest[h.size : h.size+int(h.n)]
		xor(payload, h.key)
		if h.control() {
			j.control(h, payload)
		} else {
			j.data(h, payload)
		}
	}
}

// fail notes that the stream is wrong.
func (j *judge) fail(why string, codes ...int) {
	j.end, j.why, j.codes = wrong, why, codes
	j.frames++
	j.early()
}

// early adds what a server may have said before: compressed data may be inflated as
// it comes, or at the end of the message.
func (j *judge) early() {
	if j.open && j.zipped {
		j.codes = append(j.codes, 1007, 1009)
	}
}

// halt is the end of a stream inside a frame. A server may speak up before the frame
// is whole.
func (j *judge) halt(h head, whole bool, bad string) {
	j.end, j.codes, j.why = cut, []int{0}, "cut"
	j.early()
	if !whole {
		if bad != "" {
			j.codes = append(j.codes, 1002)
		}
		return
	}
	if h.op() == opText || j.open && j.text || h.first&rsv1 != 0 {
		j.codes = append(j.codes, 1007)
	}
	if h.first&rsv1 != 0 {
		j.codes = append(j.codes, 1009)
	}
}

// missing is how many bytes the frame at the end lacks, when its header is whole.
func (j *judge) missing(stream []byte) (n uint64, ok bool) {
	if j.end != cut {
		return 0, false
	}
	h, whole, _ := j.header(stream[j.at:])
	return uint64(h.size) + h.n - uint64(len(stream)-j.at), whole
}

// header reads a header, of which perhaps not all is there, and says what is wrong
// with it.
func (j *judge) header(b []byte) (h head, whole bool, bad string) {
	h.first, h.size = b[0], 6
	switch op := h.op(); {
	case op > opBinary && op < opClose || op > opPong:
		bad = "reserved opcode"
	case h.control() && !h.fin():
		bad = "fragmented control frame"
	case h.first&0x30 != 0,
		h.first&rsv1 != 0 && (j.inflate == nil || h.control() || op == opContinuation):
		bad = "reserved bit"
	case !h.control() && j.open != (op == opContinuation):
		bad = "fragments out of order"
	}
	if len(b) < 2 {
		return h, false, bad
	}
	if b[1]&0x80 == 0 {
		return h, true, "not masked"
	}
	shortest := uint64(0)
	switch h.n = uint64(b[1] & 0x7f); h.n {
	case 126:
		h.size, shortest = 8, 126
	case 127:
		h.size, shortest = 14, 0x10000
	}
	if h.control() && h.n > 125 {
		return h, true, "long control frame"
	}
	if h.size > 6 {
		if len(b) < h.size-4 {
			return h, false, bad
		}
		if h.n = uint64(binary.BigEndian.Uint16(b[2:])); h.size == 14 {
			h.n = binary.BigEndian.Uint64(b[2:])
		}
		if h.n < shortest || h.n>>63 != 0 {
			return h, true, "length"
		}
	}
	if len(b) < h.size {
		return h, false, bad
	}
	h.key = binary.LittleEndian.Uint32(b[h.size-4:])
	return h, true, bad
}

// tooBig judges the length that a data frame declares.
func (j *judge) tooBig(h head) bool {
	size := h.n
	if j.open {
		size += uint64(len(j.joined))
	}
	limit := uint64(j.limit)
	if h.first&rsv1 != 0 || j.open && j.zipped {
		limit = 2*limit + 1<<10 // what no message within the limit needs
	}
	if size > limit {
		j.fail("too big", 1009)
		return true
	}
	return false
}

func (j *judge) control(h head, payload []byte) {
	switch h.op() {
	case opPing:
		j.pings = append(j.pings, payload)
	case opClose:
		switch code := closeCode(payload); {
		case len(payload) == 0:
		case len(payload) == 1, !mayTravel(code):
			j.fail("close code", 1002)
			return
		case !utf8.Valid(payload[2:]):
			j.fail("close reason", 1007)
			return
		}
		j.end, j.close, j.why = closed, payload, "closed"
		j.early()
	}
}

// mayTravel tells the close codes of RFC 6455 section 7.4 and their registry.
func mayTravel(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
}

func (j *judge) data(h head, payload []byte) {
	switch {
	case h.op() != opContinuation && h.fin():
		j.text, j.zipped = h.op() == opText, h.first&rsv1 != 0
		j.message(payload)
		return
	case h.op() != opContinuation:
		j.open, j.text, j.zipped, j.joined = true, h.op() == opText, h.first&rsv1 != 0, nil
	}
	j.joined = append(j.joined, payload...)
	switch {
	case h.fin():
		j.message(j.joined)
		j.open, j.joined = false, nil
	case j.text && !j.zipped && !beginsUTF8(j.joined):
		j.fail("text", 1007)
	}
}

// message judges a whole message.
func (j *judge) message(data []byte) {
	if j.zipped {
		plain, err := j.inflate.Inflate(data)
		left, final := j.finalBlock(data)
		switch {
		case final && (err != nil || left == 0):
			j.end, j.why = unclear, "the end of a final block"
			return
		case err != nil:
			j.fail("compressed data: "+err.Error(), 1007, 1009)
			return
		}
		if data = plain; len(data) > j.limit {
			j.fail("too big inflated", 1009)
			return
		}
		j.history = append(j.history, data...)
		j.history = j.history[max(0, len(j.history)-32<<10):]
	}
	if j.text && !utf8.Valid(data) {
		j.fail("text", 1007)
		return
	}
	op := byte(opBinary)
	if j.text {
		op = opText
	}
	j.echoes = append(j.echoes, echo{op, data})
}

// finalBlock reports whether a decoder that stops at a block that is marked as final
// finds one in a compressed message with its four bytes put back, and how much is left
// behind it. RFC 7692 section 7.2.3.4 wants an empty block to follow. Where there is
// none, or where it is the empty block that is final, servers differ.
func (j *judge) finalBlock(data []byte) (left int, found bool) {
	b := bytes.NewReader(append(data[:len(data):len(data)], 0, 0, 0xff, 0xff))
	_, err := io.Copy(io.Discard, flate.NewReaderDict(b, j.history))
	return b.Len(), err == nil
}

// beginsUTF8 reports whether b can be the beginning of valid UTF-8.
func beginsUTF8(b []byte) bool {
	for i := 0; i < utf8.UTFMax && i <= len(b); i++ {
		head, tail := b[:len(b)-i], b[len(b)-i:]
		if utf8.Valid(head) && (i == 0 || !utf8.FullRune(tail)) {
			return true
		}
	}
	return false
}
