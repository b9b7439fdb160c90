package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/budget"
	"github.com/icsws/icsws/internal/wstest"
)

// stuck is a connection whose peer takes nothing, behind a first message that is on
// its way, of 4 bytes with its header. Closing the gate of w lets everything pass.
func stuck(t *testing.T, edit ...func(*Settings)) (*recorder, *fakeWire) {
	t.Helper()
	w := &fakeWire{take: func(int) int { return 0 }, gate: make(chan struct{})}
	c := outgoing(t, w, edit...)
	must(t, c.Send(bytesOf('.', 2)))
	synctest.Wait()
	return c, w
}

// S-12: what each policy does with messages of one byte that find a queue of 12 bytes
// full: the first is on its way with its 4 bytes, two more fit.
func TestPoliciesOfAFullQueue(t *testing.T) {
	type sent struct {
		f   Frame
		err error
	}
	msg := func(b byte) Frame { return bytesOf(b, 2) } // of 4 bytes
	keyed := func(b byte, key string) Frame {
		return under(msg(b), Terms{Policy: client.QueueLatest, Key: key})
	}
	policy := func(f Frame, p client.QueuePolicy) Frame { return under(f, Terms{Policy: p}) }
	for _, tt := range []struct {
		name  string
		queue client.SendQueue
		send  []sent
		want  []string
		drops []client.Drop
	}{
		{"close", client.SendQueue{MaxBytes: 12, Policy: client.QueueClose},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {msg('c'), client.ErrQueueFull}, {msg('d'), client.ErrClosed}},
			[]string{"2:..", "2:aa", "2:bb", "8"}, nil},
		{"drop newest", client.SendQueue{MaxBytes: 12, Policy: client.QueueDropNewest},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {msg('c'), client.ErrQueueFull}, {msg('d'), client.ErrQueueFull}},
			[]string{"2:..", "2:aa", "2:bb"}, []client.Drop{{Reason: client.DropNewest, Messages: 2, Bytes: 8}}},
		{"drop oldest", client.SendQueue{MaxBytes: 12, Policy: client.QueueDropOldest},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {msg('c'), nil}, {msg('d'), nil}, {bytesOf('e', 6), nil}},
			[]string{"2:..", "2:eeeeee"}, []client.Drop{{Reason: client.DropOldest, Messages: 4, Bytes: 16}}},
		{"drop oldest, too large even so", client.SendQueue{MaxBytes: 12, Policy: client.QueueDropOldest},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {bytesOf('c', 7), client.ErrQueueFull}},
			[]string{"2:..", "2:aa", "2:bb"}, []client.Drop{{Reason: client.DropNewest, Messages: 1, Bytes: 9}}},
		{"drop oldest by number", client.SendQueue{MaxMessages: 2, Policy: client.QueueDropOldest},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {msg('c'), nil}},
			[]string{"2:..", "2:bb", "2:cc"}, []client.Drop{{Reason: client.DropOldest, Messages: 1, Bytes: 4}}},
		{"drop newest by number", client.SendQueue{MaxMessages: 1, Policy: client.QueueDropNewest},
			[]sent{{msg('a'), nil}, {msg('b'), client.ErrQueueFull}},
			[]string{"2:..", "2:aa"}, []client.Drop{{Reason: client.DropNewest, Messages: 1, Bytes: 4}}},
		{"close by number", client.SendQueue{MaxMessages: 1},
			[]sent{{msg('a'), nil}, {msg('b'), client.ErrQueueFull}},
			[]string{"2:..", "2:aa", "8"}, nil},
		{"latest keeps the place and the last value", client.SendQueue{MaxBytes: 16, Policy: client.QueueLatest},
			[]sent{{keyed('a', "x"), nil}, {keyed('b', "y"), nil}, {keyed('A', "x"), nil}, {msg('c'), nil}, {keyed('B', "y"), nil}},
			[]string{"2:..", "2:AA", "2:BB", "2:cc"}, []client.Drop{{Reason: client.DropReplaced, Messages: 2, Bytes: 8}}},
		{"latest of another size", client.SendQueue{MaxBytes: 16, Policy: client.QueueLatest},
			[]sent{{keyed('a', "x"), nil}, {under(bytesOf('b', 6), Terms{Policy: client.QueueLatest, Key: "x"}), nil}, {msg('c'), nil}},
			[]string{"2:..", "2:bbbbbb", "2:cc"}, []client.Drop{{Reason: client.DropReplaced, Messages: 1, Bytes: 4}}},
		{"latest that is full drops the oldest", client.SendQueue{MaxBytes: 12, Policy: client.QueueLatest},
			[]sent{{keyed('a', "x"), nil}, {keyed('b', "y"), nil}, {keyed('c', "z"), nil}, {keyed('d', "x"), nil}},
			[]string{"2:..", "2:cc", "2:dd"}, []client.Drop{{Reason: client.DropOldest, Messages: 2, Bytes: 8}}},
		{"latest of a queue by number", client.SendQueue{MaxMessages: 1, Policy: client.QueueClose},
			[]sent{{keyed('a', "x"), nil}, {keyed('b', "x"), nil}},
			[]string{"2:..", "2:bb"}, []client.Drop{{Reason: client.DropReplaced, Messages: 1, Bytes: 4}}},
		{"a call that drops the newest, in a queue that closes", client.SendQueue{MaxBytes: 12},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {policy(msg('c'), client.QueueDropNewest), client.ErrQueueFull}},
			[]string{"2:..", "2:aa", "2:bb"}, []client.Drop{{Reason: client.DropNewest, Messages: 1, Bytes: 4}}},
		{"a call that closes, in a queue that drops", client.SendQueue{MaxBytes: 12, Policy: client.QueueDropOldest},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {policy(msg('c'), client.QueueClose), client.ErrQueueFull}},
			[]string{"2:..", "2:aa", "2:bb", "8"}, nil},
		{"a call that drops the oldest, in a queue that drops the newest", client.SendQueue{MaxBytes: 12, MaxMessages: 2, Policy: client.QueueDropNewest},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {policy(msg('c'), client.QueueDropOldest), nil}},
			[]string{"2:..", "2:bb", "2:cc"}, []client.Drop{{Reason: client.DropOldest, Messages: 1, Bytes: 4}}},
		{"a call that blocks, broadcast", client.SendQueue{MaxBytes: 12, Policy: client.QueueDropNewest},
			[]sent{{msg('a'), nil}, {msg('b'), nil}, {Frame{First: 0x82, Payload: []byte("cc"), NoWait: true, Terms: &Terms{Policy: client.QueueBlock}}, client.ErrQueueFull}},
			[]string{"2:..", "2:aa", "2:bb", "8"}, nil},
		{"what others refer to is never dropped", client.SendQueue{MaxBytes: 12, Policy: client.QueueDropOldest},
			[]sent{{Frame{First: 0x82, Payload: []byte("aa"), Kept: true}, nil}, {msg('b'), nil}, {msg('c'), nil}, {bytesOf('d', 6), client.ErrQueueFull}},
			[]string{"2:..", "2:aa", "2:cc"}, []client.Drop{{Reason: client.DropNewest, Messages: 1, Bytes: 8}, {Reason: client.DropOldest, Messages: 1, Bytes: 4}}},
		{"nor replaced", client.SendQueue{MaxBytes: 100, Policy: client.QueueLatest},
			[]sent{{Frame{First: 0x82, Payload: []byte("aa"), Kept: true, Terms: &Terms{Key: "x"}}, nil}, {keyed('b', "x"), nil}, {keyed('c', "x"), nil}},
			[]string{"2:..", "2:aa", "2:cc"}, []client.Drop{{Reason: client.DropReplaced, Messages: 1, Bytes: 4}}},
		{"nor does it replace", client.SendQueue{MaxBytes: 100, Policy: client.QueueLatest},
			[]sent{{keyed('a', "x"), nil}, {Frame{First: 0x82, Payload: []byte("bb"), Kept: true, Terms: &Terms{Key: "x"}}, nil}, {keyed('c', "x"), nil}},
			[]string{"2:..", "2:aa", "2:bb", "2:cc"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, w := stuck(t, queued(tt.queue))
				taken := 1
				for i, s := range tt.send {
					if err := c.Send(s.f); !errors.Is(err, s.err) || s.err == nil && err != nil {
						t.Errorf("Send %d = %v, want %v", i, err, s.err)
					} else if err == nil {
						taken++
					}
				}
				_, drops := c.TakeNotices()
				for i := range drops {
					drops[i].Since = time.Time{}
				}
				if !slices.Equal(drops, tt.drops) {
					t.Errorf("the notices are %v, want %v", drops, tt.drops)
				}
				n := c.Counters()
				var messages, bytes uint64
				for _, d := range drops {
					messages, bytes = messages+uint64(d.Messages), bytes+uint64(d.Bytes)
				}
				if n.MessagesDropped != messages || n.BytesDropped != bytes || n.MessagesOut != uint64(taken) {
					t.Errorf("the counters are %+v, want %d messages taken, %d with %d bytes dropped", n, taken, messages, bytes)
				}
				close(w.gate)
				synctest.Wait()
				got := story(t, w.written())
				if last := len(got) - 1; got[last][0] == '8' {
					got[last] = "8"
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("on the wire are %q, want %q", got, tt.want)
				}
				if n := c.Counters().Buffered; n != 0 {
					t.Errorf("%d bytes wait at the end", n)
				}
			})
		})
	}
}

