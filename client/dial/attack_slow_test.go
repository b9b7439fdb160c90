package dial

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// drain reads to the end.
func drain(in io.Reader) { _, _ = io.Copy(io.Discard, in) }

// D-06: a server that pings without end and does not read costs one pong, and its
// connection after WriteTimeout.
func TestAttackWithPings(t *testing.T) {
	for name, reads := range map[string]bool{"it does not read": false, "it reads": true} {
		t.Run(name, func(t *testing.T) {
			flood := bytes.Repeat(raw(wstest.Ping(make([]byte, 125))), 1000)
			o := Options{WriteTimeout: 500 * time.Millisecond}
			before, over := heap(), make(chan struct{})
			var most atomic.Int64
			o.URL = "ws://" + serve(t, hostile(func(c net.Conn, in *bufio.Reader) {
				if reads {
					go drain(in)
				}
				for i := range 200 {
					if _, err := c.Write(flood); err != nil {
						return
					}
					if i%10 == 0 {
						most.Store(max(most.Load(), heap()))
					}
				}
				if reads {
					_, _ = c.Write(raw(wstest.Close(1000, "")))
				}
				<-over
			}))
			s := victim(t, o, Handler{})
			close(over)
			want := client.StatusAbnormal
			if reads {
				want = client.StatusNormalClosure
			} else if !errors.Is(s.Close.Cause, client.ErrWriteTimeout) {
				t.Errorf("the cause is %v", s.Close.Cause)
			}
			if s.Close.Code != want || s.Close.Unsent > 8<<10 {
				t.Errorf("it ended with %v, %d bytes unsent", s.Close, s.Close.Unsent)
			}
			if grown := most.Load() - before; !raceEnabled && grown > 8<<20 {
				t.Errorf("%d KiB were in use", grown>>10)
			}
		})
	}
}

// Fragments without a byte, and small ones without an end, cost no memory beyond
// MaxMessageSize.
func TestAttackWithFragments(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
		code client.StatusCode
	}{{"empty", 0, 1000}, {"small", 100, 1009}} {
		t.Run(tt.name, func(t *testing.T) {
			before := heap()
			url := "ws://" + serve(t, hostile(func(c net.Conn, in *bufio.Reader) {
				part := bytes.Repeat(raw(wstest.Frame{Op: wstest.OpContinuation, More: true, Payload: make([]byte, tt.size)}), 1000)
				go func() {
					_, _ = c.Write(raw(wstest.Binary(nil).Open()))
					for range 200 {
						_, _ = c.Write(part)
					}
					_, _ = c.Write(raw(wstest.Close(1000, "")))
				}()
				closeFrame(in)
			}))
			s := victim(t, Options{URL: url, MaxMessageSize: 256 << 10}, Handler{})
			if s.Close.Code != tt.code {
				t.Errorf("it ended with %v", s.Close)
			}
			bounded(t, before, 4<<20)
		})
	}
}

// A server that never answers our close frame, and one that goes on sending behind it,
// do not hold Stop for longer than CloseTimeout and a moment.
func TestAttackOnClose(t *testing.T) {
	for name, talks := range map[string]bool{"silence": false, "chatter": true} {
		t.Run(name, func(t *testing.T) {
			opened := make(chan *Conn, 1)
			var info client.CloseInfo
			c := New(Options{Proxy: NoProxy, Logger: quiet, CloseTimeout: 300 * time.Millisecond,
				URL: "ws://" + serve(t, hostile(func(c net.Conn, in *bufio.Reader) {
					if talks {
						go func() {
							for {
								if _, err := c.Write(raw(wstest.Text("and another thing"))); err != nil {
									return
								}
							}
						}()
					}
					drain(in)
					time.Sleep(500 * time.Millisecond) // it does not close either
				})),
			}, Handler{
				OnOpen:  func(c *Conn, _ OpenInfo) error { opened <- c; return nil },
				OnClose: func(_ *Conn, i client.CloseInfo) { info = i },
			})
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			<-opened
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			if err := c.Stop(ctx, 4001, "enough"); err != nil {
				t.Error(err)
			}
			if info.Code != 4001 || info.Remote || !errors.Is(info.Cause, client.ErrCloseTimeout) {
				t.Errorf("OnClose got %v", info)
			}
		})
	}
}

