package transport

import (
	"bytes"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/wstest"
)

// maskable returns frames of a server, and their payloads.
func maskable() (stream []byte, payloads [][]byte) {
	for _, n := range []int{0, 1, 7, 125, 126, 1000, 65535, 65536, 100_003, 3} {
		p := bytes.Repeat([]byte("0123456789abcdef!"), n/17+1)[:n]
		stream = append(AppendHeader(stream, finBit|opBinary, n), p...)
		payloads = append(payloads, p)
	}
	return stream, payloads
}

// checkMasked wants the payloads in masked frames with keys that differ.
func checkMasked(t *testing.T, masked []byte, payloads [][]byte) {
	t.Helper()
	r := bytes.NewReader(masked)
	keys := make(map[[4]byte]bool)
	for i, want := range payloads {
		f, err := wstest.ReadFrame(r, true, 0)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !bytes.Equal(f.Payload, want) {
			t.Fatalf("frame %d of %d bytes is another", i, len(want))
		}
		keys[f.Key] = true
	}
	if r.Len() != 0 || len(keys) != len(payloads) {
		t.Errorf("%d bytes are left, %d keys for %d frames", r.Len(), len(keys), len(payloads))
	}
}

// TestMaskerTakesFramesInPieces of any size (RFC 6455 section 5.3).
func TestMaskerTakesFramesInPieces(t *testing.T) {
	stream, payloads := maskable()
	for _, size := range []int{1, 2, 3, 5, 8, 63, 4096, len(stream)} {
		var m masker
		var out []byte
		for p := stream; len(p) > 0; {
			n := min(size, len(p))
			out = m.mask(out, p[:n])
			p = p[n:]
		}
		checkMasked(t, out, payloads)
	}
}

// tight is a wire that takes so much at once, and tells what came.
type tight struct {
	fakeWire
	room int
	got  []byte
	err  error
}

func (w *tight) tryWrite(x, y, z []byte) (int, bool, error) {
	all := append(append(append([]byte(nil), x...), y...), z...)
	n := min(w.room, len(all))
	w.got = append(w.got, all[:n]...)
	w.room -= n
	return n, n < len(all), w.err
}

func (w *tight) write(p []byte, _ time.Duration) error {
	w.got = append(w.got, p...)
	return w.err
}

func (w *tight) holds() bool { return false }

// TestMaskWireHoldsWhatIsNotTaken: what is masked is written before anything else, and
// nothing more is masked until then.
func TestMaskWireHoldsWhatIsNotTaken(t *testing.T) {
	stream, payloads := maskable()
	for _, room := range []int{0, 1, 5, 100, 40_000, 1 << 20} {
		below := &tight{room: room}
		w := &maskWire{wire: below}
		at := 1000
		n, blocked, err := w.tryWrite(stream[:10], nil, stream[10:at])
		if err != nil || n != at || blocked != (room < at) {
			t.Fatalf("room for %d: took %d, blocked %v, %v", room, n, blocked, err)
		}
		if blocked {
			if n, blocked, err := w.tryWrite(stream[at:], nil, nil); n != 0 || !blocked || err != nil {
				t.Fatalf("room for %d: took %d more, blocked %v, %v", room, n, blocked, err)
			}
			if len(w.held) > maskChunk+100 {
				t.Errorf("%d bytes are held", len(w.held))
			}
			if err := w.write(nil, 0); err != nil || w.holds() {
				t.Fatalf("holds %v after a write, %v", w.holds(), err)
			}
		}
		if err := w.write(stream[at:], 0); err != nil {
			t.Fatal(err)
		}
		checkMasked(t, below.got, payloads)
		if keys := w.keyBytes.Load(); keys != uint64(4*len(payloads)) {
			t.Errorf("%d bytes of keys", keys)
		}
	}
	broken := errors.New("broken")
	w := &maskWire{wire: &tight{err: broken}}
	if _, _, err := w.tryWrite(stream, nil, nil); err != broken {
		t.Error(err)
	}
	if err := w.write(stream, 0); err != broken {
		t.Error(err)
	}
}

// TestHeadersOfAServerHaveNoMask (RFC 6455 section 5.1).
func TestHeadersOfAServerHaveNoMask(t *testing.T) {
	stream, payloads := maskable()
	for i, want := range payloads {
		h, ok, err := parseHeader(stream, false)
		if err != nil || !ok || h.n != int64(len(want)) || h.mask != 0 {
			t.Fatalf("frame %d: %+v, %v, %v", i, h, ok, err)
		}
		if _, ok, err := parseHeader(stream[:h.size-1], false); ok || err != nil {
			t.Errorf("frame %d: a part of a header is ok %v, %v", i, ok, err)
		}
		stream = stream[h.size+int(h.n):]
	}
	if _, _, err := parseHeader(wstest.Text("x").Bytes(), false); err == nil || err.Code != 1002 {
		t.Errorf("a masked frame: %v", err)
	}
}

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{32, 1 << 10, 64 << 10} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			frame := append(AppendHeader(nil, finBit|opBinary, n), make([]byte, n)...)
			var m masker
			var out []byte
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				out = m.mask(out[:0], frame)
			}
		})
	}
}

// TestMaskerCountsFarther than an int does: 1 << 29 frames are too many bytes of keys for
// one of 32 bits.
func TestMaskerCountsFarther(t *testing.T) {
	stream, payloads := maskable()
	for _, keys := range []uint64{1<<29 - 16, 1<<30 - 16, 1<<61 - 16, 1<<62 - 16} {
		m := masker{keys: keys}
		for range 3 {
			checkMasked(t, m.mask(nil, stream), payloads)
		}
	}
}
