package deflate

import (
	"bytes"
	"errors"
	"testing"
)

// pair is two ends of the same connection: one takes whole messages, the other
// one streams them. The standard library is at a third.
type pair struct {
	append, stream *Decompressor
	std            *standard
}

func newPair(p Params) *pair {
	d := NewDecompressor(p)
	return &pair{d, NewDecompressor(p), &standard{window{size: d.received.size}}}
}

// inflate fails unless a message means the same to Append, to Stream and to the
// standard library. It returns an error if they refuse it, or if Append alone does
// because it is large and gives little.
func (p *pair) inflate(tb testing.TB, wire []byte, parts ...[]byte) ([]byte, error) {
	tb.Helper()
	want, wantErr := p.std.inflate(wire)
	same := func(name string, d *Decompressor, got []byte, err error) {
		tb.Helper()
		switch {
		case err != nil && wantErr != nil:
			if !errors.Is(err, ErrCorrupt) {
				tb.Fatalf("%s: %v, standard library: %v", name, err, wantErr)
			}
		case err != nil || wantErr != nil:
			tb.Fatalf("%s: %d bytes, %v; standard library: %d bytes, %v", name, len(got), err, len(want), wantErr)
		case !bytes.Equal(got, want):
			tb.Fatalf("%s: %.100q, standard library: %.100q", name, got, want)
		case !bytes.Equal(d.received.buf, p.std.received.buf):
			tb.Fatalf("%s has another history", name)
		}
	}
	got, err := stream(tb, p.stream, parts...)
	same("Stream", p.stream, got, err)
	got, err = p.append.Append(nil, wire, 1<<30)
	if !errors.Is(err, errNoOutput) {
		same("Append", p.append, got, err)
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
		w.put(fixedWords[firstLength].code(), 7)
		w.put(fixedDistWords[sym].code(), 5)
		w.put(uint64(distance-1)&(1<<extra-1), extra)
		w.put(fixedWords[endOfBlock].code(), 7)
		return w.sync()
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
