package deflate

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
)

//
func TestStreamOfABombTakesNoMemory(t *testing.T) {
	const size = 64 << 20
	bomb := newStdClient(t, 1, false).compress(make([]byte, size))
	d := NewDecompressor(Params{})
	mustStream(t, d, []byte{0}) // the pool has a decoder now

	n := 0
	emit := func(p []byte) error { n += len(p); return nil }
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := d.Stream()
	err := s.Write(bomb, emit)
	end := s.Finish()
	runtime.ReadMemStats(&after)

	if err != nil || end != nil || n != size {
		t.Fatalf("%d bytes, %v, %v", n, err, end)
	}
	// A decoder, if the pool was emptied.
	if n := after.TotalAlloc - before.TotalAlloc; n > 128<<10 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// There is no bound, as the message may have any length: whoever sends it pays as
// much.
func TestStreamTakesInputWithoutOutput(t *testing.T) {
	for name, wire := range junk(1 << 20) {
		t.Run(name, func(t *testing.T) {
			d := NewDecompressor(Params{ClientTakeover: true})
			if got, err := stream(t, d, wire); err != nil || len(got) != 0 && len(got) != 32<<10 {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestPooledDecoderForgetsTheOtherConnection(t *testing.T) {
	secret := NewDecompressor(Params{ClientTakeover: true})
	mustStream(t, secret, newStdClient(t, 1, false).compress(jsonLike(60000, 1)))
	for name, wire := range map[string][]byte{
		"a byte before the first": fixed().symbols('a', firstLength).distance(1).symbols(endOfBlock).wire(),
		"the code of a block":     dynamic(lengths{'a': 1, endOfBlock: 2, firstLength: 2}, nil).symbols('a', firstLength).bits(0, 4).symbols(endOfBlock).wire(),
	} {
		if got, err := stream(t, NewDecompressor(Params{}), wire); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: read %q of another connection, %v", name, got, err)
		}
	}
}

func TestWhatIsBeforeTheErrorComesOut(t *testing.T) {
	text := jsonLike(3000, 1)
	wire := bytes.Clone(newStdClient(t, 6, false).compress(text))
	bad := append(append(wire, 0, 0, 0xff, 0xff), 6)
	for _, parts := range [][][]byte{{bad}, singleBytes(bad)} {
		if got, err := stream(t, NewDecompressor(Params{}), parts...); !errors.Is(err, ErrCorrupt) || !bytes.Equal(got, text) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}
