package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// unread makes the kernel's buffers of the peer small, so that little is on the way.
func unread(t *testing.T, w *wire) {
	t.Helper()
	conn := w.p.Conn
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = c.NetConn()
	}
	no(t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
}

// pastKernel waits until the kernel takes no more of what a client is sent.
func pastKernel(k *keen) {
	for last, still := -1, 0; still < 10; time.Sleep(5 * time.Millisecond) {
		if n := k.BufferedAmount(); n == last && n > 0 {
			still++
		} else {
			last, still = n, 0
		}
	}
}

// S-03, S-12, K-01: a peer that never reads: a stream, a file and messages to it end with
// WriteTimeout, or with the policy, and cost others nothing.
func TestPeerThatNeverReads(t *testing.T) { onDrivers(t, testPeerThatNeverReads) }

func testPeerThatNeverReads(t *testing.T) {
	for _, road := range []string{"TCP", "TLS"} {
		for _, what := range []string{"reader", "file", "messages"} {
			t.Run(road+" "+what, func(t *testing.T) {
				t.Parallel()
				c := &club{}
				srv, k, w := reach(t, road, c, wsserver.Config{WriteTimeout: 300 * time.Millisecond})
				unread(t, w)
				name := fileOf(t, make([]byte, 64<<20))
				var err error
				switch what {
				case "reader":
					err = k.SendReader(t.Context(), client.OpBinary, strings.NewReader(strings.Repeat("x", 64<<20)))
				case "file":
					err = k.SendFile(t.Context(), name)
				case "messages":
					no(t, k.SendBinary(make([]byte, 64<<20)))
					err = k.WaitWritable(t.Context())
				}
				if !errors.Is(err, client.ErrClosed) {
					t.Errorf("it ends with %v", err)
				}
				eventually(t, "the end", c.ended)
				if i := c.ending(t); !errors.Is(i.Cause, client.ErrWriteTimeout) || i.Code != 1006 || i.Unsent == 0 {
					t.Errorf("the connection ends with %v, Unsent %d", i, i.Unsent)
				}
				if s := srv.Stats(); s.Clients != 0 || s.Buffered != 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// S-03, S-12: a peer that takes a few bytes at a time gets everything: a file, which the
// kernel copies, a stream, and what waits behind them.
func TestPeerThatReadsSlowly(t *testing.T) { onDrivers(t, testPeerThatReadsSlowly) }

func testPeerThatReadsSlowly(t *testing.T) {
	for _, road := range []string{"TCP", "TLS"} {
		for _, max := range []int{0, 5000} {
			t.Run(fmt.Sprint(road, " ", max), func(t *testing.T) {
				t.Parallel()
				c := &club{}
				_, k, w := reach(t, road, c, wsserver.Config{MaxFrameSize: max, WriteTimeout: time.Minute, SendQueue: client.SendQueue{MaxBytes: 100_000}})
				name := fileOf(t, []byte(prose(1, 16<<20)))
				done := make(chan error, 1)
				go func() {
					err := k.SendFile(t.Context(), name)
					if err == nil {
						err = k.SendReader(t.Context(), client.OpText, source{strings.NewReader(prose(2, 1<<20))})
					}
					done <- err
				}()
				pastKernel(k)
				for i := range 20 {
					no(t, k.SendText(fmt.Sprint("waits ", i)))
				}
				w.p = wstest.Wrap(t, &sipping{Conn: w.p.Conn, left: 300}) // nothing is read ahead
				w.want(prose(1, 16<<20))
				for i := range 20 {
					w.want(fmt.Sprint("waits ", i))
				}
				w.want(prose(2, 1<<20))
				no(t, <-done)
			})
		}
	}
}

// X-17, S-12: a peer that ends its side of the stream, with its last question asked, gets
// what waits for it.
func TestHalfClosedPeerGetsWhatWaits(t *testing.T) { onDrivers(t, testHalfClosedPeerGetsWhatWaits) }

func testHalfClosedPeerGetsWhatWaits(t *testing.T) {
	for _, road := range []string{"TCP", "TLS", "memory"} {
		t.Run(road, func(t *testing.T) {
			t.Parallel()
			c := &club{}
			srv, k, w := reach(t, road, c, wsserver.Config{WriteTimeout: time.Minute, CloseTimeout: time.Minute, SendQueue: client.SendQueue{MaxBytes: 64 << 20}})
			const messages = 40 // of 1 MiB: more than the kernel takes
			for i := range messages {
				no(t, k.SendBinary([]byte(prose(i, 1<<20))))
			}
			if k.BufferedAmount() == 0 {
				t.Fatal("the kernel has taken everything")
			}
			w.p.CloseWrite()
			eventually(t, "the end of the stream to be seen", func() bool { return !k.Connected() })
			if k.SendText("too late") == nil {
				t.Error("a send after the end of the stream succeeded")
			}
			for i := range messages {
				w.want(prose(i, 1<<20))
			}
			eventually(t, "the end", c.ended)
			if i := c.ending(t); i.Code != 1006 || !streamEnded(i.Cause) || errors.Is(i.Cause, client.ErrCloseTimeout) || i.Unsent != 0 {
				t.Errorf("the connection ends with %v, Unsent %d", i, i.Unsent)
			}
			if s := srv.Stats(); s.Clients != 0 || s.Buffered != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// streamEnded: TLS calls it unexpected without its close_notify.
func streamEnded(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// K-11: one that reads nothing after that costs no more than CloseTimeout.
func TestHalfClosedPeerThatNeverReads(t *testing.T) { onDrivers(t, testHalfClosedPeerThatNeverReads) }

func testHalfClosedPeerThatNeverReads(t *testing.T) {
	c := &club{}
	_, k, w := reach(t, "TCP", c, wsserver.Config{WriteTimeout: time.Minute, CloseTimeout: 200 * time.Millisecond})
	unread(t, w)
	no(t, k.SendBinary(make([]byte, 64<<20)))
	w.p.CloseWrite()
	eventually(t, "the end", c.ended)
	if i := c.ending(t); i.Code != 1006 || !errors.Is(i.Cause, io.EOF) || !errors.Is(i.Cause, client.ErrCloseTimeout) || i.Unsent == 0 {
		t.Errorf("the connection ends with %v, Unsent %d", i, i.Unsent)
	}
}

// sipping reads a byte at a time, with pauses, and then what it gets.
type sipping struct {
	net.Conn
	left int
}

func (s *sipping) Read(p []byte) (int, error) {
	if s.left == 0 {
		return s.Conn.Read(p)
	}
	s.left--
	time.Sleep(time.Millisecond)
	return s.Conn.Read(p[:1])
}

// S-03, E-03: a peer that resets the connection while it is sent to: everything returns,
// and there is one event of the end.
func TestPeerThatVanishes(t *testing.T) { onDrivers(t, testPeerThatVanishes) }

func testPeerThatVanishes(t *testing.T) {
	for _, road := range []string{"TCP", "TLS"} {
		for _, policy := range []client.QueuePolicy{client.QueueBlock, client.QueueDropOldest} {
			t.Run(fmt.Sprint(road, " ", policy), func(t *testing.T) {
				t.Parallel()
				c := &club{}
				srv, k, w := reach(t, road, c, wsserver.Config{WriteTimeout: time.Minute, SendQueue: client.SendQueue{MaxBytes: 50_000, Policy: policy}})
				unread(t, w)
				name := fileOf(t, make([]byte, 64<<20))
				done := make(chan error, 6)
				for range 2 {
					go func() { done <- k.SendFile(context.Background(), name) }()
					go func() {
						for {
							if err := k.SendBinary(make([]byte, 900)); err != nil && !errors.Is(err, client.ErrQueueFull) {
								done <- err
								return
							}
							time.Sleep(100 * time.Microsecond)
						}
					}()
					go func() {
						for {
							if err := k.WaitWritable(context.Background()); err != nil {
								done <- err
								return
							}
							time.Sleep(time.Millisecond)
						}
					}()
				}
				time.Sleep(50 * time.Millisecond)
				w.p.Drop()
				for range cap(done) {
					if err := <-done; !errors.Is(err, client.ErrClosed) {
						t.Errorf("it returns %v", err)
					}
				}
				eventually(t, "the end", c.ended)
				if i := c.ending(t); i.Code != 1006 || !i.Remote {
					t.Errorf("the connection ends with %v", i)
				}
				eventually(t, "the counters", func() bool { s := srv.Stats(); return s.Clients == 0 && s.Buffered == 0 })
			})
		}
	}
}