// S-12: a message that is begun is never dropped, and does not make the queue grow by
// what is dropped behind it.
func TestQueueBehindABegunMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := stuck(t, queued(client.SendQueue{MaxBytes: 1000, Policy: client.QueueDropOldest}))
		f := bytesOf('b', 100)
		f.Max = 10
		must(t, c.Send(f))
		w.gate <- struct{}{} // the first message
		synctest.Wait()      // now a frame of the second is on its way
		const messages = 5000
		for i := range messages {
			must(t, c.Send(Frame{First: 0x82, Payload: fmt.Appendf(nil, "%08d", i)}))
		}
		c.mu.Lock()
		if n := len(c.queue.entries); n > 300 {
			t.Errorf("%d entries of the queue hold %d messages", n, c.queue.messages)
		}
		c.mu.Unlock()
		close(w.gate)
		synctest.Wait()
		got := joined(t, w.written())
		if len(got) < 3 || len(got[1].Data) != 100 || got[1].Frames != 10 {
			t.Fatalf("%d messages arrive, the second with %d bytes", len(got), len(got[1].Data))
		}
		if last := string(got[len(got)-1].Data); last != fmt.Sprintf("%08d", messages-1) {
			t.Errorf("the last is %s", last)
		}
		_, drops := c.TakeNotices()
		if len(drops) != 1 || drops[0].Messages+len(got)-2 != messages {
			t.Errorf("%v, and %d messages arrive", drops, len(got))
		}
	})
}

