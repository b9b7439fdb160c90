package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// zipping is a compressor with a window, and its lock.
type zipping struct {
	*deflate.Compressor
	mu sync.Mutex
}

func newZipping() *zipping {
	return &zipping{Compressor: deflate.NewCompressor(deflate.Params{ServerTakeover: true, ServerBits: 12}, 1)}
}

// send sends p as the engine does.
func (z *zipping) send(t *testing.T, c *recorder, p []byte) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	out, err := z.Append(nil, p)
	must(t, err)
	must(t, c.Send(Frame{First: finBit | rsv1Bit | opBinary, Payload: out, Kept: true}))
	z.Extend(p)
}

// inflated makes messages of what was written.
func inflated(t *testing.T, out []byte) (list []wstest.Message) {
	t.Helper()
	j := wstest.Joiner{Inflater: wstest.NewInflater(12, true)}
	for in := bytes.NewReader(out); in.Len() > 0; {
		f, err := wstest.ReadFrame(in, false, wstest.RSV1)
		if err != nil {
			t.Fatalf("a frame behind %d messages: %v", len(list), err)
		}
		if f.Op.IsControl() {
			continue
		}
		m, whole, err := j.Add(f)
		if err != nil {
			t.Fatalf("message %d: %v", len(list), err)
		}
		if whole {
			list = append(list, m)
		}
	}
	return list
}

// lines are n bytes of text that compresses well, different for each seed.
func lines(seed, n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d of %d says hello to everybody\n", i*7+seed, seed)
	}
	return b.Bytes()[:n]
}

// S-03, S-27: a compressed message in pieces that fails before its first fragment is
// sent costs nothing: the window has nothing of it.
func TestStreamThatNeverBeganLeavesTheWindowAlone(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *recorder, cancel context.CancelFunc)
		want error
	}{
		{"ctx", func(_ *recorder, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"Interrupt", func(c *recorder, _ context.CancelFunc) { c.Interrupt() }, client.ErrInterrupted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &fakeWire{}
			c := outgoing(t, w)
			z := newZipping()
			z.send(t, c, lines(1, 300))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := c.NewStream(StreamConfig{Context: ctx, Op: client.OpBinary, Total: -1, Zip: z, Lock: &z.mu})
			src := sourceFunc(func(p []byte) (int, error) {
				tt.end(c, cancel) // while the source is read
				return copy(p, lines(2, 3000)), nil
			})
			if _, err := s.ReadFrom(src); !errors.Is(err, tt.want) {
				t.Errorf("ReadFrom = %v, want %v", err, tt.want)
			}
			if c.State() != stateOpen {
				t.Error("the connection ends, though nothing was sent")
			}
			z.send(t, c, lines(2, 400)) // which refers to what was never sent, if the window has it
			must(t, c.Flush())
			got := inflated(t, w.written())
			if len(got) != 2 || !bytes.Equal(got[1].Data, lines(2, 400)) {
				t.Errorf("%d messages arrive", len(got))
			}
		})
	}
}

