package wsserver_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// sentBook notes what OnSent tells.
type sentBook struct {
	mu   sync.Mutex // guards list
	list []string
}

func (b *sentBook) note(i wsserver.SentInfo) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, fmt.Sprintf("%d %d %v %v %d", i.Client.ID(), i.Opcode, i.Final, i.Compressed, i.PayloadSize))
}

// S-29: OnSent has each frame of the wire once, in order, with its size: messages,
// fragments, files, pings, pongs, the close frame; over every road, compressed or not.
func TestSentIsTheWire(t *testing.T) { onDrivers(t, testSentIsTheWire) }

func testSentIsTheWire(t *testing.T) {
	for _, road := range []string{"memory", "TCP", "TLS"} {
		for _, mode := range modes {
			for _, max := range []int{0, 1000} {
				t.Run(fmt.Sprint(road, " ", mode, " ", max), func(t *testing.T) {
					book := &sentBook{}
					c := &club{message: func(k *keen, m client.Message) error { return k.Send(m) }}
					srv, k, w := reach(t, road, c, wsserver.Config{
						Events: wsserver.Events{OnSent: book.note}, MaxFrameSize: max, Compression: client.Compression{Mode: mode},
					})
					done := make(chan error, 1)
					name := fileOf(t, []byte(prose(3, 600_000)))
					go func() {
						for i := range 20 {
							no(t, k.SendText(prose(i, i*50)))
							srv.Broadcast(client.Text(prose(i, i*60)))
						}
						no(t, k.Ping([]byte("ping")))
						no(t, k.SendFile(t.Context(), name))
						no(t, k.SendReader(t.Context(), client.OpText, strings.NewReader(prose(4, 100_000))))
						no(t, k.SendText("over"))
						done <- nil
					}()
					w.p.Send(wstest.Ping([]byte("p")), wstest.Text("echo"))
					for string(w.message().Data) != "over" {
					}
					<-done
					w.p.Send(wstest.Close(4000, "bye"))
					w.rest()
					eventually(t, "the end", c.ended)
					var want []string
					for _, f := range w.frames {
						want = append(want, fmt.Sprintf("%d %d %v %v %d", k.ID(), f.Op, !f.More, f.RSV != 0, len(f.Payload)))
					}
					book.mu.Lock()
					defer book.mu.Unlock()
					if !slices.Equal(book.list, want) {
						t.Errorf("told are\n%q\nthe wire has\n%q", book.list, want)
					}
				})
			}
		}
	}
}

// S-29: a panic in OnSent costs neither the frame nor the server.
func TestSentMayPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, k, w := narrow(t, 0, &club{}, wsserver.Config{Events: wsserver.Events{OnSent: func(wsserver.SentInfo) { panic("sent") }}})
		for i := range 3 {
			no(t, k.SendText(fmt.Sprint(i)))
			w.want(fmt.Sprint(i))
		}
		synctest.Wait()
		if n := srv.Stats().Panics; n != 3 {
			t.Errorf("%d panics are counted", n)
		}
	})
}

// O-21: the limit of the server and that of a client, in both directions, by a clock that
// is not real; a ping of the peer is answered between the frames.
func TestBandwidthIsLimited(t *testing.T) {
	for _, own := range []bool{false, true} {
		for _, mode := range modes {
			synctest.Test(t, func(t *testing.T) {
				const perSecond = 10_000
				cfg := wsserver.Config{BandwidthLimit: perSecond, MaxFrameSize: 1000, Compression: client.Compression{Mode: mode}, PingInterval: 2 * time.Second, PongTimeout: time.Second}
				if own {
					cfg.BandwidthLimit = 0
				}
				c := &club{}
				received := 0
				c.message = func(_ *keen, m client.Message) error { received += len(m.Data); return nil }
				srv, k, w := narrow(t, 20_000, c, cfg)
				if own {
					no(t, k.SetBandwidthLimit(perSecond))
				}
				start := time.Now()
				no(t, k.SendText(noise(1, 100_000)))
				go func() { // the peer sends too, and a ping each second
					for i := range 60 {
						w.p.Send(wstest.Binary(make([]byte, 1000)))
						if i%10 == 9 {
							w.p.Send(wstest.Ping([]byte{byte(i)}))
						}
					}
				}()
				pongs := 0
				for len(w.messages) == 0 {
					no(t, w.step())
					took := time.Since(start)
					if f := w.frames[len(w.frames)-1]; f.Op == wstest.OpPing {
						go w.p.TryWrite(wstest.Pong(f.Payload).Bytes())
					} else if f.Op == wstest.OpPong {
						pongs++
					}
					if out := k.Stats().BytesOut; len(w.frames) > 60 && took < 3*time.Second && mode == client.CompressionOff {
						t.Errorf("%d frames, %d bytes after %v", len(w.frames), out, took)
					}
				}
				wire := 0
				for _, f := range w.frames {
					wire += len(f.Payload)
				}
				took := time.Since(start)
				want := time.Duration(float64(wire-perSecond) / perSecond * float64(time.Second))
				if took < want*9/10 || took > want*11/10+time.Second {
					t.Errorf("%v: %d bytes take %v, want %v", mode, wire, took, want)
				}
				if pongs < 3 {
					t.Errorf("%v: %d pongs came meanwhile", mode, pongs)
				}
				if in := srv.Stats().BytesIn; received != 60_000 || in < 60_000 {
					t.Errorf("%d bytes came", received)
				}
				if !k.Connected() {
					t.Errorf("%v: the client is gone", mode)
				}
				no(t, k.SetBandwidthLimit(0))
				start = time.Now()
				no(t, k.SendText(noise(1, 100_000)))
				w.message()
				if took := time.Since(start); took != 0 {
					t.Errorf("without a limit 100000 bytes take %v", took)
				}
			})
		}
	}
}