// S-12: keys, in a queue with holes that moves in its slice.
func TestKeysFollowTheirEntries(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		var q queue
		type item struct{ key, value string }
		var model []item
		for i := range 2000 {
			switch n := rnd.IntN(10); {
			case n < 5:
				key := ""
				if rnd.IntN(2) == 0 {
					key = fmt.Sprint(rnd.IntN(6))
				}
				value := fmt.Sprint(i)
				if e := q.find(key); e != nil {
					e.b = []byte(value)
					at := slices.IndexFunc(model, func(m item) bool { return m.key == key })
					if at < 0 {
						t.Fatalf("seed %d: key %q is found, and not there", seed, key)
					}
					q.bytes += len(value) - len(model[at].value)
					model[at].value = value
					break
				} else if key != "" && slices.ContainsFunc(model, func(m item) bool { return m.key == key }) {
					t.Fatalf("seed %d: key %q is there, and not found", seed, key)
				}
				q.add(entry{b: []byte(value), key: key, messages: 1, loose: true})
				model = append(model, item{key, value})
			case n < 8 && len(model) > 0:
				if e := q.pop(); string(e.b) != model[0].value || e.key != model[0].key {
					t.Fatalf("seed %d: pop is %q, want %v", seed, e.b, model[0])
				}
				model = model[1:]
			case len(model) > 0:
				at := rnd.IntN(len(model))
				e := q.drop(func(e *entry) bool { return string(e.b) == model[at].value })
				if string(e.b) != model[at].value {
					t.Fatalf("seed %d: dropped %q, want %v", seed, e.b, model[at])
				}
				model = slices.Delete(model, at, at+1)
			}
			size := 0
			for _, m := range model {
				size += len(m.value)
			}
			if q.empty() != (len(model) == 0) || q.messages != len(model) || q.bytes != size {
				t.Fatalf("seed %d: empty %v with %d messages and %d bytes, want %d with %d", seed, q.empty(), q.messages, q.bytes, len(model), size)
			}
		}
	}
}

