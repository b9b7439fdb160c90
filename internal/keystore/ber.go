package keystore

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Tags of X.690 that are looked at byte by byte.
const (
	tagInteger           = 0x02
	tagBits              = 0x03
	tagOctets            = 0x04
	tagOID               = 0x06
	tagConstructedOctets = 0x24
	tagSequence          = 0x30

	constructed = 0x20
	maxDepth    = 32 // far deeper than any format here
)

// element is the beginning of a BER value (X.690 section 8.1).
type element struct {
	tag        byte
	indefinite bool   // body and rest are one then
	body       []byte // as far as there are bytes
	rest       []byte // what follows the element
	cut        bool   // the body should be longer
}

// peek reads tag and length. Long tags have no use here and are not read.
func peek(data []byte) (e element, ok bool) {
	if len(data) < 2 || data[0]&0x1f == 0x1f {
		return element{}, false
	}
	e.tag = data[0]
	length, data := int(data[1]), data[2:]
	if length == 0x80 {
		e.indefinite, e.body = true, data
		return e, e.tag&constructed != 0
	}
	if n := length & 0x7f; length > 0x80 {
		if n > 4 || n > len(data) {
			return element{}, false
		}
		var b [8]byte
		copy(b[8-n:], data[:n])
		long := binary.BigEndian.Uint64(b[:])
		length, data = int(min(long, 1<<30)), data[n:]
	}
	e.cut = length > len(data)
	length = min(length, len(data))
	e.body, e.rest = data[:length], data[length:]
	return e, true
}

// toDER returns a BER value in DER, as far as lengths and split octet strings go.
// Programs that write as they go, such as older browsers, leave lengths open.
func toDER(data []byte) ([]byte, bool) {
	der, rest, ok := appendDER(nil, data, 0)
	return der, ok && len(rest) == 0
}

func appendDER(der, data []byte, depth int) (_, rest []byte, ok bool) {
	e, ok := peek(data)
	if !ok || e.cut || depth > maxDepth {
		return nil, nil, false
	}
	if e.tag&constructed == 0 {
		return appendElement(der, e.tag, e.body), e.rest, true
	}
	var content []byte
	for body := e.body; ; {
		if e.indefinite && bytes.HasPrefix(body, []byte{0, 0}) {
			e.rest = body[2:]
			break
		}
		if !e.indefinite && len(body) == 0 {
			break
		}
		if content, body, ok = appendDER(content, body, depth+1); !ok {
			return nil, nil, false
		}
	}
	if e.tag == tagConstructedOctets {
		if content, ok = join(content); !ok {
			return nil, nil, false
		}
		e.tag = tagOctets
	}
	return appendElement(der, e.tag, content), e.rest, true
}

// join returns the content of octet strings that follow each other.
func join(parts []byte) (whole []byte, ok bool) {
	for len(parts) > 0 {
		e, ok := peek(parts)
		if !ok || e.tag != tagOctets || e.cut {
			return nil, false
		}
		whole = append(whole, e.body...)
		parts = e.rest
	}
	return whole, true
}

func appendElement(der []byte, tag byte, body []byte) []byte {
	der = append(der, tag)
	n := len(body)
	if n < 0x80 {
		der = append(der, byte(n))
		return append(der, body...)
	}
	size := (bits.Len(uint(n)) + 7) / 8
	der = append(der, 0x80|byte(size))
	for i := size - 1; i >= 0; i-- {
		der = append(der, byte(n>>(8*i)))
	}
	return append(der, body...)
}
