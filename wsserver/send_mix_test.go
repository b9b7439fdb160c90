package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// S-01, S-03, S-07, S-12, S-27: a hundred goroutines send, one of them streams: each
// keeps its order, in frames of any size, compressed with a window.
func TestHundredSendersAndAStream(t *testing.T) {
	for _, mode := range modes {
		for _, max := range []int{0, 200} {
			synctest.Test(t, func(t *testing.T) {
				const senders, each = 100, 12
				srv, k, w := narrow(t, 3000, &club{}, wsserver.Config{
					SendQueue: client.SendQueue{MaxBytes: 20_000, Policy: client.QueueBlock}, WriteTimeout: -1,
					MaxFrameSize: max, Compression: client.Compression{Mode: mode},
				})
				for id := range senders {
					go func() {
						for i := range each {
							text := fmt.Sprintf("%d %d ", id, i) + prose(id, (id*7+i*31)%700)
							var err error
							switch {
							case id == 0:
								err = k.SendReader(context.Background(), client.OpText, source{strings.NewReader(text + noise(i, 50_000))})
							case id%9 == 1:
								err = srv.SendTo(k.ID(), client.Text(text)).Err
							case id%9 == 2:
								err = k.SendWith(context.Background(), client.Text(text), client.SendOptions{NoCompression: true}).Err
							default:
								err = k.SendText(text)
							}
							if err != nil {
								t.Errorf("sender %d: %v", id, err)
								return
							}
						}
					}()
				}
				var next [senders]int
				for range senders * each {
					m := w.message()
					var id, i int
					fmt.Sscan(string(m.Data), &id, &i)
					want := fmt.Sprintf("%d %d ", id, i) + prose(id, (id*7+i*31)%700)
					if id == 0 {
						want += noise(i, 50_000)
					}
					if next[id] != i || string(m.Data) != want {
						t.Fatalf("sender %d: message %d with %d bytes, want %d with %d", id, i, len(m.Data), next[id], len(want))
					}
					next[id]++
				}
			})
		}
	}
}

// mixer is one client of TestAnyMixArrives, and what is known of it.
type mixer struct {
	t    *testing.T
	srv  *wsserver.Server[*keen]
	k    *keen
	seed uint64

	mu      sync.Mutex // guards the following
	taken   map[string]bool
	refused int
	stopped bool // the client closes: errors are not counted any more
}

// TestAnyMixArrives: Send, TrySend, SendWith of every policy, keys, broadcasts, streams,
// pings, Flush, pauses of the peer and an end, from several goroutines and from the
// client's own events. The peer must be able to read all frames, with one window for
// all of them; each sender's messages keep their order; nothing is lost without a notice;
// there is one event of the end. A failure tells the seed.
func TestAnyMixArrives(t *testing.T) {
	seeds := []uint64{rand.Uint64(), rand.Uint64()}
	for seed := range uint64(18) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("the seed is %d", seed)
				}
			}()
			anyMix(t, seed)
		})
	}
}

var mixPolicies = []client.QueuePolicy{client.QueueBlock, client.QueueDropNewest, client.QueueDropOldest, client.QueueLatest}

