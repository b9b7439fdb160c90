package transport

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestRestOfAPartialWrite(t *testing.T) {
	pieces := [][]byte{[]byte("cork"), []byte("head"), []byte("payload")}
	all := bytes.Join(pieces, nil)
	for n := 0; n <= len(all); n++ {
		var q queue
		q.pushRest(n, pieces...)
		if n == len(all) {
			if !q.empty() || q.begun {
				t.Fatalf("all is written, and %d entries are left", q.len())
			}
			continue
		}
		if !q.begun || q.len() != 1 {
			t.Fatalf("after %d bytes: begun %v, %d entries", n, q.begun, q.len())
		}
		if got := q.pop(); !bytes.Equal(got, all[n:]) || q.begun || !q.empty() {
			t.Fatalf("after %d bytes the rest is %q, want %q", n, got, all[n:])
		}
	}
	for i, p := range pieces {
		if string(p) != []string{"cork", "head", "payload"}[i] {
			t.Errorf("a piece was changed to %q", p)
		}
	}
}

// TestQueueIsFirstInFirstOut also holds that a queue which is never empty does
// not grow with what has passed through it.
func TestQueueIsFirstInFirstOut(t *testing.T) {
	var q queue
	in, out := 0, 0
	rnd := rand.New(rand.NewPCG(3, 3))
	push := func() {
		q.push(&Frame{First: 0x82, Payload: fmt.Append(nil, in)}, false)
		in++
	}
	for range 5 {
		push()
	}
	most := 0
	for range 100_000 {
		if q.len() < 5 || q.len() < 50 && rnd.IntN(2) == 0 {
			push()
		} else {
			want := (&Frame{First: 0x82, Payload: fmt.Append(nil, out)}).append(nil)
			if got := q.pop(); !bytes.Equal(got, want) {
				t.Fatalf("entry %d is %q, want %q", out, got, want)
			}
			out++
		}
		most = max(most, cap(q.entries))
	}
	if most > 1000 {
		t.Errorf("room for %d entries, though there were 50 at most", most)
	}
}

// TestGatheringKeepsSharedFrames: small frames leave together, and one that is
// shared with other connections is not written to.
func TestGatheringKeepsSharedFrames(t *testing.T) {
	c := new(Conn)
	body := bytes.Repeat([]byte("s"), joinLimit)
	shared := append(make([]byte, 0, 2*joinLimit), (&Frame{First: 0x82, Payload: body}).append(nil)...)
	small := append(make([]byte, 0, 100), "\x82\x05small"...)
	c.queue.push(&Frame{Whole: shared}, true)
	c.queue.push(&Frame{First: 0x82, Payload: []byte("second")}, true)
	c.queue.push(&Frame{Whole: small}, true)
	c.queue.push(&Frame{First: 0x82, Payload: []byte("fourth")}, true)
	if n := c.queue.len(); n != 2 {
		t.Errorf("%d entries, want the shared one and one for the small ones", n)
	}
	c.queue.push(&Frame{First: 0x82, Payload: make([]byte, corkLimit)}, true)
	c.queue.push(&Frame{First: 0x82, Payload: make([]byte, 2*corkLimit)}, true)
	var got []byte
	for !c.queue.empty() {
		b := c.gatherLocked()
		got = append(got, b...)
	}
	want := append(AppendHeader(nil, 0x82, len(body)), body...)
	want = append(want, "\x82\x06second\x82\x05small\x82\x06fourth"...)
	want = append(AppendHeader(want, 0x82, corkLimit), make([]byte, corkLimit)...)
	want = append(AppendHeader(want, 0x82, 2*corkLimit), make([]byte, 2*corkLimit)...)
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came out, want %d", len(got), len(want))
	}
	for _, b := range [][]byte{shared, small} {
		if tail := b[len(b):cap(b)]; !bytes.Equal(tail, make([]byte, len(tail))) {
			t.Error("a shared frame was written to")
		}
	}
}

// TestTinyFramesCostLittleInTheQueue: a bound on bytes is a bound on memory.
func TestTinyFramesCostLittleInTheQueue(t *testing.T) {
	for _, whole := range []bool{false, true} {
		var q queue
		const size = 1 << 20
		f := Frame{First: 0x82, Payload: []byte{1}}
		if whole {
			f = Frame{Whole: f.append(nil)}
		}
		for range size / f.Size() {
			q.push(&f, true)
		}
		held := cap(q.entries) * 24
		for _, b := range q.entries {
			held += cap(b)
		}
		if held > 2*size {
			t.Errorf("%d bytes of frames are held in %d (whole %v)", size, held, whole)
		}
	}
}
