package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// blocking is a configuration under which Send waits for room.
func blocking(bytes int) wsserver.Config {
	return wsserver.Config{
		SendQueue:    client.SendQueue{MaxBytes: bytes, Policy: client.QueueBlock},
		WriteTimeout: time.Hour, // what is waited for is something else
		PingInterval: -1,
	}
}

// stalled is a guest whose peer does not read and whose queue is full: each
// further Send waits.
func stalled(t *testing.T, d *desk, cfg wsserver.Config) (*wsserver.Server[*guest], *guest, *clienttest.Peer) {
	t.Helper()
	var g *guest
	d.connect = func(c *guest) error { g = c; return nil }
	srv := newServer(t, d, cfg)
	l := serve(t, srv)
	l.SetBuffer(1000)
	p := clienttest.Dial(t, l, "/", clienttest.DialOptions{Timeout: 1000 * time.Hour})
	synctest.Wait()
	p.Pause()
	synctest.Wait()
	if err := g.SendBinary(make([]byte, cfg.SendQueue.MaxBytes+2000)); err != nil {
		t.Fatalf("a message larger than the bound, into an empty queue: %v", err)
	}
	synctest.Wait()
	return srv, g, p
}

// S-12: a handler that waits in Send reads no more, so that the peer's own
// connection pushes back; other goroutines wait too; reading frees them all, and
// everything arrives, each sender's messages in order.
func TestBlockedHandlerStopsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.message = func(g *guest, m client.Message) error { return g.Send(m) }
		_, g, p := stalled(t, d, blocking(5000))
		sent := 0
		go func() {
			for i := range 100 {
				p.SendText(fmt.Sprintf("%d %900d", i, 0))
				sent++
			}
		}()
		synctest.Wait()
		if sent >= 10 || d.count("message") != 1 {
			t.Fatalf("%d messages were sent and %d received, while the first waits in Send", sent, d.count("message"))
		}
		others := make(chan error, 100)
		for id := range cap(others) / 10 {
			go func() {
				for i := range 10 {
					others <- g.SendText(fmt.Sprintf("other %d %d %900d", id, i, 0))
				}
			}()
		}
		synctest.Wait()
		if len(others) != 0 || g.BufferedAmount() > 5000+2000+1000 {
			t.Fatalf("%d other Sends have returned, %d bytes are queued", len(others), g.BufferedAmount())
		}
		p.Resume()
		p.Receive() // the large one
		next, nextOther := 0, make(map[int]int)
		for range 200 {
			var id, i int
			text := string(p.Receive().Data)
			if n, _ := fmt.Sscanf(text, "other %d %d", &id, &i); n == 2 {
				if nextOther[id] != i {
					t.Fatalf("goroutine %d: message %d, want %d", id, i, nextOther[id])
				}
				nextOther[id]++
			} else if fmt.Sscan(text, &i); i != next {
				t.Fatalf("message %d came back, want %d", i, next)
			} else {
				next++
			}
		}
		for range cap(others) {
			if err := <-others; err != nil {
				t.Errorf("Send = %v", err)
			}
		}
	})
}

// S-12: what a handler has sent so far leaves before it waits for room.
func TestBlockedSendFlushesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.message = func(g *guest, _ client.Message) error {
			for range 3 {
				if err := g.SendBinary(make([]byte, 800)); err != nil {
					return err
				}
			}
			return nil
		}
		srv := newServer(t, d, blocking(1000))
		p := clienttest.Dial(t, serve(t, srv), "/")
		start := time.Now()
		p.SendText("go")
		for range 3 {
			p.Receive()
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("three messages that fill the queue take %v", took)
		}
	})
}

