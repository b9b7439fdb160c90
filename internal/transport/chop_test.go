package transport

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// TestEveryChopOfInput: however the network cuts the input, the engine gets the
// same frames and the events come at the same places between them.
func TestEveryChopOfInput(t *testing.T) {
	s := smallScript()
	for n := 1; n <= len(s.bytes); n++ {
		s.play(t, chopped(s.bytes, n), io.EOF)
	}
	for at := 1; at < len(s.bytes); at++ {
		s.play(t, [][]byte{s.bytes[:at], s.bytes[at:]}, io.EOF)
	}
}

func TestRandomChopsOfInput(t *testing.T) {
	s := smallScript()
	rnd := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		limit := 1 + rnd.IntN(400)
		var pieces [][]byte
		for b := s.bytes; len(b) > 0; {
			n := min(1+rnd.IntN(limit), len(b))
			pieces = append(pieces, b[:n:n])
			b = b[n:]
		}
		s.play(t, pieces, io.EOF)
	}
}

// TestChopsOfLargeFrames goes through the growing buffer and the direct path.
func TestChopsOfLargeFrames(t *testing.T) {
	s := newScript()
	text := []byte(strings.Repeat("Grüße 𝄞 ", 20000))
	s.frames(
		wstest.Binary(make([]byte, maxWhole)), wstest.Binary(make([]byte, maxWhole+1)), wstest.Ping([]byte("a")),
		wstest.Frame{Op: wstest.OpText, Payload: text}, wstest.Text("small"),
	)
	for i, f := range (wstest.Frame{Op: wstest.OpText, Payload: text}).Split(70_001, 1, 90_000, 3) {
		s.frames(f, wstest.Ping([]byte{byte(i)}))
	}
	s.zipped(wstest.OpText, text, 100, 10)
	s.frames(wstest.Binary(bytes.Repeat([]byte("x"), 300_000)), wstest.Binary(bytes.Repeat([]byte("y"), 40_000)), wstest.Text("end"))
	sizes := []int{97, 1000, 4096, 16<<10 - 1, 16 << 10, 65 << 10, 100_000, len(s.bytes)}
	if !raceEnabled && !testing.Short() {
		sizes = append(sizes, 1, 2, 3)
	}
	for _, n := range sizes {
		s.play(t, chopped(s.bytes, n), io.EOF)
	}
}

// TestBytesBehindTheHandshake: what was read together with the request is the
// beginning of the input.
func TestBytesBehindTheHandshake(t *testing.T) {
	s := smallScript()
	for _, n := range []int{1, 5, 100, smallInput - 100, len(s.bytes)} {
		n = min(n, len(s.bytes))
		w := &fakeWire{script: chopped(s.bytes[n:], 50), end: io.EOF}
		r := &recorder{Conn: new(Conn)}
		r.Init(NewService(), testSettings(), Wire{w}, s.bytes[:n], deflate.NewDecompressor(takeover), r)
		r.Attach()
		r.Open()
		r.run()
		if strings.Join(r.log, "\n") != strings.Join(s.log, "\n") {
			t.Fatalf("with %d bytes behind the handshake the engine saw\n%s", n, strings.Join(r.log, "\n"))
		}
		r.Finish()
		r.Linger()
	}
}