// S-03, S-07, S-27: a compressed message in pieces is one message for the peer's window,
// with whole messages before, behind and meanwhile.
func TestCompressedStreamKeepsTheWindow(t *testing.T) {
	for _, max := range []int{0, 1, 125, 126, 4096, 70_000} {
		for _, size := range []int{0, 1, streamChunk - 1, streamChunk, streamChunk + 1, 3*streamChunk + 5} {
			w := &fakeWire{}
			c := outgoing(t, w, func(s *Settings) { s.MaxFrame = max })
			z := newZipping()
			var want [][]byte
			whole := func(n int) {
				want = append(want, lines(n, 200+n))
				z.send(t, c, want[len(want)-1])
			}
			whole(1)
			s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1, Zip: z, Lock: &z.mu})
			data := lines(size, size)
			if _, err := s.ReadFrom(bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			must(t, s.Close())
			want = append(want, data)
			whole(2)
			s = c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1, Zip: z, Lock: &z.mu})
			for i := 0; i < len(data); i += 10_000 {
				s.Write(data[i:min(i+10_000, len(data))])
				must(t, s.Flush())
			}
			must(t, s.Close())
			want = append(want, data)
			whole(3)
			must(t, c.Flush())
			got := inflated(t, w.written())
			if len(got) != len(want) {
				t.Fatalf("max %d, size %d: %d messages arrive, want %d", max, size, len(got), len(want))
			}
			for i, m := range got {
				if !bytes.Equal(m.Data, want[i]) || !m.Compressed {
					t.Fatalf("max %d, size %d: message %d is damaged", max, size, i)
				}
			}
			if n := c.Counters(); n.MessagesOut != 5-0 && n.MessagesOut != uint64(len(want)) || n.Buffered != 0 || n.BytesOut != uint64(len(w.written())) {
				t.Errorf("max %d, size %d: %+v with %d bytes on the wire", max, size, n, len(w.written()))
			}
			if max > 0 {
				for in := bytes.NewReader(w.written()); in.Len() > 0; {
					if f, _ := wstest.ReadFrame(in, false, wstest.RSV1); len(f.Payload) > max && want != nil && f.Op == 0 {
						t.Fatalf("max %d: a fragment of %d bytes", max, len(f.Payload))
					}
				}
			}
		}
	}
}

// S-14: Interrupt ends a message in pieces wherever it is, and the connection only
// if a part of it is sent.
func TestInterruptFindsTheStream(t *testing.T) {
	begin := func(c *recorder) *Stream {
		return c.NewStream(StreamConfig{Context: context.Background(), Op: client.OpBinary, Total: -1})
	}
	for _, tt := range []struct {
		name string
		run  func(c *recorder) error
		lost bool // the connection ends with 1011
	}{
		{"the source is read for the first time", func(c *recorder) error {
			_, err := begin(c).ReadFrom(sourceFunc(func(p []byte) (int, error) {
				c.Interrupt()
				return len(p), nil
			}))
			return err
		}, false},
		{"it waits for its turn", func(c *recorder) error {
			first := begin(c)
			first.Write([]byte("first"))
			done := make(chan error, 1)
			go func() {
				s := begin(c)
				s.Write([]byte("second"))
				done <- s.Close()
			}()
			synctest.Wait()
			c.Interrupt()
			synctest.Wait()
			return <-done
		}, false},
		{"a fragment is out", func(c *recorder) error {
			s := begin(c)
			s.Write([]byte("one"))
			if err := s.Flush(); err != nil {
				return err
			}
			c.Interrupt()
			s.Write([]byte("two"))
			return s.Flush()
		}, true},
		{"it waits for the peer", func(c *recorder) error {
			c.wire.(*fakeWire).take = func(int) int { return 0 }
			s := begin(c)
			done := make(chan error, 1)
			go func() {
				_, err := s.ReadFrom(bytes.NewReader(make([]byte, 10*streamChunk)))
				done <- err
			}()
			synctest.Wait()
			c.Interrupt()
			return <-done
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeWire{gate: make(chan struct{})}
				c := outgoing(t, w)
				if tt.name == "it waits for its turn" {
					// somebody else has the turn, and has sent nothing
					c.mu.Lock()
					c.flowLocked().taken = &Stream{c: c.Conn}
					c.mu.Unlock()
				}
				c.Interrupt() // harmless: nothing is under way
				if err := tt.run(c); !errors.Is(err, client.ErrInterrupted) {
					t.Errorf("the stream ends with %v", err)
				}
				if lost := c.State() != stateOpen; lost != tt.lost {
					t.Errorf("the connection ends: %v, want %v", lost, tt.lost)
				}
				if tt.lost {
					i := c.Info()
					if e, ok := errors.AsType[*client.StreamError](i.Cause); !ok || i.Code != client.StatusInternalError || !errors.Is(e, client.ErrInterrupted) {
						t.Errorf("it ends with %v", i)
					}
				}
			})
		})
	}
}

