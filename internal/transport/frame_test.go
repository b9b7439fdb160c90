package transport

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/icsws/icsws/internal/wstest"
)

func TestParseHeader(t *testing.T) { // R-08, RFC 6455 section 5.2
	key := []byte{1, 2, 3, 4}
	with := func(head ...byte) []byte { return append(head, key...) }
	for _, tt := range []struct {
		name string
		in   []byte
		size int   // 0: more bytes are needed
		n    int64 // payload length
		err  string
	}{
		{name: "nothing", in: nil},
		{name: "one byte", in: []byte{0x82}},
		{name: "text of 0 bytes", in: with(0x81, 0x80), size: 6},
		{name: "binary of 125 bytes", in: with(0x82, 0x80|125), size: 6, n: 125},
		{name: "one byte of the key is missing", in: with(0x82, 0x80)[:5]},
		{name: "126 bytes", in: with(0x82, 0xfe, 0, 126), size: 8, n: 126},
		{name: "65535 bytes", in: with(0x82, 0xfe, 0xff, 0xff), size: 8, n: 65535},
		{name: "65536 bytes", in: with(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0), size: 14, n: 65536},
		{name: "2^63-1 bytes", in: with(0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), size: 14, n: math.MaxInt64},
		{name: "reserved bits are somebody else's business", in: with(0xf1, 0x80), size: 6},
		{name: "a fragment", in: with(0x01, 0x80), size: 6},
		{name: "a continuation", in: with(0x00, 0x80), size: 6},
		{name: "half a 16-bit length", in: []byte{0x82, 0xfe, 0}},
		{name: "most of a 64-bit length", in: []byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},

		{name: "64-bit length with its top bit set", in: []byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, err: "top bit"},
		{name: "125 in 16 bits", in: []byte{0x82, 0xfe, 0, 125}, err: "shortest"},
		{name: "65535 in 64 bits", in: []byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, err: "shortest"},
		{name: "without a mask", in: []byte{0x82, 0}, err: "masked"},
		{name: "opcode 3", in: []byte{0x83}, err: "opcode"},
		{name: "opcode 7", in: []byte{0x07}, err: "opcode"},
		{name: "opcode 11", in: []byte{0x8b}, err: "opcode"},
		{name: "opcode 15", in: []byte{0x8f}, err: "opcode"},
		{name: "fragmented ping", in: []byte{0x09}, err: "fragmented"},
		{name: "fragmented close", in: []byte{0x08}, err: "fragmented"},
		{name: "ping of 126 bytes", in: []byte{0x89, 0xfe}, err: "125"},
		{name: "close with a 64-bit length", in: []byte{0x88, 0xff}, err: "125"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, ok, err := parseHeader(tt.in, true)
			if tt.err != "" {
				if err == nil || ok || !strings.Contains(err.Text, tt.err) || err.Code != 1002 {
					t.Fatalf("parseHeader(% x) = ok %v, %v; want 1002 with %q", tt.in, ok, err, tt.err)
				}
				return
			}
			if err != nil || ok != (tt.size > 0) {
				t.Fatalf("parseHeader(% x) = ok %v, %v; want ok %v", tt.in, ok, err, tt.size > 0)
			}
			if ok && (h.size != tt.size || h.n != tt.n || h.first != tt.in[0] || h.key() != [4]byte(key)) {
				t.Errorf("parseHeader(% x) = %+v, want size %d, n %d", tt.in, h, tt.size, tt.n)
			}
		})
	}
}

func TestHeadersThatAreSent(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
		want := wstest.Frame{Op: wstest.OpBinary, Unmasked: true}.Header(uint64(n))
		got := AppendHeader([]byte("before"), finBit|opBinary, n)
		if !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("AppendHeader(%d) = % x, want % x", n, got[6:], want)
		}
		if got := FrameSize(n); got != len(want)+n {
			t.Errorf("FrameSize(%d) = %d, want %d", n, got, len(want)+n)
		}
		if len(want) > MaxHeader {
			t.Errorf("header for %d bytes has %d bytes, MaxHeader is %d", n, len(want), MaxHeader)
		}
	}
}