// S-12: memory follows the bound also under policies that drop messages one by one.
func TestDroppingQueueOfTinyMessagesHasItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := stuck(t, queued(client.SendQueue{MaxBytes: 2000, Policy: client.QueueDropOldest}))
		for range 20_000 {
			must(t, c.Send(bytesOf('x', 1)))
			if n := c.Counters().Buffered; n > 2000 {
				t.Fatalf("%d bytes wait", n)
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := cap(c.queue.entries); n > 3*2000/3 {
			t.Errorf("room for %d entries, of which %d are in use", n, c.queue.messages)
		}
	})
}

// S-12: under QueueBlock a message waits for room, its timeout, its context, or
// Interrupt; the connection stays in any case.
func TestBlockedSendHasFourEnds(t *testing.T) {
	cause := errors.New("enough")
	for _, tt := range []struct {
		name  string
		queue client.SendQueue
		terms *Terms
		end   func(c *recorder, w *fakeWire, cancel context.CancelCauseFunc)
		want  error
		after time.Duration
	}{
		{"room", client.SendQueue{}, nil, func(_ *recorder, w *fakeWire, _ context.CancelCauseFunc) { close(w.gate) }, nil, time.Second},
		{"a larger queue", client.SendQueue{}, nil, func(c *recorder, _ *fakeWire, _ context.CancelCauseFunc) {
			q := client.SendQueue{MaxBytes: 1000, Policy: client.QueueBlock}.WithDefaults()
			c.SetSendQueue(&q)
		}, nil, time.Second},
		{"BlockTimeout", client.SendQueue{BlockTimeout: 3 * time.Second}, nil, nil, client.ErrQueueFull, 3 * time.Second},
		{"Timeout", client.SendQueue{BlockTimeout: time.Hour}, &Terms{Timeout: 2 * time.Second}, nil, client.ErrQueueFull, 2 * time.Second},
		{"a call's policy", client.SendQueue{Policy: client.QueueDropNewest}, &Terms{Policy: client.QueueBlock, Timeout: 2 * time.Second}, nil, client.ErrQueueFull, 2 * time.Second},
		{"ctx", client.SendQueue{}, &Terms{}, func(_ *recorder, _ *fakeWire, cancel context.CancelCauseFunc) { cancel(cause) }, cause, time.Second},
		{"Interrupt", client.SendQueue{}, nil, func(c *recorder, _ *fakeWire, _ context.CancelCauseFunc) { c.Interrupt() }, client.ErrInterrupted, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := tt.queue
				q.MaxBytes = 10
				if q.Policy == 0 {
					q.Policy = client.QueueBlock
				}
				c, w := stuck(t, queued(q))
				must(t, c.Send(bytesOf('a', 2)))
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.terms != nil {
					tt.terms.Context = ctx
				}
				if tt.end != nil {
					time.AfterFunc(time.Second, func() { tt.end(c, w, cancel) })
				}
				start := time.Now()
				f := bytesOf('b', 2)
				f.Terms = tt.terms
				err := c.Send(f)
				if took := time.Since(start); !errors.Is(err, tt.want) || tt.want == nil && err != nil || took != tt.after {
					t.Errorf("Send = %v after %v, want %v after %v", err, took, tt.want, tt.after)
				}
				if c.State() != stateOpen {
					t.Error("the connection ends")
				}
			})
		})
	}
}

