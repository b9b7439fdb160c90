package dial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
)

// waitingQueue lets n bytes wait while there is no connection.
func waitingQueue(n int) func(*Options) {
	return func(o *Options) { o.QueueWhileDown = n }
}

// silent is a house that keeps what it gets and answers nothing.
func silent(t *testing.T) *house {
	h := newHouse(t)
	h.message = func(*guest, client.Message) error { return nil }
	return h
}

// D-25: what is sent while there is no connection waits for it, in order, and what OnOpen
// sends on the connection itself goes ahead.
func TestQueueKeepsTheOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := silent(t), &diary{t: t}
		h.down()
		hd := d.handler()
		hd.OnOpen = func(c *Conn, _ OpenInfo) error {
			if err := c.SendText("behind"); err != nil {
				t.Error(err)
			}
			return c.Client().SendText("login")
		}
		c := begin(t, h, hd, waitingQueue(1000))
		if err := c.SendText("x"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("before Start: %v", err)
		}
		start(t, c)
		data := []byte("0")
		for i := range 5 {
			data[0] = byte('0' + i)
			if err := c.SendBinary(data); err != nil {
				t.Fatal(err)
			}
		}
		if n, m := c.QueuedAmount(), c.Info().QueuedMessages; n != 5 || m != 5 || c.BufferedAmount() != 5 {
			t.Errorf("%d bytes of %d messages wait", n, m)
		}
		if r := c.SendWith(t.Context(), client.Text("last"), client.SendOptions{}); r.Err != nil || r.PayloadSize != 4 || r.WireSize != 0 {
			t.Errorf("%+v", r)
		}
		h.up()
		pass(time.Second)
		if err := c.SendText("live"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []string{"login", "0", "1", "2", "3", "4", "last", "behind", "live"}
		if got := h.received(); !slices.Equal(got, want) {
			t.Errorf("the server got %q, want %q", got, want)
		}
		if n := c.QueuedAmount(); n != 0 {
			t.Errorf("%d bytes wait", n)
		}
	})
}

// The bounds in bytes and messages hold, each policy drops what it says, and every drop is
// told once.
func TestQueueIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		edit   func(*Options)
		errs   int // messages 0 to 9 of 10 bytes that were refused
		want   []string
		notice string
	}{
		{"bytes, newest", func(o *Options) { o.QueueWhileDown = 45 }, 6, []string{"0", "1", "2", "3"}, "dropped 6: queue full, newest dropped"},
		{"bytes, oldest", func(o *Options) { o.QueueWhileDown, o.QueuePolicy = 45, client.QueueDropOldest }, 0, []string{"6", "7", "8", "9"}, "dropped 6: queue full, oldest dropped"},
		{"messages, newest", func(o *Options) { o.QueueWhileDown, o.QueueMessages = 1000, 3 }, 7, []string{"0", "1", "2"}, "dropped 7: queue full, newest dropped"},
		{"messages, oldest", func(o *Options) {
			o.QueueWhileDown, o.QueueMessages, o.QueuePolicy = 1000, 1, client.QueueDropOldest
		}, 0, []string{"9"}, "dropped 9: queue full, oldest dropped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, d := silent(t), &diary{t: t}
				h.down()
				hd := d.handler()
				hd.OnError, hd.OnOpen = nil, nil
				c := begin(t, h, hd, tt.edit)
				start(t, c)
				refused := 0
				for i := range 10 {
					err := c.SendText(strings.Repeat(fmt.Sprint(i), 10))
					if errors.Is(err, client.ErrQueueFull) {
						refused++
					} else if err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if refused != tt.errs {
					t.Errorf("%d were refused, want %d", refused, tt.errs)
				}
				total, kind := 0, ""
				for part := range strings.SplitSeq(d.take(), ", dropped") {
					var n int
					part = strings.TrimPrefix(strings.TrimPrefix(part, "dropped"), " ")
					if _, err := fmt.Sscanf(part, "%d:", &n); err != nil {
						t.Fatalf("%q: %v", part, err)
					}
					total += n
					_, kind, _ = strings.Cut(part, ": ")
				}
				if got := fmt.Sprintf("dropped %d: %s", total, kind); got != tt.notice {
					t.Errorf("was told %q, want %q", got, tt.notice)
				}
				h.up()
				pass(time.Second)
				var got []string
				for _, s := range h.received() {
					got = append(got, s[:1])
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("the server got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// A message larger than the queue drops no other.
func TestQueueRefusesWhatNeverFits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		h.down()
		c := begin(t, h, Handler{}, waitingQueue(10), func(o *Options) { o.QueuePolicy = client.QueueDropOldest })
		start(t, c)
		_ = c.SendText("small")
		if err := c.SendText("more than ten bytes"); !errors.Is(err, client.ErrQueueFull) {
			t.Error(err)
		}
		for _, m := range []client.Message{{Op: 3}, {Op: client.OpText, Data: []byte("\xff")}} {
			if err := c.Send(m); !errors.Is(err, client.ErrBadOpcode) && !errors.Is(err, client.ErrInvalidUTF8) {
				t.Errorf("%v waits: %v", m, err)
			}
		}
		if r := c.SendWith(t.Context(), client.Text("x"), client.SendOptions{Progress: func(int64, int64) bool { return true }}); !errors.Is(r.Err, client.ErrOptions) {
			t.Errorf("with Progress: %v", r.Err)
		}
		if n := c.Info().QueuedMessages; n != 1 {
			t.Errorf("%d messages wait", n)
		}
	})
}

// Messages that are too old are dropped, and those that are left when it stops.
func TestQueueForgetsWhatIsOld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := silent(t), &diary{t: t}
		h.down()
		hd := d.handler()
		hd.OnError = nil
		c := begin(t, h, hd, waitingQueue(100), func(o *Options) { o.QueueMaxAge = 10 * time.Second })
		start(t, c)
		_ = c.SendText("old")
		pass(6 * time.Second)
		_ = c.SendText("young")
		pass(6 * time.Second)
		_ = c.SendText("youngest")
		synctest.Wait()
		d.want("dropped 1: waited too long")
		pass(5 * time.Second)
		d.want("dropped 1: waited too long")
		h.up()
		c.RetryNow()
		synctest.Wait()
		d.want("open 9")
		if got := h.received(); !slices.Equal(got, []string{"youngest"}) {
			t.Errorf("the server got %q", got)
		}
		h.down()
		synctest.Wait()
		_ = c.SendText("left")
		d.take()
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Error(err)
		}
		d.want("dropped 1: stopped, stop local true")
	})
}

