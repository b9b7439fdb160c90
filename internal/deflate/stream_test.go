package deflate

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// collected is the plaintext that a Stream has emitted.
type collected struct {
	tb  testing.TB
	out []byte
}

func (c *collected) emit(piece []byte) error {
	if len(piece) == 0 || len(piece) > 32<<10 {
		c.tb.Errorf("a piece of %d bytes", len(piece))
	}
	c.out = append(c.out, piece...)
	return nil
}

// stream inflates one message that comes in parts.
func stream(tb testing.TB, d *Decompressor, parts ...[]byte) ([]byte, error) {
	tb.Helper()
	s, c := d.Stream(), collected{tb: tb}
	for _, p := range parts {
		if err := s.Write(p, c.emit); err != nil {
			return c.out, err
		}
	}
	return c.out, s.Finish()
}

func mustStream(tb testing.TB, d *Decompressor, parts ...[]byte) []byte {
	tb.Helper()
	msg, err := stream(tb, d, parts...)
	if err != nil {
		tb.Fatalf("after %d bytes: %v", len(msg), err)
	}
	return msg
}

// cut divides p into parts of 0 to most bytes.
func cut(rnd *rand.Rand, p []byte, most int) (parts [][]byte) {
	for len(p) > 0 {
		n := min(rnd.IntN(most+1), len(p))
		parts = append(parts, p[:n])
		p = p[n:]
	}
	return parts
}

func singleBytes(p []byte) (parts [][]byte) {
	for i := range p {
		parts = append(parts, p[i:i+1])
	}
	return parts
}

func TestStreamUnderstandsTheExamplesOfTheRFC(t *testing.T) {
	for _, tt := range helloExamples {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range []Params{{}, {ClientTakeover: true, ClientBits: 8}} {
				for at := range len(tt.wire) + 1 {
					d := NewDecompressor(p)
					if got := mustStream(t, d, []byte(tt.wire[:at]), []byte(tt.wire[at:])); string(got) != "Hello" {
						t.Errorf("%+v, split at %d: got %q", p, at, got)
					}
				}
			}
		})
	}
}

func TestStreamRefersToTheMessageBefore(t *testing.T) {
	// RFC 7692 section 7.2.3.2
	first, second := []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), []byte("\xf2\x00\x11\x00\x00")
	d := NewDecompressor(Params{ClientTakeover: true, ClientBits: 8})
	for range 2 {
		mustStream(t, d, first)
		if got := mustStream(t, d, second); string(got) != "Hello" {
			t.Errorf("with takeover: got %q", got)
		}
	}
	d = NewDecompressor(Params{})
	mustStream(t, d, first)
	if got, err := stream(t, d, second); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without takeover: got %q, %v", got, err)
	}
}

func TestStreamMayBeSplitAnywhere(t *testing.T) {
	for name, wire := range shortWires(t) {
		t.Run(name, func(t *testing.T) {
			want := mustInflate(t, NewDecompressor(Params{}), wire)
			for at := range len(wire) + 1 {
				if got := mustStream(t, NewDecompressor(Params{}), wire[:at], wire[at:]); !bytes.Equal(got, want) {
					t.Fatalf("split at %d: got %q", at, got)
				}
			}
			if got := mustStream(t, NewDecompressor(Params{}), singleBytes(wire)...); !bytes.Equal(got, want) {
				t.Fatalf("byte by byte: got %q", got)
			}
		})
	}
}

