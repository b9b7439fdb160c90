package dial

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
)

// D-21: Stop is legal in every function of the Handler, ends what is under way at once,
// and nothing follows it but OnClose and OnStop.
func TestStopInEveryCallback(t *testing.T) {
	for _, tt := range []struct {
		where string
		edit  func(h *Handler, house *house, stop func(c *Conn))
		want  string
	}{
		{"OnOpen", func(h *Handler, _ *house, stop func(*Conn)) {
			h.OnOpen = func(c *Conn, _ OpenInfo) error { stop(c); return nil }
		}, "close 4000, stop local true"},
		{"OnMessage", func(h *Handler, _ *house, stop func(*Conn)) {
			h.OnMessage = func(c *Conn, _ client.Message) error { stop(c); return nil }
		}, "open 1, close 4000, stop local true"},
		{"OnClose", func(h *Handler, house *house, stop func(*Conn)) {
			old := h.OnClose
			house.message = func(g *guest, _ client.Message) error { return g.Close(1000, "") }
			h.OnClose = func(c *Conn, i client.CloseInfo) { old(c, i); stop(c) }
		}, "open 1, close 1000, stop local true"},
		{"OnError", func(h *Handler, house *house, stop func(*Conn)) {
			old := h.OnError
			house.refuse = errors.New("no")
			h.OnError = func(c *Conn, e *DialError) { old(c, e); stop(c) }
		}, "error 1 final false, stop local true"},
		{"OnState", func(h *Handler, _ *house, stop func(*Conn)) {
			h.OnState = func(c *Conn, s State) {
				if s == Connecting {
					stop(c)
				}
			}
		}, "stop local true"},
		{"NewClient", func(h *Handler, _ *house, stop func(*Conn)) {
			var c *Conn
			h.OnState = func(x *Conn, _ State) { c = x }
			h.OnMessage = nil
			h.NewClient = func(OpenInfo) (client.Client, error) { stop(c); return new(peer), nil }
		}, "stop local true"},
		{"OnStop", func(h *Handler, _ *house, stop func(*Conn)) {
			old := h.OnStop
			h.OnMessage = func(c *Conn, _ client.Message) error { stop(c); return nil }
			h.OnStop = func(c *Conn, s StopInfo) { old(c, s); stop(c) }
		}, "open 1, close 4000, stop local true"},
	} {
		t.Run(tt.where, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				house, d := newHouse(t), &diary{t: t}
				hd := d.handler()
				tt.edit(&hd, house, func(c *Conn) {
					if err := c.Stop(context.Background(), 4000, "enough"); err != nil {
						t.Error(err)
					}
				})
				c := begin(t, house, hd)
				start(t, c)
				_ = c.SendText("go")
				<-c.Done()
				if s := c.State(); s != Closed {
					t.Errorf("the state is %v", s)
				}
				pass(time.Minute)
				d.want(tt.want)
			})
		})
	}
}

// peer is a class of the program's own.
type peer struct {
	client.Base
	got []string
}

func (p *peer) OnMessage(m client.Message) error {
	p.got = append(p.got, string(m.Data))
	return nil
}

// D-21, D-22, D-23: the server gets the code and the reason, and 1000 "Normal closure"
// where none is given; what may not be sent stops nothing.
func TestStopSendsCodeAndReason(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, tt := range []struct {
			code         client.StatusCode
			reason       string
			want         client.StatusCode
			said         string
			err          error
			alreadyEnded bool
		}{
			{0, "", 1000, "Normal closure", nil, false},
			{1000, "bye", 1000, "bye", nil, false},
			{4999, "", 4999, "", nil, false},
			{1001, strings.Repeat("x", 200), 1001, strings.Repeat("x", client.MaxReason), nil, false},
			{1006, "", 0, "", client.ErrBadCloseCode, false},
			{1000, "\xff", 0, "", client.ErrInvalidUTF8, false},
		} {
			h := newHouse(t)
			c := begin(t, h, Handler{})
			start(t, c)
			var g *guest
			h.each(func(x *guest) { g = x })
			if err := c.Stop(t.Context(), tt.code, tt.reason); !errors.Is(err, tt.err) {
				t.Errorf("%d: %v", tt.code, err)
			}
			synctest.Wait()
			if tt.err != nil {
				if c.State() != Open {
					t.Errorf("%d: it is %v", tt.code, c.State())
				}
				continue
			}
			why, _ := errors.AsType[*client.CloseError](context.Cause(g.Context()))
			if why == nil || why.Code != tt.want || why.Reason != tt.said {
				t.Errorf("%d: the server was told %v", tt.code, why)
			}
		}
	})
}

