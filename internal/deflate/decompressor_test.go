package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"testing"
)

const plenty = 4 << 20

func mustInflate(tb testing.TB, d *Decompressor, wire []byte) []byte {
	tb.Helper()
	msg, err := d.Append(nil, wire, plenty)
	if err != nil {
		tb.Fatalf("Append(%d bytes): %v", len(wire), err)
	}
	return msg
}

// helloExamples are ways to send "Hello".
var helloExamples = []struct{ name, wire string }{
	// RFC 7692 section 7.2.3
	{"one block", "\xf2\x48\xcd\xc9\xc9\x07\x00"},
	{"stored block", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"},
	{"final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"},
	{"two blocks", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"},

	{"nothing behind the final block", "\xf3\x48\xcd\xc9\xc9\x07\x00"},
	{"two final blocks", "\xf3\x48\x05\x00\xcb\xc9\xc9\x07\x00\x00"},
}

func TestExamplesOfTheRFC(t *testing.T) {
	for _, tt := range helloExamples {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range []Params{{}, {ClientTakeover: true}} {
				if got := mustInflate(t, NewDecompressor(p), []byte(tt.wire)); string(got) != "Hello" {
					t.Errorf("%+v: got %q", p, got)
				}
			}
		})
	}
}

func TestSecondHelloOfTheRFC(t *testing.T) {
	// RFC 7692 section 7.2.3.2: the second message refers to the first.
	first, second := []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), []byte("\xf2\x00\x11\x00\x00")
	d := NewDecompressor(Params{ClientTakeover: true, ClientBits: 8})
	mustInflate(t, d, first)
	if got := mustInflate(t, d, second); string(got) != "Hello" {
		t.Errorf("with takeover: got %q", got)
	}
	d = NewDecompressor(Params{})
	mustInflate(t, d, first)
	if got, err := d.Append(nil, second, plenty); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without takeover: got %q, %v", got, err)
	}
}

// stdClient compresses as a client that uses the standard library.
type stdClient struct {
	buf      bytes.Buffer
	fw       *flate.Writer
	takeover bool
}

func newStdClient(tb testing.TB, level int, takeover bool) *stdClient {
	tb.Helper()
	c := &stdClient{takeover: takeover}
	var err error
	if c.fw, err = flate.NewWriter(&c.buf, level); err != nil {
		tb.Fatal(err)
	}
	return c
}

func (c *stdClient) compress(msg []byte) []byte {
	c.buf.Reset()
	if !c.takeover {
		c.fw.Reset(&c.buf)
	}
	c.fw.Write(msg)
	c.fw.Flush()
	return bytes.TrimSuffix(c.buf.Bytes(), []byte(syncTail))
}

func TestWritersOfTheStandardLibraryAreUnderstood(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			t.Run(fmt.Sprintf("level %d, takeover %v", level, takeover), func(t *testing.T) {
				c := newStdClient(t, level, takeover)
				d := NewDecompressor(Params{ClientTakeover: takeover})
				for i, msg := range conversation() {
					if i%4 == 3 {
						continue // came uncompressed
					}
					if got := mustInflate(t, d, c.compress(msg)); !bytes.Equal(got, msg) {
						t.Fatalf("message %d of %d bytes came back as %d bytes", i, len(msg), len(got))
					}
				}
				for _, msg := range megabytes() {
					if level > 1 {
						break // slow
					}
					if got := mustInflate(t, d, c.compress(msg)); !bytes.Equal(got, msg) {
						t.Fatal("a message of 1 MiB came back wrong")
					}
				}
			})
		}
	}
}

func TestEachWindowIsUnderstood(t *testing.T) {
	for bits := uint8(8); bits <= 15; bits++ {
		p := Params{ClientTakeover: true, ClientBits: bits}
		c, d := client(p), NewDecompressor(p)
		for i, msg := range conversation() {
			if i%4 == 3 {
				continue // came uncompressed
			}
			wire := mustCompress(t, c, msg)
			c.Extend(msg)
			if got := mustInflate(t, d, wire); !bytes.Equal(got, msg) {
				t.Fatalf("%d bits: message %d of %d bytes came back as %d bytes", bits, i, len(msg), len(got))
			}
		}
		if got, most := d.MemoryBytes(), 64+1<<bits; got > most {
			t.Errorf("%d bits: %d bytes kept, want at most %d", bits, got, most)
		}
	}
}

func TestDecompressorWithoutTakeoverKeepsNothing(t *testing.T) {
	d := NewDecompressor(Params{ClientBits: 15})
	mustInflate(t, d, newStdClient(t, 1, false).compress(jsonLike(50000, 1)))
	if got := d.MemoryBytes(); got > 64 {
		t.Errorf("%d bytes kept", got)
	}
}

func TestPartsReferToEarlierParts(t *testing.T) {
	// A client that ends the stream after each write, and yet goes on with its
	// history: final blocks in the middle of a message.
	msg := append(jsonLike(40000, 1), jsonLike(40000, 1)...)
	for _, p := range []Params{{}, {ClientTakeover: true, ClientBits: 12}, {ClientTakeover: true}} {
		d := NewDecompressor(p)
		for range 2 {
			var wire bytes.Buffer
			hist := window{size: 1 << windowBits(p.ClientBits)}
			for at := 0; at < len(msg); at += 1000 {
				fw, err := flate.NewWriterDict(&wire, 5, hist.buf)
				if err != nil {
					t.Fatal(err)
				}
				fw.Write(msg[at : at+1000])
				fw.Close()
				hist.extend(msg[at : at+1000])
			}
			if got := mustInflate(t, d, wire.Bytes()); !bytes.Equal(got, msg) {
				t.Fatalf("%+v: %d bytes of %d, or wrong ones", p, len(got), len(msg))
			}
		}
	}
}

func TestInflatedBytesAreAppended(t *testing.T) {
	msg := jsonLike(5000, 1)
	wire := newStdClient(t, 6, false).compress(msg)
	for _, room := range []int{0, 1, len(msg) - 1, len(msg), 2 * len(msg)} {
		dst := append(make([]byte, 0, 4+room), "head"...)
		got, err := NewDecompressor(Params{}).Append(dst, wire, int64(len(msg)))
		if err != nil || !bytes.Equal(got, append([]byte("head"), msg...)) {
			t.Errorf("room for %d bytes: %d bytes, %v", room, len(got), err)
		}
	}
}
