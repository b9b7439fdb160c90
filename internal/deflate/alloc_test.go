package deflate

import (
	"fmt"
	"testing"
)

func TestUnfinishedStreamsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool lose things at random")
	}
	d := NewDecompressor(Params{})
	if got := testing.AllocsPerRun(200, func() { d.Stream() }); got != 0 {
		t.Errorf("%v allocations for a stream that takes the place of another", got)
	}
}

func TestMessagesDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool lose things at random")
	}
	for _, p := range []Params{
		{},
		{ServerBits: 9},
		{ServerTakeover: true, ClientTakeover: true, ServerBits: 12, ClientBits: 12},
		{ServerTakeover: true, ClientTakeover: true},
	} {
		for _, n := range []int{0, 100, 1 << 10, 40 << 10} {
			t.Run(fmt.Sprintf("%+v, %d bytes", p, n), func(t *testing.T) {
				c, peer, d := NewCompressor(p, 1), client(p), NewDecompressor(p)
				msg := jsonLike(n, 1)
				out, back := make([]byte, 0, n+64), make([]byte, 0, n)
				round := func() {
					out, _ = c.Append(out[:0], msg)
					c.Extend(msg)
					out, _ = peer.Append(out[:0], msg)
					peer.Extend(msg)
					var err error
					if back, err = d.Append(back[:0], out, int64(n)); err != nil || len(back) != n {
						t.Fatalf("%d bytes came back, %v", len(back), err)
					}

					out, _ = peer.Append(out[:0], msg)
					peer.Extend(msg)
					back = back[:0]
					s := d.Stream()
					emit := func(p []byte) error { back = append(back, p...); return nil }
					for part := out; len(part) > 0 && err == nil; part = part[min(len(part), 1000):] {
						err = s.Write(part[:min(len(part), 1000)], emit)
					}
					if end := s.Finish(); err != nil || end != nil || len(back) != n {
						t.Fatalf("%d bytes were streamed, %v, %v", len(back), err, end)
					}
				}
				for range 100 { // until the histories are full
					round()
				}
				if got := testing.AllocsPerRun(200, round); got != 0 {
					t.Errorf("%v allocations a round", got)
				}
			})
		}
	}
}