func anyMix(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 31))
	c := &club{}
	b := client.NewBudget(1 << 40)
	cfg := wsserver.Config{
		SendQueue: client.SendQueue{
			MaxBytes:    []int{2000, 20_000, 1 << 20}[rnd.IntN(3)],
			MaxMessages: []int{0, 0, 20}[rnd.IntN(3)],
			Policy:      mixPolicies[rnd.IntN(4)],
		},
		Compression:    client.Compression{Mode: modes[rnd.IntN(3)]},
		MaxFrameSize:   []int{0, 0, 100, 3000}[rnd.IntN(4)],
		BandwidthLimit: []int{0, 0, 100_000}[rnd.IntN(3)],
		WriteTimeout:   -1, CloseTimeout: time.Hour, PingInterval: -1, MemoryBudget: b,
	}
	m := &mixer{t: t, seed: seed, taken: map[string]bool{}}
	c.message = func(_ *keen, msg client.Message) error {
		m.one(rand.New(rand.NewPCG(seed, 77)), 9, int(msg.Data[0]))
		return nil
	}
	srv, k, w := narrow(t, []int{100, 2000, 30_000}[rnd.IntN(3)], c, cfg)
	m.srv, m.k = srv, k
	var all sync.WaitGroup
	for id := range 5 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(id)))
			for i := range 60 {
				m.one(rnd, id, i)
				if rnd.IntN(3) == 0 {
					time.Sleep(time.Duration(rnd.IntN(20_000)) * time.Microsecond)
				}
			}
		})
	}
	all.Go(func() { // the peer speaks too, so that events send
		for i := range 20 {
			if w.p.TryWrite(w.p.Encode(wstest.Binary([]byte{byte(i)}))) != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	end := []string{"CloseAfterFlush", "Close", "Abort", "drop"}[rnd.IntN(4)]
	all.Go(func() {
		time.Sleep(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		if end == "Abort" || end == "drop" {
			m.mu.Lock()
			m.stopped = true
			m.mu.Unlock()
			if end == "drop" {
				w.p.Drop()
			} else {
				k.Abort()
			}
		}
	})
	gone := make(chan struct{})
	go func() { // the peer reads with pauses
		defer close(gone)
		prnd := rand.New(rand.NewPCG(seed, 55))
		for w.closed == nil && w.step() == nil {
			if prnd.IntN(10) == 0 {
				time.Sleep(time.Duration(prnd.IntN(300)) * time.Millisecond)
			}
		}
		w.rest()
		for w.step() == nil {
		}
	}()
	all.Wait()
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	if end == "CloseAfterFlush" {
		no(t, k.CloseAfterFlush(4000, ""))
	} else {
		_ = k.Close(4000, "")
	}
	<-gone
	time.Sleep(2 * time.Hour)
	synctest.Wait()
	m.check(c, w, end)
	if n := b.Used(); n != 0 || k.BufferedAmount() != 0 {
		t.Errorf("%d bytes are used, %d wait", n, k.BufferedAmount())
	}
}

// name is what a message begins with; those of a key are apart.
func (m *mixer) text(rnd *rand.Rand, kind string, id, i int) string {
	size := []int{0, 20, 90, 300, 3000, 12_000}[rnd.IntN(6)]
	if rnd.IntN(3) == 0 {
		return fmt.Sprintf("%s %d %d ", kind, id, i) + noise(id*100+i, size)
	}
	return fmt.Sprintf("%s %d %d ", kind, id, i) + prose(id, size)
}

// one does one thing.
func (m *mixer) one(rnd *rand.Rand, id, i int) {
	k, ctx := m.k, context.Background()
	kind := "plain"
	n := rnd.IntN(100)
	if n >= 60 && n < 70 {
		kind = "key"
	}
	text := m.text(rnd, kind, id, i)
	msg := client.Text(text)
	switch {
	case n < 35:
		m.note(text, k.Send(msg))
	case n < 45:
		m.note(text, k.TrySend(msg))
	case n < 60:
		m.note(text, k.SendWith(ctx, msg, client.SendOptions{Policy: mixPolicies[rnd.IntN(4)], NoCompression: rnd.IntN(4) == 0}).Err)
	case n < 65:
		m.note(text, k.SendWith(ctx, msg, client.SendOptions{Key: fmt.Sprint(id)}).Err)
	case n < 70:
		r, err := m.srv.BroadcastWith(msg, client.SendOptions{Key: fmt.Sprint(id)})
		if err != nil {
			m.t.Errorf("BroadcastWith = %v", err)
		}
		for _, r := range r {
			m.note(text, r.Err)
		}
	case n < 75:
		// a broadcast never waits: where sends do, it must say what else to do
		r, err := m.srv.BroadcastWith(msg, client.SendOptions{Policy: mixPolicies[1+rnd.IntN(3)]})
		if err != nil {
			m.t.Errorf("BroadcastWith = %v", err)
		}
		for _, r := range r {
			m.note(text, r.Err)
		}
	case n < 82:
		m.note(text, k.SendReader(ctx, client.OpText, source{strings.NewReader(text)}))
	case n < 86:
		w := k.NewMessage(client.OpText, int64(len(text)))
		for rest := text; rest != ""; {
			part := rest[:min(len(rest), 1+rnd.IntN(5000))]
			rest = rest[len(part):]
			if _, err := w.WriteString(part); err != nil {
				break
			}
			_ = w.Flush()
		}
		m.note(text, w.Close())
	case n < 90:
		_ = k.Ping([]byte(prose(i, 40)))
	case n < 93:
		_ = k.Flush()
	case n < 95:
		_ = k.SetBandwidthLimit([]int{0, 50_000, 1 << 20}[rnd.IntN(3)])
	case n < 97:
		q := client.SendQueue{MaxBytes: 1000 + rnd.IntN(50_000), Policy: mixPolicies[rnd.IntN(4)]}
		if err := k.SetSendQueue(q); err != nil && !errors.Is(err, client.ErrClosed) {
			m.t.Errorf("SetSendQueue = %v", err)
		}
	default:
		_ = k.WaitWritable(ctx)
	}
}

func (m *mixer) note(text string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.taken[text] = true
	case errors.Is(err, client.ErrQueueFull):
		m.refused++
	case errors.Is(err, client.ErrWouldBlock), m.stopped && errors.Is(err, client.ErrClosed):
	default:
		m.t.Errorf("sending %.20q: %v", text, err)
	}
}

func (m *mixer) check(c *club, w *wire, end string) {
	t := m.t
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[string]int{}
	arrived := 0
	for _, msg := range w.messages {
		var kind string
		var id, i int
		fmt.Sscan(string(msg.Data[:min(len(msg.Data), 30)]), &kind, &id, &i)
		sender := fmt.Sprint(kind, " ", id)
		if i < next[sender] {
			t.Errorf("%s: message %d, want %d or later", sender, i, next[sender])
		}
		next[sender] = i + 1
		if m.taken[string(msg.Data)] {
			arrived++
		} else if end == "CloseAfterFlush" || end == "Close" {
			t.Errorf("%s: message %d arrives, and was not taken", sender, i)
		}
	}
	told := c.told()
	lost := told[client.DropOldest].Messages + told[client.DropReplaced].Messages + told[client.DropBudget].Messages
	i := c.ending(t)
	if end == "CloseAfterFlush" || end == "Close" {
		// A stream that an event has begun is not waited for by Close.
		if sum := arrived + lost; sum > len(m.taken) || sum < len(m.taken) && i.Unsent == 0 || end == "CloseAfterFlush" && i.Unsent != 0 {
			t.Errorf("%s: %d messages were taken, %d arrive, %d are said to be lost, %d bytes unsent", end, len(m.taken), arrived, lost, i.Unsent)
		}
		if i.Code != 4000 || w.closed == nil {
			t.Errorf("%s: it ends with %v", end, i)
		}
	}
	if told[client.DropNewest].Messages != m.refused {
		t.Errorf("%d messages were refused, %d are said to be", m.refused, told[client.DropNewest].Messages)
	}
	if s := m.k.Stats(); s.MessagesDropped != uint64(lost+m.refused) {
		t.Errorf("%+v, and %d were lost, %d refused", s, lost, m.refused)
	}
}
