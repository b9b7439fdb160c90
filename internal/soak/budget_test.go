package soak

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// S-12: peers that never read do not make the queues larger than the budget, they are
// the ones that pay, and clients that do read lose nothing.
func TestBudgetHoldsAgainstPeersThatNeverRead(t *testing.T) {
	underEach(t, func(t *testing.T, d wsserver.Driver) {
		budget := client.NewBudget(either[int64](8<<20, 64<<20))
		h := newHouse(t, wsserver.Config{
			MemoryBudget: budget, SendQueue: client.SendQueue{MaxBytes: int(budget.Limit()) / 4},
			OutBufferSize: 32 << 10, WriteTimeout: 2 * patience, CloseTimeout: 300 * time.Millisecond,
		}, d, nil)
		f := h.release(len(manners), true)
		p := &pressure{house: h, budget: budget, stop: make(chan struct{})}
		p.run(either(6, 20), either(12, 60), pick(3*time.Second, 15*time.Second))
		f.recall(t)
		h.idle(t)
		eventually(t, "the budget to be free", func() bool { return budget.Used() == 0 })
		p.judge(t)
		h.close(t)
		t.Logf("budget %d, at most %d used, above it for at most %v, live heap at most %d more than before; %d stuck lives, %d shed; %d broadcasts; %v",
			budget.Limit(), p.used, p.over, p.heap, p.lives.Load(), p.shed.Load(), p.numbers.Load(), h.srv.Stats().Dropped)
	})
}

// pressed is the length of a message.
const pressed = 32 << 10

// pressure is one run.
type pressure struct {
	house  *house
	budget *client.Budget

	stop    chan struct{}
	wg      sync.WaitGroup
	readers []*reader
	numbers atomic.Uint64 // of broadcasts
	stuck   int           // peers that do not read

	used, heap  int64         // the most that was seen; the watcher's
	over        time.Duration // likewise, the longest time above the limit
	shed, lives atomic.Int64
}

// healthy is a client that reads.
type healthy struct{ guest }

func (c *healthy) OnMessage(client.Message) error { return nil }

func (c *healthy) connected() error { return c.house.srv.Group("flood").Join(c) }

// stuck is a client that never reads, and to which much is sent.
type stuck struct {
	guest
	policy client.QueuePolicy
	name   string
}

func (h *house) newStuck(q url.Values) (client.Client, error) {
	return &stuck{guest: guest{house: h}, name: q.Get("name"), policy: stuckPolicies[q.Get("policy")]}, nil
}

var stuckPolicies = map[string]client.QueuePolicy{
	"close": client.QueueClose, "block": client.QueueBlock, "newest": client.QueueDropNewest,
	"oldest": client.QueueDropOldest, "latest": client.QueueLatest,
}

func (c *stuck) OnMessage(client.Message) error { return nil }

func (c *stuck) connected() error {
	if err := c.SetSendQueue(client.SendQueue{MaxBytes: either(2<<20, 16<<20), Policy: c.policy}); err != nil {
		return err
	}
	if err := c.house.srv.Group("flood").Join(c); err != nil {
		return err
	}
	c.house.start(c.flood)
	return nil
}

// flood sends until the client is closed.
func (c *stuck) flood() {
	m := make([]byte, pressed)
	for {
		err := c.SendBinary(m)
		switch {
		case errors.Is(err, client.ErrClosed):
			return
		case errors.Is(err, client.ErrQueueFull):
			time.Sleep(time.Millisecond)
		case err != nil:
			c.house.add("stuck %s: Send = %v", c.name, err)
			return
		case c.policy.Drops():
			time.Sleep(2 * time.Millisecond) // it never waits by itself
		}
	}
}

func (c *stuck) gone(info client.CloseInfo) {
	c.house.mu.Lock()
	defer c.house.mu.Unlock()
	if ended := c.house.stuck[c.name]; ended != nil {
		ended <- info
	}
}

// run has so many readers and so many that do not read, for that long.
func (p *pressure) run(readers, stuck int, d time.Duration) {
	h := p.house
	p.stuck = stuck
	base := liveHeap()
	var still sync.WaitGroup
	for i := range readers {
		c, err := h.visit("/healthy", "", false)
		if err != nil {
			h.add("a reader: %v", err)
			return
		}
		r := &reader{house: h, peer: c, n: i}
		p.readers = append(p.readers, r)
		still.Go(r.read)
	}
	within(patience, time.Millisecond, func() bool { return h.srv.Group("flood").Len() == readers })
	policies := []string{"close", "block", "oldest", "newest", "latest", "close"}
	for i := range stuck {
		p.wg.Go(func() { p.refuseToRead(i, policies[i%len(policies)]) })
	}
	p.wg.Go(p.broadcast)
	p.wg.Go(func() { p.watch(base) })
	time.Sleep(d)
	close(p.stop)
	p.wg.Wait()
	for _, r := range p.readers {
		if !within(patience, time.Millisecond, func() bool { return r.last.Load() == p.numbers.Load() }) {
			h.add("reader %d has %d messages of %d", r.n, r.last.Load(), p.numbers.Load())
		}
		r.peer.leave()
	}
	still.Wait()
}

