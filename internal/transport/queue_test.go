package transport

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func TestRestOfAPartialWrite(t *testing.T) {
	cork, head, body := []byte("cork"), []byte("head"), []byte("payload")
	all := bytes.Join([][]byte{cork, head, body}, nil)
	for n := 0; n <= len(all); n++ {
		c := &Conn{outbound: outbound{queue: &nothing}}
		c.queueRestLocked(&attempt{cork: cork, head: head, body: body, n: n}, &Frame{})
		if n == len(all) {
			if !c.queue.empty() {
				t.Fatalf("all is written, and %d entries are left", len(c.queue.entries))
			}
			continue
		}
		if c.queue.bytes != len(all)-n || !c.queue.front().mid {
			t.Fatalf("after %d bytes: %d bytes wait, mid %v", n, c.queue.bytes, c.queue.front().mid)
		}
		if got := c.queue.pop(); !bytes.Equal(got.b, all[n:]) || got.loose || !c.queue.empty() {
			t.Fatalf("after %d bytes the rest is %q, want %q", n, got.b, all[n:])
		}
	}
	if string(cork)+string(head)+string(body) != string(all) {
		t.Error("a piece was changed")
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
		if q.messages < 5 || q.messages < 50 && rnd.IntN(2) == 0 {
			push()
		} else {
			want := (&Frame{First: 0x82, Payload: fmt.Append(nil, out)}).append(nil)
			if got := q.pop(); !bytes.Equal(got.b, want) {
				t.Fatalf("entry %d is %q, want %q", out, got.b, want)
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
	c := &Conn{outbound: outbound{queue: &nothing}}
	body := bytes.Repeat([]byte("s"), joinLimit)
	shared := append(make([]byte, 0, 2*joinLimit), (&Frame{First: 0x82, Payload: body}).append(nil)...)
	small := append(make([]byte, 0, 100), "\x82\x05small"...)
	c.ownQueueLocked().push(&Frame{Whole: shared}, true)
	c.ownQueueLocked().push(&Frame{First: 0x82, Payload: []byte("second")}, true)
	c.ownQueueLocked().push(&Frame{Whole: small}, true)
	c.ownQueueLocked().push(&Frame{First: 0x82, Payload: []byte("fourth")}, true)
	if n := len(c.queue.entries); n != 2 {
		t.Errorf("%d entries, want the shared one and one for the small ones", n)
	}
	c.ownQueueLocked().push(&Frame{First: 0x82, Payload: make([]byte, corkLimit)}, true)
	c.ownQueueLocked().push(&Frame{First: 0x82, Payload: make([]byte, 2*corkLimit)}, true)
	var got []byte
	for !c.queue.empty() {
		got = append(got, c.gatherLocked().b...)
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
		held := cap(q.entries) * int(unsafe.Sizeof(entry{}))
		for _, e := range q.entries {
			held += cap(e.b)
		}
		if held > 2*size {
			t.Errorf("%d bytes of frames are held in %d (whole %v)", size, held, whole)
		}
	}
}