// A connection may stream one message and inflate the next as a whole; all see
// the same history.
func TestStreamAndAppendShareTheHistory(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for name, w := range clients(t) {
		t.Run(name, func(t *testing.T) {
			streamed, mixed := NewDecompressor(w.params), NewDecompressor(w.params)
			for i, msg := range append(conversation(), megabytes()...) {
				if i%5 == 4 {
					continue // came uncompressed
				}
				wire := bytes.Clone(w.compress(msg))
				parts := cut(rnd, wire, 1+len(wire)/3)
				if i%7 == 0 && len(wire) < 5000 {
					parts = singleBytes(wire)
				}
				if got := mustStream(t, streamed, parts...); !bytes.Equal(got, msg) {
					t.Fatalf("message %d of %d bytes came back as %d bytes", i, len(msg), len(got))
				}
				got := []byte(nil)
				if i%2 == 0 {
					got = mustStream(t, mixed, wire)
				} else {
					got = mustInflate(t, mixed, wire)
				}
				if !bytes.Equal(got, msg) {
					t.Fatalf("mixed: message %d of %d bytes came back as %d bytes", i, len(msg), len(got))
				}
				if !bytes.Equal(streamed.received.buf, mixed.received.buf) {
					t.Fatalf("message %d: the histories differ", i)
				}
				if n := cap(streamed.received.buf); n > streamed.received.size {
					t.Fatalf("message %d: %d bytes kept", i, n)
				}
			}
		})
	}
}