// While what waits is being sent, later messages do not overtake it, whoever sends them.
func TestQueueIsNotOvertaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		h.down()
		c := begin(t, h, Handler{}, waitingQueue(1<<20), func(o *Options) {
			o.SendQueue = client.SendQueue{MaxBytes: 1000, Policy: client.QueueBlock}
			o.BandwidthLimit = 100_000
		})
		start(t, c)
		const each, senders = 200, 3
		send := func(who, i int) {
			for {
				err := c.SendText(fmt.Sprintf("%d %d %s", who, i, strings.Repeat("x", 50)))
				if err == nil {
					return
				}
				t.Error(err)
				time.Sleep(time.Millisecond)
			}
		}
		for i := range each / 2 {
			for who := range senders {
				send(who, i)
			}
		}
		h.up()
		var wg sync.WaitGroup
		for who := range senders {
			wg.Go(func() {
				for i := each / 2; i < each; i++ {
					send(who, i)
					time.Sleep(3 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		pass(10 * time.Second)
		next := make([]int, senders)
		for _, s := range h.received() {
			var who, i int
			_, _ = fmt.Sscanf(s, "%d %d", &who, &i)
			if next[who] != i {
				t.Fatalf("sender %d: %d in place of %d", who, i, next[who])
			}
			next[who]++
		}
		if !slices.Equal(next, []int{each, each, each}) {
			t.Errorf("the server got %v", next)
		}
	})
}

// What waits survives a connection that is lost while it is sent; nothing is sent twice.
func TestQueueSurvivesALoss(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		seen := make(map[string]int)
		h.message = func(g *guest, m client.Message) error {
			h.mu.Lock()
			seen[string(m.Data)]++
			n := len(seen)
			h.mu.Unlock()
			if n%10 == 0 {
				g.Abort()
			}
			return nil
		}
		h.down()
		ends := 0
		c := begin(t, h, Handler{OnClose: func(*Conn, client.CloseInfo) { ends++ }}, waitingQueue(1<<20), func(o *Options) {
			o.SendQueue = client.SendQueue{MaxBytes: 100, Policy: client.QueueBlock}
			o.BandwidthLimit, o.StableAfter = 1000, -1
		})
		start(t, c)
		for i := range 100 {
			if err := c.SendText(fmt.Sprintf("%03d", i)); err != nil {
				t.Fatal(err)
			}
		}
		h.up()
		pass(time.Minute)
		if n := c.QueuedAmount(); n != 0 {
			t.Errorf("%d bytes wait", n)
		}
		for s, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times", s, n)
			}
		}
		if len(seen) < 10 || ends == 0 { // what the network had is lost
			t.Errorf("%d of 100 came, over %d lost connections", len(seen), ends)
		}
	})
}

// Stop while what waits is being sent ends in time, and what is left is told.
func TestStopWhileTheQueueIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := silent(t), &diary{t: t}
		h.down()
		hd := d.handler()
		hd.OnError = nil
		c := begin(t, h, hd, waitingQueue(1<<20), func(o *Options) {
			o.SendQueue = client.SendQueue{MaxBytes: 100, Policy: client.QueueBlock}
			o.BandwidthLimit = 1000
		})
		start(t, c)
		for range 100 {
			_ = c.SendText(strings.Repeat("x", 50))
		}
		h.up()
		pass(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Stop(ctx, 0, ""); err != nil {
			t.Error(err)
		}
		got := d.take()
		came := len(h.received())
		var dropped int
		if _, after, ok := strings.Cut(got, "dropped "); ok {
			_, _ = fmt.Sscanf(after, "%d", &dropped)
		}
		if !strings.HasSuffix(got, "stopped, stop local true") || dropped == 0 || came+dropped > 100 || came+dropped < 97 {
			t.Errorf("%d came, was told %s", came, got)
		}
	})
}

