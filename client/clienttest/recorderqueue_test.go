package clienttest

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
)

// patient is a class that hears what becomes of its queue.
type patient struct {
	client.Base
	onMessage func(m client.Message) error
	onReady   func() error
	heard     []string
}

func (c *patient) OnMessage(m client.Message) error {
	c.heard = append(c.heard, fmt.Sprintf("message %q", m.Data))
	if c.onMessage == nil {
		return nil
	}
	return c.onMessage(m)
}

func (c *patient) OnReadyToSend() error {
	c.heard = append(c.heard, "ready")
	if c.onReady == nil {
		return nil
	}
	return c.onReady()
}

func (c *patient) OnDropped(d client.Drop) error {
	c.heard = append(c.heard, "dropped "+d.String())
	return nil
}

// slow makes a connected client of that class with that queue.
func slow(t *testing.T, q client.SendQueue) (*patient, *Recorder) {
	t.Helper()
	c := new(patient)
	return c, Connect(t, c, Options{SendQueue: q})
}

func (c *patient) hears(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(c.heard, "; "); got != strings.Join(want, "; ") {
		t.Errorf("events %s, want %s", got, strings.Join(want, "; "))
	}
	c.heard = nil
}

func (r *Recorder) has(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, m := range r.Sent() {
		got = append(got, string(m.Data))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the peer has %q, want %q", got, want)
	}
}

// S-12: what each policy does with a message that finds the queue full.
func TestEachPolicyHasItsAnswerToAFullQueue(t *testing.T) {
	for _, tt := range []struct {
		policy client.QueuePolicy
		room   int
		want   error
		frame  *client.CloseError
		heard  string
		sent   string
	}{
		{client.QueueDefault, 0, client.ErrQueueFull, &client.CloseError{Code: 1008, Reason: "send queue full"}, "", ""},
		{client.QueueClose, 1, client.ErrQueueFull, &client.CloseError{Code: 1008, Reason: "send queue full"}, "", "1"},
		{client.QueueDropNewest, 0, client.ErrQueueFull, nil, "dropped 3 messages, 9 bytes: queue full, newest dropped; ready", ""},
		{client.QueueDropNewest, 1, client.ErrQueueFull, nil, "dropped 2 messages, 6 bytes: queue full, newest dropped; ready", "1"},
		{client.QueueDropOldest, 0, client.ErrQueueFull, nil, "dropped 3 messages, 9 bytes: queue full, newest dropped; ready", ""},
		{client.QueueDropOldest, 1, nil, nil, "dropped 2 messages, 6 bytes: queue full, oldest dropped", "3"},
		{client.QueueLatest, 2, nil, nil, "dropped 1 messages, 3 bytes: queue full, oldest dropped", "2 3"},
	} {
		t.Run(fmt.Sprint(tt.policy, " with room for ", tt.room), func(t *testing.T) {
			c, rec := slow(t, client.SendQueue{Policy: tt.policy})
			rec.Stall(tt.room)
			var err error
			for _, s := range []string{"1", "2", "3"} {
				if e := c.SendText(s); !errors.Is(e, client.ErrClosed) {
					err = e
				}
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("Send = %v, want %v", err, tt.want)
			}
			if got := rec.Closed(); fmt.Sprint(got) != fmt.Sprint(tt.frame) {
				t.Errorf("Closed = %v, want %v", got, tt.frame)
			}
			rec.has(t)
			if err := rec.Resume(); err != nil {
				t.Errorf("Resume = %v", err)
			}
			c.hears(t, strings.Split(tt.heard, "; ")...)
			rec.has(t, strings.Fields(tt.sent)...)
			if info := rec.Disconnect(client.CloseInfo{}); tt.frame != nil && info.Cause != client.ErrQueueFull {
				t.Errorf("cause %v", info.Cause)
			}
		})
	}
}

// S-11, S-13: TrySend is refused without any harm, and OnReadyToSend comes once.
func TestTrySendIsRefusedWhileTheQueueIsFull(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	c.onReady = func() error { return c.TrySend(client.Text("again")) }
	rec.Stall(1)
	for i, want := range []error{nil, client.ErrWouldBlock, client.ErrWouldBlock} {
		if err := c.TrySend(client.Text("x")); !errors.Is(err, want) {
			t.Errorf("TrySend %d = %v, want %v", i, err, want)
		}
	}
	if err := rec.Wake(); err != nil || rec.Closed() != nil {
		t.Errorf("Wake = %v, Closed = %v", err, rec.Closed())
	}
	c.hears(t)
	if err := errors.Join(rec.Resume(), rec.Resume()); err != nil {
		t.Error(err)
	}
	c.hears(t, "ready")
	rec.has(t, "x", "again")
}

