package deflate

import (
	"bytes"
	"fmt"
	"testing"
)

// S-27: both ends of a conversation stay within what was agreed on, and keep no
// more than the documentation says.
func TestConversationWithEachWindow(t *testing.T) {
	const pmd = "permessage-deflate"
	for bits := uint8(8); bits <= 15; bits++ {
		for _, offer := range []string{
			pmd, pmd + "; client_max_window_bits", pmd + "; client_max_window_bits=10; server_max_window_bits=9",
			pmd + "; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits",
		} {
			t.Run(fmt.Sprintf("%d bits, %s", bits, offer), func(t *testing.T) {
				p, _, ok := NegotiateWith(Options{Context, bits}, []string{offer})
				if !ok {
					t.Fatal("declined")
				}
				c, d, peer := NewCompressor(p, 1), NewDecompressor(p), client(p)
				hist := window{size: 1 << p.ServerBits}
				if !p.ServerTakeover {
					hist.size = 0
				}
				for i, msg := range conversation() {
					wire := mustCompress(t, c, msg)
					c.Extend(msg)
					if got, far, err := inflateReference(hist.buf, wire); err != nil || !bytes.Equal(got, msg) || far > 1<<p.ServerBits {
						t.Fatalf("message %d of %d bytes: %d bytes came, distance %d, %v", i, len(msg), len(got), far, err)
					}
					hist.extend(msg)

					wire = mustCompress(t, peer, msg)
					peer.Extend(msg)
					if got := mustStream(t, d, wire); !bytes.Equal(got, msg) {
						t.Fatalf("message %d of %d bytes came back as %d bytes", i, len(msg), len(got))
					}
				}
				const itself = 64
				server := min(1<<bits, 8<<10)
				if !p.ServerTakeover {
					server = 0
				}
				if got := c.MemoryBytes(); got > server+itself {
					t.Errorf("the compressor keeps %d bytes, want at most %d", got, server+itself)
				}
				most := 1 << bits
				if offer == pmd {
					most = 32 << 10 // can not be limited
				}
				if got := d.MemoryBytes(); got > most+itself {
					t.Errorf("the decompressor keeps %d bytes, want at most %d", got, most+itself)
				}
			})
		}
	}
}

// Within a message the whole window is used even if less is kept of it.
func TestKeepingLessDoesNotShortenDistances(t *testing.T) {
	const size = 20000
	part := randomBytes(1, size)
	msg := append(bytes.Clone(part), part...)
	p, _, _ := NegotiateWith(Options{Context, 9}, []string{"permessage-deflate"})
	c := NewCompressor(p, 1)
	if n := len(mustCompress(t, c, msg[:25000])); n > 24000 {
		t.Errorf("25000 bytes, the last 5000 of them repeated, become %d", n)
	}
	c.Extend(msg)
	if n := c.MemoryBytes(); n > 512+64 {
		t.Errorf("%d bytes are kept", n)
	}
}