// O-21: when a client with a limit has ended, nothing of it is left.
func TestLimitedClientEnds(t *testing.T) {
	for _, how := range []string{"Abort", "Close", "Shutdown"} {
		synctest.Test(t, func(t *testing.T) {
			c := &club{}
			srv, k, w := narrow(t, 1000, c, wsserver.Config{BandwidthLimit: 100})
			no(t, k.SendText(noise(1, 100_000)))
			go w.p.TryWrite(wstest.Binary(make([]byte, 100_000)).Bytes())
			time.Sleep(time.Second)
			switch how {
			case "Abort":
				k.Abort()
			case "Close":
				no(t, k.Close(1000, ""))
				w.drain()
			case "Shutdown":
				w.drain()
				no(t, srv.Shutdown(t.Context()))
			}
			eventually(t, "the end", c.ended)
		})
	}
}

// The memory budget of two servers: it is theirs together, the longest queues pay, and
// nothing is used when all have left.
func TestTwoServersShareABudget(t *testing.T) {
	for _, mode := range []client.CompressionMode{client.CompressionOff, client.CompressionContext} {
		synctest.Test(t, func(t *testing.T) {
			const limit = 200_000
			b := client.NewBudget(limit)
			closing, dropping := &club{}, &club{}
			cfg := wsserver.Config{MemoryBudget: b, WriteTimeout: -1, CloseTimeout: time.Hour, Compression: client.Compression{Mode: mode}}
			one, k1, w1 := narrow(t, 500, closing, cfg)
			cfg.SendQueue.Policy = client.QueueDropOldest
			two, k2, w2 := narrow(t, 500, dropping, cfg)
			send := func(k *keen, n int) {
				t.Helper()
				no(t, k.SendText(noise(n, 900)))
			}
			for n := 0; n < 50; n++ { // below the limit nobody pays
				send(k1, n)
				send(k2, n)
			}
			synctest.Wait()
			if n := b.Used(); n < 75_000 || n > limit || b.Limit() != limit || len(dropping.told()) != 0 || !k1.Connected() {
				t.Fatalf("%d bytes are used, drops %v", n, dropping.told())
			}
			for n := 50; len(dropping.told()) == 0; n++ {
				send(k2, n)
				synctest.Wait()
				if n > 300 || !k1.Connected() {
					t.Fatalf("%d messages and nothing is dropped of the longest", n)
				}
			}
			if d := dropping.told()[client.DropBudget]; d.Messages < 100 || !k2.Connected() || b.Used() > limit-limit/8 {
				t.Errorf("%v, %d bytes are used", d, b.Used())
			}
			if n := two.Stats().Dropped[client.DropBudget.String()]; n == 0 {
				t.Error("the server has not counted it")
			}
			for n := 100; k1.Connected(); n++ {
				if err := k1.SendText(noise(n, 900)); err != nil || n > 400 {
					t.Fatalf("message %d: %v", n, err)
				}
			}
			if n := b.Used(); n > limit-limit/8 {
				t.Errorf("%d bytes are used when the longest is closed", n)
			}
			if code := w1.rest(); code != 1008 || len(w1.messages) > 30 {
				t.Errorf("closed with %d behind %d messages", code, len(w1.messages))
			}
			synctest.Wait()
			if i := closing.ending(t); i.Code != client.StatusPolicyViolation {
				t.Errorf("it ends with %v", i)
			} else if i.Cause != client.ErrBudget {
				t.Errorf("its cause is %v", i.Cause)
			}
			no(t, k2.SendText("last"))
			for string(w2.message().Data) != "last" {
			}
			if n := b.Used(); n != 0 {
				t.Errorf("%d bytes are used with empty queues", n)
			}
			plug(t, k2)
			one.Abort()
			two.Abort()
			synctest.Wait()
			if n := b.Used(); n != 0 {
				t.Errorf("%d bytes are used when all have left", n)
			}
		})
	}
}

// The budget counts a broadcast for each queue that holds it.
func TestBroadcastsCountForEachQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := client.NewBudget(1 << 20)
		c := &club{}
		srv := newServerOf(t, c, wsserver.Config{MemoryBudget: b, PingInterval: -1})
		l := serve(t, srv)
		l.SetBuffer(100)
		for range 5 {
			wstest.Open(raw(t, l), "/")
		}
		synctest.Wait()
		srv.Broadcast(client.Text(prose(1, 1000)))
		synctest.Wait()
		if n := b.Used(); n != 5*1004 {
			t.Errorf("%d bytes are used by 5 clients with 1004 bytes each", n)
		}
		srv.Abort()
		synctest.Wait()
		if n := b.Used(); n != 0 {
			t.Errorf("%d bytes are used in the end", n)
		}
	})
}
