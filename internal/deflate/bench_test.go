package deflate

import (
	"bytes"
	"fmt"
	"testing"
)

func series(n int) [][]byte {
	msgs := make([][]byte, 64)
	for i := range msgs {
		msgs[i] = jsonLike(n, 1000*i)
	}
	return msgs
}

var benchParams = []struct {
	name string
	p    Params
}{
	{"message", Params{}},
	{"message12", Params{ServerBits: 12}},
	{"context", Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 12, ClientBits: 12}},
	{"context15", Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 15, ClientBits: 12}},
}

func BenchmarkCompress(b *testing.B) {
	for _, bp := range benchParams {
		for _, n := range []int{100, 1 << 10, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%d", bp.name, n), func(b *testing.B) {
				c := NewCompressor(bp.p, 1)
				msgs := series(n)
				var in, out, i int
				buf := make([]byte, 0, 2*n+64)
				b.ReportAllocs()
				for b.Loop() {
					msg := msgs[i%len(msgs)]
					i++
					wire, err := c.Append(buf, msg)
					if err != nil {
						b.Fatal(err)
					}
					c.Extend(msg)
					in, out = in+len(msg), out+len(wire)
				}
				b.ReportMetric(float64(out)/float64(in), "out/in")
				b.ReportMetric(float64(c.MemoryBytes()), "kept")
			})
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, bp := range benchParams {
		if bp.p.ServerBits == 15 {
			continue // as context
		}
		for _, n := range []int{100, 1 << 10, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%d", bp.name, n), func(b *testing.B) {
				peer, d := client(bp.p), NewDecompressor(bp.p)
				var wires [][]byte
				for _, msg := range series(n) {
					wires = append(wires, mustCompress(b, peer, msg))
					peer.Extend(msg)
				}
				buf := make([]byte, 0, n)
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if i == len(wires) { // the client begins anew, and so do we
						i, d.received.buf = 0, d.received.buf[:0]
					}
					if _, err := d.Append(buf, wires[i], int64(n)); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.ReportMetric(float64(d.MemoryBytes()), "kept")
			})
		}
	}
}

// BenchmarkStream is BenchmarkInflate with messages that come as one piece.
func BenchmarkStream(b *testing.B) {
	for _, bp := range benchParams[:3] {
		for _, n := range []int{100, 1 << 10, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%d", bp.name, n), func(b *testing.B) {
				peer, d := client(bp.p), NewDecompressor(bp.p)
				var wires [][]byte
				for _, msg := range series(n) {
					wires = append(wires, mustCompress(b, peer, msg))
					peer.Extend(msg)
				}
				buf := make([]byte, 0, n)
				emit := func(p []byte) error { buf = append(buf, p...); return nil }
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if i == len(wires) { // the client begins anew, and so do we
						i, d.received.buf = 0, d.received.buf[:0]
					}
					buf = buf[:0]
					s := d.Stream()
					if err := s.Write(wires[i], emit); err != nil {
						b.Fatal(err)
					}
					if err := s.Finish(); err != nil {
						b.Fatal(err)
					}
					i++
				}
			})
		}
	}
}

func BenchmarkJunk(b *testing.B) {
	for name, wire := range junk(64 << 10) {
		b.Run(name, func(b *testing.B) {
			d := NewDecompressor(Params{})
			for b.Loop() {
				d.Append(nil, wire, 1<<20)
			}
		})
		b.Run(name+", streamed", func(b *testing.B) {
			d := NewDecompressor(Params{})
			b.SetBytes(int64(len(wire)))
			for b.Loop() {
				s := d.Stream()
				s.Write(wire, func([]byte) error { return nil })
				s.Release()
			}
		})
	}
}

func BenchmarkBomb(b *testing.B) {
	bomb := newStdClient(b, 1, false).compress(make([]byte, 64<<20))
	d := NewDecompressor(Params{})
	b.ReportAllocs()
	for b.Loop() {
		d.Append(nil, bomb, 1<<20)
	}
}

func BenchmarkInflateMegabytes(b *testing.B) {
	for i, name := range []string{"json", "random", "zeros"} {
		wire := bytes.Clone(newStdClient(b, 6, false).compress(megabytes()[i]))
		for _, room := range []int{0, 1 << 20} {
			b.Run(fmt.Sprintf("%s/room %d", name, room), func(b *testing.B) {
				d, buf := NewDecompressor(Params{}), make([]byte, 0, room)
				b.SetBytes(1 << 20)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := d.Append(buf, wire, 1<<20); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkStreamOfMegabytes(b *testing.B) {
	for i, name := range []string{"json", "random", "zeros"} {
		b.Run(name, func(b *testing.B) {
			wire := newStdClient(b, 6, false).compress(megabytes()[i])
			d := NewDecompressor(Params{})
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				s := d.Stream()
				s.Write(wire, func([]byte) error { return nil })
				if err := s.Finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
