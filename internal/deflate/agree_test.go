package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"testing"
)

// pair is two ends of the same connection: one takes whole messages, the other
// one streams them.
type pair struct {
	append, stream *Decompressor
	std            *inflater // over the reader of the standard library
}

func newPair(p Params) *pair {
	std := new(inflater)
	std.fr = flate.NewReader(&std.src)
	return &pair{NewDecompressor(p), NewDecompressor(p), std}
}

// inflate fails unless a message means the same to Append and to Stream. It
// returns an error if both refuse it.
//
// There are two differences. Append refuses large input from which little comes
// out. And flate (v1.17.9) decodes distances with the code of some block before
// if the code of the block has no words, where the standard library and Stream
// see an error.
func (p *pair) inflate(tb testing.TB, wire []byte, parts ...[]byte) ([]byte, error) {
	tb.Helper()
	hist := window{bytes.Clone(p.append.received.buf), p.append.received.size}
	want, wantErr := p.append.Append(nil, wire, plenty)
	got, err := stream(tb, p.stream, parts...)
	if wantErr == nil && err != nil {
		want, wantErr = p.std.message(nil, wire, plenty, &hist)
	}
	switch {
	case err != nil && wantErr != nil:
		if !errors.Is(err, ErrCorrupt) || !errors.Is(wantErr, ErrCorrupt) {
			tb.Fatalf("Stream: %v, Append: %v", err, wantErr)
		}
	case errors.Is(wantErr, errNoOutput):
		return nil, wantErr
	case err != nil || wantErr != nil:
		tb.Fatalf("Stream: %d bytes, %v; Append: %d bytes, %v", len(got), err, len(want), wantErr)
	case !bytes.Equal(got, want):
		tb.Fatalf("Stream: %.100q, Append: %.100q", got, want)
	case !bytes.Equal(p.stream.received.buf, p.append.received.buf):
		tb.Fatal("the histories differ")
	}
	return got, err
}

func TestStreamRefusesWhatAppendRefuses(t *testing.T) {
	p := Params{ClientTakeover: true, ClientBits: 9}
	taken := 0
	for name, wire := range shortWires(t) {
		t.Run(name, func(t *testing.T) {
			t.Run("truncated", func(t *testing.T) {
				for n := range wire {
					newPair(p).inflate(t, wire[:n], wire[:n/2], wire[n/2:n])
				}
			})
			t.Run("a bit is wrong", func(t *testing.T) {
				bad := bytes.Clone(wire)
				for bit := 0; bit < 8*len(wire); bit += 1 + len(wire)/200 {
					bad[bit/8] ^= 1 << (bit % 8)
					if _, err := newPair(p).inflate(t, bad, bad[:bit/9], bad[bit/9:]); err == nil {
						taken++
					}
					bad[bit/8] = wire[bit/8]
				}
			})
		})
	}
	if taken == 0 {
		t.Error("no wrong bit gives another message")
	}
}

// A client whose distances are larger than its window is understood as far as
// Append understands it: within the message, but not across messages or, with
// takeover, behind a final block.
func TestStreamReachesAsFarBackAsAppend(t *testing.T) {
	first := randomBytes(1, 40000)
	far := func(distance int) []byte { // a match of 3
		sym, extra := distSymbol(uint32(distance - 1))
		var w bitWriter
		w.reserve(100)
		w.put(fixedBlock, 3)
		w.put(uint64(fixedCodes[firstLength]), 7)
		w.put(uint64(fixedDistCodes[sym]), 5)
		w.put(uint64(distance-1)&(1<<extra-1), extra)
		w.put(uint64(fixedCodes[endOfBlock]), 7)
		return w.sync()
	}
	var stored func(final byte, p []byte) (wire []byte)
	stored = func(final byte, p []byte) (wire []byte) {
		for len(p) > 30000 {
			wire = append(wire, stored(0, p[:30000])...)
			p = p[30000:]
		}
		n := len(p)
		return append(append(wire, final, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8)), p...)
	}
	for _, p := range []Params{{}, {ClientTakeover: true, ClientBits: 9}, {ClientTakeover: true, ClientBits: 15}} {
		window := 0 // kept
		if p.ClientTakeover {
			window = 1 << p.ClientBits
		}
		part := window // behind a final block
		if !p.ClientTakeover {
			part = 32 << 10
		}
		for _, tt := range []struct {
			name         string
			before, wire []byte
			farthest     int
		}{
			{"next message", stored(0, first), nil, window},
			{"next message, short history", stored(0, first[:100]), nil, min(window, 100)},
			{"same message", nil, stored(0, first), 32 << 10},
			{"same message, short", nil, stored(0, first[:300]), 300},
			{"same message and history", stored(0, first[:300]), stored(0, first[300:1000]), 700 + min(window, 300)},
			{"behind a final block", nil, stored(1, first), part},
			{"behind a short final block", nil, stored(1, first[:700]), min(part, 700)},
			{"long behind a final block", nil, append(stored(1, first[:30000]), stored(0, first[:5000])...), min(part, 30000) + 5000},
		} {
			for _, distance := range []int{1, 2, 100, 101, 300, 301, 512, 513, 699, 700, 701, 1000, 1001, 1213, 5511, 5512, 5513, 32767, 32768} {
				pair := newPair(p)
				if tt.before != nil {
					pair.inflate(t, append(tt.before[:len(tt.before):len(tt.before)], 0), tt.before, []byte{0})
				}
				wire := append(tt.wire[:len(tt.wire):len(tt.wire)], far(distance)...)
				if _, err := pair.inflate(t, wire, wire); (err == nil) != (distance <= tt.farthest) {
					t.Errorf("%+v, %s, distance %d: %v", p, tt.name, distance, err)
				}
			}
		}
	}
}
