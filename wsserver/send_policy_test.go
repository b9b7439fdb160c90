package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// plug sends a message that the peer, which reads nothing, does not take: what follows
// waits in the queue.
func plug(t *testing.T, k *keen) {
	t.Helper()
	no(t, k.SendWith(t.Context(), client.Binary(make([]byte, 3000)), client.SendOptions{NoCompression: true}).Err)
	synctest.Wait()
}

// S-12: drops are counted for the client and the server, logged, and told to the class
// once, with the time of the first; also when the connection is gone by then.
func TestDropsAreTold(t *testing.T) {
	for _, tt := range []struct {
		policy client.QueuePolicy
		key    string
		reason client.DropReason
		got    []int // which messages arrive
		full   bool  // Send says ErrQueueFull
	}{
		{client.QueueDropNewest, "", client.DropNewest, []int{0, 1, 2}, true},
		{client.QueueDropOldest, "", client.DropOldest, []int{7, 8, 9}, false},
		{client.QueueLatest, "", client.DropOldest, []int{7, 8, 9}, false},
		{client.QueueLatest, "k", client.DropReplaced, []int{9}, false},
	} {
		for _, how := range []string{"server", "client", "call"} {
			for _, gone := range []bool{false, true} {
				t.Run(fmt.Sprint(tt.policy, " ", tt.key, " by ", how, " gone ", gone), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var log logbook
						c := &club{}
						cfg := wsserver.Config{Logger: log.logger(), WriteTimeout: -1}
						queue := client.SendQueue{MaxMessages: 3, Policy: tt.policy}
						o := client.SendOptions{Key: tt.key}
						switch how {
						case "server":
							cfg.SendQueue = queue
						case "call":
							cfg.SendQueue = client.SendQueue{MaxMessages: 3}
							o.Policy = tt.policy
						}
						srv, k, w := narrow(t, 1000, c, cfg)
						if how == "client" {
							no(t, k.SetSendQueue(queue))
						}
						plug(t, k)
						start := time.Now()
						for i := range 10 {
							time.Sleep(time.Second)
							r := k.SendWith(t.Context(), client.Text(fmt.Sprint(i)), o)
							if full := errors.Is(r.Err, client.ErrQueueFull); full != (tt.full && i > 2) || full != (r.Err != nil) || full != (r.WireSize == 0) {
								t.Errorf("message %d: %+v", i, r)
							}
						}
						lost := 10 - len(tt.got)
						synctest.Wait()
						if d := c.drops; len(d) < 1 || d[0].Reason != tt.reason || d[0].Bytes != 3*d[0].Messages || !d[0].Since.After(start) || d[0].String() == "" {
							t.Errorf("the first notice is %v", d)
						}
						if gone {
							k.Abort()
							synctest.Wait()
						}
						if d := c.told()[tt.reason]; len(c.told()) != 1 || d.Messages != lost || d.Bytes != 3*lost {
							t.Errorf("the notices are %v", c.told())
						}
						if s := k.Stats(); s.MessagesDropped != uint64(lost) || s.BytesDropped != uint64(3*lost) {
							t.Errorf("the client's counters are %+v", s)
						}
						if s := srv.Stats(); s.Dropped[tt.reason.String()] != uint64(lost) || len(s.Dropped) != 1 {
							t.Errorf("the server's counters are %+v", s.Dropped)
						}
						if n := len(log.lines("messages dropped", tt.reason.String(), "level=WARN")); n == 0 {
							t.Error("nothing is in the log")
						}
						if gone {
							return
						}
						w.message()
						for _, i := range tt.got {
							w.want(fmt.Sprint(i))
						}
						synctest.Wait() // the drainer books what it wrote
						if s := k.Stats(); s.Buffered != 0 || !k.Connected() {
							t.Errorf("%+v", s)
						}
					})
				})
			}
		}
	}
}

// S-12: in an event the notices wait for its end, and come as one for each reason.
func TestDropsInAnEventComeTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &club{}
		c.message = func(k *keen, _ client.Message) error {
			for i := range 20 {
				_ = k.SendText(fmt.Sprintf("%02d", i))
				_ = k.SendWith(context.Background(), client.Text("kk"), client.SendOptions{Key: "k"})
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.drops) != 0 {
				t.Errorf("inside of the event: %v", c.drops)
			}
			return nil
		}
		_, k, w := narrow(t, 1000, c, wsserver.Config{SendQueue: client.SendQueue{MaxMessages: 5, Policy: client.QueueDropOldest}, WriteTimeout: -1})
		plug(t, k)
		w.p.Send(wstest.Text("go"))
		synctest.Wait()
		if len(c.drops) != 2 || c.told()[client.DropOldest].Messages+c.told()[client.DropReplaced].Messages != 35 {
			t.Errorf("the notices are %v", c.drops)
		}
	})
}

