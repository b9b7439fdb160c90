package transport

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// smallTalk has every kind of frame and every cut of a message.
func smallTalk() *talk {
	k := newTalk()
	long := []byte(strings.Repeat("Grüße 𝄞 ", 30))
	pings := []wstest.Frame{wstest.Ping([]byte("between")), wstest.Pong(nil)}
	for _, zip := range []bool{false, true} {
		k.message(wstest.OpText, []byte("first"), zip, nil)
		k.message(wstest.OpText, nil, zip, nil)
		k.message(wstest.OpBinary, nil, zip, nil)
		k.message(wstest.OpBinary, bytes.Repeat([]byte("7\xff"), 63), zip, nil)
		k.control(wstest.Ping(nil), wstest.Ping(bytes.Repeat([]byte{9}, 125)))
		k.message(wstest.OpText, []byte("𝄞"), zip, nil)
		k.message(wstest.OpText, []byte("𝄞"), zip, pings, 1, 1, 1, 0)
		k.message(wstest.OpText, long, zip, nil)
		k.message(wstest.OpText, long, zip, pings, 0, 4, 1, 9, 1, 1, 10)
		k.message(wstest.OpBinary, []byte("\xff\xfe\xc3"), zip, nil, 0, 1, 0)
		k.message(wstest.OpBinary, []byte("\xff\xfe\xc3"), zip, pings, 1, 1, 1)
		if !zip {
			k.message(wstest.OpText, nil, zip, pings, 0, 0)
			k.message(wstest.OpText, []byte("ends with nothing ü"), zip, pings, 20, 0)
		}
	}
	k.message(wstest.OpText, []byte("last"), false, nil)
	return k
}

// TestPiecesOfEveryChop: however the network cuts the input, pieces make the same
// messages, control events come at the same places between them, and text is cut
// between runes.
func TestPiecesOfEveryChop(t *testing.T) {
	k := smallTalk()
	for n := 1; n <= len(k.bytes); n++ {
		k.play(t, chopped(k.bytes, n))
	}
	for at := 1; at < len(k.bytes); at++ {
		k.play(t, [][]byte{k.bytes[:at], k.bytes[at:]})
	}
}

// TestPiecesOfLargeFrames goes through the growing buffer, and through frames that are
// far larger than it. R-02
func TestPiecesOfLargeFrames(t *testing.T) {
	k := newTalk()
	text := []byte(strings.Repeat("Grüße 𝄞 ", 20000))
	for _, zip := range []bool{false, true} {
		k.message(wstest.OpBinary, make([]byte, maxWhole+1), zip, nil)
		k.message(wstest.OpText, text, zip, nil)
		k.message(wstest.OpText, text, zip, []wstest.Frame{wstest.Ping([]byte("p"))}, 70, 1, 90, 3)
		k.message(wstest.OpBinary, bytes.Repeat(text, 3), zip, nil)
	}
	sizes := []int{97, 4096, smallInput - 1, smallInput, largeInput, 100_000, len(k.bytes)}
	if !raceEnabled {
		sizes = append(sizes, 1, 3)
	}
	for _, n := range sizes {
		c := k.play(t, chopped(k.bytes, n))
		if most := slices.Max(c.sizes); most > largeInput {
			t.Fatalf("in chunks of %d a piece has %d bytes", n, most)
		}
	}
}

// TestPiecesAreTheClassesOwn: what an event does with its piece, changing, cutting or
// extending it, damages neither what follows nor the compression window. R-10
func TestPiecesAreTheClassesOwn(t *testing.T) {
	for _, zip := range []bool{false, true} {
		k := newTalk()
		for i := range 40 {
			op := wstest.OpBinary
			if i%2 == 0 {
				op = wstest.OpText
			}
			k.message(op, []byte(strings.Repeat("the same 𝄞 again ", 1+i*i)), zip, nil, 1, 2, 10)
		}
		for _, n := range []int{1, 7, 1000, len(k.bytes)} {
			c := newTaker(testSettings(), &fakeWire{script: chopped(slices.Clone(k.bytes), n), end: io.EOF}, deflate.NewDecompressor(takeover))
			c.onPiece = func(p []byte, _ bool) {
				for i := range p {
					p[i] = 0xee
				}
				_ = append(p, "overwrites what is behind it"...)
			}
			c.life()
			if c.wrong != nil {
				t.Fatal(c.wrong)
			}
			sameLog(t, c.log, k.want)
		}
	}
}

