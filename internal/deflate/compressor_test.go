package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"
	"testing"
)

// allParams are the parameters a Compressor may meet.
func allParams() (all []Params) {
	for bits := uint8(8); bits <= 15; bits++ {
		all = append(all, Params{ServerBits: bits}, Params{ServerBits: bits, ServerTakeover: true})
	}
	return all
}

// stdTail is what a reader needs behind a message to come to an end.
const stdTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// S-27
func TestNoDistanceExceedsTheWindow(t *testing.T) {
	for _, p := range allParams() {
		t.Run(fmt.Sprintf("%d bits, takeover %v", p.ServerBits, p.ServerTakeover), func(t *testing.T) {
			c := NewCompressor(p, 1)
			var hist []byte
			farthest := 0
			for i, msg := range conversation() {
				wire := mustCompress(t, c, msg)
				if c.usesPool(msg) {
					continue // at most 32 KiB in any case
				}
				got, far, err := inflateReference(hist, wire)
				if err != nil || !bytes.Equal(got, msg) {
					t.Fatalf("message %d of %d bytes came back as %d bytes, %v", i, len(msg), len(got), err)
				}
				farthest = max(farthest, far)
				c.Extend(msg)
				if p.ServerTakeover {
					hist = append(hist, msg...)
					hist = hist[max(0, len(hist)-1<<p.ServerBits):]
				}
			}
			if farthest > 1<<p.ServerBits {
				t.Errorf("distance %d", farthest)
			}
			if p.ServerBits <= 12 && farthest < 1<<p.ServerBits*3/4 {
				t.Errorf("farthest distance %d: the window is not used", farthest)
			}
		})
	}
}

// feed is what a continuous reader reads from: one message after the other.
type feed struct{ bytes.Buffer }

func TestContinuousReaderOfTheStandardLibraryFollows(t *testing.T) {
	for _, p := range allParams() {
		t.Run(fmt.Sprintf("%d bits, takeover %v", p.ServerBits, p.ServerTakeover), func(t *testing.T) {
			c := NewCompressor(p, 1)
			in := new(feed)
			r := flate.NewReader(in)
			for i, msg := range conversation() {
				in.Write(mustCompress(t, c, msg))
				in.WriteString("\x00\x00\xff\xff")
				c.Extend(msg)
				got := make([]byte, len(msg))
				if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, msg) {
					t.Fatalf("message %d of %d bytes: %v", i, len(msg), err)
				}
			}
		})
	}
}

func TestReaderWithOnlyTheWindowFollows(t *testing.T) {
	for _, p := range allParams() {
		c := NewCompressor(p, 6)
		w := window{}
		if p.ServerTakeover {
			w.size = 1 << p.ServerBits
		}
		for i, msg := range conversation() {
			if i%3 == 1 {
				continue // was sent uncompressed
			}
			wire := mustCompress(t, c, msg)
			c.Extend(msg)
			got, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(append(wire, stdTail...)), w.buf))
			if err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("%+v: message %d of %d bytes: %v", p, i, len(msg), err)
			}
			w.extend(msg)
		}
	}
}

func TestMegabytes(t *testing.T) {
	for _, p := range []Params{{}, {ServerBits: 8}, {ServerBits: 12, ServerTakeover: true}, {ServerTakeover: true}} {
		c := NewCompressor(p, 1)
		in := new(feed)
		r := flate.NewReader(in)
		for i, msg := range megabytes() {
			in.Write(mustCompress(t, c, msg))
			in.WriteString("\x00\x00\xff\xff")
			c.Extend(msg)
			got := make([]byte, len(msg))
			if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("%+v: message %d: %v", p, i, err)
			}
		}
	}
}

func TestEmptyMessageIsOneZero(t *testing.T) {
	for _, p := range allParams() {
		c := NewCompressor(p, 1)
		for range 3 {
			if wire := mustCompress(t, c, nil); !bytes.Equal(wire, []byte{0}) {
				t.Errorf("%+v: % x", p, wire)
			}
			c.Extend(nil)
		}
	}
}

func TestAppendAppends(t *testing.T) {
	msg := jsonLike(300, 1)
	for _, p := range allParams() {
		c := NewCompressor(p, 1)
		alone := mustCompress(t, c, msg)
		got, err := c.Append([]byte("head"), msg)
		if err != nil || !bytes.Equal(got, append([]byte("head"), alone...)) {
			t.Errorf("%+v: Append behind other bytes: %v", p, err)
		}
	}
}

