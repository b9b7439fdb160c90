package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/budget"
)

// S-12: a budget that one half written message has spent does not cost the others
// their places.
func TestBudgetOfAHalfWrittenMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(10_000)
		peer := func() *recorder {
			c, _ := stuck(t, queued(client.SendQueue{}), func(s *Settings) { s.Budget = b })
			return c
		}
		var small []*recorder
		for range 5 {
			c := peer()
			must(t, c.Send(bytesOf('s', 100)))
			small = append(small, c)
		}
		big := outgoing(t, &fakeWire{gate: make(chan struct{}), take: func(int) int { return 0 }}, func(s *Settings) { s.Budget = b })
		must(t, big.Send(bytesOf('B', 20_000)))
		synctest.Wait()
		n := 0
		for _, c := range small {
			if c.State() != stateOpen {
				n++
			}
		}
		if n > 0 {
			t.Errorf("%d of 5 small clients are closed for one large one; used %d", n, b.Used())
		}
	})
}

// S-12: a message with a key is replaced whatever the policy of the queue.
func TestKeyInAQueueThatJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := stuck(t, queued(client.SendQueue{}))
		must(t, c.Send(bytesOf('x', 5)))
		must(t, c.Send(bytesOf('y', 5)))
		for i := range 4 {
			f := Frame{First: 0x82, Payload: fmt.Appendf(nil, "ship%d", i)}
			must(t, c.Send(under(f, Terms{Policy: client.QueueLatest, Key: "ship"})))
		}
		close(w.gate)
		synctest.Wait()
		wantStory(t, w.written(), "2:..", "2:xxxxx", "2:yyyyy", "2:ship3")
	})
}

// S-14: a message of which all is queued arrives, and the connection stays.
func TestInterruptWhenAllIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{gate: make(chan struct{}), take: func(int) int { return 0 }}
		c := outgoing(t, w)
		done := make(chan error, 1)
		go func() {
			done <- sendStream(c, StreamConfig{Context: context.Background(), Total: -1}, bytes.Repeat([]byte{'p'}, streamChunk+100))
		}()
		synctest.Wait()
		c.Interrupt()
		if err := <-done; !errors.Is(err, client.ErrInterrupted) {
			t.Errorf("%v", err)
		}
		if c.State() != stateOpen {
			t.Errorf("the connection ends: %v", c.Info())
		}
		close(w.gate)
		synctest.Wait()
		if got := joined(t, w.written()); len(got) != 1 || len(got[0].Data) != streamChunk+100 {
			t.Errorf("on the wire are %q", story(t, w.written()))
		}
	})
}

// S-11: a wait that is given up while the queue becomes empty leaves nobody waiting.
func TestRefusedAndEmptyIsWritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := stuck(t, queued(client.SendQueue{MaxBytes: 100, Policy: client.QueueBlock}))
		must(t, c.Send(bytesOf('a', 90)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Send(under(bytesOf('b', 90), Terms{Context: ctx})) }()
		synctest.Wait()
		cancel()
		close(w.gate)
		<-done
		synctest.Wait()
		wait, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := c.WaitWritable(wait); err != nil {
			t.Errorf("an empty queue is not writable: %v", err)
		}
	})
}

// S-03, X-02: a message that breaks off behind CloseAfterFlush is what ends the
// connection, for the peer and in CloseInfo.
func TestBrokenOffAfterCloseAfterFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := outgoing(t, w)
		s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
		s.Write([]byte("one"))
		must(t, s.Flush())
		must(t, c.CloseWith(client.StatusNormalClosure, "bye", true, client.ErrCloseCalled))
		s.Fail(client.ErrInterrupted)
		i := c.Info()
		var e *client.StreamError
		synctest.Wait()
		if !errors.As(i.Cause, &e) || i.Code != client.StatusInternalError {
			t.Errorf("info %v, wire %q", i, story(t, w.written()))
		}
	})
}
