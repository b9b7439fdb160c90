package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// teller is a recorder that notes which frames were sent.
type teller struct {
	recorder
	mu   sync.Mutex // guards list
	list []string
}

func (r *teller) Sent(first byte, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, fmt.Sprintf("%02x %d", first, n))
}

func newTeller(t *testing.T, w wire, raw []byte, edit ...func(*Settings)) *teller {
	r := &teller{recorder: recorder{Conn: new(Conn), done: make(chan struct{})}}
	set := testSettings(edit...)
	set.Sent = true
	r.Init(NewService(), set, Wire{w}, nil, nil, r)
	r.Attach()
	r.HoldBack()
	r.Open()
	r.Answer(raw)
	r.idle()
	t.Cleanup(func() {
		r.Abort(io.ErrClosedPipe)
		r.Finish()
		r.Linger()
	})
	return r
}

// S-29: each frame is told once, in the order of the wire, with its size: whole ones and
// fragments, of files too, control frames and the close frame, in however many pieces
// they leave.
func TestSentTellsTheFramesOfTheWire(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 6))
			w := &fileFake{}
			if seed > 0 {
				w.take = func(n int) int {
					return []int{n, rnd.IntN(n + 1), min(n, rnd.IntN(4)), 0}[rnd.IntN(4)]
				}
			}
			raw := []byte("HTTP/1.1 101 Switching Protocols\r\n\r\n")
			r := newTeller(t, w, raw, func(s *Settings) {
				s.MaxFrame = []int{0, 7, 300}[seed%3]
				s.Queue.MaxBytes = 1 << 30
			})
			size := func() int {
				n := []int{0, 1, 125, 126, 3000, 65535, 65536, 80_000}[rnd.IntN(8)]
				if r.set.MaxFrame == 7 {
					n = min(n, 3000)
				}
				return n
			}
			for range 20 {
				switch rnd.IntN(6) {
				case 0, 1:
					f := bytesOf('m', size())
					f.Max = r.set.MaxFrame
					must(t, r.Send(f))
				case 2:
					must(t, r.Send(Frame{First: finBit | opText, Payload: bytes.Repeat([]byte{'t'}, rnd.IntN(100))}))
				case 3:
					must(t, r.SendControl(opPing, make([]byte, rnd.IntN(126))))
				case 4:
					must(t, sendStream(&r.recorder, StreamConfig{Total: -1}, make([]byte, rnd.IntN(size()+2*size()+1))))
				case 5:
					if r.set.MaxFrame == 7 {
						break
					}
					s := r.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
					if _, err := s.ReadFrom(fileOf(t, make([]byte, streamChunk+rnd.IntN(2*maxSpan)))); err != nil {
						t.Fatal(err)
					}
					must(t, s.Close())
				}
				if rnd.IntN(3) == 0 {
					synctest.Wait()
				}
			}
			must(t, r.CloseWith(4000, "bye", true, client.ErrCloseCalled))
			synctest.Wait()
			var want []string
			for _, f := range outFrames(t, w.written()[len(raw):]) {
				first := byte(f.Op)
				if !f.More {
					first |= finBit
				}
				want = append(want, fmt.Sprintf("%02x %d", first, len(f.Payload)))
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if !slices.Equal(r.list, want) {
				t.Errorf("seed %d: told are\n%q\nwritten were\n%q", seed, r.list, want)
			}
		})
	}
}

// S-29: what never left is not told: half a frame when the connection is lost, and the
// part of a file that is not there counts as what stands in for it.
func TestSentTellsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{take: func(n int) int { return min(n, 10) }, gate: make(chan struct{})}
		r := newTeller(t, w, nil)
		must(t, r.Send(bytesOf('a', 8)))
		must(t, r.Send(bytesOf('b', 30)))
		r.Abort(errors.New("enough"))
		synctest.Wait()
		if !slices.Equal(r.list, []string{"82 8"}) {
			t.Errorf("told are %q", r.list)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := &fileFake{}
		r := newTeller(t, w, nil)
		f := fileOf(t, make([]byte, 2*streamChunk))
		s := r.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
		src := s.span(f)
		_ = os.Truncate(f.Name(), 100)
		if _, err := s.sendSpans(src); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("sending it = %v", err)
		}
		synctest.Wait()
		if want := []string{fmt.Sprintf("02 %d", 2*streamChunk), "88 20"}; !slices.Equal(r.list, want) {
			t.Errorf("told are %q, want %q", r.list, want)
		}
	})
}

// S-29: compressed frames have their bit, on the first of a message.
func TestSentTellsOfCompression(t *testing.T) {
	w := &fakeWire{}
	r := newTeller(t, w, nil, func(s *Settings) { s.MaxFrame = 100 })
	z := newZipping()
	z.send(t, &r.recorder, lines(1, 100))
	s := r.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1, Zip: z, Lock: &z.mu})
	s.Write(lines(2, 2000))
	must(t, s.Close())
	var want []string
	for in := bytes.NewReader(w.written()); in.Len() > 0; {
		f, err := wstest.ReadFrame(in, false, wstest.RSV1)
		if err != nil {
			t.Fatal(err)
		}
		first := byte(f.Op) | f.RSV
		if !f.More {
			first |= finBit
		}
		want = append(want, fmt.Sprintf("%02x %d", first, len(f.Payload)))
	}
	if !slices.Equal(r.list, want) || len(want) < 3 || want[0][0] != 'c' || want[1][0] != '4' {
		t.Errorf("told are %q, want %q", r.list, want)
	}
}