// broadcast sends numbered messages to all, at the pace of those who read.
func (p *pressure) broadcast() {
	g := p.house.srv.Group("flood")
	m := make([]byte, pressed)
	for n := uint64(1); ; n++ {
		slowest := func() bool {
			for _, r := range p.readers {
				if r.last.Load()+4 < n {
					return false
				}
			}
			return true
		}
		if !within(patience, 200*time.Microsecond, slowest) {
			p.house.add("the readers have stopped at broadcast %d", n)
			return
		}
		select {
		case <-p.stop:
			return
		default:
		}
		binary.BigEndian.PutUint64(m, n)
		p.numbers.Store(n)
		for _, r := range broadcastTo(g, m) {
			if r.Err != nil && r.URI == "/healthy" {
				p.house.add("broadcast %d to a reader: %v", n, r.Err)
			}
		}
	}
}

func broadcastTo(g *wsserver.Group[client.Client], m []byte) []wsserver.SendResult {
	list, _ := g.BroadcastResults(client.Binary(m))
	return list
}

// reader is a client that reads everything.
type reader struct {
	house *house
	peer  *peer
	n     int
	last  atomic.Uint64
}

func (r *reader) read() {
	defer r.peer.drop()
	for {
		op, data, err := r.peer.receive()
		switch {
		case err != nil || op == opClose && closeCode(data) != 1000:
			r.house.add("reader %d ends with %x, %v", r.n, data, err)
			return
		case op == opClose:
			return
		case len(data) != pressed || binary.BigEndian.Uint64(data) != r.last.Load()+1:
			r.house.add("reader %d gets %d bytes, number %x, behind %d", r.n, len(data), data[:min(8, len(data))], r.last.Load())
			return
		}
		r.last.Add(1)
	}
}

// refuseToRead connects again whenever it was ended.
func (p *pressure) refuseToRead(n int, policy string) {
	h := p.house
	for life := 0; ; life++ {
		select {
		case <-p.stop:
			return
		default:
		}
		name := fmt.Sprintf("%d.%d", n, life)
		ended := make(chan client.CloseInfo, 1)
		h.mu.Lock()
		h.stuck[name] = ended
		h.mu.Unlock()
		c, err := visit(h.plain, "/stuck?policy="+policy+"&name="+name, "", nil)
		if err != nil {
			h.add("stuck %s: %v", name, err)
			return
		}
		_ = c.tcp.SetReadBuffer(4 << 10)
		p.lives.Add(1)
		var info client.CloseInfo
		select {
		case info = <-ended:
			c.drop()
		case <-p.stop:
			c.drop()
			info = <-ended
		}
		p.ended(name, policy, info)
	}
}

// ended judges the end of one that does not read.
func (p *pressure) ended(name, policy string, info client.CloseInfo) {
	over := false
	select {
	case <-p.stop:
		over = true
	default:
	}
	budget := errors.Is(info.Cause, client.ErrBudget)
	if budget {
		p.shed.Add(1)
	}
	switch q := stuckPolicies[policy]; {
	case budget && q != client.QueueClose && q != client.QueueBlock:
		p.house.add("stuck %s: its policy drops, and it was closed for the budget", name)
	case !budget && !over && !errors.Is(info.Cause, client.ErrQueueFull):
		p.house.add("stuck %s (%s) ends with %v", name, policy, info)
	}
}

// watch looks at the budget and at the heap.
func (p *pressure) watch(base int64) {
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	last := time.Now() // that it was not above the limit
	for i := 0; ; i++ {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		if p.budget.Used() <= p.budget.Limit() {
			last = time.Now()
		}
		p.over = max(p.over, time.Since(last))
		p.used = max(p.used, p.budget.Used())
		if i%100 == 0 {
			p.heap = max(p.heap, liveHeap()-base)
		}
	}
}

// liveHeap is what the last collection has left.
func liveHeap() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

func (p *pressure) judge(t *testing.T) {
	t.Helper()
	limit := p.budget.Limit()
	// Senders go on while somebody pays, but not far: the last each has sent is above.
	most := limit + limit/8 + int64(2*p.stuck+1)*(pressed+16)
	if p.used > most {
		t.Errorf("seed %d: %d bytes used, the limit is %d, at most %d for a moment", seed, p.used, limit, most)
	}
	if p.used < limit*3/4 {
		t.Errorf("seed %d: at most %d of %d were used: that proves little", seed, p.used, limit)
	}
	// What a collection leaves includes what was made and dropped while it ran.
	if p.heap > 2*limit+16<<20 {
		t.Errorf("seed %d: the heap has grown by %d, the budget is %d", seed, p.heap, limit)
	}
	if dropped := p.house.srv.Stats().Dropped[client.DropBudget.String()]; p.shed.Load() == 0 || dropped == 0 {
		t.Errorf("seed %d: %d closed for the budget, %d messages dropped", seed, p.shed.Load(), dropped)
	}
}