// S-12: an error and a panic of OnDropped and OnReadyToSend end the client, as those of
// OnMessage do.
func TestNoticesMayFail(t *testing.T) {
	for _, ready := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := &club{}
			if ready {
				c.ready = func(*keen) { panic("ready") }
			} else {
				c.dropped = func(*keen, client.Drop) { panic("dropped") }
			}
			_, k, w := narrow(t, 1000, c, wsserver.Config{SendQueue: client.SendQueue{MaxMessages: 2, Policy: client.QueueDropNewest}, WriteTimeout: -1})
			plug(t, k)
			for range 5 {
				_ = k.SendText("x")
			}
			if code := w.rest(); code != 1011 {
				t.Errorf("closed with %d", code)
			}
			synctest.Wait()
			if e, ok := errors.AsType[*client.PanicError](c.ending(t).Cause); !ok || ready != (e.Event == "OnReadyToSend") {
				t.Errorf("it ends with %v", c.ending(t))
			}
		})
	}
}

// S-11: OnReadyToSend comes once for each crossing that refused somebody, on the
// goroutine of the events, and TrySend works inside of it.
func TestReadyToSendFeedsAProducer(t *testing.T) {
	for _, mode := range modes {
		synctest.Test(t, func(t *testing.T) {
			const messages = 500
			c := &club{}
			next, inside := 0, 0
			var mu sync.Mutex // guards next
			feed := func(k *keen) {
				mu.Lock()
				defer mu.Unlock()
				for next < messages {
					if err := k.TrySend(client.Text(prose(next, 300))); err != nil {
						if !errors.Is(err, client.ErrWouldBlock) {
							t.Errorf("TrySend = %v", err)
						}
						return
					}
					next++
				}
			}
			c.ready = func(k *keen) {
				if inside++; inside != 1 {
					t.Error("two events at once")
				}
				feed(k)
				inside--
			}
			_, k, w := narrow(t, 700, c, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 4000, LowWater: 1000}, Compression: client.Compression{Mode: mode}, WriteTimeout: -1})
			feed(k)
			if next == 0 || next == messages {
				t.Fatalf("%d messages are taken at once", next)
			}
			for i := range messages {
				time.Sleep(time.Millisecond)
				w.want(prose(i, 300))
			}
			synctest.Wait()
			if c.readys < 3 || c.readys > messages {
				t.Errorf("OnReadyToSend came %d times", c.readys)
			}
		})
	}
}

// S-11: without a refusal there is no event, however full the queue was.
func TestNobodyIsToldWhoWasNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &club{}
		_, k, w := narrow(t, 700, c, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 4000, Policy: client.QueueBlock}, WriteTimeout: -1})
		done := make(chan error, 1)
		go func() {
			for i := range 100 {
				if err := k.SendText(prose(i, 300)); err != nil {
					done <- err
				}
			}
			done <- k.WaitWritable(context.Background())
		}()
		for i := range 100 {
			w.want(prose(i, 300))
		}
		no(t, <-done)
		synctest.Wait()
		if c.readys != 0 || len(c.drops) != 0 {
			t.Errorf("%d events, %v", c.readys, c.drops)
		}
	})
}

// S-12: senders that wait, with and without compression, never take more room than there
// is, whatever options they have; each keeps its order.
func TestWaitingSendersKeepToTheBound(t *testing.T) {
	for _, mode := range modes {
		for _, options := range []client.SendOptions{{}, {Policy: client.QueueBlock}} {
			synctest.Test(t, func(t *testing.T) {
				const senders, each, bound = 40, 5, 5000
				_, k, w := narrow(t, 700, &club{}, wsserver.Config{
					SendQueue: client.SendQueue{MaxBytes: bound, Policy: client.QueueBlock}, Compression: client.Compression{Mode: mode}, WriteTimeout: -1,
				})
				most := 0
				var mu sync.Mutex // guards most
				for id := range senders {
					go func() {
						for i := range each {
							text := fmt.Sprintf("%d %d ", id, i) + noise(id*each+i, 600)
							if r := k.SendWith(context.Background(), client.Text(text), options); r.Err != nil {
								t.Errorf("SendWith = %v", r.Err)
							}
							mu.Lock()
							most = max(most, k.BufferedAmount())
							mu.Unlock()
						}
					}()
				}
				synctest.Wait()
				var next [senders]int
				for range senders * each {
					var id, i int
					fmt.Sscan(string(w.message().Data), &id, &i)
					if next[id] != i {
						t.Fatalf("sender %d: message %d, want %d", id, i, next[id])
					}
					next[id]++
				}
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if most > bound+30 {
					t.Errorf("%v: up to %d bytes wait, with a bound of %d", mode, most, bound)
				}
			})
		}
	}
}