// S-11: a message that was taken asks for no OnReadyToSend.
func TestOnReadyToSendNeedsARefusal(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	rec.Stall(2)
	_ = c.TrySend(client.Text("x"))
	if err := rec.Resume(); err != nil {
		t.Error(err)
	}
	c.hears(t)
}

// S-11, S-12: the bounds of SendQueue hold while the peer takes nothing.
func TestStallKeepsTheBoundsOfSendQueue(t *testing.T) {
	c, rec := slow(t, client.SendQueue{MaxBytes: 100, HighWater: 50, Policy: client.QueueDropNewest})
	rec.Stall(-1)
	if err := c.SendBinary(make([]byte, 200)); err != nil {
		t.Errorf("an empty queue takes any size: %v", err)
	}
	if n := c.BufferedAmount(); n != 204 || c.Stats().Buffered != n {
		t.Errorf("%d bytes buffered", n)
	}
	if err := c.SendBinary(nil); !errors.Is(err, client.ErrQueueFull) {
		t.Errorf("Send = %v", err)
	}
	if s := c.Stats(); s.MessagesDropped != 1 || s.BytesDropped != 2 || s.MessagesOut != 1 || s.BytesOut != 204 {
		t.Errorf("stats %+v", s)
	}
	if err := c.SetSendQueue(client.SendQueue{MaxBytes: 1000, HighWater: 300}); err != nil {
		t.Fatal(err)
	}
	if err := c.TrySend(client.Binary(make([]byte, 98))); !errors.Is(err, client.ErrWouldBlock) {
		t.Errorf("above low water a refused client stays refused: %v", err)
	}
	if err := c.SetSendQueue(client.SendQueue{MaxBytes: 1000, HighWater: 300, LowWater: 204}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, client.ErrWouldBlock} {
		if err := c.TrySend(client.Binary(make([]byte, 98))); !errors.Is(err, want) {
			t.Errorf("TrySend %d = %v, want %v", i, err, want)
		}
	}
	_ = rec.Resume()
	c.hears(t, "dropped 1 messages, 2 bytes: queue full, newest dropped", "ready")
}

func TestMaxMessagesBoundsTheQueue(t *testing.T) { // S-12
	c, rec := slow(t, client.SendQueue{MaxMessages: 2, Policy: client.QueueDropOldest})
	rec.Stall(-1)
	for _, s := range []string{"1", "2", "3"} {
		_ = c.SendText(s)
	}
	_ = rec.Resume()
	rec.has(t, "2", "3")
}

// What is wrong with a message is told before anything else happens, and options of
// one message go before those of the client.
func TestSendWithIsChecked(t *testing.T) { // S-12
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	c, rec := slow(t, client.SendQueue{})
	rec.Stall(0)
	drop := client.SendOptions{Policy: client.QueueDropNewest}
	for _, tt := range []struct {
		name string
		ctx  context.Context
		m    client.Message
		o    client.SendOptions
		want error
	}{
		{"context", ctx, client.Text("x"), client.SendOptions{}, gone},
		{"opcode", t.Context(), client.Message{Op: 8}, client.SendOptions{}, client.ErrBadOpcode},
		{"text", t.Context(), client.Text("\xff"), client.SendOptions{}, client.ErrInvalidUTF8},
		{"options", t.Context(), client.Text("x"), client.SendOptions{Timeout: -1}, client.ErrOptions},
		{"its own policy", t.Context(), client.Text("x"), drop, client.ErrQueueFull},
		{"the client's policy", t.Context(), client.Text("x"), client.SendOptions{}, client.ErrQueueFull},
		{"closed", t.Context(), client.Text("x"), drop, client.ErrClosed},
	} {
		if open := c.Connected(); open != (tt.want != client.ErrClosed) {
			t.Errorf("%s: connected is %v", tt.name, open)
		}
		if r := c.SendWith(tt.ctx, tt.m, tt.o); !errors.Is(r.Err, tt.want) || r.WireSize != 0 {
			t.Errorf("%s: %+v, want %v", tt.name, r, tt.want)
		}
	}
	_ = rec.Wake()
	c.hears(t, "dropped 1 messages, 3 bytes: queue full, newest dropped")
}

// S-12: the latest state of each key takes the place of the one that waits.
func TestLatestReplacesByKey(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	rec.Stall(2)
	for _, kv := range []string{"a1", "b1", "a2", "a3"} {
		r := c.SendWith(t.Context(), client.Text(kv), client.SendOptions{Key: kv[:1]})
		if r.Err != nil || r.WireSize != 4 || r.PayloadSize != 2 {
			t.Errorf("%s: %+v", kv, r)
		}
	}
	_ = rec.Resume()
	rec.has(t, "a3", "b1")
	c.hears(t, "dropped 2 messages, 8 bytes: replaced by a newer one")
	if r := c.SendWith(t.Context(), client.Text("a4"), client.SendOptions{Key: "a"}); r.Err != nil || r.ID != c.ID() || r.URI != "/" {
		t.Errorf("%+v", r)
	}
	rec.has(t, "a3", "b1", "a4")
}