// TestEachPieceComesBeforeTheNextIsSent: a fragment is delivered when it is there, and so is
// what a peer has flushed of a compressed message. R-10
func TestEachPieceComesBeforeTheNextIsSent(t *testing.T) {
	words := []string{"one ", "two, which is longer and is repeated, is repeated ", "three ", "𝄞 four"}
	for _, takes := range []bool{false, true} {
		for _, zip := range []bool{false, true} {
			var inflate *deflate.Decompressor
			params := deflate.Params{ClientTakeover: takes}
			if zip {
				inflate = deflate.NewDecompressor(params)
			}
			source := flushing()
			var script [][]byte
			var sums []int // plaintext that must have come once so many chunks are read
			sum := 0
			for round := range 3 {
				if !takes {
					source = flushing()
				}
				for i, word := range words {
					f := wstest.Frame{Op: wstest.OpContinuation, More: i+1 < len(words), Payload: []byte(word), Key: [4]byte{1, byte(i), 3, byte(round)}}
					if i == 0 {
						f.Op = wstest.OpText
					}
					if zip {
						f.Payload = source(word, !f.More)
						if i == 0 {
							f.RSV = wstest.RSV1
						}
					}
					script = append(script, f.Bytes())
					sum += len(word)
					sums = append(sums, sum)
				}
			}
			got, wire := 0, &fakeWire{script: script, end: io.EOF}
			c := newTaker(testSettings(), wire, inflate)
			c.onPiece = func(p []byte, _ bool) {
				got += len(p)
				read := len(script) - len(wire.script)
				if got > sums[read-1] {
					t.Fatalf("%d bytes of plaintext with %d of %d frames", got, read, len(script))
				}
			}
			before := 0
			check := &checkedWire{fakeWire: wire, look: func() {
				if read := len(script) - len(wire.script); read > before {
					if before = read; got != sums[read-1] {
						t.Errorf("zip %v: of %d bytes in %d frames %d have come", zip, sums[read-1], read, got)
					}
				}
			}}
			c.wire = check
			c.life()
			if c.wrong != nil || got != sum || messages(c.log) != 3 {
				t.Errorf("zip %v: %v, %d bytes, %q", zip, c.wrong, got, c.log)
			}
		}
	}
}

// flushing compresses the parts of messages, each so that the peer can read it at once.
func flushing() func(part string, last bool) []byte {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	return func(part string, last bool) []byte {
		out.Reset()
		io.WriteString(z, part)
		z.Flush()
		b := slices.Clone(out.Bytes())
		if last {
			return b[:len(b)-len(syncTail)]
		}
		return b
	}
}

// checkedWire looks each time before something is read.
type checkedWire struct {
	*fakeWire
	look func()
}

func (w *checkedWire) fill(c *Conn) (int, error) {
	w.look()
	return w.fakeWire.fill(c)
}

// TestPiecesAreNotTiny: on a wire that waits without a buffer too a large message comes in
// pieces of some size. R-02
func TestPiecesAreNotTiny(t *testing.T) { onDrivers(t, testPiecesAreNotTiny) }

func testPiecesAreNotTiny(t *testing.T) {
	for kind, pair := range map[string]func() (near, far net.Conn){
		"memory": func() (near, far net.Conn) { return garbagePair(0) },
		"pipe":   func() (near, far net.Conn) { return garbagePair(2) },
		"tcp":    func() (near, far net.Conn) { return tcpPair(t, 0) },
		"tls": func() (near, far net.Conn) {
			near, far = garbagePair(0)
			return tlsPair(t, near, far, nil)
		},
	} {
		near, far := pair()
		defer near.Close()
		c := newDrivenTaker(t, testSettings(), far)
		c.serve(t)
		const size = 1 << 20
		f := wstest.Binary(bytes.Repeat([]byte("0123456789abcdef"), size/16)).Bytes()
		if _, err := near.Write(f); err != nil {
			t.Fatal(err)
		}
		near.Close()
		<-c.done
		if c.wrong != nil || messages(c.log) != 1 {
			t.Fatalf("%s: %v, %d messages", kind, c.wrong, messages(c.log))
		}
		if n := len(c.sizes); n > size/3000 { // what the connection in memory holds
			t.Errorf("%s: %d pieces for %d bytes", kind, n, size)
		}
	}
}

