package transport

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
)

const answer = "HTTP/1.1 101\r\n\r\n"

// answering is a connection whose handshake is not answered yet.
func answering(t *testing.T, w wire, edit ...func(*Settings)) *recorder {
	t.Helper()
	c := &recorder{Conn: new(Conn), done: make(chan struct{})}
	c.Init(NewService(), testSettings(edit...), Wire{w}, nil, nil, c)
	c.Attach()
	c.HoldBack()
	c.Open()
	t.Cleanup(func() {
		c.Abort(io.ErrClosedPipe)
		c.Finish()
		c.Linger()
	})
	return c
}

// behindAnswer returns what follows the answer in out.
func behindAnswer(t *testing.T, out []byte) []byte {
	t.Helper()
	frames, ok := strings.CutPrefix(string(out), answer)
	if !ok {
		t.Fatalf("on the wire is %q, which does not begin with the answer", out)
	}
	return []byte(frames)
}

// S-18: what is sent before the handshake is answered follows the answer, in its order,
// however little the kernel takes of it.
func TestHeldBackFollowsTheAnswer(t *testing.T) {
	for name, edit := range map[string]func(*Settings){
		"plain":     func(*Settings) {},
		"sent":      func(s *Settings) { s.Sent = true },
		"bandwidth": func(s *Settings) { s.Bandwidth = 1000 },
	} {
		for _, room := range []int{0, 5, 1 << 20} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &fakeWire{take: func(n int) int { return min(n, room) }}
					c := answering(t, w, edit)
					must(t, c.Send(text("one")))
					must(t, c.Send(bytesOf('x', 2*largeFrame)))
					if len(w.written()) > 0 {
						t.Errorf("%q is written before the answer", w.written())
					}
					w.trying = func() { // while the answer is being written
						w.trying = nil
						must(t, c.Send(text("two")))
					}
					c.Answer([]byte(answer))
					must(t, c.Send(text("three")))
					c.idle()
					time.Sleep(time.Hour)
					synctest.Wait()
					wantStory(t, behindAnswer(t, w.written()), "1:one", fmt.Sprintf("2:x*%d", 2*largeFrame), "1:two", "1:three")
					if n := c.Counters().Buffered; n != 0 {
						t.Errorf("%d bytes are still counted as waiting", n)
					}
				})
			})
		}
	}
}

// S-18: a close before the handshake is answered follows the answer too; after an abort
// nothing is written.
func TestEndBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := answering(t, w)
		must(t, c.Send(text("one")))
		if err := c.CloseWith(client.StatusGoingAway, "", false, client.ErrClosed); err != nil {
			t.Error(err)
		}
		c.Answer([]byte(answer))
		wantStory(t, behindAnswer(t, w.written()), "1:one", "8:\x03\xe9")

		w = &fakeWire{}
		c = answering(t, w)
		must(t, c.Send(text("one")))
		c.Abort(client.ErrClosed)
		c.Answer([]byte(answer))
		if out := w.written(); len(out) > 0 {
			t.Errorf("after an abort %q is written", out)
		}
	})
}

// S-18: a queue that is full before the handshake is answered is full for a moment only:
// who sends waits for the answer, even where the policy is to close.
func TestFullQueueBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := answering(t, w, queued(client.SendQueue{MaxBytes: 100}))
		must(t, c.Send(bytesOf('a', 80)))
		sent := make(chan error)
		go func() { sent <- c.Send(bytesOf('b', 80)) }()
		synctest.Wait()
		select {
		case err := <-sent:
			t.Errorf("it did not wait: %v", err)
		default:
		}
		c.Answer([]byte(answer))
		if err := <-sent; err != nil {
			t.Error(err)
		}
		c.idle()
		synctest.Wait()
		wantStory(t, behindAnswer(t, w.written()), "2:a*80", "2:b*80")
	})
}

// S-12: the answer is no message: while it waits for the peer, the queue is empty.
func TestAnswerTakesNoRoomInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{gate: make(chan struct{}), take: func(int) int { return 0 }}
		c := answering(t, w, queued(client.SendQueue{MaxBytes: len(answer)}))
		c.Answer([]byte(answer))
		synctest.Wait()
		if n := c.Counters().Buffered; n != 0 {
			t.Errorf("%d bytes of frames wait before there is one", n)
		}
		must(t, c.Send(text("one"))) // an empty queue takes any size
		must(t, c.Send(text("two")))
		if n := c.Counters().Buffered; n != 10 {
			t.Errorf("%d bytes of frames wait, want 10", n)
		}
		c.Abort(client.ErrClosed)
		if n := c.Info().Unsent; n != 10 {
			t.Errorf("%d bytes of frames were not sent, want 10", n)
		}
		close(w.gate)
	})
}

// S-18: a connection that breaks with its answer ends like any other.
func TestAnswerThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		w := &fakeWire{take: func(int) int { return 0 }, err: broken}
		c := answering(t, w)
		must(t, c.Send(text("one")))
		c.Answer([]byte(answer))
		synctest.Wait()
		if err := c.Send(text("two")); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Send = %v", err)
		}
		if info := c.Info(); !errors.Is(info.Cause, broken) {
			t.Errorf("ended with %v", info.Cause)
		}
	})
}
