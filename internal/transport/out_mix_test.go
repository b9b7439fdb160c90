package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/budget"
)

// sleepy is a fakeWire that takes what it likes, and whose peer reads in fits and
// starts.
type sleepy struct {
	fakeWire
	mu  sync.Mutex // guards rnd
	rnd *rand.Rand
}

func newSleepy(seed uint64) *sleepy {
	w := &sleepy{rnd: rand.New(rand.NewPCG(seed, 8))}
	w.take = func(n int) int {
		return []int{n, n, n, w.n(n + 1), min(n, w.n(4)), 0}[w.n(6)]
	}
	w.trying = func() { // a write that does not wait takes its time as well
		if w.n(3) == 0 {
			time.Sleep(time.Duration(w.n(300)) * time.Microsecond)
		}
	}
	return w
}

func (w *sleepy) n(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rnd.IntN(n)
}

func (w *sleepy) write(p []byte, stall time.Duration) error {
	switch w.n(20) {
	case 0:
		time.Sleep(time.Duration(w.n(5000)) * time.Millisecond)
	case 1, 2, 3:
		time.Sleep(time.Duration(w.n(100)) * time.Microsecond)
	}
	select {
	case <-w.gone():
		return errors.New("gone")
	default:
		return w.fakeWire.write(p, stall)
	}
}

// mixed is what a test of random sending knows of one sender.
type mixed struct {
	taken   []bool // by number of the message; those of keys apart
	refused int    // by DropNewest
	keyed   int    // taken with a key
}

const (
	mixSenders = 6
	mixKey     = 1 << 30 // set in the numbers of messages with a key
)

// payload is message i of a sender.
func payload(rnd *rand.Rand, id, i int) []byte {
	p := make([]byte, 8+[]int{0, 1, 100, 117, 118, 500, 3000, 9000, 70_000}[rnd.IntN(9)])
	binary.BigEndian.PutUint32(p, uint32(id))
	binary.BigEndian.PutUint32(p[4:], uint32(i))
	return p
}

// TestAnythingMayBeMixed: senders of all kinds on one connection, over a wire that
// takes what it likes. The peer sees valid frames, each sender's messages in order, and
// all that was taken, but for what a notice has counted.
func TestAnythingMayBeMixed(t *testing.T) {
	seeds := []uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()} // a failure tells which
	for seed := range uint64(15) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		synctest.Test(t, func(t *testing.T) { anythingMixed(t, seed) })
	}
}

func anythingMixed(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 9))
	policies := []client.QueuePolicy{client.QueueBlock, client.QueueDropNewest, client.QueueDropOldest, client.QueueLatest}
	b := budget.New(1 << 40)
	w := newSleepy(seed)
	c := newRecorder(testSettings(queued(client.SendQueue{
		MaxBytes:    []int{500, 5000, 100_000, 10 << 20}[rnd.IntN(4)],
		MaxMessages: []int{0, 0, 3, 50}[rnd.IntN(4)],
		Policy:      policies[rnd.IntN(len(policies))],
	}), func(s *Settings) {
		s.MaxFrame = []int{0, 0, 50, 126, 4000}[rnd.IntN(5)]
		s.Budget = b
		s.WriteTimeout = time.Hour
	}), w, nil)
	var senders [mixSenders]mixed
	var drops [client.DropReasons]atomic.Int64
	notices := func() {
		_, list := c.TakeNotices()
		for _, d := range list {
			drops[d.Reason].Add(int64(d.Messages))
		}
	}
	var all sync.WaitGroup
	for id := range senders {
		rnd := rand.New(rand.NewPCG(seed, uint64(20+id)))
		all.Go(func() {
			for i := range 150 {
				if id == 0 { // which plays the reader as well
					switch rnd.IntN(3) {
					case 0:
						c.active.Store(true)
					case 1:
						c.idle()
					}
					notices()
				}
				mixOne(t, c, rnd, &senders[id], id, i)
				if rnd.IntN(4) == 0 {
					time.Sleep(time.Duration(rnd.IntN(2000)) * time.Microsecond)
				}
			}
		})
	}
	all.Wait()
	c.idle()
	if err := c.CloseWith(4000, "done", true, client.ErrCloseCalled); err != nil {
		t.Errorf("seed %d: CloseWith = %v; %v", seed, err, c.Info())
	}
	c.Finish()
	notices()
	c.Linger()
	synctest.Wait()

	what := fmt.Sprintf("seed %d", seed)
	out := w.written()
	frames := outFrames(t, out)
	if last := frames[len(frames)-1]; last.Op != 8 {
		t.Fatalf("%s: the last frame has opcode %d", what, last.Op)
	}
	n := c.Counters()
	if n.Buffered != 0 || b.Used() != 0 || c.Info().Unsent != 0 {
		t.Errorf("%s: %d bytes wait, %d are charged, %d unsent", what, n.Buffered, b.Used(), c.Info().Unsent)
	}
	var next [mixSenders]int
	var nextKey [mixSenders]int
	got := 0
	for _, m := range joined(t, out) {
		id, i := binary.BigEndian.Uint32(m.Data), int(binary.BigEndian.Uint32(m.Data[4:]))
		got++
		if i&mixKey != 0 {
			if i &^= mixKey; i < nextKey[id] {
				t.Fatalf("%s: sender %d: state %d behind %d", what, id, i, nextKey[id])
			}
			nextKey[id] = i + 1
			continue
		}
		if i < next[id] || i >= len(senders[id].taken) || !senders[id].taken[i] {
			t.Fatalf("%s: sender %d: message %d, want %d or later", what, id, i, next[id])
		}
		next[id] = i + 1
	}
	taken, refused := 0, 0
	for i := range senders {
		refused += senders[i].refused
		taken += senders[i].keyed
		for _, ok := range senders[i].taken {
			if ok {
				taken++
			}
		}
	}
	lost := int(drops[client.DropOldest].Load() + drops[client.DropReplaced].Load() + drops[client.DropBudget].Load())
	if got+lost != taken || int(drops[client.DropNewest].Load()) != refused {
		t.Errorf("%s: %d messages were taken, %d arrive, %d are said to be lost; %d were refused, and %d said to be", what, taken, got, lost, refused, drops[client.DropNewest].Load())
	}
	if n.MessagesOut != uint64(taken) || n.MessagesDropped != uint64(lost+refused) {
		t.Errorf("%s: the counters are %+v, want %d and %d", what, n, taken, lost+refused)
	}
}

