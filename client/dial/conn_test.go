package dial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/wsserver"
)

var quiet = slog.New(slog.DiscardHandler)

// guest is a client of the server: an echo unless its house says otherwise.
type guest struct {
	client.Base
	h *house
}

func (g *guest) OnMessage(m client.Message) error {
	g.h.mu.Lock()
	g.h.got = append(g.h.got, string(m.Data))
	f := g.h.message
	g.h.mu.Unlock()
	if f != nil {
		return f(g, m)
	}
	return g.Send(m)
}

// house is a server in memory that can go away and come back.
type house struct {
	t   *testing.T
	cfg wsserver.Config

	mu      sync.Mutex // guards the following
	l       *memnet.Listener
	srv     *wsserver.Server[*guest]
	message func(g *guest, m client.Message) error
	got     []string
	dials   []time.Duration // when, since the house was made
	since   time.Time
	refuse  error // of the dial function
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, since: time.Now()}
	h.up()
	t.Cleanup(h.down)
	return h
}

// up starts the server.
func (h *house) up() {
	h.t.Helper()
	cfg := h.cfg
	cfg.Logger = quiet
	srv, err := wsserver.New(wsserver.Factory[*guest]{New: func(*client.OpenRequest) (*guest, error) { return &guest{h: h}, nil }}, cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	l := memnet.Listen()
	h.mu.Lock()
	h.l, h.srv = l, srv
	h.mu.Unlock()
	go srv.Serve(l)
}

// down ends it.
func (h *house) down() {
	h.mu.Lock()
	srv := h.srv
	h.l, h.srv = nil, nil
	h.mu.Unlock()
	if srv != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = srv.Shutdown(ctx)
	}
}

// each does f to all clients.
func (h *house) each(f func(g *guest)) {
	h.mu.Lock()
	srv := h.srv
	h.mu.Unlock()
	for g := range srv.Clients() {
		f(g)
	}
}

func (h *house) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	h.mu.Lock()
	l, refuse := h.l, h.refuse
	h.dials = append(h.dials, time.Since(h.since))
	h.mu.Unlock()
	if refuse != nil {
		return nil, refuse
	}
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	return l.Dial(ctx)
}

// dialled returns when attempts were made since the last call, and forgets them.
func (h *house) dialled() []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.dials
	h.dials, h.since = nil, time.Now()
	return list
}

func (h *house) received() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

// diary writes down what a Conn tells, in order.
type diary struct {
	mu   sync.Mutex // guards the following
	list []string
	busy bool
	t    *testing.T
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy {
		d.t.Error("two functions of the Handler run at once")
	}
	d.list = append(d.list, fmt.Sprintf(format, args...))
}

// take returns what was written since the last call.
func (d *diary) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := strings.Join(d.list, ", ")
	d.list = nil
	return s
}

func (d *diary) want(want string) {
	d.t.Helper()
	if got := d.take(); got != want {
		d.t.Errorf("was told\n\t%s\nwant\n\t%s", got, want)
	}
}

// handler writes all but messages.
func (d *diary) handler() Handler {
	return Handler{
		OnOpen:    func(_ *Conn, o OpenInfo) error { d.add("open %d", o.Attempt); return nil },
		OnMessage: func(_ *Conn, m client.Message) error { d.add("%s", m.Data); return nil },
		OnClose:   func(_ *Conn, i client.CloseInfo) { d.add("close %d", i.Code) },
		OnError:   func(_ *Conn, e *DialError) { d.add("error %d final %v", e.Attempt, e.Final) },
		OnDropped: func(_ *Conn, x client.Drop) { d.add("dropped %d: %v", x.Messages, x.Reason) },
		OnStop:    func(_ *Conn, s StopInfo) { d.add("stop local %v", s.Local) },
	}
}

// begin makes a Conn to h without jitter, which ends with the test.
func begin(t *testing.T, h *house, hd Handler, edit ...func(*Options)) *Conn {
	t.Helper()
	o := Options{URL: "ws://server.example/", Dial: h.dial, Jitter: -1, Logger: quiet}
	for _, f := range edit {
		f(&o)
	}
	c := New(o, hd)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.Stop(ctx, 0, ""); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if s := c.State(); s != Closed {
			t.Errorf("the state in the end is %v", s)
		}
	})
	return c
}

func start(t *testing.T, c *Conn) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// bubble runs a test whose time is its own.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

// D-01, D-14, D-24, D-25, D-33: it opens in the background, sends and receives, and stops.
func TestConnTalks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		c := begin(t, h, d.handler())
		if s := c.State(); s != Closed {
			t.Errorf("before Start it is %v", s)
		}
		if err := c.SendText("too early"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("before Start: %v", err)
		}
		start(t, c)
		if s := c.State(); s != Open {
			t.Errorf("it is %v", s)
		}
		if err := c.Start(); err != ErrRunning {
			t.Errorf("a second Start: %v", err)
		}
		for _, s := range []string{"", "one", strings.Repeat("x", 100_000)} {
			if err := c.SendText(s); err != nil {
				t.Fatal(err, d.take(), c.Info())
			}
			synctest.Wait()
		}
		if got := d.take(); got != "open 1, , one, "+strings.Repeat("x", 100_000) {
			t.Errorf("was told %.100s", got)
		}
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Error(err)
		}
		d.want("close 1000, stop local true")
		if err := c.SendText("too late"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("after Stop: %v", err)
		}
		if c.Client() != nil {
			t.Error("there is a client")
		}
	})
}

// D-05, D-08, E-14: while the server is away the waits double, from 100 ms to 10 s, and begin
// anew when a connection has been stable.
func TestConnComesBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		c := begin(t, h, d.handler())
		start(t, c)
		d.want("open 1")
		pass(6 * time.Second) // stable
		h.dialled()
		h.down()
		synctest.Wait()
		d.want("close 1001")
		if s := c.State(); s != Connecting {
			t.Errorf("while it waits it is %v", s)
		}
		if n := c.Info().NextAttempt; time.Until(n) != 100*time.Millisecond {
			t.Errorf("the next attempt is in %v", time.Until(n))
		}
		pass(60 * time.Second)
		ms := func(n ...int) (list []time.Duration) {
			for _, n := range n {
				list = append(list, time.Duration(n)*time.Millisecond)
			}
			return list
		}
		want := ms(100, 300, 700, 1500, 3100, 6300, 12700, 22700, 32700, 42700, 52700)
		if got := h.dialled(); !slices.Equal(got, want) {
			t.Errorf("attempts at\n\t%v, want\n\t%v", got, want)
		}
		d.take()
		h.up()
		pass(11 * time.Second)
		if got := d.take(); !strings.HasPrefix(got, "open 1") {
			t.Errorf("then %s", got)
		}
		if i := c.Info(); i.Opened != 2 || !i.Open.Reopened || i.LastError != nil {
			t.Errorf("%+v", i)
		}
		pass(6 * time.Second)
		h.dialled()
		h.each(func(g *guest) { g.Abort() })
		pass(time.Second)
		if got := h.dialled(); !slices.Equal(got, ms(100)) {
			t.Errorf("after a stable connection attempts at %v", got)
		}
		d.want("close 1006, open 1")
	})
}

// pass lets time pass, and what it brings happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