// S-11: the event comes once for each crossing, only behind a refusal; TrySend takes
// messages again when it has come.
func TestReadyToSendComesOncePerCrossing(t *testing.T) {
	for _, refuse := range []string{"TrySend", "drop newest", "BlockTimeout", "nothing"} {
		t.Run(refuse, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, w := stuck(t, queued(client.SendQueue{MaxBytes: 40, HighWater: 20, LowWater: 8, Policy: client.QueueBlock}))
				try := func() error { return c.Send(under(bytesOf('t', 2), Terms{Try: true})) }
				for round := range 3 {
					for c.Counters().Buffered < 36 { // above the high water
						must(t, c.Send(bytesOf('x', 6)))
					}
					for range 3 {
						switch refuse {
						case "TrySend":
							if err := try(); !errors.Is(err, client.ErrWouldBlock) {
								t.Fatalf("TrySend = %v", err)
							}
						case "drop newest":
							if err := c.Send(under(bytesOf('t', 6), Terms{Policy: client.QueueDropNewest})); !errors.Is(err, client.ErrQueueFull) {
								t.Fatalf("Send = %v", err)
							}
						case "BlockTimeout":
							if err := c.Send(under(bytesOf('t', 6), Terms{Timeout: time.Second})); !errors.Is(err, client.ErrQueueFull) {
								t.Fatalf("Send = %v", err)
							}
						}
					}
					events := 0
					for c.Counters().Buffered > 0 {
						w.gate <- struct{}{}
						synctest.Wait()
						ready, _ := c.TakeNotices()
						if ready {
							events++
							if n := c.Counters().Buffered; n > 8 {
								t.Errorf("round %d: it comes with %d bytes in the queue", round, n)
							}
						}
					}
					want := 1
					if refuse == "nothing" {
						want = 0
					}
					if events != want {
						t.Errorf("round %d: %d events, want %d", round, events, want)
					}
					must(t, try())
					synctest.Wait()
				}
			})
		})
	}
}

// S-11, S-13: between high and low water TrySend takes messages until it has refused
// one, and none from there until the low water.
func TestTrySendStopsAtTheHighWater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := stuck(t, queued(client.SendQueue{MaxBytes: 1000, HighWater: 100, LowWater: 50}))
		must(t, c.Send(bytesOf('x', 100))) // without a look at the water
		try := func() error { return c.Send(under(bytesOf('t', 8), Terms{Try: true})) }
		waited := make(chan error, 2)
		for range cap(waited) {
			go func() { waited <- c.WaitWritable(context.Background()) }()
		}
		synctest.Wait()
		if err := try(); !errors.Is(err, client.ErrWouldBlock) || len(waited) != 0 {
			t.Errorf("TrySend = %v above the high water, %d WaitWritables have returned", err, len(waited))
		}
		w.gate <- struct{}{}
		synctest.Wait() // 102 bytes are left
		if err := try(); !errors.Is(err, client.ErrWouldBlock) || len(waited) != 0 {
			t.Errorf("TrySend = %v above the low water, %d WaitWritables have returned", err, len(waited))
		}
		w.gate <- struct{}{}
		synctest.Wait()
		for range cap(waited) {
			if err := <-waited; err != nil {
				t.Errorf("WaitWritable = %v", err)
			}
		}
		if err := c.WaitWritable(t.Context()); err != nil {
			t.Errorf("WaitWritable of a writable client = %v", err)
		}
		taken := 0
		for try() == nil {
			taken++
		}
		if taken != 10 {
			t.Errorf("TrySend takes %d messages of 10 bytes below a high water of 100", taken)
		}
		if err := c.Send(under(bytesOf('t', 5000), Terms{Try: true})); !errors.Is(err, client.ErrWouldBlock) || c.State() != stateOpen {
			t.Errorf("TrySend of what never fits = %v", err)
		}
		close(w.gate)
		synctest.Wait()
		must(t, c.Send(under(bytesOf('t', 5000), Terms{Try: true}))) // an empty queue takes any size
	})
}