// D-21: Stop ends a wait and an attempt at once, and gives up a server that does not
// answer when its context is done.
func TestStopDoesNotWaitForOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		h.down()
		c := begin(t, h, d.handler(), func(o *Options) { o.MinWait = time.Hour; o.MaxWait = time.Hour })
		start(t, c)
		now := time.Now()
		if err := c.Stop(t.Context(), 0, ""); err != nil || time.Since(now) != 0 {
			t.Errorf("in a wait: %v after %v", err, time.Since(now))
		}
		d.want("error 1 final false, stop local true")

		stuck := begin(t, h, d.handler(), func(o *Options) {
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		})
		start(t, stuck)
		if err := stuck.Stop(t.Context(), 0, ""); err != nil || time.Since(now) != 0 {
			t.Errorf("in an attempt: %v after %v", err, time.Since(now))
		}
		d.want("stop local true")

		h.up()
		h.message = func(g *guest, _ client.Message) error { <-g.Done(); return nil } // does not read
		mute := begin(t, h, d.handler(), func(o *Options) { o.CloseTimeout = time.Hour })
		start(t, mute)
		_ = mute.SendText("x")
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("too slow"))
		defer cancel()
		if err := mute.Stop(ctx, 0, ""); err == nil || err.Error() != "too slow" {
			t.Errorf("from a server that does not answer: %v", err)
		}
		<-mute.Done()
		d.want("open 1, close 1000, stop local true")
	})
}

// D-14, D-18, D-20: Connect makes one attempt, and says what came of it.
func TestConnect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		c := begin(t, h, d.handler())
		o, err := c.Connect(t.Context())
		if err != nil || o.Status != 101 || o.Attempt != 1 || o.Reopened {
			t.Fatalf("%+v, %v", o, err)
		}
		d.want("open 1") // OnOpen has returned
		h.each(func(g *guest) { g.Abort() })
		pass(time.Second)
		d.want("close 1006, open 2")
		if _, err := c.Connect(t.Context()); err != ErrRunning {
			t.Error(err)
		}
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Error(err)
		}
		d.take()
		h.down()
		_, err = c.Connect(t.Context())
		if e, ok := errors.AsType[*DialError](err); !ok || !e.Final || c.State() != Closed {
			t.Errorf("%v, %v", err, c.State())
		}
		pass(time.Minute)
		d.want("error 1 final true")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stuck := begin(t, h, d.handler(), func(o *Options) {
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		})
		if _, err := stuck.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("out of time: %v", err)
		}
		d.take()
		go func() {
			time.Sleep(time.Second)
			_ = stuck.Stop(context.Background(), 0, "")
		}()
		if _, err := stuck.Connect(t.Context()); err != ErrStopped {
			t.Errorf("stopped: %v", err)
		}
		d.want("")
	})
}

// Connect's context bounds the attempt, and not the life of the connection.
func TestConnectContextEndsWithConnect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		c := begin(t, h, d.handler())
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := c.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		pass(time.Minute)
		h.each(func(g *guest) { g.Abort() })
		pass(time.Minute)
		d.want("open 1, close 1006, open 1")
	})
}