// mixOne does one thing.
func mixOne(t *testing.T, c *recorder, rnd *rand.Rand, m *mixed, id, i int) {
	send := func(first byte, terms *Terms) error {
		f := Frame{First: first, Payload: payload(rnd, id, i), Max: c.set.MaxFrame, Terms: terms}
		if rnd.IntN(4) == 0 {
			f = Frame{Whole: f.append(nil), Max: f.Max, Terms: terms, NoWait: false}
		}
		return c.Send(f)
	}
	note := func(err error) {
		for len(m.taken) < i {
			m.taken = append(m.taken, false)
		}
		m.taken = append(m.taken, err == nil)
		switch {
		case err == nil, errors.Is(err, client.ErrWouldBlock), errors.Is(err, client.ErrInterrupted):
		case errors.Is(err, client.ErrQueueFull):
			m.refused++
		default:
			t.Errorf("sender %d, message %d: %v", id, i, err)
		}
	}
	switch n := rnd.IntN(100); {
	case n < 40:
		note(send(finBit|opBinary, nil))
	case n < 50:
		note(send(finBit|opBinary, &Terms{Try: true}))
	case n < 65:
		policy := []client.QueuePolicy{client.QueueBlock, client.QueueDropNewest, client.QueueDropOldest, client.QueueLatest}[rnd.IntN(4)]
		note(send(finBit|opBinary, &Terms{Policy: policy}))
	case n < 75:
		i |= mixKey
		switch err := send(finBit|opBinary, &Terms{Policy: client.QueueLatest, Key: fmt.Sprint(id)}); {
		case err == nil:
			m.keyed++
		case errors.Is(err, client.ErrQueueFull):
			m.refused++
		default:
			t.Errorf("sender %d, state %d: %v", id, i, err)
		}
	case n < 85:
		s := c.NewStream(StreamConfig{Context: context.Background(), Op: client.OpBinary, Total: -1})
		p := payload(rnd, id, i)
		for len(p) > 0 {
			k := min(len(p), 1+rnd.IntN(30_000))
			if _, err := s.Write(p[:k]); err != nil {
				t.Errorf("sender %d, stream %d: %v", id, i, err)
			}
			p = p[k:]
			if rnd.IntN(2) == 0 {
				if err := s.Flush(); err != nil {
					t.Errorf("sender %d, stream %d: %v", id, i, err)
				}
			}
		}
		note(s.Close())
	case n < 90:
		must(t, c.SendControl([]byte{opPing, opPong}[rnd.IntN(2)], make([]byte, rnd.IntN(100))))
	case n < 94:
		must(t, c.Flush())
	case n < 96:
		c.SetBandwidth([]int{0, 50_000, 1 << 20}[rnd.IntN(3)])
	case n < 98:
		q := client.SendQueue{MaxBytes: 1000 + rnd.IntN(100_000), Policy: []client.QueuePolicy{client.QueueBlock, client.QueueDropNewest, client.QueueDropOldest, client.QueueLatest}[rnd.IntN(4)]}.WithDefaults()
		c.SetSendQueue(&q)
	default:
		if err := c.WaitWritable(context.Background()); err != nil && !errors.Is(err, client.ErrInterrupted) {
			t.Errorf("WaitWritable = %v", err)
		}
	}
}
