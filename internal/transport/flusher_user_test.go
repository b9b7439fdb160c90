package transport

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/budget"
	"github.com/icsws/icsws/internal/link"
)

// leaver is a recorder whose Sent ends its goroutine.
type leaver struct {
	*recorder
	n atomic.Int32
}

func (l *leaver) Sent(byte, int) {
	l.n.Add(1)
	runtime.Goexit()
}

// twoOf are two connections of one service, in one lane. The first has an OnSent that
// ends its goroutine.
func twoOf(t *testing.T, first, second *fakeWire) (*leaver, *recorder) {
	t.Helper()
	svc := NewService()
	svc.lanes = svc.lanes[:1]
	bad := &leaver{recorder: &recorder{Conn: new(Conn)}}
	good := &recorder{Conn: new(Conn)}
	bad.Init(svc, testSettings(func(s *Settings) { s.Sent = true }), Wire{first}, nil, nil, bad)
	good.Init(svc, testSettings(), Wire{second}, nil, nil, good)
	for _, c := range []*Conn{bad.Conn, good.Conn} {
		c.Attach()
		c.Open()
		t.Cleanup(func() { c.Abort(errors.New("over")); c.Finish(); c.Linger() })
	}
	return bad, good
}

// TestFlusherOutlivesOnSent: a frame was corked because the reader was at work, which it
// was no longer when it was decided who flushes.
func TestFlusherOutlivesOnSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &fakeWire{}, &fakeWire{}
		bad, good := twoOf(t, first, second)
		good.idle()
		f := bytesOf('a', 10)
		bad.mu.Lock()
		if !bad.gathersLocked(&f) {
			t.Fatal("the frame is not to be corked")
		}
		bad.active.Store(false) // the reader, in idle, waits for the lock
		bad.buffered += f.Size()
		bad.corkLocked(&f)
		bad.mu.Unlock()
		synctest.Wait()
		if bad.n.Load() != 1 {
			t.Fatalf("OnSent came %d times", bad.n.Load())
		}
		must(t, good.Send(bytesOf('b', 10)))
		time.Sleep(time.Second)
		wantStory(t, second.written(), "2:bbbbbbbbbb")
	})
}

// TestWatchdogOutlivesOnSent: readers inside of a long event have their corks flushed,
// whatever the OnSent of another one did.
func TestWatchdogOutlivesOnSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &fakeWire{}, &fakeWire{}
		bad, good := twoOf(t, first, second)
		must(t, bad.Send(bytesOf('a', 10)))
		time.Sleep(time.Second)
		if bad.n.Load() != 1 {
			t.Fatalf("OnSent came %d times", bad.n.Load())
		}
		must(t, good.Send(bytesOf('b', 10)))
		time.Sleep(time.Second)
		wantStory(t, second.written(), "2:bbbbbbbbbb")
	})
}

// S-29: an OnSent that ends its goroutine costs its connection, whoever has written: one
// who sends, a message in pieces, or the reader. Nobody waits for it.
func TestConnectionEndsWithOnSent(t *testing.T) {
	for name, write := range map[string]func(c *leaver){
		"Send":  func(c *leaver) { c.idle(); _ = c.Send(bytesOf('a', 10)) },
		"Close": func(c *leaver) { _ = c.CloseWith(client.StatusGoingAway, "", false, client.ErrClosed) },
		"Ping":  func(c *leaver) { c.idle(); _ = c.SendControl(opPing, nil) },
		"reader": func(c *leaver) {
			_ = c.Send(bytesOf('a', 10))
			c.idle()
		},
		"stream": func(c *leaver) {
			s := c.NewStream(StreamConfig{Context: context.Background(), Op: client.OpBinary, Total: -1})
			_, _ = s.Write(make([]byte, 1<<20))
		},
		"end of stream": func(c *leaver) {
			s := c.NewStream(StreamConfig{Context: context.Background(), Op: client.OpBinary, Total: -1})
			_ = s.Close()
		},
		"answer": func(c *leaver) {
			c.HoldBack()
			_ = c.Send(bytesOf('a', 10))
			c.Answer([]byte(answer))
		},
		"end": func(c *leaver) {
			_ = c.Send(bytesOf('a', 10))
			c.Finish()
			if c.State() != link.Closed {
				panic("the reader did not get there")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad, _ := twoOf(t, &fakeWire{}, &fakeWire{})
				go write(bad)
				synctest.Wait()
				if bad.n.Load() != 1 {
					t.Fatalf("OnSent came %d times", bad.n.Load())
				}
				if err := bad.Send(bytesOf('b', 10)); !errors.Is(err, client.ErrClosed) {
					t.Errorf("Send = %v", err)
				}
			})
		})
	}
}

// TestFlusherKeepsTheBudget: what the flusher has to queue counts, and is too much.
func TestFlusherKeepsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(4 << 10)
		for range 3 {
			w := &fakeWire{gate: make(chan struct{}), take: func(int) int { return 0 }}
			c := outgoing(t, w, func(s *Settings) { s.Budget = b })
			must(t, c.Send(bytesOf('a', 3<<10)))
		}
		synctest.Wait()
		if b.Used() > b.Limit() {
			t.Errorf("%d bytes of %d are used, and nobody pays", b.Used(), b.Limit())
		}
	})
}
