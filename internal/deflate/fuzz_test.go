package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"testing"
)

// FuzzRoundTrip sends data in two halves over a connection and checks each with
// the inflater of the tests, the reader of the standard library and our own.
func FuzzRoundTrip(f *testing.F) {
	for i, msg := range conversation() {
		if len(msg) <= 5000 {
			f.Add(msg, uint8(i), i%2 == 0, uint16(len(msg)/3))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, bits uint8, takeover bool, cut uint16) {
		bits = 8 + bits%8
		p := Params{ServerTakeover: takeover, ServerBits: bits, ClientTakeover: takeover, ClientBits: bits}
		c, d := NewCompressor(p, 1), NewDecompressor(p)
		hist := window{size: d.received.size}
		at := min(int(cut), len(data))
		for _, msg := range [][]byte{data[:at], data[at:], data} {
			wire := mustCompress(t, c, msg)
			if len(wire) > len(msg)+len(msg)/1000+16 {
				t.Errorf("%d bytes became %d", len(msg), len(wire))
			}
			c.Extend(msg)
			if got := mustInflate(t, d, wire); !bytes.Equal(got, msg) {
				t.Fatalf("Decompressor: %q, want %q", got, msg)
			}
			std, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(append(wire[:len(wire):len(wire)], stdTail...)), hist.buf))
			if err != nil || !bytes.Equal(std, msg) {
				t.Fatalf("standard library: %q, %v, want %q", std, err, msg)
			}
			if !c.usesPool(msg) {
				ref, far, err := inflateReference(hist.buf, wire)
				if err != nil || !bytes.Equal(ref, msg) || far > 1<<bits {
					t.Fatalf("reference: %q, %v, distance %d, want %q", ref, err, far, msg)
				}
			}
			hist.extend(msg)
		}
	})
}

// FuzzDecompressor takes junk, twice, as a connection would that overlooks the
// first error.
func FuzzDecompressor(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), uint16(100), true)
	f.Add([]byte("\xf3\x48\x05\x00\xcb\xc9\xc9\x07\x00\x00"), uint16(3), false)
	f.Add([]byte("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), uint16(5), true)
	f.Add(mustCompress(f, NewCompressor(Params{ServerBits: 10}, 1), jsonLike(800, 1)), uint16(1000), true)
	f.Add(emptyDynamicBlocks(200), uint16(0), false)
	f.Fuzz(func(t *testing.T, wire []byte, limit uint16, takeover bool) {
		d := NewDecompressor(Params{ClientTakeover: takeover, ClientBits: 9})
		for range 2 {
			out, err := d.Append([]byte("head"), wire, int64(limit))
			if len(out) > 4+int(limit) || string(out[:4]) != "head" {
				t.Fatalf("%d bytes for a limit of %d", len(out), limit)
			}
			if err != nil && (len(out) != 4 || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooBig)) {
				t.Fatalf("%d bytes with error %v", len(out), err)
			}
			// What the strict inflater takes, ours takes too, with the same result.
			if msg, _, refErr := inflateReference(nil, wire); refErr == nil && !takeover && err == nil && !bytes.Equal(out[4:], msg) {
				t.Fatalf("got %q, want %q", out[4:], msg)
			}
		}
	})
}
