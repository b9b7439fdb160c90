package wsserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// S-12: the bound holds for every size of message, counts what waits and nothing
// else, and the last message over it closes with 1008 behind what was taken.
func TestQueueIsBounded(t *testing.T) {
	const bound, buffer = 50_000, 4096
	for _, size := range []int{0, 1, 100, 4000, 49_000, 60_000, 200_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				var g *guest
				d.connect = func(c *guest) error { g = c; return nil }
				srv := newServer(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: bound}})
				l := serve(t, srv)
				l.SetBuffer(buffer)
				p := clienttest.Dial(t, l, "/")
				synctest.Wait()
				p.Pause()
				synctest.Wait()
				taken, most := 0, 0
				for {
					err := g.SendBinary(make([]byte, size))
					if n := g.BufferedAmount(); n > bound+size+30 {
						t.Fatalf("%d bytes wait, with a bound of %d", n, bound)
					} else {
						most = max(most, n)
					}
					if err != nil {
						if !errors.Is(err, client.ErrQueueFull) {
							t.Fatalf("Send = %v, want ErrQueueFull", err)
						}
						break
					}
					if taken++; size == 60_000 {
						synctest.Wait() // until the kernel's part is out
					}
				}
				if taken == 0 || most < min(bound-size-10, size) {
					t.Errorf("%d messages and %d bytes were taken", taken, most)
				}
				if err := g.SendBinary(nil); !errors.Is(err, client.ErrClosed) {
					t.Errorf("Send after ErrQueueFull = %v, want ErrClosed", err)
				}
				p.Resume()
				if e := p.ReceiveClose(); e.Code != client.StatusPolicyViolation || e.Reason == "" {
					t.Errorf("closed with %v", &e)
				}
				if n := len(p.Received()); n != taken {
					t.Errorf("%d of %d messages that were taken arrive", n, taken)
				}
				p.WaitEnd()
				synctest.Wait()
				if end.Code != 1008 || end.Remote || !errors.Is(end.Cause, client.ErrQueueFull) {
					t.Errorf("the last event gets %v", end.CloseInfo)
				}
				if n := g.BufferedAmount(); n != 0 {
					t.Errorf("%d bytes wait after the end", n)
				}
			})
		})
	}
}

// S-12: MaxMessages under QueueClose; the message that does not fit costs the
// connection.
func TestQueueBoundsItsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		l := serve(t, newServer(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxMessages: 3}}))
		l.SetBuffer(1000)
		p := clienttest.Dial(t, l, "/")
		synctest.Wait()
		p.Pause()
		synctest.Wait()
		for i := range 4 { // one on its way, three in the queue
			if err := g.SendBinary(make([]byte, 2000)); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			synctest.Wait()
		}
		if err := g.SendBinary(nil); !errors.Is(err, client.ErrQueueFull) {
			t.Errorf("Send = %v, want ErrQueueFull", err)
		}
		p.Resume()
		if code := p.CloseCode(); code != client.StatusPolicyViolation {
			t.Errorf("closed with %v", code)
		}
	})
}

// S-12: a thousand peers that do not read cost their bounds, also for messages of
// one byte, sent and broadcast.
func TestStalledPeersCostTheirBound(t *testing.T) {
	const peers, bound = 100, 64 << 10
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: bound}, PingInterval: -1, WriteTimeout: -1})
	l := serve(t, srv)
	l.SetBuffer(1)
	for range peers {
		p := raw(t, l)
		p.Timeout = time.Minute
		wstest.Open(p, "/")
	}
	eventually(t, "the clients", func() bool { return srv.ClientCount() == peers })
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	for range bound/6 - 100 {
		srv.Broadcast(client.Binary([]byte{1}))
	}
	for c := range srv.Clients() {
		for range bound/6 - 100 {
			if err := c.SendBinary([]byte{1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := srv.Stats().Buffered; n < peers*(bound-2000) || n > peers*bound {
		t.Errorf("%d bytes wait", n)
	}
	if each := (heap() - before) / peers; each > 3*bound {
		t.Errorf("%d bytes of memory for each peer with %d in its queue", each, bound)
	}
	srv.Abort()
}

// S-28: behind a full queue pongs overtake what waits, only the newest of them is
// sent, data keeps its order, and the close frame is last.
func TestControlFramesOvertakeTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		l := serve(t, newServer(t, d, wsserver.Config{CloseTimeout: time.Hour}))
		l.SetBuffer(1000)
		p := wstest.Open(raw(t, l), "/")
		synctest.Wait()
		const messages = 20
		for i := range messages {
			if err := g.SendBinary(append(make([]byte, 20_000), byte(i))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			p.Send(wstest.Ping([]byte{byte(i)}))
			synctest.Wait()
		}
		if err := g.Close(4000, "last"); err != nil {
			t.Fatal(err)
		}
		data, pongs := 0, 0
		for {
			f, err := p.NextFrame()
			if err != nil {
				t.Fatal(err)
			}
			if f.Op == wstest.OpClose {
				break
			}
			if f.Op == wstest.OpPong {
				if pongs++; !bytes.Equal(f.Payload, []byte{4}) || data > 3 {
					t.Errorf("pong % x behind %d messages", f.Payload, data)
				}
				continue
			}
			if f.Payload[20_000] != byte(data) {
				t.Fatalf("message %d, want %d", f.Payload[20_000], data)
			}
			data++
		}
		if data != messages || pongs != 1 {
			t.Errorf("%d messages and %d pongs before the close frame", data, pongs)
		}
	})
}

// S-01, S-02: a hundred goroutines, each with its order, on one client that reads
// with pauses.
func TestOrderOfAHundredSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, each = 100, 50
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		cfg := blocking(20_000)
		l := serve(t, newServer(t, d, cfg))
		l.SetBuffer(3000)
		p := clienttest.Dial(t, l, "/")
		synctest.Wait()
		for id := range senders {
			go func() {
				for i := range each {
					if err := g.SendText(fmt.Sprintf("%d %d %*d", id, i, (id*i)%300, 0)); err != nil {
						t.Errorf("SendText = %v", err)
						return
					}
				}
			}()
		}
		var next [senders]int
		for n := range senders * each {
			if n%1000 == 999 {
				p.Pause()
				time.Sleep(time.Second)
				p.Resume()
			}
			var id, i int
			fmt.Sscan(string(p.Receive().Data), &id, &i)
			if next[id] != i {
				t.Fatalf("sender %d: message %d, want %d", id, i, next[id])
			}
			next[id]++
		}
	})
}
