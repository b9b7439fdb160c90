package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// caller is one client of TestChaosOfTheNetwork, with all that it has seen.
type caller struct {
	t     *testing.T
	id    int
	conn  *Conn
	rnd   *rand.Rand // of the goroutine that talks
	queue client.QueuePolicy
	busy  atomic.Bool // a function of the Handler runs

	// Of the goroutine that talks.
	number   int
	accepted map[int]int // the number of a message, and how often OnClose had come before
	refused  map[int]error

	mu      sync.Mutex // guards the following
	opens   int
	closes  int
	errs    int
	stops   int
	stop    StopInfo
	open    bool
	acked   int // the number that the server acknowledged last, on this connection
	served  int // the letters of the server on this connection
	total   int // acknowledgements on all of them
	taken   int // messages that connections have taken
	dropped int // messages, see drops
	drops   [client.DropReasons]int
	lost    int
}

func newCaller(t *testing.T, id int, addr string, secure bool, ca *wstest.CA, seed uint64) *caller {
	c := &caller{
		t: t, id: id, rnd: rand.New(rand.NewPCG(seed, 0)), accepted: map[int]int{}, refused: map[int]error{},
	}
	o := Options{
		URL: "ws://" + addr + "/", Header: http.Header{"X-Caller": {strconv.Itoa(id)}}, Proxy: NoProxy, Logger: quiet,
		MinWait: 20 * time.Millisecond, MaxWait: 500 * time.Millisecond, StableAfter: 300 * time.Millisecond,
		HandshakeTimeout: 2 * time.Second, WriteTimeout: time.Second, CloseTimeout: 500 * time.Millisecond,
		PingInterval: 300 * time.Millisecond, PongTimeout: time.Second,
		SendQueue: client.SendQueue{Policy: client.QueueBlock, MaxBytes: 256 << 10},
	}
	if secure {
		o.URL, o.TLS = "wss://"+addr+"/", &tls.Config{RootCAs: ca.Pool(), ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	}
	if id%4 < 2 {
		o.Compression.Mode = client.CompressionContext
	}
	switch id % 8 {
	case 4, 5:
		o.QueueWhileDown, o.QueuePolicy = 1<<20, client.QueueDropNewest
		o.QueueMessages = 20
	case 6, 7:
		o.QueueWhileDown, o.QueuePolicy = 80_000, client.QueueDropOldest
		o.QueueMaxAge = 400 * time.Millisecond
	case 2, 3:
		o.QueueWhileDown = 80_000
	}
	c.queue = o.QueuePolicy
	c.conn = New(o, Handler{
		OnOpen: c.onOpen, OnMessage: c.onMessage, OnClose: c.onClose, OnError: c.onError, OnDropped: c.onDropped, OnStop: c.onStop,
	})
	return c
}

func (c *caller) errorf(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("client %d: "+format, append([]any{c.id}, args...)...)
}

// in begins a function of the Handler, and returns what ends it.
func (c *caller) in(name string) func() {
	if c.busy.Swap(true) {
		c.errorf("%s runs beside another function", name)
	}
	c.mu.Lock()
	if c.stops > 0 && name != "OnStop" {
		c.errorf("%s after OnStop", name)
	}
	return func() { c.mu.Unlock(); c.busy.Store(false) }
}

func (c *caller) onOpen(*Conn, OpenInfo) error {
	defer c.in("OnOpen")()
	if c.open {
		c.errorf("OnOpen without OnClose before")
	}
	c.opens++
	c.open, c.acked, c.served = true, 0, 0
	return nil
}

func (c *caller) onMessage(_ *Conn, m client.Message) error {
	defer c.in("OnMessage")()
	if !c.open {
		c.errorf("a message of no connection")
	}
	var n int
	if _, err := fmt.Sscanf(string(m.Data[:min(len(m.Data), 40)]), "ack %d", &n); err == nil {
		if n <= c.acked {
			c.errorf("acknowledgement %d behind %d", n, c.acked)
		}
		c.acked = n
		c.total++
		return nil
	}
	if n := read("server", m.Data); n != c.served+1 {
		c.errorf("letter %d behind %d, %.60q", n, c.served, m.Data)
	}
	c.served++
	return nil
}

func (c *caller) onClose(_ *Conn, i client.CloseInfo) {
	taken := c.conn.Client().(*plain).Stats().MessagesOut
	defer c.in("OnClose")()
	if !c.open {
		c.errorf("OnClose without OnOpen before")
	}
	if i.Cause == nil || i.Code == 0 {
		c.errorf("OnClose got %+v", i)
	}
	c.closes++
	c.open = false
	c.taken += int(taken)
}

func (c *caller) onError(_ *Conn, e *DialError) {
	defer c.in("OnError")()
	c.errs++
	if e.Reason == ReasonOther || e.Final || e.NextWait <= 0 || e.NextWait > 500*time.Millisecond {
		c.errorf("OnError got %+v: %v", e, e)
	}
}

func (c *caller) onDropped(_ *Conn, d client.Drop) {
	defer c.in("OnDropped")()
	c.drops[d.Reason] += d.Messages
	c.dropped += d.Messages
}

func (c *caller) onStop(_ *Conn, s StopInfo) {
	defer c.in("OnStop")()
	c.stops++
	c.stop = s
}

// talk sends numbered messages, and sometimes ends the connection.
func (c *caller) talk(ctx context.Context) {
	for ctx.Err() == nil {
		c.send()
		switch c.rnd.IntN(300) {
		case 0:
			if obj := c.conn.Client(); obj != nil {
				_ = obj.Close(4000, "again")
			}
		case 1:
			if obj := c.conn.Client(); obj != nil {
				obj.Abort()
			}
		case 2:
			c.conn.RetryNow()
		}
		time.Sleep(time.Duration(c.rnd.IntN(40)) * time.Millisecond)
	}
}

func (c *caller) send() {
	c.mu.Lock()
	closes := c.closes
	c.mu.Unlock()
	c.number++
	b := letter(fmt.Sprintf("client%d", c.id), c.number)
	m := client.Binary(b)
	if c.number%2 == 0 {
		m = client.Text(string(b))
	}
	if err := c.conn.Send(m); err == nil {
		c.accepted[c.number] = closes
	} else {
		c.refused[c.number] = err
		if !errors.Is(err, client.ErrClosed) && !errors.Is(err, client.ErrQueueFull) {
			c.errorf("Send: %v", err)
		}
	}
}

// converse waits for the client to be back, and has it send messages that all arrive.
func (c *caller) converse(o *office) {
	if !c.soon(func() bool { return c.conn.State() == Open && c.conn.QueuedAmount() == 0 }) {
		c.errorf("is not back: %+v", c.conn.Info())
		return
	}
	// A connection that is broken already may look open until a ping tells.
	for range 20 {
		c.mu.Lock()
		opens, total := c.opens, c.total
		c.mu.Unlock()
		for range 5 {
			c.send()
		}
		c.soon(func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.total >= total+5 || c.opens > opens
		})
		c.mu.Lock()
		well := c.opens == opens && c.total == total+5
		c.mu.Unlock()
		if well {
			return
		}
		c.soon(func() bool { return c.conn.State() == Open && c.conn.QueuedAmount() == 0 })
	}
	c.errorf("does not get answers: %+v", c.conn.Info())
}

