package transport

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/icsws/icsws/internal/wstest"
)

// What is sent for the last message that is here goes at once; what is sent for those
// before it, and what an event sends besides, waits for company.
func TestAnswerToTheLastMessageGoesAtOnce(t *testing.T) {
	frames := func(texts ...string) []byte {
		var b []byte
		for _, s := range texts {
			b = append(b, wstest.Text(s).Bytes()...)
		}
		return b
	}
	for _, tt := range []struct {
		name    string
		script  [][]byte
		replies int
		want    []int // writes when the events begin, and in the end
	}{
		{"one message, one reply", [][]byte{frames("a")}, 1, []int{0, 1}},
		{"its reply takes those of the batch along", [][]byte{frames("a", "b", "c")}, 1, []int{0, 0, 0, 1}},
		{"the rest of the next is not here", [][]byte{append(frames("a"), frames("b")[:3]...), frames("b")[3:]}, 1, []int{0, 0, 1}},
		{"several replies: the first time only", [][]byte{frames("a"), frames("b"), frames("c")}, 3, []int{0, 1, 1, 2}},
		{"a pause between", [][]byte{frames("a"), frames("b")}, 1, []int{0, 1, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &fakeWire{script: tt.script, end: io.EOF}
			r := newRecorder(testSettings(), w, nil)
			var got []int
			r.onMessage = func(byte, []byte) {
				got = append(got, w.writes)
				for range tt.replies {
					must(t, r.Send(text("reply")))
				}
			}
			r.run()
			got = append(got, w.writes)
			if !slices.Equal(got, tt.want) {
				t.Errorf("writes %v, want %v", got, tt.want)
			}
			if n := bytes.Count(w.written(), []byte("reply")); n != tt.replies*(len(tt.want)-1) {
				t.Errorf("%d replies", n)
			}
		})
	}
}

// What others broadcast to a client that is inside of an event waits, and the answer with
// it.
func TestBroadcastIsNoAnswer(t *testing.T) {
	w := &fakeWire{script: [][]byte{wstest.Text("a").Bytes()}, end: io.EOF}
	r := newRecorder(testSettings(), w, nil)
	all := text("to all")
	r.onMessage = func(byte, []byte) {
		must(t, r.Send(Frame{Whole: all.append(nil)}))
		must(t, r.Send(text("reply")))
		if w.writes != 0 {
			t.Errorf("%d writes inside of the event", w.writes)
		}
	}
	r.run()
	if wantStory(t, w.written(), "1:to all", "1:reply"); w.writes != 1 {
		t.Errorf("%d writes", w.writes)
	}
}