// S-12, S-14: what ends the wait of a Send under QueueBlock.
func TestBlockedSendWaits(t *testing.T) {
	gone := errors.New("gone")
	for _, tt := range []struct {
		name string
		end  func(c *patient, rec *Recorder, cancel context.CancelCauseFunc)
		want error
	}{
		{"for the peer", func(_ *patient, rec *Recorder, _ context.CancelCauseFunc) { _ = rec.Resume() }, nil},
		{"for room", func(_ *patient, rec *Recorder, _ context.CancelCauseFunc) { rec.Stall(1) }, nil},
		{"until its context ends", func(_ *patient, _ *Recorder, cancel context.CancelCauseFunc) { cancel(gone) }, gone},
		{"until Interrupt", func(c *patient, _ *Recorder, _ context.CancelCauseFunc) { c.Interrupt() }, client.ErrInterrupted},
		{"until the client closes", func(c *patient, _ *Recorder, _ context.CancelCauseFunc) { _ = c.Close(0, "") }, client.ErrClosed},
		{"until Abort", func(c *patient, _ *Recorder, _ context.CancelCauseFunc) { c.Abort() }, client.ErrClosed},
		{"until the end", func(_ *patient, rec *Recorder, _ context.CancelCauseFunc) { rec.Disconnect(client.CloseInfo{}) }, client.ErrClosed},
		{"until its time is over", func(*patient, *Recorder, context.CancelCauseFunc) { time.Sleep(time.Hour) }, client.ErrQueueFull},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, rec := slow(t, client.SendQueue{Policy: client.QueueBlock, BlockTimeout: time.Hour})
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				rec.Stall(0)
				var err error
				done := make(chan struct{})
				go func() {
					defer close(done)
					err = c.SendWith(ctx, client.Text("x"), client.SendOptions{}).Err
				}()
				synctest.Wait()
				select {
				case <-done:
					t.Fatalf("Send did not wait: %v", err)
				default:
				}
				tt.end(c, rec, cancel)
				<-done
				if !errors.Is(err, tt.want) {
					t.Errorf("Send = %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// S-12: a time of its own, and an event that waits holds up nothing but itself.
func TestBlockedSendInAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, rec := slow(t, client.SendQueue{Policy: client.QueueBlock})
		c.onMessage = func(m client.Message) error {
			return c.SendWith(t.Context(), m, client.SendOptions{Timeout: time.Second}).Err
		}
		rec.Stall(0)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := rec.Text("one"); err != nil {
				t.Errorf("Text = %v", err)
			}
		})
		synctest.Wait()
		if err := rec.Resume(); err != nil {
			t.Errorf("Resume = %v", err)
		}
		wg.Wait()
		rec.has(t, "one")
		rec.Stall(0)
		if err := rec.Text("two"); !errors.Is(err, client.ErrQueueFull) {
			t.Errorf("Text = %v", err)
		}
	})
}

func TestWaitWritable(t *testing.T) { // S-11, S-14
	gone := errors.New("gone")
	for _, tt := range []struct {
		name string
		end  func(c *patient, rec *Recorder, cancel context.CancelCauseFunc)
		want error
	}{
		{"Resume", func(_ *patient, rec *Recorder, _ context.CancelCauseFunc) { _ = rec.Resume() }, nil},
		{"context", func(_ *patient, _ *Recorder, cancel context.CancelCauseFunc) { cancel(gone) }, gone},
		{"Interrupt", func(c *patient, _ *Recorder, _ context.CancelCauseFunc) { c.Interrupt() }, client.ErrInterrupted},
		{"Abort", func(c *patient, _ *Recorder, _ context.CancelCauseFunc) { c.Abort() }, client.ErrClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, rec := slow(t, client.SendQueue{})
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if err := c.WaitWritable(ctx); err != nil {
					t.Errorf("a writable client: %v", err)
				}
				rec.Stall(0)
				done := make(chan error, 1)
				go func() { done <- c.WaitWritable(ctx) }()
				synctest.Wait()
				if len(done) > 0 {
					t.Error("WaitWritable did not wait")
				}
				tt.end(c, rec, cancel)
				if err := <-done; !errors.Is(err, tt.want) {
					t.Errorf("WaitWritable = %v, want %v", err, tt.want)
				}
				c.hears(t) // nothing was refused
			})
		})
	}
}