// E-05: a server that goes away without a close frame, in each way there is.
func TestAttackWithEnds(t *testing.T) {
	ca := wstest.NewCA(t)
	server, client1 := &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, &tls.Config{RootCAs: ca.Pool()}
	under := func(c net.Conn) net.Conn { return c.(*tls.Conn).NetConn() }
	for _, tt := range []struct {
		name   string
		secure bool
		end    func(c net.Conn, in *bufio.Reader)
	}{
		{"FIN", false, func(net.Conn, *bufio.Reader) {}},
		{"RST", false, func(c net.Conn, _ *bufio.Reader) { _ = c.(*net.TCPConn).SetLinger(0) }},
		{"half closed", false, func(c net.Conn, in *bufio.Reader) { _ = c.(*net.TCPConn).CloseWrite(); drain(in) }},
		{"in a frame", false, func(c net.Conn, _ *bufio.Reader) { _, _ = c.Write(raw(wstest.Text("hello"))[:4]) }},
		{"close_notify", true, func(net.Conn, *bufio.Reader) {}},
		{"half closed in TLS", true, func(c net.Conn, in *bufio.Reader) { _ = c.(*tls.Conn).CloseWrite(); drain(in) }},
		{"FIN below TLS", true, func(c net.Conn, _ *bufio.Reader) { _ = under(c).Close() }},
		{"RST below TLS", true, func(c net.Conn, _ *bufio.Reader) {
			_ = under(c).(*net.TCPConn).SetLinger(0)
			_ = under(c).Close()
		}},
		{"an alert that is not encrypted", true, func(c net.Conn, in *bufio.Reader) {
			_, _ = under(c).Write([]byte{21, 3, 3, 0, 2, 2, 80})
			drain(under(c))
		}},
		{"no record", true, func(c net.Conn, in *bufio.Reader) { _, _ = under(c).Write(raw(wstest.Text("plain"))); drain(under(c)) }},
		{"a huge record", true, func(c net.Conn, in *bufio.Reader) {
			_, _ = under(c).Write(append([]byte{23, 3, 3, 0xff, 0xff}, make([]byte, 70_000)...))
			drain(under(c))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{TLS: client1, PingInterval: 300 * time.Millisecond, PongTimeout: 300 * time.Millisecond}
			if tt.secure {
				o.URL = "wss://" + serveTLS(t, server, hostile(tt.end))
			} else {
				o.URL = "ws://" + serve(t, hostile(tt.end))
			}
			s := victim(t, o, Handler{OnMessage: func(*Conn, client.Message) error { t.Error("a message"); return nil }})
			if s.Close.Code != client.StatusAbnormal || !s.Close.Remote || s.Close.Cause == nil {
				t.Errorf("it ended with %v", s.Close)
			}
			t.Logf("%v", s.Close)
		})
	}
}

// D-04, S-12: a server that does not speak any more, and one that does not read.
func TestAttackWithSilence(t *testing.T) {
	silent := hostile(func(_ net.Conn, in *bufio.Reader) { drain(in) })
	s := victim(t, Options{URL: "ws://" + serve(t, silent), PingInterval: 200 * time.Millisecond, PongTimeout: 200 * time.Millisecond}, Handler{})
	if s.Close.Code != client.StatusInternalError || !errors.Is(s.Close.Cause, client.ErrPingTimeout) {
		t.Errorf("a silent server: %v", s.Close)
	}
	for _, tt := range []struct {
		policy client.QueuePolicy
		cause  error
	}{{client.QueueClose, client.ErrQueueFull}, {client.QueueBlock, client.ErrWriteTimeout}, {client.QueueDropOldest, client.ErrWriteTimeout}} {
		t.Run(tt.policy.String(), func(t *testing.T) {
			over := make(chan struct{})
			deaf := hostile(func(net.Conn, *bufio.Reader) { <-over })
			most, before := 0, heap()
			c := make(chan *Conn, 1)
			var sending sync.WaitGroup
			sending.Go(func() {
				conn := <-c
				for {
					if errors.Is(conn.SendBinary(make([]byte, 10_000)), client.ErrClosed) {
						return
					}
					most = max(most, conn.BufferedAmount())
				}
			})
			s := victim(t, Options{
				URL: "ws://" + serve(t, deaf), WriteTimeout: 500 * time.Millisecond,
				SendQueue: client.SendQueue{Policy: tt.policy, MaxBytes: 100_000},
			}, Handler{OnOpen: func(conn *Conn, _ OpenInfo) error { c <- conn; return nil }})
			close(over)
			sending.Wait()
			if !errors.Is(s.Close.Cause, tt.cause) || most > 200_000 {
				t.Errorf("with %d bytes at most in the queue it ended with %v", most, s.Close)
			}
			bounded(t, before, 4<<20)
		})
	}
}

// Frames that come with the answer are messages, and one that is only half there waits.
func TestFramesBehindTheAnswer(t *testing.T) {
	first := raw(wstest.Text("one"), wstest.Ping(nil), wstest.Text("two"))
	url := "ws://" + serve(t, func(c net.Conn) {
		answer(c, switching()+string(first[:len(first)-2]), nil)
	})
	got := make(chan string, 3)
	s := make(chan StopInfo, 1)
	c := New(Options{URL: url, Proxy: NoProxy, Logger: quiet, NoReconnect: true,
		PingInterval: 300 * time.Millisecond, PongTimeout: 300 * time.Millisecond, CloseTimeout: 300 * time.Millisecond},
		Handler{
			OnMessage: func(_ *Conn, m client.Message) error { got <- string(m.Data); return nil },
			OnStop:    func(_ *Conn, i StopInfo) { s <- i },
		})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if m := <-got; m != "one" {
		t.Errorf("got %q", m)
	}
	if i := <-s; !errors.Is(i.Close.Cause, os.ErrDeadlineExceeded) || len(got) != 0 {
		t.Errorf("it ended with %v, and %d more messages", i.Close, len(got))
	}
	<-c.Done()
}