// TestViolationInPieces: what is good before it is delivered, then the close frame has
// the code that a class of whole messages gets.
func TestViolationInPieces(t *testing.T) {
	var literal wstest.BlockWriter
	literal.Literal([]byte("good \xff")...)
	for _, tt := range []struct {
		name  string
		bad   []byte
		limit int64
		code  int
		part  string // of the bad message, that is delivered
	}{
		{"unmasked", []byte{0x82, 1, 'x'}, -1, 1002, ""},
		{"RSV1 on a continuation", []byte{0x02, 0x81, 0, 0, 0, 0, 'a', 0xc0, 0x80, 0, 0, 0, 0}, -1, 1002, "a"},
		{"text inside a message", []byte{0x01, 0x81, 0, 0, 0, 0, 'a', 0x81, 0x80, 0, 0, 0, 0}, -1, 1002, "a"},
		{"continuation of nothing", []byte{0x80, 0x80, 0, 0, 0, 0}, -1, 1002, ""},
		{"close code 1005 inside a message", []byte{0x01, 0x81, 0, 0, 0, 0, 'a', 0x88, 0x82, 0, 0, 0, 0, 3, 0xed}, -1, 1002, "a"},
		{"text is not UTF-8", []byte{0x81, 0x81, 0, 0, 0, 0, 0xff}, -1, 1007, ""},
		{"half a rune", []byte{0x81, 0x82, 0, 0, 0, 0, 'a', 0xc3}, -1, 1007, "a"},
		{"half a rune before an empty end", []byte{0x01, 0x82, 0, 0, 0, 0, 'a', 0xc3, 0x80, 0x80, 0, 0, 0, 0}, -1, 1007, "a"},
		{"half a rune, then a letter", []byte{0x01, 0x82, 0, 0, 0, 0, 'a', 0xc3, 0x80, 0x81, 0, 0, 0, 0, 'b'}, -1, 1007, "a"},
		{"overlong between frames", []byte{0x01, 0x81, 0, 0, 0, 0, 0xe0, 0x00, 0x81, 0, 0, 0, 0, 0x80}, -1, 1007, ""},
		{"bad in a frame that is not whole", []byte{0x81, 0xfe, 1, 0, 0, 0, 0, 0, 0xff}, -1, 1007, ""},
		{"corrupt block", []byte{0xc1, 0x81, 0, 0, 0, 0, 0x06}, -1, 1007, ""},
		{"corrupt block in a frame that is not whole", []byte{0xc1, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x06}, -1, 1007, ""},
		{"compressed message that ends early", []byte{0xc2, 0x81, 0, 0, 0, 0, 0x03}, -1, 1007, ""},
		{"compressed text", wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV1, Payload: literal.Payload()}.Bytes(), -1, 1007, ""},
		{"over a limit", []byte{0x82, 0x8b, 0, 0, 0, 0}, 10, 1009, ""},
		{"over a limit in sum", []byte{0x02, 0x81, 0, 0, 0, 0, 'a', 0x80, 0x8a, 0, 0, 0, 0}, 10, 1009, "a"},
		{"over 2^63 in sum", append([]byte{0x02, 0x81, 0, 0, 0, 0, 'a', 0x80, 0xff, 0x7f}, bytes.Repeat([]byte{0xff}, 11)...), -1, 1009, "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newTalk()
			k.message(wstest.OpText, []byte("good"), false, nil)
			k.control(wstest.Ping([]byte("good")))
			k.message(wstest.OpBinary, []byte{1}, false, nil)
			in := append(k.bytes, tt.bad...)
			for n := 1; n <= len(in); n++ {
				w := &fakeWire{script: chopped(slices.Clone(in), n), end: io.EOF}
				c := newTaker(testSettings(func(s *Settings) { s.MaxPieces = tt.limit }), w, deflate.NewDecompressor(takeover))
				c.life()
				if c.wrong != nil {
					t.Fatal(c.wrong)
				}
				sameLog(t, c.log, k.want)
				if got := string(c.part); c.open && got != tt.part && !strings.HasPrefix("good ", got) {
					t.Fatalf("in chunks of %d the pieces %q are delivered", n, got)
				}
				wantCloseFrame(t, w.written(), tt.code)
				p, ok := errors.AsType[*client.ProtocolError](c.Info().Cause)
				if !ok || int(c.Info().Code) != tt.code || c.Info().Remote || int(p.Code) != tt.code {
					t.Fatalf("in chunks of %d: %v", n, c.Info())
				}
				if bad := strings.Contains(p.Text, "UTF-8"); bad != errors.Is(c.Info().Cause, client.ErrInvalidUTF8) {
					t.Fatalf("cause %v", c.Info().Cause)
				}
			}
		})
	}
}

// TestBombInPieces: without a limit a small message may become a large one; with one it is
// delivered up to it. R-06
func TestBombInPieces(t *testing.T) {
	const size = 20 << 20
	bomb := wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: wstest.NewDeflater(15, true).Deflate(make([]byte, size))}
	for _, limit := range []int64{-1, 1000, 1 << 20, size - 1, size} {
		for _, n := range []int{1, 100, 1 << 20} {
			w := &fakeWire{script: chopped(bomb.Bytes(), n), end: io.EOF}
			c := newTaker(testSettings(func(s *Settings) { s.MaxPieces = limit }), w, deflate.NewDecompressor(takeover))
			got := int64(0)
			c.onPiece = func(p []byte, _ bool) { got += int64(len(p)); c.part = nil }
			c.life()
			over := limit >= 0 && limit < size
			if over != (c.Info().Code == client.StatusMessageTooBig) || over && got > limit || !over && got != size || c.wrong != nil {
				t.Fatalf("limit %d: %d bytes are delivered, %v, %v", limit, got, c.Info(), c.wrong)
			}
		}
	}
}