// S-12, X-02, X-03, X-07, X-12: whatever ends the connection frees the senders that
// wait, in a handler and outside, at once.
func TestEveryEndFreesBlockedSenders(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, srv *wsserver.Server[*guest], g *guest, p *clienttest.Peer)
		gone bool // of the queue nothing arrives
	}{
		{"Close", func(_ *testing.T, _ *wsserver.Server[*guest], g *guest, _ *clienttest.Peer) { g.Close(1000, "") }, false},
		{"CloseAfterFlush", func(_ *testing.T, _ *wsserver.Server[*guest], g *guest, _ *clienttest.Peer) {
			g.CloseAfterFlush(1000, "")
		}, false},
		{"Disconnect", func(_ *testing.T, srv *wsserver.Server[*guest], g *guest, _ *clienttest.Peer) {
			srv.Disconnect(g.ID(), 1000, "")
		}, false},
		{"Abort", func(_ *testing.T, _ *wsserver.Server[*guest], g *guest, _ *clienttest.Peer) { g.Abort() }, true},
		{"the peer's reset", func(_ *testing.T, _ *wsserver.Server[*guest], _ *guest, p *clienttest.Peer) { p.Drop() }, true},
		{"Broadcast", func(t *testing.T, srv *wsserver.Server[*guest], _ *guest, _ *clienttest.Peer) {
			res, err := srv.BroadcastResults(client.Text("never waits"))
			if err != nil || len(res) != 1 || !errors.Is(res[0].Err, client.ErrQueueFull) || res[0].WireSize != 0 {
				t.Errorf("BroadcastResults = %+v, %v; want ErrQueueFull", res, err)
			}
		}, false},
		{"Shutdown", func(t *testing.T, srv *wsserver.Server[*guest], _ *guest, _ *clienttest.Peer) {
			go srv.Shutdown(context.Background())
		}, false},
		{"the server's Close", func(_ *testing.T, srv *wsserver.Server[*guest], _ *guest, _ *clienttest.Peer) { go srv.Close() }, false}, // it gives a moment
		{"the server's Abort", func(_ *testing.T, srv *wsserver.Server[*guest], _ *guest, _ *clienttest.Peer) { go srv.Abort() }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				results := make(chan error, 5)
				d.message = func(g *guest, _ client.Message) error {
					err := g.SendText("from the handler")
					results <- err
					return nil
				}
				srv, g, p := stalled(t, d, blocking(5000))
				p.SendText("go")
				for range 4 {
					go func() { results <- g.SendText("from outside") }()
				}
				synctest.Wait()
				if len(results) != 0 {
					t.Fatalf("%d Sends have returned", len(results))
				}
				start := time.Now()
				tt.end(t, srv, g, p)
				for range 5 {
					if err := <-results; !errors.Is(err, client.ErrClosed) {
						t.Errorf("Send = %v, want ErrClosed", err)
					}
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("the senders are freed after %v", took)
				}
				synctest.Wait()
				p.Resume()
				if code := p.CloseCode(); (code == client.StatusAbnormal) != tt.gone {
					t.Errorf("the peer gets %v", code)
				}
				if n := len(p.Received()); n > 0 == tt.gone {
					t.Errorf("the peer gets %d messages", n)
				}
			})
		})
	}
}

// S-12: BlockTimeout frees those who wait and costs no connection; nor does it let
// a broadcast wait for it.
func TestBlockTimeoutCostsOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		cfg := blocking(5000)
		cfg.SendQueue.BlockTimeout = 7 * time.Second
		var failed error
		d.message = func(g *guest, m client.Message) error { failed = g.Send(m); return nil }
		_, g, p := stalled(t, d, cfg)
		start := time.Now()
		p.SendText("echo")
		if err := g.SendText("x"); !errors.Is(err, client.ErrQueueFull) || time.Since(start) != 7*time.Second {
			t.Errorf("Send = %v after %v", err, time.Since(start))
		}
		synctest.Wait()
		if !errors.Is(failed, client.ErrQueueFull) || !g.Connected() {
			t.Errorf("Send in the handler = %v, the client is open: %v", failed, g.Connected())
		}
		p.Resume()
		p.Receive()
		p.SendText("now")
		if got := string(p.Receive().Data); got != "now" {
			t.Errorf("received %q", got)
		}
	})
}

// K-06: a reader that is kept in Send is no sign of a dead peer.
func TestBlockedReaderIsNotPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.message = func(g *guest, m client.Message) error { return g.Send(m) }
		cfg := blocking(5000)
		cfg.PingInterval, cfg.IdleTimeout = 0, time.Minute
		_, g, p := stalled(t, d, cfg)
		p.SendText("echo")
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if !g.Connected() {
			t.Fatal("the connection has ended")
		}
		p.Resume()
		p.Receive()
		if got := string(p.Receive().Data); got != "echo" {
			t.Errorf("received %q", got)
		}
	})
}

// S-12: over a socket: a peer that sends much and reads nothing is stopped by its
// own connection, and everything comes back when it reads.
func TestBlockedHandlerPushesBackOverTCP(t *testing.T) {
	onDrivers(t, testBlockedHandlerPushesBackOverTCP)
}

func testBlockedHandlerPushesBackOverTCP(t *testing.T) {
	d := &desk{message: func(g *guest, m client.Message) error { return g.Send(m) }}
	cfg := blocking(10_000)
	cfg.Addr = "127.0.0.1:0"
	p := wstest.Open(wstest.DialTCP(t, open(t, newServer(t, d, cfg))), "/")
	for _, size := range []func(int) error{p.Conn.(*net.TCPConn).SetReadBuffer, p.Conn.(*net.TCPConn).SetWriteBuffer} {
		if err := size(16 << 10); err != nil {
			t.Fatal(err)
		}
	}
	const messages = 400 // of 40 KB: more than all the buffers on the way
	in := wstest.Binary(make([]byte, 40_000)).Bytes()
	sent := make(chan error, 1)
	go func() {
		for range messages {
			if err := p.TryWrite(in); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	eventually(t, "the server to be held up", func() bool {
		n := d.count("message")
		time.Sleep(50 * time.Millisecond)
		return n > 0 && d.count("message") == n
	})
	if n := d.count("message"); n == messages {
		t.Error("nothing held the peer up")
	}
	for range messages {
		if m := p.ReadMessage(); len(m.Data) != 40_000 {
			t.Fatalf("%d bytes came back", len(m.Data))
		}
	}
	if err := <-sent; err != nil {
		t.Errorf("the peer could not send: %v", err)
	}
}