// Every offset in the payload, every length around the eight bytes that are
// done at once, in place and from one slice to another.
func TestUnmaskAtEveryOffset(t *testing.T) {
	h := header{mask: 0x78563412}
	key := h.key()
	plain := make([]byte, 64)
	for i := range plain {
		plain[i] = byte(i * 7)
	}
	for pos := range int64(12) {
		for n := range len(plain) {
			for start := range 8 {
				if start > n {
					continue
				}
				masked := make([]byte, n-start)
				for i := range masked {
					masked[i] = plain[start+i] ^ key[(int(pos)+i)&3]
				}
				dst := make([]byte, len(masked))
				h.unmask(dst, masked, pos)
				h.unmask(masked, masked, pos)
				if want := plain[start:n]; !bytes.Equal(dst, want) || !bytes.Equal(masked, want) {
					t.Fatalf("unmask at %d of %d bytes = % x, in place % x, want % x", pos, n-start, dst, masked, want)
				}
			}
		}
	}
}

// slowParse reads a header that is all there, bit by bit after the picture in
// RFC 6455 section 5.2. size is how long the header is, or more than len(b).
func slowParse(b []byte) (size int, n uint64, err error) {
	if len(b) < 2 {
		return len(b) + 1, 0, nil
	}
	op, fin, masked, code := b[0]%16, b[0] >= 128, b[1] >= 128, b[1]%128
	size, n = 2+4, uint64(code)
	for _, more := range []struct{ code, bytes byte }{{126, 2}, {127, 8}} {
		if code == more.code {
			size += int(more.bytes)
		}
	}
	control := op >= 8
	switch {
	case !masked, control && (!fin || code > 125), op != 0 && op != 1 && op != 2 && op != 8 && op != 9 && op != 10:
		return size, n, fmt.Errorf("bad start % x", b[:2])
	case len(b) < size:
		return size, n, nil
	}
	if code < 126 {
		return size, n, nil
	}
	n = 0
	for _, c := range b[2 : size-4] {
		n = n*256 + uint64(c)
	}
	if least := map[byte]uint64{126: 126, 127: 1 << 16}[code]; n < least || n>>63 != 0 {
		return size, n, fmt.Errorf("bad length %d", n)
	}
	return size, n, nil
}

// FuzzParseHeader: no input is more than an error, and all agree with a slow
// reader. An error may come before the header is whole.
func FuzzParseHeader(f *testing.F) {
	for _, n := range []uint64{0, 1, 125, 126, 65535, 65536, 1 << 62, 1 << 63, math.MaxUint64} {
		for op := range wstest.Opcode(16) {
			f.Add(wstest.Frame{Op: op, Key: [4]byte{1, 2, 3, 4}}.Header(n))
			f.Add(wstest.Frame{Op: op, More: true, Unmasked: true, RSV: wstest.RSV2, Length: wstest.Length64}.Header(n))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok, err := parseHeader(b, true)
		size, n, slowErr := slowParse(b)
		whole := len(b) >= size
		switch {
		case ok && err != nil:
			t.Fatalf("parseHeader(% x): ok and %v", b, err)
		case ok != (whole && slowErr == nil):
			t.Fatalf("parseHeader(% x) = ok %v, %v; want whole %v, %v", b, ok, err, whole, slowErr)
		case whole && (err == nil) != (slowErr == nil):
			t.Fatalf("parseHeader(% x): %v, want %v", b, err, slowErr)
		case ok && (h.size != size || uint64(h.n) != n || h.first != b[0] || h.key() != [4]byte(b[size-4:])):
			t.Fatalf("parseHeader(% x) = %+v, want size %d, n %d", b, h, size, n)
		case err != nil && !whole && viable(b):
			t.Fatalf("parseHeader(% x): %v, but it can still become a header", b, err)
		}
	})
}

// viable reports whether b can be continued to a header.
func viable(b []byte) bool {
	seconds := 256
	if len(b) >= 2 {
		seconds = 1
	}
	for _, fill := range []byte{0, 1, 0x7f, 0xff} {
		p := append(bytes.Clone(b), bytes.Repeat([]byte{fill}, 14)...)
		for second := range seconds {
			if len(b) < 2 {
				p[1] = byte(second)
			}
			if size, _, err := slowParse(p); err == nil && size <= len(p) {
				return true
			}
		}
	}
	return false
}