// D-05: a server that closes cleanly is called again; one that says 1008 is not, and what
// a hook says counts more.
func TestCloseCodesDecide(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		c := begin(t, h, d.handler())
		start(t, c)
		pass(10 * time.Second)
		h.each(func(g *guest) { _ = g.Close(1000, "") })
		pass(10 * time.Second)
		h.each(func(g *guest) { _ = g.Close(1012, "restart; retry-after=30") })
		synctest.Wait()
		if w := time.Until(c.Info().NextAttempt); w != 30*time.Second+100*time.Millisecond {
			t.Errorf("with a hint it waits %v", w)
		}
		pass(time.Minute)
		h.each(func(g *guest) { _ = g.Close(1008, "not you") })
		<-c.Done()
		d.want("open 1, close 1000, open 1, close 1012, open 1, close 1008, stop local false")

		var asked []client.StatusCode
		hooked := begin(t, h, d.handler(), func(o *Options) {
			o.ShouldReconnect = func(i client.CloseInfo) bool { asked = append(asked, i.Code); return i.Code == 1008 }
		})
		start(t, hooked)
		h.each(func(g *guest) { _ = g.Close(1008, "not you") })
		pass(10 * time.Second)
		h.each(func(g *guest) { _ = g.Close(1000, "") })
		<-hooked.Done()
		d.want("open 1, close 1008, open 2, close 1000, stop local false")
		if len(asked) != 2 {
			t.Errorf("the hook was asked about %v", asked)
		}
	})
}

// A connection that ends for good tells why.
func TestStopInfo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var info StopInfo
		hd := Handler{OnStop: func(_ *Conn, s StopInfo) { info = s }}
		c := begin(t, h, hd, func(o *Options) { o.NoReconnect = true })
		start(t, c)
		h.each(func(g *guest) { _ = g.Close(4321, "x") })
		<-c.Done()
		if info.Err != ErrNoReconnect || info.Close.Code != 4321 || info.Attempts != 1 || info.Local {
			t.Errorf("%+v", info)
		}
		h.down()
		c = begin(t, h, hd, func(o *Options) { o.MaxAttempts = 3 })
		start(t, c)
		<-c.Done()
		e, ok := errors.AsType[*DialError](info.Err)
		if !errors.Is(info.Err, ErrAttempts) || !ok || !e.Final || info.Attempts != 3 {
			t.Errorf("%+v", info)
		}
		if i := c.Info(); i.LastError != e || i.State != Closed {
			t.Errorf("%+v", i)
		}
	})
}

// After OnStop, and in it, it can be started again; SetURL works only in between (D-02).
func TestStartAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		hd := d.handler()
		n := 0
		hd.OnStop = func(c *Conn, _ StopInfo) {
			if n++; n < 3 {
				if err := c.SetURL("ws://other.example/x"); err != nil {
					t.Error(err)
				}
				if err := c.Start(); err != nil {
					t.Error(err)
				}
			}
		}
		c := begin(t, h, hd)
		start(t, c)
		if err := c.SetURL("ws://third.example"); err != ErrRunning {
			t.Errorf("SetURL while it runs: %v", err)
		}
		for range 3 {
			if err := c.Stop(t.Context(), 0, ""); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n != 3 || c.Info().URL != "ws://other.example/x" {
			t.Errorf("it stopped %d times, with %s", n, c.Info().URL)
		}
		if err := c.SetURL("http://x"); err == nil {
			t.Error("a URL of http is taken")
		}
		d.want("open 1, close 1000, open 1, close 1000, open 1, close 1000")
	})
}

// RetryNow ends a wait, and does nothing elsewhere.
func TestRetryNow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		c := begin(t, h, d.handler(), func(o *Options) { o.MinWait, o.MaxWait = time.Hour, time.Hour })
		c.RetryNow()
		h.down()
		start(t, c)
		d.want("error 1 final false")
		c.RetryNow()
		synctest.Wait()
		d.want("error 2 final false")
		h.up()
		c.RetryNow()
		c.RetryNow()
		synctest.Wait()
		d.want("open 3")
		c.RetryNow()
		h.each(func(g *guest) { g.Abort() })
		pass(time.Minute)
		d.want("close 1006")
	})
}

