package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// outFrames parses what a server has written.
func outFrames(t *testing.T, out []byte) (frames []wstest.Frame) {
	t.Helper()
	in := bytes.NewReader(out)
	for in.Len() > 0 {
		f, err := wstest.ReadFrame(in, false, 0)
		if err != nil {
			t.Fatalf("frame %d of the output: %v", len(frames), err)
		}
		frames = append(frames, f)
	}
	return frames
}

// TestRandomPartialWrites: many goroutines send, ping and flush while the
// network takes any number of bytes at a time. What comes out are whole frames,
// each caller's in order, nothing twice, and the close frame last. S-28
func TestRandomPartialWrites(t *testing.T) {
	const senders, each = 8, 250
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		w := &fakeWire{take: func(n int) int {
			switch rnd.IntN(3) {
			case 0:
				return n
			case 1:
				return rnd.IntN(n + 1)
			}
			return min(n, rnd.IntN(4))
		}}
		c := newRecorder(testSettings(func(s *Settings) { s.Queue.MaxBytes = 1 << 30 }), w, nil)
		var wg sync.WaitGroup
		for id := range senders {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, uint64(100+id)))
				for i := range each {
					size := 8 + rnd.IntN(100)
					if rnd.IntN(20) == 0 {
						size = rnd.IntN(100_000) + 8
					}
					p := make([]byte, size)
					binary.BigEndian.PutUint32(p, uint32(id))
					binary.BigEndian.PutUint32(p[4:], uint32(i))
					f := Frame{First: finBit | opBinary, Payload: p}
					if rnd.IntN(4) == 0 {
						f = Frame{Whole: f.append(nil)}
					}
					if err := c.Send(f); err != nil {
						t.Errorf("Send: %v", err)
						return
					}
					switch rnd.IntN(6) {
					case 0:
						c.pong(p[:8])
					case 1:
						c.Flush()
					case 2:
						runtime.Gosched()
					case 3:
						if id == 0 { // which plays the reader
							c.received(1)
						}
					case 4:
						if id == 0 {
							c.idle()
						}
					}
				}
			})
		}
		wg.Wait()
		if err := c.CloseWith(1000, "done", false, client.ErrCloseCalled); err != nil {
			t.Fatal(err)
		}
		c.Finish()
		c.Linger()

		out := w.written()
		if n := c.Counters(); n.Buffered != 0 || n.BytesOut != uint64(len(out)) || n.MessagesOut != senders*each {
			t.Errorf("%+v after %d bytes and %d messages", n, len(out), senders*each)
		}
		frames := outFrames(t, out)
		var next [senders]uint32
		for i, f := range frames {
			switch f.Op {
			case wstest.OpClose:
				if i != len(frames)-1 {
					t.Fatalf("the close frame is number %d of %d", i, len(frames))
				}
			case wstest.OpBinary:
				id, n := binary.BigEndian.Uint32(f.Payload), binary.BigEndian.Uint32(f.Payload[4:])
				if next[id] != n {
					t.Fatalf("sender %d: message %d, want %d", id, n, next[id])
				}
				next[id]++
			case wstest.OpPong:
			default:
				t.Fatalf("opcode %d", f.Op)
			}
		}
		if last := frames[len(frames)-1]; last.Op != wstest.OpClose {
			t.Errorf("the last frame has opcode %d", last.Op)
		}
		for id, n := range next {
			if n != each {
				t.Errorf("sender %d: %d of %d messages", id, n, each)
			}
		}
	}
}

// TestControlFramesGoBetweenDataFrames: a pong and a ping overtake what waits,
// never the rest of a frame; of several pongs the newest is sent; the close frame
// is last, and no pong follows it. S-28
func TestControlFramesGoBetweenDataFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{take: func(n int) int { return 3 }, gate: make(chan struct{})}
		c := newRecorder(testSettings(), w, nil)
		c.idle()
		send := func(n int) {
			if err := c.Send(Frame{First: finBit | opBinary, Payload: make([]byte, n)}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		send(5) // of which 4 bytes are left
		send(3 * corkLimit)
		for i := range 5 {
			c.pong([]byte{byte(i)})
		}
		c.mu.Lock()
		c.pingLocked(c.svc.now())
		c.mu.Unlock()
		if got, want := c.Counters().Buffered, 4+FrameSize(3*corkLimit)+FrameSize(1)+FrameSize(8); got != want {
			t.Errorf("Buffered = %d, want %d: only one pong counts", got, want)
		}
		w.gate <- struct{}{} // the rest of the first
		w.gate <- struct{}{} // pong and ping
		synctest.Wait()      // the second is being written
		send(6)
		c.pong([]byte("old"))
		c.pong([]byte("newest"))
		if err := c.CloseWith(1000, "", true, client.ErrCloseCalled); err != nil {
			t.Fatal(err)
		}
		c.pong([]byte("too late"))
		close(w.gate)
		c.Finish()
		c.Linger()
		var got []string
		for _, f := range outFrames(t, w.written()) {
			got = append(got, fmt.Sprintf("%d:%d", f.Op, len(f.Payload)))
		}
		want := []string{"2:5", "10:1", "9:8", "2:24576", "10:6", "2:6", "8:2"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("opcodes and sizes %v, want %v", got, want)
		}
	})
}