// S-11, S-14: WaitWritable ends with ctx, Interrupt and the connection.
func TestWaitWritableHasItsEnds(t *testing.T) {
	cause := errors.New("enough")
	for _, tt := range []struct {
		name string
		end  func(c *recorder, cancel context.CancelCauseFunc)
		want error
	}{
		{"ctx", func(_ *recorder, cancel context.CancelCauseFunc) { cancel(cause) }, cause},
		{"Interrupt", func(c *recorder, _ context.CancelCauseFunc) { c.Interrupt() }, client.ErrInterrupted},
		{"Close", func(c *recorder, _ context.CancelCauseFunc) { c.CloseWith(1000, "", false, client.ErrCloseCalled) }, client.ErrClosed},
		{"CloseAfterFlush", func(c *recorder, _ context.CancelCauseFunc) { c.CloseWith(1000, "", true, client.ErrCloseCalled) }, client.ErrClosed},
		{"Abort", func(c *recorder, _ context.CancelCauseFunc) { c.Abort(client.ErrAborted) }, client.ErrClosed},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := stuck(t, queued(client.SendQueue{MaxBytes: 200, HighWater: 100}))
			must(t, c.Send(bytesOf('x', 100)))
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			waited := make(chan error, 1)
			go func() { waited <- c.WaitWritable(ctx) }()
			synctest.Wait()
			tt.end(c, cancel)
			if err := <-waited; !errors.Is(err, tt.want) {
				t.Errorf("%s: WaitWritable = %v", tt.name, err)
			}
		})
	}
}

// S-03, S-12: what a message in pieces has on its way does not use up the room of the
// others, which wait behind it under their policy.
func TestStreamLeavesTheQueueItsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{take: func(int) int { return 0 }, gate: make(chan struct{})}
		c := outgoing(t, w, queued(client.SendQueue{MaxBytes: 100, LowWater: 10}))
		done := make(chan error, 1)
		go func() {
			done <- sendStream(c, StreamConfig{Total: -1}, make([]byte, 4*streamChunk))
		}()
		synctest.Wait()
		for range 10 {
			must(t, c.Send(bytesOf('m', 8)))
		}
		if err := c.Send(under(bytesOf('t', 8), Terms{Try: true})); !errors.Is(err, client.ErrWouldBlock) {
			t.Errorf("TrySend to a full queue = %v", err)
		}
		if err := c.Send(under(bytesOf('t', 8), Terms{Policy: client.QueueDropOldest})); err != nil {
			t.Errorf("Send that drops = %v", err)
		}
		close(w.gate)
		synctest.Wait()
		if err := <-done; err != nil {
			t.Errorf("the stream ends with %v", err)
		}
		got := joined(t, w.written())
		if len(got) != 11 || len(got[0].Data) != 4*streamChunk || got[10].Data[0] != 't' {
			t.Errorf("%d messages arrive", len(got))
		}
		if n := c.Counters().Buffered; n != 0 {
			t.Errorf("%d bytes wait at the end", n)
		}
		if ready, _ := c.TakeNotices(); !ready {
			t.Error("the queue is empty, and nobody is told")
		}
	})
}