// A function of the Handler that panics, fails or ends its goroutine costs its connection,
// and nothing else is lost.
func TestBrokenHandlers(t *testing.T) {
	bad := map[string]func() error{
		"panics": func() error { panic("boom") },
		"fails":  func() error { return &client.CloseError{Code: 4444, Reason: "x"} },
	}
	for name, f := range bad {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, d := newHouse(t), &diary{t: t}
				hd := d.handler()
				n := 0
				hd.OnOpen = func(*Conn, OpenInfo) error {
					if n++; n == 1 {
						return f()
					}
					return nil
				}
				hd.OnMessage = func(_ *Conn, m client.Message) error { return f() }
				if name == "panics" {
					hd.OnState = func(*Conn, State) { _ = f() }
				}
				c := begin(t, h, hd)
				start(t, c)
				pass(time.Second)
				_ = c.SendText("x")
				pass(time.Second)
				code := map[string]string{"panics": "close 1011", "fails": "close 4444"}[name]
				d.want(code + ", " + code)
				if c.State() != Open || n != 3 {
					t.Errorf("it is %v, opened %d times", c.State(), n)
				}
			})
		})
	}
	t.Run("Goexit", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h, d := newHouse(t), &diary{t: t}
			hd := d.handler()
			hd.OnMessage = func(*Conn, client.Message) error { runtime.Goexit(); return nil }
			c := begin(t, h, hd)
			start(t, c)
			_ = c.SendText("x")
			pass(time.Second)
			d.want("open 1, close 1011, open 2")
			h.down()
			hd.OnError = func(*Conn, *DialError) { runtime.Goexit() }
			c2 := begin(t, h, hd)
			start(t, c2)
			pass(time.Second)
			if n := c2.Info().Attempt; n < 3 {
				t.Errorf("after a Goexit in OnError the attempt is %d", n)
			}
		})
	})
}

// NewClient makes an object for each connection, which has all of client.Base; what it
// refuses is an attempt that failed.
func TestClassOfTheProgram(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, d := newHouse(t), &diary{t: t}
		hd := d.handler()
		hd.OnMessage = nil
		var peers []*peer
		no := errors.New("not now")
		hd.NewClient = func(o OpenInfo) (client.Client, error) {
			p := new(peer)
			peers = append(peers, p)
			switch len(peers) {
			case 2:
				return nil, no
			case 3:
				return peers[0], nil
			case 4:
				return nil, nil
			case 5:
				panic("boom")
			}
			return p, nil
		}
		var errs []*DialError
		hd.OnError = func(_ *Conn, e *DialError) { errs = append(errs, e) }
		c := begin(t, h, hd)
		start(t, c)
		p, ok := c.Client().(*peer)
		if !ok || p != peers[0] {
			t.Fatal(c.Client())
		}
		if err := p.SendText("hello"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(p.got) != 1 || p.RawURI() != "/" || p.HostHeader() == "" || p.ID() != 1 || p.BindingIndex() != -1 || p.Server() != nil {
			t.Errorf("got %q, URI %q, host %q, id %d", p.got, p.RawURI(), p.HostHeader(), p.ID())
		}
		h.each(func(g *guest) { g.Abort() })
		pass(10 * time.Second)
		if len(errs) != 4 || len(peers) != 6 || !errors.Is(errs[0], no) || c.Client() != client.Client(peers[5]) {
			t.Fatalf("%d objects, errors %v", len(peers), errs)
		}
		for _, e := range errs {
			if e.Stage != StageClient || e.Reason != ReasonUser {
				t.Errorf("%v is of %v, %v", e, e.Stage, e.Reason)
			}
		}
		d.want("open 1, close 1006, open 6")
	})
	c := New(Options{URL: "ws://x"}, Handler{NewClient: func(OpenInfo) (client.Client, error) { return nil, nil }, OnMessage: func(*Conn, client.Message) error { return nil }})
	if e, ok := errors.AsType[*OptionError](c.Start()); !ok || e.Field != "Handler.OnMessage" {
		t.Errorf("NewClient and OnMessage: %v", e)
	}
}