// E-05: what waits is not lost without a word.
func TestUnsentIsTold(t *testing.T) {
	for name, end := range map[string]func(c *patient){
		"the peer is gone": func(*patient) {},
		"Abort":            func(c *patient) { c.Abort() },
		"Close":            func(c *patient) { _ = c.Close(0, "") },
	} {
		c, rec := slow(t, client.SendQueue{})
		rec.Stall(-1)
		_ = c.SendText("1234")
		end(c)
		if info := rec.Disconnect(client.CloseInfo{}); info.Unsent != 6 {
			t.Errorf("%s: %d bytes unsent, want 6", name, info.Unsent)
		}
		_ = rec.Resume()
		if info := rec.Disconnect(client.CloseInfo{}); info.Unsent != 6 || len(rec.Sent()) > 0 {
			t.Errorf("%s: later %d bytes unsent, %d messages sent", name, info.Unsent, len(rec.Sent()))
		}
	}
}

// Abort in an event gives up what waits at once.
func TestAbortInAnEventDropsTheQueue(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	rec.Stall(-1)
	c.onMessage = func(m client.Message) error {
		_ = c.Send(m)
		c.Abort()
		if n := c.BufferedAmount(); n != 0 {
			t.Errorf("%d bytes buffered", n)
		}
		return nil
	}
	_ = rec.Text("x")
	if info := rec.Disconnect(client.CloseInfo{}); info.Unsent != 3 {
		t.Errorf("%d bytes unsent", info.Unsent)
	}
}

// E-05: the close frame goes behind what waits.
func TestClosedClientStillDeliversItsQueue(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	rec.Stall(-1)
	_ = c.SendText("x")
	_ = c.Close(0, "")
	if n := c.BufferedAmount(); n != 3+4 {
		t.Errorf("%d bytes buffered", n)
	}
	_ = rec.Resume()
	rec.has(t, "x")
	if n := c.BufferedAmount(); n != 0 {
		t.Errorf("%d bytes buffered when all is sent", n)
	}
	if info := rec.Disconnect(client.CloseInfo{}); info.Unsent != 0 {
		t.Errorf("%d bytes unsent", info.Unsent)
	}
}

// Drops inside of an event are told behind it, others with Wake and at the end.
func TestOnDroppedComesBetweenEvents(t *testing.T) {
	c, rec := slow(t, client.SendQueue{Policy: client.QueueDropNewest})
	const drop = "dropped 1 messages, 3 bytes: queue full, newest dropped"
	c.onMessage = func(m client.Message) error { _ = c.Send(m); return nil }
	rec.Stall(0)
	_ = rec.Text("a")
	c.hears(t, `message "a"`, drop)
	_ = c.SendText("b")
	c.hears(t)
	_ = rec.Wake()
	c.hears(t, drop)
	_ = c.SendText("c")
	_ = rec.Text("d")
	c.hears(t, drop, `message "d"`, drop)
	_ = c.SendText("e")
	rec.Disconnect(client.CloseInfo{})
	rec.Disconnect(client.CloseInfo{})
	c.hears(t, drop)
}

// S-11: a client that closes has nothing more to send.
func TestOnReadyToSendIsNotForAClosingClient(t *testing.T) {
	for _, closeFirst := range []bool{false, true} {
		c, rec := slow(t, client.SendQueue{MaxMessages: 1})
		rec.Stall(-1)
		_, _ = c.TrySend(client.Text("x")), c.TrySend(client.Text("y"))
		if closeFirst {
			_ = c.Close(0, "")
		}
		if err := c.SetSendQueue(client.SendQueue{}); err != nil { // it is due now
			t.Error(err)
		}
		_ = c.Close(0, "")
		_ = rec.Resume()
		c.hears(t)
	}
}

// A class without the events is not told, and an error of OnReadyToSend closes.
func TestQueueEventsAreEvents(t *testing.T) {
	d := new(deaf)
	rec := Connect(t, d, Options{SendQueue: client.SendQueue{Policy: client.QueueDropNewest}})
	rec.Stall(0)
	_ = d.SendText("x")
	if err := rec.Resume(); err != nil {
		t.Errorf("a class without the events: %v", err)
	}
	c, rec := slow(t, client.SendQueue{})
	broken := errors.New("broken")
	c.onReady = func() error { return broken }
	rec.Stall(0)
	_ = c.TrySend(client.Text("x"))
	if err := rec.Resume(); !errors.Is(err, broken) {
		t.Errorf("Resume = %v", err)
	}
	info := rec.Disconnect(client.CloseInfo{})
	if e, ok := errors.AsType[*client.EventError](info.Cause); !ok || e.Event != "OnReadyToSend" || info.Code != 1011 {
		t.Errorf("ended with %v", info)
	}
}

// The banner never waits.
func TestBannerFindsTheQueueFull(t *testing.T) {
	c := new(patient)
	rec := Connect(t, c, Options{Banner: "hi", SendQueue: client.SendQueue{Policy: client.QueueBlock}})
	rec.Stall(0)
	rec.Greet()
	if got := rec.Closed(); got == nil || got.Code != 1008 {
		t.Errorf("Closed = %v", got)
	}
}