// TestDeclaredLengthInPieces: what a header announces costs nothing, and what has come of it
// is delivered. R-02
func TestDeclaredLengthInPieces(t *testing.T) {
	head := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 10<<30)
	for _, n := range []int{1, 100, 50_000} {
		in := append(append(head, 0, 0, 0, 0), bytes.Repeat([]byte("x"), 40_000)...)
		c := newTaker(testSettings(), &fakeWire{script: chopped(in, n), end: io.EOF}, nil)
		c.run()
		if got := string(c.part); c.wrong != nil || got != strings.Repeat("x", 40_000) || !c.open || len(c.log) != 0 {
			t.Errorf("in chunks of %d: %d bytes, %v", n, len(got), c.wrong)
		}
		c.Finish()
		c.Linger()
		if !errors.Is(c.Info().Cause, io.EOF) {
			t.Errorf("%v", c.Info())
		}
	}
}

// TestCloseInAPieceDiscardsTheRest of the message and all that follows, bad text and bad
// compression too, until the peer's close frame. X-09
func TestCloseInAPieceDiscardsTheRest(t *testing.T) {
	zipped := wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV1, Payload: wstest.NewDeflater(15, true).Deflate(bytes.Repeat([]byte("close now "), 20_000))}
	broken := zipped
	broken.Payload = append(slices.Clone(zipped.Payload[:len(zipped.Payload)/2]), bytes.Repeat([]byte{0xff}, 300)...)
	for name, frames := range map[string][]wstest.Frame{
		"one frame":              {wstest.Text("close now, and this is never seen")},
		"fragments":              wstest.Text("close now, and this is never seen").Split(1, 3, 0, 5),
		"bad text":               wstest.Text("close now, and\xff").Split(5),
		"bad text behind a rune": wstest.Text("𝄞\xff").Split(1, 1),
		"half a rune":            wstest.Text("close now, and\xc3").Split(5),
		"compressed":             zipped.Split(100, 5),
		"broken":                 broken.Split(3),
	} {
		t.Run(name, func(t *testing.T) {
			var in []byte
			for _, f := range frames {
				f.Key = [4]byte{9, 8, 7, 6}
				in = f.Append(in)
			}
			in = append(in, wstest.Text("\xff").Bytes()...)
			in = append(in, wstest.Binary(make([]byte, 50_000)).Bytes()...)
			in = append(in, wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: []byte{6}}.Bytes()...)
			in = append(in, wstest.Ping([]byte("p")).Bytes()...)
			in = append(in, wstest.Close(4001, "mine").Bytes()...)
			for _, n := range []int{1, 2, 3, 7, 4096, len(in)} {
				w := &fakeWire{script: chopped(slices.Clone(in), n), end: errors.New("read past the close frame")}
				c := newTaker(testSettings(), w, deflate.NewDecompressor(takeover))
				events := 0
				c.onPiece = func([]byte, bool) {
					if events++; events == 1 {
						c.CloseWith(1000, "", false, client.ErrCloseCalled)
					}
				}
				c.life()
				if c.err != io.EOF || events != 1 || c.wrong != nil {
					t.Fatalf("in chunks of %d Read ended with %v, %d events, %v", n, c.err, events, c.wrong)
				}
				if want := (client.CloseInfo{Code: 1000, Cause: client.ErrCloseCalled}); c.Info() != want {
					t.Fatalf("%v, want %v", c.Info(), want)
				}
			}
		})
	}
}

// TestRunesAreNeverCut sends runes of all lengths byte by byte and in frames of all sizes. R-10
func TestRunesAreNeverCut(t *testing.T) {
	rnd := rand.New(rand.NewPCG(10, 10))
	alphabet := []rune("aé€𝄞\u07ff\u0800\uffff\U0010ffff\x00\ufffd")
	for range 300 {
		var text []byte
		for range rnd.IntN(40) {
			text = utf8.AppendRune(text, alphabet[rnd.IntN(len(alphabet))])
		}
		k := newTalk()
		var sizes []int
		for left := len(text); left > 0; {
			n := min(rnd.IntN(4), left)
			left -= n
			sizes = append(sizes, n)
		}
		k.message(wstest.OpText, text, false, nil, sizes...)
		k.message(wstest.OpText, text, true, nil)
		for _, n := range []int{1, 2, 3, 5, 1000} {
			k.play(t, chopped(slices.Clone(k.bytes), n))
		}
	}
}