// S-14: Interrupt frees a stream whose whole message is queued and that waits only for
// the peer. The message stays whole.
func TestInterruptFreesWhoWaitsForTheLastFragment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{gate: make(chan struct{}), take: func(int) int { return 0 }}
		c := outgoing(t, w)
		must(t, c.Send(bytesOf('a', 3)))
		must(t, c.Flush()) // it holds the stream up
		done := make(chan error, 1)
		go func() { done <- sendStream(c, StreamConfig{Total: -1}, []byte("small")) }()
		synctest.Wait()
		c.Interrupt()
		synctest.Wait()
		select {
		case err := <-done:
			if !errors.Is(err, client.ErrInterrupted) {
				t.Errorf("the stream ends with %v", err)
			}
		default:
			t.Error("the stream still waits")
		}
		close(w.gate)
		synctest.Wait()
		wantStory(t, w.written(), "2:aaa", "2:small")
	})
}

// S-03: the source fails before the first byte, behind it, or says nonsense.
func TestSourceThatFails(t *testing.T) {
	broken := errors.New("disk is gone")
	for _, tt := range []struct {
		name string
		op   client.Opcode
		src  io.Reader
		want error
		sent int64 // in the cause; -1: the connection stays
	}{
		{"at once", client.OpBinary, sourceFunc(func([]byte) (int, error) { return 0, broken }), broken, -1},
		{"with the first bytes", client.OpBinary, sourceFunc(func(p []byte) (int, error) { return 5, broken }), broken, -1},
		{"behind a fragment", client.OpBinary, io.MultiReader(bytes.NewReader(make([]byte, streamChunk)), sourceFunc(func([]byte) (int, error) { return 0, broken })), broken, streamChunk},
		{"behind one byte", client.OpBinary, io.MultiReader(strings.NewReader("x"), sourceFunc(func([]byte) (int, error) { return 0, broken })), broken, 1},
		{"never says anything", client.OpBinary, sourceFunc(func([]byte) (int, error) { return 0, nil }), io.ErrNoProgress, -1},
		{"invalid text at once", client.OpText, strings.NewReader("\xff"), client.ErrInvalidUTF8, -1},
		{"invalid text later", client.OpText, io.MultiReader(strings.NewReader("good"), strings.NewReader("\xff")), client.ErrInvalidUTF8, 4},
		{"text ends in a rune", client.OpText, strings.NewReader("good\xe2\x82"), client.ErrInvalidUTF8, 6},
		{"a count below 0", client.OpBinary, sourceFunc(func([]byte) (int, error) { return -1, nil }), nil, -1},
		{"a count too large", client.OpBinary, sourceFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), nil, -1},
		{"no such kind", 9, strings.NewReader("x"), client.ErrBadOpcode, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &fakeWire{}
			c := outgoing(t, w)
			s := c.NewStream(StreamConfig{Context: t.Context(), Op: tt.op, Total: -1})
			_, err := s.ReadFrom(tt.src)
			if err == nil {
				err = s.Close()
			}
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("the stream ends with %v, want %v", err, tt.want)
			}
			if tt.sent < 0 {
				must(t, c.Send(bytesOf('x', 2)))
				must(t, c.Flush())
				wantStory(t, w.written(), "2:xx")
				return
			}
			i := c.Info()
			if e, ok := errors.AsType[*client.StreamError](i.Cause); !ok || e.Sent != tt.sent || !errors.Is(e, tt.want) || i.Code != client.StatusInternalError || i.Remote {
				t.Errorf("the connection ends with %v", i)
			}
			if got := story(t, w.written()); !strings.HasPrefix(got[len(got)-1], "8:\x03") || !strings.HasSuffix(got[len(got)-2], "+") {
				t.Errorf("on the wire are %q", got)
			}
			if err := s.Close(); err == nil {
				t.Error("Close afterwards returns nil")
			}
		})
	}
}