// The memory budget: the longest queue pays first, with what its policy lets it drop,
// or with its connection; nothing is shed below the limit, and all is given back.
func TestBudgetIsPaidByTheLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(10_000)
		peer := func(p client.QueuePolicy) (*recorder, *fakeWire) {
			return stuck(t, queued(client.SendQueue{Policy: p}), func(s *Settings) { s.Budget = b })
		}
		small, _ := peer(client.QueueClose)
		drops, dropsWire := peer(client.QueueDropOldest)
		newest, _ := peer(client.QueueDropNewest)
		closes, closesWire := peer(client.QueueClose)
		must(t, small.Send(bytesOf('s', 500)))
		must(t, newest.Send(bytesOf('n', 700)))
		for range 4 {
			must(t, drops.Send(bytesOf('d', 1000)))
		}
		for range 4 {
			must(t, closes.Send(bytesOf('c', 1100)))
		}
		if n := b.Used(); n < 9600 || n > 10_000 || closes.State() != stateOpen {
			t.Fatalf("%d of 10000 bytes are used", n)
		}
		if _, list := drops.TakeNotices(); list != nil {
			t.Errorf("below the limit: %v", list)
		}
		must(t, small.Send(bytesOf('s', 500))) // one too many
		if closes.State() == stateOpen || b.Used() > 10_000-10_000/8 {
			t.Errorf("%d of 10000 bytes are used, the longest has state %v", b.Used(), closes.State())
		}
		if i := closes.Info(); i.Code != client.StatusPolicyViolation || !errors.Is(i.Cause, client.ErrBudget) {
			t.Errorf("the longest ends with %v", i)
		}
		for range 3 {
			must(t, drops.Send(bytesOf('d', 1000)))
		}
		for drops.Counters().MessagesDropped == 0 {
			must(t, small.Send(bytesOf('s', 100)))
			if small.Counters().Buffered > 5000 {
				t.Fatal("the longest does not pay")
			}
		}
		_, list := drops.TakeNotices()
		if len(list) != 1 || list[0].Reason != client.DropBudget || list[0].Messages != 7 || list[0].Bytes != 7*1004 || drops.State() != stateOpen {
			t.Errorf("what drops has state %v and notices %v", drops.State(), list)
		}
		if small.State() != stateOpen || newest.State() != stateOpen {
			t.Error("short queues pay")
		}
		close(closesWire.gate)
		close(dropsWire.gate)
		synctest.Wait()
		wantStory(t, dropsWire.written(), "2:..")
		if got := story(t, closesWire.written()); len(got) != 2 || got[0] != "2:.." || got[1][0] != '8' {
			t.Errorf("the longest gets %q", got)
		}
		small.Abort(client.ErrAborted)
		newest.Abort(client.ErrAborted)
		synctest.Wait()
		if n := b.Used(); n != 0 {
			t.Errorf("%d bytes are used when all have gone", n)
		}
	})
}

// A stream whose fragments are given up for the budget does not think they were sent.
func TestBudgetTakesAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(1000)
		c, w := stuck(t, func(s *Settings) { s.Budget = b })
		done := make(chan error, 1)
		go func() { done <- sendStream(c, StreamConfig{Total: -1}, bytes.Repeat([]byte{'p'}, 500)) }()
		synctest.Wait()
		for c.State() == stateOpen {
			if err := c.Send(bytesOf('x', 300)); err != nil {
				break
			}
		}
		close(w.gate)
		synctest.Wait()
		err := <-done
		whole := slices.ContainsFunc(joined(t, w.written()), func(m wstest.Message) bool { return len(m.Data) == 500 })
		if whole != (err == nil) {
			t.Errorf("the message arrives: %v, and its sender gets %v", whole, err)
		}
		if n := b.Used(); n != 0 {
			t.Errorf("%d bytes are used", n)
		}
	})
}