// soon waits for what must be true in the end.
func (c *caller) soon(f func() bool) bool {
	for range 1000 {
		if f() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// end stops the client, with something in its queue perhaps.
func (c *caller) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.conn.Stop(ctx, 0, ""); err != nil {
		c.errorf("Stop: %v", err)
	}
}

// judge holds what the client was told against what the server has got.
func (c *caller) judge(o *office) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.mu.Lock()
	got := o.desks[c.id].got
	o.mu.Unlock()
	if c.opens != c.closes || c.stops != 1 || c.stop.Attempts != c.opens+c.errs || !c.stop.Local || c.stop.Err != nil {
		c.errorf("%d times OnOpen, %d OnClose, %d OnError, %d OnStop: %+v", c.opens, c.closes, c.errs, c.stops, c.stop)
	}
	full := 0
	for n, err := range c.refused {
		if got[n] {
			c.errorf("message %d was delivered, and Send returned %v", n, err)
		}
		if errors.Is(err, client.ErrQueueFull) {
			full++
		}
	}
	if full != c.drops[client.DropNewest] {
		c.errorf("%d times ErrQueueFull, and %d newest were dropped", full, c.drops[client.DropNewest])
	}
	missing := 0
	for n, closes := range c.accepted {
		if got[n] {
			continue
		}
		missing++
		if c.closes <= closes {
			c.errorf("message %d is lost, and no OnClose came", n)
		}
	}
	dropped := c.dropped - c.drops[client.DropNewest]
	if len(c.accepted) != c.taken+dropped {
		c.errorf("%d messages were accepted; connections took %d, %d were dropped", len(c.accepted), c.taken, dropped)
	}
	if c.lost = missing - dropped; c.lost < 0 {
		c.errorf("%d messages are missing, %d of them dropped", missing, dropped)
	}
	if i := c.conn.Info(); i.QueuedAmount != 0 || i.QueuedMessages != 0 || i.State != Closed {
		c.errorf("in the end %+v", i)
	}
}
