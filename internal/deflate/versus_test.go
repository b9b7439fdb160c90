package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	kflate "github.com/klauspost/compress/flate"
)

// updates are different texts of n bytes, such as a JSON protocol sends them: a list
// of items, below 200 bytes a single one, with as much noise as such messages have.
func updates(count, n int) [][]byte {
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"}
	texts := make([][]byte, count)
	for i := range texts {
		r := rand.New(rand.NewPCG(uint64(i+1), 7692))
		var b bytes.Buffer
		date := func() string {
			return fmt.Sprintf("2026-01-%02dT%02d:%02d:%02dZ", 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
		}
		if n < 200 {
			fmt.Fprintf(&b, `{"type":"price","id":%d,"price":%d.%02d,"ts":"%s","by":"`, r.IntN(1e6), r.IntN(5000), r.IntN(100), date())
		} else {
			fmt.Fprintf(&b, `{"type":"update","seq":%d,"items":[`, i)
			for b.Len() < n-122 {
				fmt.Fprintf(&b, `{"id":%d,"name":"%s-%d","price":%d.%02d,"active":%t,"ts":"%s"},`,
					r.IntN(1e6), words[r.IntN(len(words))], r.IntN(1000), r.IntN(5000), r.IntN(100), r.IntN(2) == 0, date())
			}
			b.Truncate(b.Len() - 1)
			b.WriteString(`],"pad":"`)
		}
		for b.Len() < n-2 {
			b.WriteByte(byte('a' + r.IntN(26)))
		}
		b.WriteString(`"}`)
		texts[i] = b.Bytes()
	}
	return texts
}

// fromClient are the texts as a client compresses them, at the level of browsers and
// zlib. With a window each may refer to those before it, but never past the first,
// so that the sequence stays valid when it is sent over and over.
func fromClient(tb testing.TB, texts [][]byte, window int) [][]byte {
	tb.Helper()
	wires := make([][]byte, len(texts))
	var history []byte
	for i, text := range texts {
		var out bytes.Buffer
		room := max(0, window-len(text))
		fw, err := flate.NewWriterDict(&out, 6, history[max(0, len(history)-room):])
		if err != nil {
			tb.Fatal(err)
		}
		fw.Write(text)
		fw.Flush()
		wires[i] = bytes.TrimSuffix(out.Bytes(), []byte(syncTail))
		history = append(history, text...)
	}
	return wires
}

// A pooledPeer is what raw gws does for a message, on windows of 15 bits without
// takeover and of 12 with it: writers and readers of klauspost/compress that serve
// all connections in turn, and a window for each connection that primes them.
type pooledPeer struct {
	w        *kflate.Writer
	r        io.ReadCloser
	in, out  bytes.Buffer
	copied   []byte
	window   []byte
	takeover bool
}

func newPooledPeer(tb testing.TB, takeover bool) *pooledPeer {
	tb.Helper()
	p := &pooledPeer{takeover: takeover, r: kflate.NewReader(nil), copied: make([]byte, 32<<10)}
	var err error
	if takeover {
		p.w, err = kflate.NewWriterWindow(nil, 4096)
	} else {
		p.w, err = kflate.NewWriter(nil, 1)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func (p *pooledPeer) compress(msg []byte) []byte {
	p.out.Reset()
	p.w.ResetDict(&p.out, p.window)
	p.w.Write(msg)
	p.w.Flush()
	p.slide(msg)
	return bytes.TrimSuffix(p.out.Bytes(), []byte(syncTail))
}

func (p *pooledPeer) inflate(wire []byte) []byte {
	p.in.Reset()
	p.in.Write(wire)
	p.in.WriteString(stdTail)
	p.out.Reset()
	p.r.(kflate.Resetter).Reset(&p.in, p.window)
	io.CopyBuffer(struct{ io.Writer }{&p.out}, p.r, p.copied)
	p.slide(p.out.Bytes())
	return p.out.Bytes()
}

func (p *pooledPeer) slide(msg []byte) {
	if !p.takeover {
		return
	}
	if p.window == nil {
		p.window = make([]byte, 0, 4096)
	}
	msg = msg[max(0, len(msg)-4096):]
	if drop := len(p.window) + len(msg) - 4096; drop > 0 {
		p.window = p.window[:copy(p.window, p.window[drop:])]
	}
	p.window = append(p.window, msg...)
}

// versus calls both with the numbers of all messages, in turns, and reports the time
// of ours, by the clock, and what part of the peer's it is: the median of the rounds.
func versus(b *testing.B, messages int, ours, peer func(i int)) {
	b.Helper()
	var ratios []float64
	var spent time.Duration
	n := 0
	round := func(f func(int)) time.Duration {
		t := time.Now()
		for range 1 + 512/messages {
			for i := range messages {
				f(i)
			}
		}
		return time.Since(t)
	}
	round(ours)
	round(peer)
	for b.Loop() {
		o, p := round(ours), round(peer)
		spent += o
		n += (1 + 512/messages) * messages
		ratios = append(ratios, float64(o)/float64(p))
	}
	slices.Sort(ratios)
	b.ReportMetric(float64(spent.Nanoseconds())/float64(n), "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "x-peer")
}

// BenchmarkVersusPooled compares with [pooledPeer].
func BenchmarkVersusPooled(b *testing.B) {
	for _, takeover := range []bool{false, true} {
		mode, p := "message", Params{}
		if takeover {
			mode, p = "context", Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 12, ClientBits: 12}
		}
		for _, n := range []int{100, 1 << 10, 16 << 10} {
			texts := updates(64, n)
			b.Run(fmt.Sprintf("compress/%s/%d", mode, n), func(b *testing.B) {
				c, peer := NewCompressor(p, 1), newPooledPeer(b, takeover)
				buf := make([]byte, 0, 2*n+64)
				in, out, theirs := 0, 0, 0
				versus(b, len(texts), func(i int) {
					wire, err := c.Append(buf, texts[i])
					if err != nil {
						b.Fatal(err)
					}
					c.Extend(texts[i])
					in, out = in+n, out+len(wire)
				}, func(i int) { theirs += len(peer.compress(texts[i])) })
				b.ReportMetric(float64(out)/float64(in), "out/in")
				b.ReportMetric(float64(theirs)/float64(in), "peer-out/in")
				b.ReportMetric(float64(c.MemoryBytes()), "kept")
			})
			b.Run(fmt.Sprintf("inflate/%s/%d", mode, n), func(b *testing.B) {
				window := 0
				if takeover {
					window = 4096
				}
				wires := fromClient(b, texts, window)
				d, peer := NewDecompressor(p), newPooledPeer(b, takeover)
				buf := make([]byte, 0, n)
				versus(b, len(texts), func(i int) {
					if msg, err := d.Append(buf, wires[i], int64(n)); err != nil || len(msg) != n {
						b.Fatal(len(msg), err)
					}
				}, func(i int) {
					if got := peer.inflate(wires[i]); len(got) != n {
						b.Fatal(len(got))
					}
				})
				b.ReportMetric(float64(d.MemoryBytes()), "kept")
			})
		}
	}
}