// S-03: a rune may be cut anywhere, by reads and by frames.
func TestTextIsCutAnywhere(t *testing.T) {
	text := strings.Repeat("aé€😀", 5)
	for n := 1; n < len(text); n++ {
		for _, max := range []int{0, 1, 2, 3, 7} {
			w := &fakeWire{}
			c := outgoing(t, w, func(s *Settings) { s.MaxFrame = max })
			s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpText, Total: int64(len(text))})
			rest := text
			src := sourceFunc(func(p []byte) (int, error) {
				if rest == "" {
					return 0, io.EOF
				}
				k := copy(p[:min(n, len(p))], rest)
				rest = rest[k:]
				return k, nil
			})
			if _, err := s.ReadFrom(src); err != nil {
				t.Fatal(err)
			}
			must(t, s.Close())
			if got := joined(t, w.written()); len(got) != 1 || string(got[0].Data) != text || got[0].Op != wstest.OpText {
				t.Fatalf("%d bytes a read, %d a frame: %q", n, max, story(t, w.written()))
			}
		}
	}
}

// S-08: the length that was announced is held.
func TestAnnouncedLengthIsHeld(t *testing.T) {
	for _, tt := range []struct {
		total  int64
		writes []int
		ok     bool
		lost   bool
	}{
		{0, nil, true, false},
		{0, []int{1}, false, false},
		{5, []int{5}, true, false},
		{5, []int{2, 3}, true, false},
		{5, []int{4}, false, false},
		{5, []int{6}, false, false},
		{5, []int{5, 1}, false, false},
		{streamChunk + 5, []int{streamChunk, 5}, true, false},
		{streamChunk + 5, []int{streamChunk, 4}, false, true},
		{streamChunk + 5, []int{streamChunk, 6}, false, true},
		{-1, []int{1, 2, 3}, true, false},
		{-7, nil, true, false},
	} {
		for _, reads := range []bool{false, true} {
			w := &fakeWire{}
			c := outgoing(t, w)
			s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: tt.total})
			var err error
			sum := 0
			for _, n := range tt.writes {
				sum += n
				if reads {
					_, err = s.ReadFrom(bytes.NewReader(make([]byte, n)))
				} else {
					_, err = s.Write(make([]byte, n))
				}
				if err != nil {
					break
				}
			}
			cerr := s.Close()
			if err == nil {
				err = cerr
			} else if !errors.Is(cerr, err) {
				t.Errorf("%d of %v: Close = %v behind %v", tt.total, tt.writes, cerr, err)
			}
			if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, client.ErrMessageLength) {
				t.Errorf("%d of %v: %v", tt.total, tt.writes, err)
			}
			// A reader is never read ahead of what it may give, so what it gave is sent.
			if lost := c.State() != stateOpen; lost != tt.lost && !(reads && !tt.ok && sum > 0) {
				t.Errorf("%d of %v: the connection ends: %v", tt.total, tt.writes, lost)
			}
			if tt.ok {
				if got := joined(t, w.written()); len(got) != 1 || len(got[0].Data) != sum {
					t.Errorf("%d of %v: %d messages", tt.total, tt.writes, len(got))
				}
				if err := s.Close(); !errors.Is(err, client.ErrClosed) {
					t.Errorf("second Close = %v", err)
				}
			}
		}
	}
}