func TestStreamEmitsAtOnceWhatWasFlushed(t *testing.T) {
	msg := append(jsonLike(40000, 1), randomBytes(1, 40000)...)
	for _, level := range []int{-2, 0, 1, 6, 9} {
		t.Run(fmt.Sprint("level ", level), func(t *testing.T) {
			z := newStdClient(t, level, false)
			s, c := NewDecompressor(Params{}).Stream(), collected{tb: t}
			for at, n := 0, 1; at < len(msg); at, n = at+n, n%4000*3+1 {
				n = min(n, len(msg)-at)
				z.buf.Reset()
				z.fw.Write(msg[at : at+n])
				z.fw.Flush()
				// The sender may hold the end of the flush back for its next part.
				wire := bytes.TrimSuffix(z.buf.Bytes(), []byte(syncTail))
				if err := s.Write(wire, c.emit); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(c.out, msg[:at+n]) {
					t.Fatalf("%d bytes are known of %d", len(c.out), at+n)
				}
				if err := s.Write(z.buf.Bytes()[len(wire):], c.emit); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Write([]byte{0}, c.emit); err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The inflater of the tests reads bit by bit; what it knows is all that can be
// known.
func TestStreamEmitsAllThatIsCertain(t *testing.T) {
	for name, wire := range shortWires(t) {
		t.Run(name, func(t *testing.T) {
			s, c := NewDecompressor(Params{}).Stream(), collected{tb: t}
			for i := range wire {
				if err := s.Write(wire[i:i+1], c.emit); err != nil {
					t.Fatal(err)
				}
				if want := prefixReference(wire[:i+1]); !bytes.Equal(c.out, want) {
					t.Fatalf("%d bytes of input: %d bytes came out, want %d", i+1, len(c.out), len(want))
				}
			}
		})
	}
}

func TestStreamStopsWhenEmitSaysSo(t *testing.T) {
	errStop := errors.New("enough")
	bomb := newStdClient(t, 1, false).compress(make([]byte, 4<<20))
	d := NewDecompressor(Params{ClientTakeover: true})
	s := d.Stream()
	calls := 0
	if err := s.Write(bomb, func([]byte) error {
		if calls++; calls == 3 {
			return errStop
		}
		return nil
	}); err != errStop || calls != 3 {
		t.Errorf("Write = %v after %d pieces", err, calls)
	}
	for range 2 {
		if err := s.Write([]byte{0}, nil); err != ErrEnded {
			t.Errorf("Write after that = %v", err)
		}
		if err := s.Finish(); err != ErrEnded {
			t.Errorf("Finish after that = %v", err)
		}
		s.Release()
	}
	if n := d.MemoryBytes(); n > 100 {
		t.Errorf("%d bytes are still in use", n)
	}
}

func TestStreamGivesItsMemoryBack(t *testing.T) {
	hello := []byte(helloExamples[0].wire)
	d := NewDecompressor(Params{ClientTakeover: true, ClientBits: 9})
	mustStream(t, d, hello)
	idle := d.MemoryBytes()
	for name, end := range map[string]func(s *Stream, emit func([]byte) error){
		"finished":           func(s *Stream, emit func([]byte) error) { s.Write(hello, emit); s.Finish() },
		"finished too early": func(s *Stream, emit func([]byte) error) { s.Write(hello[:3], emit); s.Finish() },
		"corrupt":            func(s *Stream, emit func([]byte) error) { s.Write([]byte{6}, emit) },
		"released":           func(s *Stream, emit func([]byte) error) { s.Write(hello[:3], emit); s.Release() },
		"released twice":     func(s *Stream, emit func([]byte) error) { s.Release(); s.Release() },
		"finished, released": func(s *Stream, emit func([]byte) error) { s.Write(hello, emit); s.Finish(); s.Release() },
		"released by emit": func(s *Stream, emit func([]byte) error) {
			s.Write(hello, func([]byte) error { s.Release(); return nil })
		},
		"another one is begun": func(s *Stream, emit func([]byte) error) { d.Stream().Release() },
	} {
		c := collected{tb: t}
		s := d.Stream()
		if n := d.MemoryBytes(); n < 32<<10 || n > 64<<10 {
			t.Errorf("%s: %d bytes in use during the message", name, n)
		}
		end(s, c.emit)
		if n := d.MemoryBytes(); n != idle {
			t.Errorf("%s: %d bytes in use, %d before", name, n, idle)
		}
		if err := s.Write(hello, c.emit); err != ErrEnded {
			t.Errorf("%s: Write = %v", name, err)
		}
	}
}

// Whoever releases a stream inside of emit must not have its decoder lent to
// another connection while it is at work.
func TestDecoderIsNotLentWhileItIsAtWork(t *testing.T) {
	text := jsonLike(5000, 1)
	wire := bytes.Clone(newStdClient(t, 6, false).compress(text))
	d := NewDecompressor(Params{})
	for name, inside := range map[string]func(s *Stream){
		"released":           func(s *Stream) { s.Release() },
		"finished":           func(s *Stream) { s.Finish() },
		"written to":         func(s *Stream) { s.Write(wire, nil) },
		"the next one begun": func(s *Stream) { d.Stream() },
	} {
		s := d.Stream()
		dec := s.dec
		s.Write(wire, func([]byte) error {
			inside(s)
			var others []*decoder
			for range 20 {
				other := decoders.Get().(*decoder)
				if other == dec {
					t.Errorf("%s: lent while it is at work", name)
				}
				others = append(others, other)
			}
			for _, other := range others {
				decoders.Put(other)
			}
			return nil
		})
	}
	s := d.Stream()
	var next *Stream
	if err := s.Write(wire, func([]byte) error { next = d.Stream(); return nil }); err != ErrEnded {
		t.Errorf("Write = %v, though another message was begun", err)
	}
	c := collected{tb: t}
	if err := next.Write(wire, c.emit); err != nil || !bytes.Equal(c.out, text) {
		t.Errorf("the message that was begun inside: %d bytes, %v", len(c.out), err)
	}
}

func TestStreamsOfManyConnections(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			p := Params{ClientTakeover: i%2 == 0, ClientBits: uint8(8 + i)}
			c, d := client(p), NewDecompressor(p)
			rnd := rand.New(rand.NewPCG(uint64(i), 0))
			for j := range 50 {
				msg := jsonLike(rnd.IntN(5000), 100*i+j)
				wire, err := c.Append(nil, msg)
				c.Extend(msg)
				got, err2 := stream(t, d, cut(rnd, wire, 300)...)
				if err != nil || err2 != nil || !bytes.Equal(got, msg) {
					t.Errorf("connection %d, message %d: %v, %v", i, j, err, err2)
				}
			}
		})
	}
	wg.Wait()
}
