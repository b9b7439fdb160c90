package wstest

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// samples are messages of all kinds: empty, tiny, repetitive, random, long.
func samples() [][]byte {
	rnd := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 6_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	var words strings.Builder
	for words.Len() < 36_000 {
		fmt.Fprintf(&words, "word%d ", rnd.IntN(300))
	}
	text := []byte(words.String())
	return [][]byte{
		nil, []byte("a"), []byte("Hello"), []byte("Hello"), bytes.Repeat([]byte("x"), 10_000),
		text[:200], text[100:300], noise[:2000], noise[:2000], text, noise, noise[1000:4000], {0xff},
	}
}

// TestDeflateAndInflateAgree sends all samples over every kind of agreement.
func TestDeflateAndInflateAgree(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for _, takeover := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d bits, takeover %v", bits, takeover), func(t *testing.T) {
				out, in := NewDeflater(bits, takeover), NewInflater(bits, takeover)
				for i, want := range samples() {
					payload := out.Deflate(want)
					got, err := in.Inflate(payload)
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("sample %d: %v, %d bytes for %d", i, err, len(got), len(want))
					}
				}
				if in.MaxDistance > 1<<bits || in.MaxDistance < 1<<bits-300 {
					t.Errorf("longest distance is %d: the window of %d is not used up or not kept", in.MaxDistance, 1<<bits)
				}
			})
		}
	}
}

func TestDeflaterIsUnderstoodByTheStandardLibrary(t *testing.T) {
	for _, bits := range []int{8, 11, 15} {
		out := NewDeflater(bits, true)
		var history []byte
		for i, want := range samples() {
			r := flate.NewReaderDict(bytes.NewReader(append(out.Deflate(want), deflateTail+"\x01\x00\x00\xff\xff"...)), history)
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bits, sample %d: %v, %d bytes for %d", bits, i, err, len(got), len(want))
			}
			history = append(history, want...)
			history = history[max(0, len(history)-32768):]
		}
	}
}

func TestInflateUnderstandsTheExamples(t *testing.T) { // RFC 7692 section 7.2.3
	for _, tt := range []struct {
		name     string
		payloads []string
	}{
		{"one block", []string{"f248cdc9c90700"}},
		{"shared window", []string{"f248cdc9c90700", "f200110000"}},
		{"no compression", []string{"000500faff48656c6c6f00"}},
		{"final block", []string{"f348cdc9c9070000"}},
		{"two blocks", []string{"f248050000 00ffff cac9c90700"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z := NewInflater(15, true)
			for _, payload := range tt.payloads {
				if got, err := z.Inflate(unhex(t, payload)); err != nil || string(got) != "Hello" {
					t.Errorf("%s: %q, %v", payload, got, err)
				}
			}
		})
	}
}

func TestInflateRefuses(t *testing.T) {
	block := func(write func(b *BlockWriter)) []byte {
		var b BlockWriter
		write(&b)
		return b.Payload()
	}
	for _, tt := range []struct {
		name    string
		payload []byte
	}{
		{"block type 3", []byte{0x06}},
		{"cut in a block", unhex(t, "f248cd")},
		{"stored length that does not match", unhex(t, "000500000048656c6c6f00")},
		{"distance before the beginning", block(func(b *BlockWriter) { b.Literal('a'); b.Match(3, 2) })},
		{"distance over the window", block(func(b *BlockWriter) { b.Stored(make([]byte, 2000)); b.Match(3, 1025) })},
		{"over-subscribed code", unhex(t, "fcffffffffffffffffffff")},
		{"nothing at all", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := NewInflater(10, true).Inflate(tt.payload); !errors.Is(err, ErrBadDeflate) {
				t.Errorf("got %q, %v; want ErrBadDeflate", got, err)
			}
		})
	}
}

func TestInflateWithoutTakeoverForgets(t *testing.T) {
	z := NewInflater(15, false)
	if _, err := z.Inflate(unhex(t, "f248cdc9c90700")); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Inflate(unhex(t, "f200110000")); !errors.Is(err, ErrBadDeflate) {
		t.Errorf("reached into the message before: %v", err)
	}
}

func TestBlockWriterWritesEveryLengthAndDistance(t *testing.T) {
	dict := make([]byte, 32768)
	for i := range dict {
		dict[i] = byte(i * i >> 5)
	}
	for length := minMatch; length <= maxMatch; length++ {
		distance := 1 + (length*997)%32768
		if length == maxMatch {
			distance = 32768
		}
		var b BlockWriter
		b.Stored(dict)
		b.Match(length, distance)
		b.Literal(200, 7)
		b.Final()
		z := NewInflater(15, true)
		got, err := z.Inflate(b.Payload())
		if err != nil || len(got) != len(dict)+length+2 || z.MaxDistance != distance {
			t.Fatalf("length %d, distance %d: %v, %d bytes, distance %d", length, distance, err, len(got), z.MaxDistance)
		}
	}
}

// FuzzInflate compares with the standard library, which has no window to keep.
func FuzzInflate(f *testing.F) {
	for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
		for _, p := range samples() {
			var buf bytes.Buffer
			w, _ := flate.NewWriter(&buf, level)
			w.Write(p[:min(len(p), 2000)])
			w.Flush()
			f.Add(bytes.TrimSuffix(buf.Bytes(), []byte(deflateTail)))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := NewInflater(15, true).Inflate(payload)
		if err != nil {
			return
		}
		want, err := stdInflate(payload)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("% x: %d bytes, the standard library says %d bytes and %v", payload, len(got), len(want), err)
		}
	})
}

// stdInflate goes on behind blocks that are marked as final.
func stdInflate(payload []byte) ([]byte, error) {
	in := bytes.NewReader(append(bytes.Clone(payload), deflateTail...))
	var out []byte
	for in.Len() > 0 {
		p, err := io.ReadAll(flate.NewReaderDict(in, out))
		out = append(out, p...)
		if err != nil && !(err == io.ErrUnexpectedEOF && in.Len() == 0) {
			return out, err
		}
	}
	return out, nil
}