func TestQueueOfMany(t *testing.T) {
	o := Options{URL: "ws://x", QueueWhileDown: 1 << 20, QueuePolicy: client.QueueDropOldest, QueueMessages: 100}.withDefaults()
	var q queue
	now := time.Now()
	for i := range 100_000 {
		if !q.push(&o, waiting{m: client.Text(fmt.Sprint(i)), since: now}) {
			t.Fatal(i)
		}
		if i == 500 {
			if w, ok := q.take(&o, now); !ok || string(w.m.Data) != "401" {
				t.Fatal(w, ok)
			}
		}
	}
	if q.len() != 100 || cap(q.list) > 1000 {
		t.Errorf("%d wait in room for %d", q.len(), cap(q.list))
	}
	if w := q.list[q.head]; string(w.m.Data) != "401" {
		t.Errorf("what is being sent is %s", w.m.Data)
	}
	q.done(true)
	if w, ok := q.take(&o, now); !ok || string(w.m.Data) != "99901" {
		t.Errorf("then %s", w.m.Data)
	}
	q.done(false)
	if w, _ := q.take(&o, now); string(w.m.Data) != "99901" {
		t.Errorf("again %s", w.m.Data)
	}
	q.done(true)
	bytes := 0
	for w, ok := q.take(&o, now); ok; w, ok = q.take(&o, now) {
		bytes += len(w.m.Data)
		q.done(true)
	}
	if bytes != 98*5 || q.bytes != 0 || q.list != nil {
		t.Errorf("%d bytes were left, %d now", bytes, q.bytes)
	}
}

// WaitOpen and WaitSent wait for what they say, and end with the context, with the Conn,
// and when the last message that waits is too old.
func TestWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		h.down()
		c := begin(t, h, Handler{}, waitingQueue(100), func(o *Options) { o.QueueMaxAge = time.Minute })
		if _, err := c.WaitOpen(t.Context()); !errors.Is(err, client.ErrClosed) {
			t.Errorf("before Start: %v", err)
		}
		start(t, c)
		if err := c.WaitSent(t.Context()); err != nil {
			t.Errorf("with nothing to send: %v", err)
		}
		_ = c.SendText("too old")
		begun := time.Now()
		if err := c.WaitSent(t.Context()); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.WaitOpen(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a server: %v", err)
		}
		_ = c.SendText("sent")
		h.up()
		if o, err := c.WaitOpen(t.Context()); err != nil || o.Status != 101 {
			t.Errorf("%+v, %v", o, err)
		}
		if err := c.WaitSent(t.Context()); err != nil {
			t.Error(err)
		}
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := h.received(); !slices.Equal(got, []string{"sent"}) {
			t.Errorf("the server got %q", got)
		}
	})
}

// D-25: what waits behind a message that was replaced by a newer one is dropped at its own
// age.
func TestAgeBehindAReplacedMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		h.down()
		var mu sync.Mutex
		var drops []client.Drop
		told := func() []client.Drop { mu.Lock(); defer mu.Unlock(); return slices.Clone(drops) }
		c := begin(t, h, Handler{OnDropped: func(_ *Conn, d client.Drop) {
			mu.Lock()
			defer mu.Unlock()
			drops = append(drops, d)
		}}, waitingQueue(1000),
			func(o *Options) { o.QueueMaxAge = time.Minute })
		start(t, c)
		state := func(s string) { c.SendWith(t.Context(), client.Text(s), client.SendOptions{Key: "k"}) }
		state("old")
		pass(10 * time.Second)
		_ = c.SendText("behind")
		pass(10 * time.Second)
		_ = c.SendText("last")
		pass(10 * time.Second)
		state("newer")
		pass(45 * time.Second) // the one behind is 65 s old, the last 55 s, the state 45 s
		if i := c.Info(); i.QueuedMessages != 2 || i.QueuedAmount != len("last")+len("newer") || len(told()) != 2 || told()[1].Reason != client.DropExpired {
			t.Errorf("%d messages of %d bytes wait, drops %v", i.QueuedMessages, i.QueuedAmount, told())
		}
		h.up()
		pass(12 * time.Second)
		if got := h.received(); len(got) != 1 || got[0] != "newer" {
			t.Errorf("received %q", got)
		}
		if len(told()) != 3 || c.QueuedAmount() != 0 {
			t.Errorf("%d bytes wait, drops %v", c.QueuedAmount(), told())
		}
	})
}