// S-26: Progress counts what is sent, to the end, with the total or -1; false ends it.
func TestProgressCounts(t *testing.T) {
	type step struct{ sent, total int64 }
	for _, file := range []bool{false, true} {
		for _, total := range []int64{-1, 3*streamChunk + 10} {
			w := &fileFake{}
			c := outgoing(t, w)
			var steps []step
			s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: total, Progress: func(sent, total int64) bool {
				steps = append(steps, step{sent, total})
				return true
			}})
			data := make([]byte, 3*streamChunk+10)
			var src io.Reader = bytes.NewReader(data)
			if file {
				src = fileOf(t, data)
			}
			if _, err := s.ReadFrom(src); err != nil {
				t.Fatal(err)
			}
			must(t, s.Close())
			last := step{}
			for _, p := range steps {
				if p.total != total || p.sent < last.sent {
					t.Errorf("Progress(%d, %d) behind %d", p.sent, p.total, last.sent)
				}
				last = p
			}
			if last.sent != int64(len(data)) || len(steps) < 2 {
				t.Errorf("file %v: the steps are %v", file, steps)
			}
		}
		w := &fileFake{}
		c := outgoing(t, w)
		s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1, Progress: func(sent, _ int64) bool { return sent < 2*streamChunk }})
		var src io.Reader = bytes.NewReader(make([]byte, 100*streamChunk))
		if file {
			src = fileOf(t, make([]byte, 100*streamChunk))
		}
		if _, err := s.ReadFrom(src); !errors.Is(err, client.ErrInterrupted) {
			t.Errorf("file %v: cancelled by Progress: %v", file, err)
		}
		if i := c.Info(); i.Code != client.StatusInternalError {
			t.Errorf("file %v: the connection ends with %v", file, i)
		}
	}
}

// S-03: a file that shrinks while it is sent is told as that, and closes with 1011.
func TestFileThatShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fileFake{}
		c := outgoing(t, w)
		f := fileOf(t, make([]byte, 3*maxSpan))
		s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1, Progress: func(int64, int64) bool {
			_ = os.Truncate(f.Name(), maxSpan+100)
			return true
		}})
		_, err := s.ReadFrom(f)
		if err == nil {
			err = s.Close()
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the stream ends with %v", err)
		}
		synctest.Wait()
		i := c.Info()
		if e, ok := errors.AsType[*client.StreamError](i.Cause); !ok || !errors.Is(e, io.ErrUnexpectedEOF) || i.Code != client.StatusInternalError {
			t.Errorf("it ends with %v", i)
		}
		frames := outFrames(t, w.written())
		if last := frames[len(frames)-1]; last.Op != wstest.OpClose || !frames[len(frames)-2].More {
			t.Errorf("on the wire are %q", story(t, w.written()))
		}
	})
}

// S-03: a file that can not be read any more is told as that, not as a lost connection.
func TestFileThatCanNotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fileFake{}
		c := outgoing(t, w)
		f := fileOf(t, make([]byte, 5*maxSpan))
		s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1, Progress: func(int64, int64) bool {
			f.Close()
			return true
		}})
		_, err := s.ReadFrom(f)
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("the stream ends with %v", err)
		}
		synctest.Wait()
		i := c.Info()
		if e, ok := errors.AsType[*client.StreamError](i.Cause); !ok || !errors.Is(e, os.ErrClosed) || i.Code != client.StatusInternalError || i.Remote {
			t.Errorf("it ends with %v", i)
		}
	})
}

// S-03: of a limited reader of a file only that much is sent, also inside the kernel.
func TestPartOfAFile(t *testing.T) {
	w := &fileFake{}
	c := outgoing(t, w)
	data := lines(1, 4*streamChunk)
	f := fileOf(t, data)
	if _, err := f.Seek(100, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: 2 * streamChunk})
	if n, err := s.ReadFrom(io.LimitReader(f, 2*streamChunk)); err != nil || n != 2*streamChunk {
		t.Fatalf("ReadFrom = %d, %v", n, err)
	}
	must(t, s.Close())
	if got := joined(t, w.written()); len(got) != 1 || !bytes.Equal(got[0].Data, data[100:100+2*streamChunk]) {
		t.Error("the message is not that part of the file")
	}
}