// noise is text of n bytes that hardly compresses.
func noise(seed, n int) string {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 12345
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = ' ' + byte(x>>16%95)
		b[i] = ' ' + byte((x>>13)%95)
	}
	return string(b)
}

// S-12: TrySends from everywhere keep to the bound as well, compressed or not.
func TestManyTrySendsKeepToTheBound(t *testing.T) {
	for _, mode := range modes {
		synctest.Test(t, func(t *testing.T) {
			const bound = 20_000
			_, k, w := narrow(t, 700, &club{}, wsserver.Config{
				SendQueue: client.SendQueue{MaxBytes: bound}, Compression: client.Compression{Mode: mode}, WriteTimeout: -1,
			})
			plug(t, k)
			var all sync.WaitGroup
			for id := range 50 {
				all.Go(func() {
					for i := range 20 {
						if err := k.TrySend(client.Text(noise(id*20+i, 900))); err != nil && !errors.Is(err, client.ErrWouldBlock) {
							t.Errorf("TrySend = %v", err)
						}
					}
				})
			}
			all.Wait()
			if n := k.BufferedAmount(); n > bound || n < bound-1000 {
				t.Errorf("%v: %d bytes wait, with a bound of %d", mode, n, bound)
			}
			k.Abort()
			w.drain()
		})
	}
}

// S-12: what is sent as it is because it may be dropped has its room too.
func TestBroadcastThatMayBeDroppedKeepsToTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 10_000
		srv, k, w := narrow(t, 700, &club{}, wsserver.Config{
			SendQueue: client.SendQueue{MaxBytes: bound, Policy: client.QueueDropOldest}, WriteTimeout: -1,
			Compression: client.Compression{Mode: client.CompressionContext},
		})
		plug(t, k)
		for i := range 30 {
			srv.Broadcast(client.Text(prose(i, 1000+i*200)))
			if n := k.BufferedAmount(); n > bound {
				t.Fatalf("%d bytes wait, with a bound of %d", n, bound)
			}
		}
		w.message()
		no(t, k.SendText("last"))
		for string(w.message().Data) != "last" {
		}
		if got := w.messages[len(w.messages)-2]; string(got.Data) != prose(29, 1000+29*200) {
			t.Errorf("the last broadcast arrives with %d bytes", len(got.Data))
		}
	})
}

// S-03, S-12: a stream that is under way leaves others their room, whatever the policy.
func TestStreamDoesNotFillTheQueue(t *testing.T) { onDrivers(t, testStreamDoesNotFillTheQueue) }

func testStreamDoesNotFillTheQueue(t *testing.T) {
	for _, road := range []string{"memory", "TCP", "TLS"} {
		for _, policy := range []client.QueuePolicy{client.QueueClose, client.QueueBlock, client.QueueDropOldest} {
			c := &club{}
			_, k, w := reach(t, road, c, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 10_000, Policy: policy}})
			name := fileOf(t, []byte(prose(1, 6<<20)))
			done := make(chan error, 1)
			begun := make(chan struct{}, 1000)
			go func() {
				done <- k.SendFile(t.Context(), name, client.SendOptions{Progress: func(int64, int64) bool {
					select {
					case begun <- struct{}{}:
					default:
					}
					return true
				}})
			}()
			<-begun
			for i := range 9 {
				if err := k.SendText(prose(i, 900)); err != nil {
					t.Errorf("%s, %v: message %d during a stream: %v", road, policy, i, err)
				}
			}
			if m := w.message(); len(m.Data) != 6<<20 {
				t.Fatalf("%d bytes arrive", len(m.Data))
			}
			for i := range 9 {
				w.want(prose(i, 900))
			}
			no(t, <-done)
			if len(c.told()) != 0 {
				t.Errorf("%v", c.told())
			}
		}
	}
}