func TestAppendLeavesTheHistoryAlone(t *testing.T) {
	c := NewCompressor(Params{ServerTakeover: true, ServerBits: 12}, 1)
	msg := jsonLike(1000, 1)
	first := mustCompress(t, c, msg)
	if again := mustCompress(t, c, msg); !bytes.Equal(again, first) {
		t.Error("a message that was not sent entered the history")
	}
	c.Extend(msg)
	if again := mustCompress(t, c, msg); len(again) > len(msg)/20 {
		t.Errorf("a repeated message takes %d bytes", len(again))
	}
}

// A frame for many receivers is made without history; each receiver's history
// then goes on behind it.
func TestSharedFrameEntersEveryHistory(t *testing.T) {
	shared := NewCompressor(Params{ServerBits: 12}, 1)
	type peer struct {
		c *Compressor
		r io.Reader
		*feed
	}
	var peers []peer
	for _, bits := range []uint8{12, 13, 15} {
		p := peer{NewCompressor(Params{ServerTakeover: true, ServerBits: bits}, 1), nil, new(feed)}
		p.r = flate.NewReader(p.feed)
		peers = append(peers, p)
	}
	for i := range 50 {
		news := jsonLike(50*i, i)
		frame := mustCompress(t, shared, news)
		for j, p := range peers {
			own := jsonLike(200, i+1000*j)
			wire := mustCompress(t, p.c, own)
			p.c.Extend(own)
			p.Write(wire)
			p.WriteString("\x00\x00\xff\xff")
			p.Write(frame)
			p.WriteString("\x00\x00\xff\xff")
			p.c.Extend(news)
			got := make([]byte, len(own)+len(news))
			if _, err := io.ReadFull(p.r, got); err != nil || !bytes.Equal(got, append(own, news...)) {
				t.Fatalf("peer %d, round %d: %v", j, i, err)
			}
		}
	}
}

func TestCompressorWithoutTakeoverMayBeShared(t *testing.T) {
	for _, p := range []Params{{}, {ServerBits: 12}} {
		c := NewCompressor(p, 1)
		msg := jsonLike(2000, 1)
		want := mustCompress(t, c, msg)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					got, err := c.Append(nil, msg)
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%+v: %d bytes, %v; want %d", p, len(got), err, len(want))
					}
					c.Extend(msg)
				}
			})
		}
		wg.Wait()
	}
}

func TestCompressedSizeIsBounded(t *testing.T) {
	for _, p := range allParams() {
		for _, level := range []int{1, 5, 9} {
			c := NewCompressor(p, level)
			for _, n := range []int{1, 20, 127, 128, 1000, 32 << 10, 100 << 10} {
				if got := len(mustCompress(t, c, randomBytes(7, n))); got > n+n/1000+16 {
					t.Errorf("%+v level %d: %d bytes become %d", p, level, n, got)
				}
			}
		}
	}
}

func TestLevelOutOfRangeIsOne(t *testing.T) {
	msg := jsonLike(5000, 1)
	want := mustCompress(t, NewCompressor(Params{}, 1), msg)
	for _, level := range []int{-100, -2, 0, 10} {
		if got := mustCompress(t, NewCompressor(Params{}, level), msg); !bytes.Equal(got, want) {
			t.Errorf("level %d is not level 1", level)
		}
	}
}

func TestCompressorMemory(t *testing.T) {
	long := jsonLike(100<<10, 1)
	for _, tt := range []struct {
		p    Params
		most int
	}{
		{Params{}, 64},
		{Params{ServerBits: 9}, 64},
		{Params{ServerTakeover: true, ServerBits: 8}, 256 + 64},
		{Params{ServerTakeover: true, ServerBits: 12}, 4096 + 64},
		{Params{ServerTakeover: true, ServerBits: 13}, 8192 + 64},
		{Params{ServerTakeover: true, ServerBits: 15}, 8192 + 64}, // no farther back is searched
		{Params{ServerTakeover: true, ServerBits: 15, ServerKeeps: 12}, 4096 + 64},
		{Params{ServerTakeover: true, ServerBits: 9, ServerKeeps: 12}, 512 + 64},
	} {
		c := NewCompressor(tt.p, 1)
		if got := c.MemoryBytes(); got > 64 {
			t.Errorf("%+v: unused compressor takes %d bytes", tt.p, got)
		}
		mustCompress(t, c, long)
		c.Extend(long)
		if got := c.MemoryBytes(); got > tt.most {
			t.Errorf("%+v: %d bytes, want at most %d", tt.p, got, tt.most)
		}
	}
}