// TestSenderBehindAWriteIsWoken: a write that is under way when the queue is
// full makes room when the kernel takes it all.
func TestSenderBehindAWriteIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writing := make(chan struct{})
		w := &fakeWire{trying: func() { <-writing }}
		c := newRecorder(testSettings(func(s *Settings) { s.Queue = client.SendQueue{MaxBytes: 1000, Policy: client.QueueBlock} }), w, nil)
		c.active.Store(false)
		results := make(chan error, 4)
		for range cap(results) {
			go func() { results <- c.Send(Frame{First: finBit | opBinary, Payload: make([]byte, 900)}) }()
		}
		synctest.Wait()
		if len(results) > 2 {
			t.Fatalf("%d of 4 messages are taken while the first is being written", len(results))
		}
		close(writing)
		synctest.Wait()
		if len(results) != cap(results) {
			t.Fatalf("%d of 4 Sends have returned", len(results))
		}
		for range cap(results) {
			if err := <-results; err != nil {
				t.Errorf("Send: %v", err)
			}
		}
		if n := len(outFrames(t, w.written())); n != 4 {
			t.Errorf("%d frames are written, want 4", n)
		}
	})
}

// TestWriteUnderWayIsNoFullQueue: two that send at the same time to a peer that
// takes everything do not cost it its connection. If it takes nothing, they do.
func TestWriteUnderWayIsNoFullQueue(t *testing.T) {
	for _, takes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			writing := make(chan struct{})
			w := &fakeWire{trying: func() { <-writing }, gate: make(chan struct{})}
			if !takes {
				w.take = func(int) int { return 0 }
			}
			c := newRecorder(testSettings(func(s *Settings) { s.Queue.MaxBytes = 1000 }), w, nil)
			c.active.Store(false)
			results := make(chan error, 2)
			send := func(n int) {
				go func() { results <- c.Send(Frame{First: finBit | opBinary, Payload: make([]byte, n)}) }()
				synctest.Wait()
			}
			send(5000)
			send(10)
			close(writing)
			synctest.Wait()
			if err := <-results; err != nil {
				t.Errorf("first Send: %v", err)
			}
			if err := <-results; (err == nil) != takes || !takes && !errors.Is(err, client.ErrQueueFull) {
				t.Errorf("second Send, the peer takes %v: %v", takes, err)
			}
			close(w.gate)
			c.Finish()
			c.Linger()
			frames := outFrames(t, w.written())
			if takes && len(frames) != 2 || !takes && (len(frames) != 2 || frames[1].Op != wstest.OpClose) {
				t.Errorf("the peer takes %v: %d frames are written", takes, len(frames))
			}
		})
	}
}

// TestFailedWriteIsKeptAndTold: the connection ends with the error as its cause,
// later sends are refused, and who waits is released.
func TestFailedWriteIsKeptAndTold(t *testing.T) {
	broken := errors.New("cable is cut")
	t.Run("at once", func(t *testing.T) {
		w := &brokenWire{err: broken}
		c := newRecorder(testSettings(), w, nil)
		c.Send(Frame{First: finBit | opText, Payload: []byte("x")})
		c.idle()
		if err := c.Send(Frame{First: finBit | opText, Payload: []byte("x")}); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Send = %v, want ErrClosed", err)
		}
		if err := c.Flush(); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Flush = %v, want ErrClosed", err)
		}
		<-w.gone()
		wantLost(t, c, broken)
	})
	t.Run("while others wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWire{take: func(int) int { return 0 }, gate: make(chan struct{}), err: broken}
			c := newRecorder(testSettings(func(s *Settings) { s.Queue = client.SendQueue{MaxBytes: 100, Policy: client.QueueBlock} }), w, nil)
			c.idle()
			results := make(chan error, 10)
			for range cap(results) {
				go func() { results <- c.Send(Frame{First: finBit | opBinary, Payload: make([]byte, 90)}) }()
			}
			synctest.Wait()
			if len(results) != 1 {
				t.Fatalf("%d Sends have returned, want 1", len(results))
			}
			w.gate <- struct{}{}
			synctest.Wait()
			refused := 0
			for range cap(results) {
				if err := <-results; errors.Is(err, client.ErrClosed) {
					refused++
				}
			}
			if refused != 9 {
				t.Errorf("%d of 9 waiting Sends got ErrClosed", refused)
			}
			wantLost(t, c, broken)
		})
	})
}

// brokenWire fails in its first write.
type brokenWire struct {
	fakeWire
	err error
}

func (w *brokenWire) tryWrite(_, _, _ []byte) (int, bool, error) { return 0, false, w.err }

func wantLost(t *testing.T, c *recorder, cause error) {
	t.Helper()
	c.Finish()
	c.Linger()
	if i := c.Info(); i.Code != client.StatusAbnormal || !i.Remote || !errors.Is(i.Cause, cause) {
		t.Errorf("%v, want 1006 with %v", i, cause)
	}
	if n := c.Counters().Buffered; n != 0 {
		t.Errorf("Buffered = %d after the end", n)
	}
}