// S-12: keys in broadcasts and sends, with and without compression: a peer that reads
// slowly gets the latest of each, in the place of the first.
func TestLatestOfEachKey(t *testing.T) {
	for _, mode := range modes {
		for _, limit := range []int{0, 2000} {
			t.Run(fmt.Sprint(mode, " ", limit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := &club{}
					srv, k, w := narrow(t, 700, c, wsserver.Config{
						WriteTimeout: -1, Compression: client.Compression{Mode: mode}, BandwidthLimit: limit,
						SendQueue: client.SendQueue{Policy: client.QueueLatest},
					})
					state := func(key, i int) client.Message {
						return client.Text(fmt.Sprintf("%d %d ", key, i) + prose(key, 300))
					}
					for i := range 50 {
						for key := range 4 {
							o := client.SendOptions{Key: fmt.Sprint(key)}
							if i%2 == 0 {
								no(t, k.SendWith(t.Context(), state(key, i), o).Err)
							} else {
								_, err := srv.BroadcastWith(state(key, i), o)
								no(t, err)
							}
							if i%10 == 9 {
								no(t, k.SendText(prose(i, 200)))
							}
						}
					}
					last := map[int]int{}
					texts := 0
					for done := 0; done < 4; {
						m := w.message()
						var key, i int
						if n, _ := fmt.Sscan(string(m.Data), &key, &i); n != 2 {
							texts++
							continue
						}
						if string(m.Data) != string(state(key, i).Data) || i < last[key] {
							t.Fatalf("state %d %d behind %d", key, i, last[key])
						}
						if last[key] = i; i == 49 {
							done++
						}
					}
					for texts < 20 {
						w.message()
						texts++
					}
					synctest.Wait()
					if d := c.told(); d[client.DropReplaced].Messages+len(w.messages) != 220 || len(d) != 1 {
						t.Errorf("%v, and %d messages arrive", d, len(w.messages))
					}
				})
			})
		}
	}
}

// S-12, S-27, O-21: a state that is in the queue only because of a limit, and that later
// messages refer to, is not replaced: the peer's window would miss it.
func TestLatestStateThatOthersReferTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, w := narrow(t, 100_000, &club{}, wsserver.Config{
			BandwidthLimit: 1 << 20, Compression: client.Compression{Mode: client.CompressionContext},
		})
		for i := range 300 {
			for j := range 3 {
				no(t, k.SendWith(t.Context(), client.Text(noise(i*3+j, 400)), client.SendOptions{Key: "k"}).Err)
			}
			no(t, k.SendText(noise(i*3, 200)+noise(i*3+1, 200)))
			for string(w.message().Data) != noise(i*3, 200)+noise(i*3+1, 200) {
			}
			time.Sleep(time.Second)
		}
	})
}

// S-12: a queue that is made smaller, larger or of another policy keeps what it has.
func TestQueueChangesUnderway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, w := narrow(t, 700, &club{}, wsserver.Config{WriteTimeout: -1})
		plug(t, k)
		for i := range 20 {
			no(t, k.SendText(fmt.Sprint("one ", i)))
		}
		no(t, k.SetSendQueue(client.SendQueue{MaxMessages: 10, Policy: client.QueueDropNewest}))
		if err := k.SendText("refused"); !errors.Is(err, client.ErrQueueFull) {
			t.Errorf("Send = %v", err)
		}
		no(t, k.SetSendQueue(client.SendQueue{Policy: client.QueueBlock, BlockTimeout: time.Second, MaxBytes: 100}))
		if err := k.SendText("refused"); !errors.Is(err, client.ErrQueueFull) {
			t.Errorf("Send = %v", err)
		}
		no(t, k.SetSendQueue(client.SendQueue{}))
		no(t, k.SendText("two"))
		w.message()
		for i := range 20 {
			w.want(fmt.Sprint("one ", i))
		}
		w.want("two")
	})
}

// S-12: what may not be in a SendQueue.
func TestBadQueues(t *testing.T) {
	for field, q := range map[string]client.SendQueue{
		"MaxBytes":     {MaxBytes: -1},
		"MaxMessages":  {MaxMessages: -1},
		"Policy":       {Policy: 77},
		"BlockTimeout": {BlockTimeout: -1},
		"HighWater":    {MaxBytes: 10, HighWater: 11},
		"LowWater":     {HighWater: 10, LowWater: 11},
	} {
		_, err := wsserver.New(wsserver.Class[plain](), wsserver.Config{SendQueue: q})
		var e *wsserver.ConfigError
		if !errors.As(err, &e) || e.Field != "SendQueue."+field {
			t.Errorf("New = %v, want SendQueue.%s", err, field)
		}
		if err := new(keen).SetSendQueue(q); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("SetSendQueue = %v", err)
		}
	}
}
