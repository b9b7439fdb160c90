package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
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

// FuzzStream has two messages inflated as a whole, in parts and by the standard
// library, on connections with the same history, and expects the same of all.
func FuzzStream(f *testing.F) {
	for _, tt := range helloExamples {
		f.Add([]byte(tt.wire), []byte("\xf2\x00\x11\x00\x00"), uint8(1), uint64(0), uint8(3))
	}
	for name, wire := range shortWires(f) {
		if len(wire) < 2000 {
			f.Add(wire, wire, uint8(len(name)), uint64(len(wire)), uint8(len(wire)))
		}
	}
	f.Add(emptyDynamicBlocks(200), dynamic(nil, nil).wire(), uint8(0), uint64(1), uint8(200))
	f.Add(fixed().symbols('a', lastLength-1).bits(31, 5).distance(0).symbols(endOfBlock).wire(),
		dynamic(lengths{'a': 1, endOfBlock: 1}, lengths{0: 1}).symbols('a', endOfBlock).wire(), uint8(15), uint64(2), uint8(1))
	f.Fuzz(func(t *testing.T, first, second []byte, bits uint8, seed uint64, most uint8) {
		p := Params{ClientTakeover: bits&8 != 0, ClientBits: 8 + bits&7}
		pair, rnd := newPair(p), rand.New(rand.NewPCG(seed, 0))
		hello := jsonLike(600, int(bits)) // something that lies there to be referred to
		wire := mustCompress(t, client(p), hello)
		if got, err := pair.inflate(t, wire, cut(rnd, wire, 1+int(most))...); err != nil || !bytes.Equal(got, hello) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		for _, wire := range [][]byte{first, second} {
			if _, err := pair.inflate(t, wire, cut(rnd, wire, 1+int(most))...); err != nil {
				return
			}
		}
	})
}

// FuzzDecompressor takes junk, twice, as a connection would that overlooks the
// first error. The standard library says what has to come of it.
func FuzzDecompressor(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), uint16(100), true)
	f.Add([]byte("\xf3\x48\x05\x00\xcb\xc9\xc9\x07\x00\x00"), uint16(3), false)
	f.Add([]byte("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), uint16(5), true)
	f.Add(mustCompress(f, NewCompressor(Params{ServerBits: 10}, 1), jsonLike(800, 1)), uint16(1000), true)
	f.Add(emptyDynamicBlocks(200), uint16(0), false)
	f.Fuzz(func(t *testing.T, wire []byte, limit uint16, takeover bool) {
		d := NewDecompressor(Params{ClientTakeover: takeover, ClientBits: 9})
		std := &standard{window{size: d.received.size}}
		for range 2 {
			out, err := d.Append([]byte("head"), wire, int64(limit))
			if len(out) > 4+int(limit) || string(out[:4]) != "head" {
				t.Fatalf("%d bytes for a limit of %d", len(out), limit)
			}
			if err != nil && (len(out) != 4 || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooBig)) {
				t.Fatalf("%d bytes with error %v", len(out), err)
			}
			if std != nil {
				want, wantErr := std.inflate(wire)
				if wantErr == nil && (len(want) > int(limit) || int64(len(wire)) > CompressedLimit(int64(limit))) {
					wantErr = ErrTooBig
				}
				switch {
				case errors.Is(err, errNoOutput), err != nil && wantErr == ErrCorrupt:
				case !errors.Is(err, wantErr), err == nil && !bytes.Equal(out[4:], want):
					t.Fatalf("got %q, %v, want %q, %v", out[4:], err, want, wantErr)
				}
			}
			if err != nil {
				std = nil // has another history from now on
			}
			// What the strict inflater takes, ours takes too, with the same result.
			if msg, _, refErr := inflateReference(nil, wire); refErr == nil && !takeover && err == nil && !bytes.Equal(out[4:], msg) {
				t.Fatalf("got %q, want %q", out[4:], msg)
			}
		}
	})
}
