package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
)

// A client whose loop does not run must not keep the Conn for ever: when the time of Stop is
// over the last events run elsewhere, as Server.Shutdown has it (AttachPump, DetachPump).
func TestStopWithAnIdleLoop(t *testing.T) {
	l := pump.New(pump.Options{})
	var ends, stops int32
	c := rawConn(t, Handler{
		OnOpen:  func(c *Conn, _ OpenInfo) error { return c.Client().(*plain).AttachPump(l) },
		OnClose: func(*Conn, client.CloseInfo) { atomic.AddInt32(&ends, 1) },
		OnStop:  func(*Conn, StopInfo) { atomic.AddInt32(&stops, 1) },
	}, nil)
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_ = c.Stop(ctx, 0, "")
	select {
	case <-c.Done():
	case <-time.After(2 * time.Second):
		t.Errorf("OnClose came %d times, OnStop %d times, and it never ends: the state is %v, Start says %v", ends, stops, c.State(), c.Start())
	}
	for range 100 {
		l.Drain(10)
		time.Sleep(time.Millisecond)
	}
	l.Close()
	<-c.Done()
}

// Stops at random moments while what waits is sent: nothing is left in the queue (no class of our own).
func TestStressOfStop(t *testing.T) {
	h := newHouse(t)
	h.message = func(*guest, client.Message) error { return nil }
	left, runs := 0, 0
	end := time.Now().Add(2 * time.Second)
	for time.Now().Before(end) {
		runs++
		var drops atomic.Int32
		opened := make(chan struct{}, 1)
		c := New(Options{URL: "ws://x", Dial: h.dial, Proxy: NoProxy, Logger: quiet, QueueWhileDown: 1 << 20, NoReconnect: true}, Handler{
			OnOpen:    func(*Conn, OpenInfo) error { opened <- struct{}{}; return nil },
			OnDropped: func(_ *Conn, d client.Drop) { drops.Add(int32(d.Messages)) },
		})
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		sent := int32(0)
		for range 200 {
			if c.SendText("x") == nil {
				sent++
			}
		}
		<-opened
		for range rand.IntN(2000) {
			runtime.Gosched()
		}
		c.Client().(*plain).Abort()
		<-c.Done()
		if n := c.QueuedAmount(); n != 0 {
			left++
		}
	}
	if left > 0 {
		t.Errorf("in %d of %d runs a message was left in the queue", left, runs)
	}
	t.Log(runs)
}

// Callbacks that block one another must be seen as idle by testing/synctest.
func TestSynctestOfUsers(t *testing.T) {
	if os.Getenv("ZZ_REVIEW") == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestSynctestOfUsers$", "-test.timeout", "5s")
		cmd.Env = append(os.Environ(), "ZZ_REVIEW=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("a bubble in which one callback sleeps while another waits for its turn never goes on: %v, %.60s", err, out)
		}
		return
	}
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		h.down()
		c := begin(t, h, Handler{OnError: func(c *Conn, _ *DialError) {
			_ = c.SendText(strings.Repeat("x", 100)) // is dropped: OnDropped wants its turn
			time.Sleep(time.Second)
		}, OnDropped: func(*Conn, client.Drop) {}}, waitingQueue(10))
		start(t, c)
		pass(10 * time.Second)
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The deadline of the context of Connect is a timeout (DialError.Timeout, code "timeout").
func TestDeadlineOfConnect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		c := begin(t, h, Handler{}, func(o *Options) {
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Connect(ctx)
		if e, ok := errors.AsType[*DialError](err); !ok || e.Reason != ReasonTimeout || !e.Timeout() {
			t.Errorf("%v, Timeout %v", err, ok && e.Timeout())
		}
	})
}

// Dial sees the deadline of the context of Connect.
func TestDeadlineIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var left time.Duration
		c := begin(t, h, Handler{}, func(o *Options) {
			o.HeaderFunc = func(ctx context.Context) (http.Header, error) {
				at, _ := ctx.Deadline()
				left = time.Until(at)
				return nil, nil
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Connect(ctx); err != nil || left > time.Second {
			t.Errorf("%v, the deadline is in %v", err, left)
		}
	})
}

// RetryNow in OnError: the browser's socket.retryNow ends the wait that nextWait tells of.
func TestRetryNowInOnError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		h.down()
		n := 0
		c := begin(t, h, Handler{OnError: func(c *Conn, e *DialError) {
			if n++; n == 1 {
				h.up()
				c.RetryNow()
			}
		}}, func(o *Options) { o.MinWait, o.MaxWait = time.Hour, time.Hour })
		start(t, c)
		pass(time.Minute)
		if c.State() != Open {
			t.Errorf("a minute later it is %v, the next attempt is in %v", c.State(), time.Until(c.Info().NextAttempt))
		}
	})
}

// stuck is a connection that takes nothing any more once it is shut.
type stuckConn struct {
	net.Conn
	shut atomic.Bool
	gone chan struct{}
	once sync.Once
}

func (s *stuckConn) Write(p []byte) (int, error) {
	if s.shut.Load() {
		<-s.gone
		return 0, net.ErrClosed
	}
	return s.Conn.Write(p)
}

func (s *stuckConn) Close() error {
	s.once.Do(func() { close(s.gone) })
	return s.Conn.Close()
}

func (s *stuckConn) SetWriteDeadline(time.Time) error { return nil }

// D-39: what the network has not taken is buffered, and unsent in the end (CloseInfo.Unsent).
func TestHeldBytesAreBuffered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		var conn *stuckConn
		var info client.CloseInfo
		c := begin(t, h, Handler{OnClose: func(_ *Conn, i client.CloseInfo) { info = i }}, func(o *Options) {
			o.NoReconnect = true
			o.Dial = func(ctx context.Context, a, b string) (net.Conn, error) {
				c, err := h.dial(ctx, a, b)
				if err != nil {
					return nil, err
				}
				conn = &stuckConn{Conn: c, gone: make(chan struct{})}
				return conn, nil
			}
		})
		start(t, c)
		conn.shut.Store(true)
		if err := c.SendText(strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := c.BufferedAmount(); n < 1000 {
			t.Errorf("nothing was taken, and BufferedAmount is %d", n)
		}
		c.Client().(*plain).Abort()
		synctest.Wait()
		pass(2 * time.Second)
		if info.Unsent < 1000 {
			t.Errorf("nothing was taken, and Unsent is %d", info.Unsent)
		}
	})
}

// A redirect to another place does not get our certificate, as it does not get Authorization.
func TestCertificateStaysWithItsHost(t *testing.T) {
	ca := wstest.NewCA(t)
	certFile, keyFile := ca.Files(ca.Leaf("us"))
	shownTo := make(chan int, 1)
	other := serve(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}, ClientAuth: tls.RequestClientCert})
		defer s.Close()
		if s.Handshake() == nil {
			shownTo <- len(s.ConnectionState().PeerCertificates)
			answer(s, switching(), nil)
		}
	})
	first := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}},
		answers(fmt.Sprintf("HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: wss://%s/\r\n\r\n", other)))
	works(t, Options{URL: "wss://" + first, RootCAs: ca.Pool(), CertFile: certFile, KeyFile: keyFile, FollowRedirects: true})
	if n := <-shownTo; n != 0 {
		t.Errorf("the other place has got %d certificates of ours", n)
	}
}

// ServerName is the name of the host of URL; a redirect leads to another one.
func TestServerNameAndRedirect(t *testing.T) {
	ca := wstest.NewCA(t)
	other := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, answers(switching()))
	first := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("a.example")}},
		answers(fmt.Sprintf("HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: wss://%s/\r\n\r\n", other)))
	works(t, Options{URL: "wss://" + first, RootCAs: ca.Pool(), ServerName: "a.example", FollowRedirects: true})
}

// CAFile is read anew for each attempt: one that was not there when New was called may be there later.
func TestCAFileComesLater(t *testing.T) {
	ca := wstest.NewCA(t)
	path := filepath.Join(t.TempDir(), "ca.pem")
	addr := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, answers(switching()))
	c := New(Options{URL: "wss://" + addr, CAFile: path, Proxy: NoProxy, Logger: quiet, CloseTimeout: 50 * time.Millisecond}, Handler{})
	b, err := os.ReadFile(ca.File())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Connect(t.Context()); err != nil {
		t.Errorf("the file is there: %v", err)
	}
	stops(c)
}

// The time of a closing handshake does not make a connection stable: CloseTimeout and StableAfter
// are 5 s both.
func TestCloseTimeoutIsNotStable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var dials []time.Time
		c := New(Options{URL: "ws://x", Proxy: NoProxy, Logger: quiet, Jitter: -1, MaxAttempts: 4, Dial: func(context.Context, string, string) (net.Conn, error) {
			dials = append(dials, time.Now())
			if len(dials) > 20 {
				return nil, os.ErrInvalid
			}
			near, far := memPipe()
			go func() {
				answer(far, switching(), nil) // reads, and says nothing
			}()
			return near, nil
		}}, Handler{OnOpen: func(*Conn, OpenInfo) error { return os.ErrPermission }}) // the login fails
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Minute)
		if len(dials) > 4 {
			t.Errorf("%d attempts, although MaxAttempts is 4 and each connection was given up at once", len(dials))
		}
		_ = c.Stop(t.Context(), 0, "")
	})
}

func memPipe() (near, far net.Conn) { return memnet.Pipe(1 << 16) }

// Reopened is of this Start, as the browser has it.
func TestReopenedIsOfTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var last OpenInfo
		c := begin(t, h, Handler{OnOpen: func(_ *Conn, o OpenInfo) error { last = o; return nil }})
		start(t, c)
		_ = c.Stop(t.Context(), 0, "")
		start(t, c)
		if last.Reopened {
			t.Error("the first connection of a Start is reopened")
		}
	})
}

// DetachPump, and then Stop: the same as with a loop that does not run.
func TestDetachedAndStopped(t *testing.T) {
	c := rawConn(t, Handler{OnOpen: func(c *Conn, _ OpenInfo) error { return c.Client().(*plain).DetachPump() }}, nil)
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	obj := c.Client().(*plain)
	if stops(c) {
		return
	}
	select {
	case <-c.Done():
	case <-time.After(time.Second):
		t.Error("it never ends")
	}
	l := pump.New(pump.Options{})
	_ = obj.AttachPump(l)
	for range 100 {
		l.Drain(10)
		time.Sleep(time.Millisecond)
	}
	l.Close()
}

// Drop policy QueueDropOldest in the SendQueue, with a plain class: Handler.OnDropped is not told of
// drops on the open connection (docs: "Each drop is told to OnDropped" is of the queue).
func TestDropsOfTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		var told atomic.Int32
		c := begin(t, h, Handler{OnDropped: func(_ *Conn, d client.Drop) { told.Add(int32(d.Messages)) }}, func(o *Options) {
			o.SendQueue = client.SendQueue{MaxBytes: 500, Policy: client.QueueDropOldest}
			o.BandwidthLimit = 1000
		})
		start(t, c)
		for range 100 {
			_ = c.SendBinary(make([]byte, 100))
		}
		pass(30 * time.Second)
		if n := 100 - len(h.received()); int(told.Load()) != n {
			t.Errorf("%d were dropped, OnDropped was told of %d", n, told.Load())
		}
	})
}

// The offline queue keeps the latest message of a key only, as the queue of a connection does
// (client.QueueLatest).
func TestKeyInTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		h.down()
		c := begin(t, h, Handler{}, waitingQueue(1000))
		start(t, c)
		for _, s := range []string{"1", "2", "3"} {
			if r := c.SendWith(t.Context(), client.Text(s), client.SendOptions{Key: "position"}); r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		h.up()
		pass(time.Second)
		if got := h.received(); len(got) != 1 || got[0] != "3" {
			t.Errorf("the server got %q", got)
		}
	})
}

// A context that is done sends nothing, with and without a connection.
func TestContextOfSendWith(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		c := begin(t, h, Handler{}, waitingQueue(1000))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start(t, c)
		if err := c.SendWith(ctx, client.Text("x"), client.SendOptions{}).Err; err != context.Canceled {
			t.Errorf("open: %v", err)
		}
		h.down()
		pass(time.Millisecond)
		if err := c.SendWith(ctx, client.Text("x"), client.SendOptions{}).Err; err != context.Canceled {
			t.Errorf("down: %v", err)
		}
	})
}

// After Stop on an open connection OnState goes open, closed; there is no "connecting" in between.
func TestStateAfterStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var mu sync.Mutex
		var got []State
		asked := 0
		c := begin(t, h, Handler{OnState: func(_ *Conn, s State) { mu.Lock(); got = append(got, s); mu.Unlock() }}, func(o *Options) {
			o.ShouldReconnect = func(client.CloseInfo) bool { asked++; return true }
		})
		start(t, c)
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if want := []State{Connecting, Open, Closed}; !slices.Equal(got, want) {
			t.Errorf("OnState got %v, want %v", got, want)
		}
	})
}

// After a local Stop the rule has nothing to decide.
func TestRuleIsNotAskedAfterStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		asked := 0
		c := begin(t, h, Handler{}, func(o *Options) {
			o.ShouldReconnect = func(client.CloseInfo) bool { asked++; return true }
		})
		start(t, c)
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Fatal(err)
		}
		if asked != 0 {
			t.Errorf("ShouldReconnect was asked %d times after Stop", asked)
		}
	})
}

// stops reports whether Stop ends c within a second of the clock.
func stops(c *Conn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.Stop(ctx, 0, "") == nil && c.State() == Closed
}

// rawConn makes a Conn on a real server, without cleanup: what hangs must not hang the test.
func rawConn(t *testing.T, hd Handler, edit func(*Options)) *Conn {
	addr := serve(t, func(c net.Conn) { answer(c, switching(), nil) })
	o := Options{URL: "ws://" + addr + "/", Proxy: NoProxy, Jitter: -1, Logger: quiet, CloseTimeout: 100 * time.Millisecond}
	if edit != nil {
		edit(&o)
	}
	return New(o, hd)
}

// OnDropped that ends its goroutine (t.FailNow) must not leave the lock of all callbacks held.
func TestGoexitInOnDropped(t *testing.T) {
	stopped := make(chan struct{})
	var n atomic.Int32
	c := rawConn(t, Handler{
		OnDropped: func(*Conn, client.Drop) {
			if n.Add(1) == 1 {
				runtime.Goexit()
			}
		},
		OnStop: func(*Conn, StopInfo) { close(stopped) },
	}, func(o *Options) {
		o.QueueWhileDown = 10
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") }
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = c.SendText("more than ten bytes of it")
	for n.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if !stops(c) {
		t.Error("Stop does not end")
	}
	select {
	case <-stopped:
	case <-time.After(time.Second):
		t.Error("there was no OnStop")
		func() { defer func() { recover() }(); c.telling.unlock() }() // let the goroutines go
		time.Sleep(200 * time.Millisecond)
	}
}

// OnStop comes exactly once, also when the OnState or OnDropped before it ends its goroutine.
func TestGoexitBeforeOnStop(t *testing.T) {
	stopped := make(chan struct{})
	c := rawConn(t, Handler{
		OnState: func(_ *Conn, s State) {
			if s == Closed {
				runtime.Goexit()
			}
		},
		OnStop: func(*Conn, StopInfo) { close(stopped) },
	}, nil)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if !stops(c) {
		t.Error("Stop does not end")
	}
	select {
	case <-stopped:
	case <-time.After(time.Second):
		t.Error("there was no OnStop")
	}
}

// ShouldReconnect that ends its goroutine must not leave a Conn that is neither running nor stopped.
func TestGoexitInShouldReconnect(t *testing.T) {
	var asked atomic.Bool
	c := rawConn(t, Handler{}, func(o *Options) {
		o.ShouldReconnect = func(client.CloseInfo) bool { asked.Store(true); runtime.Goexit(); return true }
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for c.State() != Open {
		time.Sleep(time.Millisecond)
	}
	c.Client().(*plain).Abort()
	for !asked.Load() {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	if !stops(c) {
		t.Errorf("Stop does not end, the state is %v, Start says %v", c.State(), c.Start())
		c.finish(c.run, errExited)
	}
}

// Connect in a goroutine that a function of the program ends (t.FailNow, which Go tests do)
// must leave a Conn that is stopped.
func TestGoexitInConnect(t *testing.T) {
	exit := func() { runtime.Goexit() }
	for name, edit := range map[string]func(*Handler, *Options){
		"OnState": func(h *Handler, _ *Options) { h.OnState = func(*Conn, State) { exit() } },
		"HeaderFunc": func(_ *Handler, o *Options) {
			o.HeaderFunc = func(context.Context) (http.Header, error) { exit(); return nil, nil }
		},
		"NewClient": func(h *Handler, _ *Options) {
			h.NewClient = func(OpenInfo) (client.Client, error) { exit(); return nil, nil }
		},
		"OnError": func(h *Handler, o *Options) {
			h.OnError = func(*Conn, *DialError) { exit() }
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			var hd Handler
			c := rawConn(t, hd, nil)
			o := c.o
			edit(&hd, &o)
			c = New(o, hd)
			done := make(chan struct{})
			go func() { defer close(done); _, _ = c.Connect(context.Background()) }()
			<-done
			time.Sleep(20 * time.Millisecond)
			if s := c.State(); s != Closed && name != "OnState" {
				t.Errorf("after Connect the state is %v, and Start says %v", s, c.Start())
			}
			if !stops(c) {
				t.Error("Stop does not end")
			}
		})
	}
}

// NewClient that ends its goroutine must not leave the socket open.
func TestGoexitInNewClientClosesTheSocket(t *testing.T) {
	closed := make(chan struct{}, 10)
	var conns []net.Conn
	addr := serve(t, func(c net.Conn) { answer(c, switching(), nil); closed <- struct{}{} })
	c := New(Options{URL: "ws://" + addr, Logger: quiet, Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, n, a)
		conns = append(conns, conn)
		return conn, err
	}, Proxy: NoProxy, NoReconnect: true}, Handler{NewClient: func(OpenInfo) (client.Client, error) { runtime.Goexit(); return nil, nil }})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	select {
	case <-closed:
	case <-time.After(time.Second):
		t.Error("it has stopped, and the connection is still open")
		for _, x := range conns {
			x.Close()
		}
	}
}

// No two functions of the Handler run at once (Handler), and Start may be called in OnStop.
func TestOnStopOverlaps(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var in, over atomic.Int32
		enter := func() {
			if in.Add(1) > 1 {
				over.Add(1)
			}
		}
		n := 0
		hd := Handler{
			OnOpen: func(*Conn, OpenInfo) error { enter(); defer in.Add(-1); return nil },
			OnStop: func(c *Conn, _ StopInfo) {
				enter()
				defer in.Add(-1)
				if n++; n == 1 {
					_ = c.Start()
					time.Sleep(time.Second)
				}
			},
		}
		c := begin(t, h, hd)
		start(t, c)
		_ = c.Stop(t.Context(), 0, "")
		pass(2 * time.Second)
		if over.Load() > 0 {
			t.Error("OnOpen of the next run came while OnStop of the one before was running")
		}
	})
}

// The Closed and OnStop of one run come before the Connecting of the next, whoever starts it.
func TestStartWhileItEnds(t *testing.T) {
	var mu sync.Mutex
	var got []string
	add := func(s string) { mu.Lock(); got = append(got, s); mu.Unlock() }
	c := rawConn(t, Handler{
		OnState: func(_ *Conn, s State) { add(s.String()) },
		OnStop:  func(*Conn, StopInfo) { add("stop") },
		OnDropped: func(*Conn, client.Drop) {
			add("dropped")
			time.Sleep(50 * time.Millisecond)
		},
	}, func(o *Options) {
		o.QueueWhileDown = 100
		o.MinWait, o.MaxWait = time.Hour, time.Hour
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") }
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = c.SendText("x")
	go c.Stop(context.Background(), 0, "")
	for c.Start() != nil { // another goroutine, that wants it to run
		time.Sleep(time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	mu.Lock()
	if want := []string{"connecting", "dropped", "closed", "stop", "connecting"}; !slices.Equal(got, want) {
		t.Errorf("was told %v, want %v", got, want)
	}
	mu.Unlock()
	if !stops(c) {
		t.Error("Stop does not end")
	}
}

// A message that finds the queue full, under QueueDropOldest, drops nothing if it can not
// be taken even so: while the first is being sent it can not be dropped.
func TestDropOldestInVain(t *testing.T) {
	o := Options{URL: "ws://x", QueueWhileDown: 100, QueuePolicy: client.QueueDropOldest}.withDefaults()
	var q queue
	now := time.Now()
	q.push(&o, waiting{m: client.Binary(make([]byte, 90)), since: now})
	q.push(&o, waiting{m: client.Binary(make([]byte, 10)), since: now})
	q.take(&o, now)
	ok := q.push(&o, waiting{m: client.Binary(make([]byte, 50)), since: now})
	if !ok && q.len() != 2 {
		t.Errorf("the new message was refused, and another one dropped for it: %d wait, %v", q.len(), q.notices())
	}
}

// slow is a class whose SendWith is late, as that of a goroutine that was not scheduled is.
type slow struct {
	client.Base
	wait chan struct{}
}

func (s *slow) OnMessage(client.Message) error { return nil }

func (s *slow) SendWith(ctx context.Context, m client.Message, o client.SendOptions) client.SendResult {
	<-s.wait
	return s.Base.SendWith(ctx, m, o)
}

// The same, seen from outside.
func TestNothingOfARunIsSentInTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		wait := make(chan struct{})
		var drops atomic.Int32
		c := begin(t, h, Handler{
			NewClient: func(OpenInfo) (client.Client, error) { return &slow{wait: wait}, nil },
			OnDropped: func(_ *Conn, d client.Drop) { drops.Add(int32(d.Messages)) },
		}, waitingQueue(100))
		h.down()
		start(t, c)
		_ = c.SendText("old")
		h.up()
		c.RetryNow()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_ = c.Stop(ctx, 0, "")
		cancel()
		close(wait)
		<-c.Done()
		if n := c.QueuedAmount(); n != 0 || drops.Load() != 1 {
			t.Errorf("after Stop %d bytes wait, and %d drops were told", n, drops.Load())
		}
		start(t, c)
		pass(time.Second)
		if got := h.received(); len(got) > 0 {
			t.Errorf("the next run has sent %q", got)
		}
	})
}

// Interrupt is no reason to lose a message that waited for the connection.
func TestInterruptKeepsTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		h.down()
		var drops []client.Drop
		c := begin(t, h, Handler{OnDropped: func(_ *Conn, d client.Drop) { drops = append(drops, d) }}, waitingQueue(1<<20), func(o *Options) {
			o.SendQueue = client.SendQueue{MaxBytes: 100, Policy: client.QueueBlock}
			o.BandwidthLimit = 1000
		})
		start(t, c)
		const n = 100
		for i := range n {
			if err := c.SendText(fmt.Sprintf("%02d%s", i, strings.Repeat("x", 48))); err != nil {
				t.Fatal(err)
			}
		}
		h.up()
		pass(2 * time.Second)
		c.Client().(*plain).Interrupt()
		pass(time.Minute)
		if got := len(h.received()); got != n || len(drops) > 0 {
			t.Errorf("%d of %d messages came, dropped: %v", got, n, drops)
		}
	})
}

// What OnOpen sends with c.Client().Send, such as a login, goes ahead of what others send.
func TestLoginIsFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		c := begin(t, h, Handler{OnOpen: func(c *Conn, _ OpenInfo) error {
			time.Sleep(time.Millisecond) // makes the login
			return c.Client().SendText("login")
		}}, waitingQueue(1000))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for c.State() != Open {
			time.Sleep(time.Microsecond)
		}
		if err := c.SendText("data"); err != nil { // another goroutine
			t.Fatal(err)
		}
		pass(time.Second)
		if got := h.received(); !slices.Equal(got, []string{"login", "data"}) {
			t.Errorf("the server got %q", got)
		}
	})
}

// "All of them together have HandshakeTimeout", the stage client too.
func TestTimeoutOfNewClient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		c := begin(t, h, Handler{NewClient: func(OpenInfo) (client.Client, error) {
			time.Sleep(time.Minute)
			return new(peer), nil
		}}, func(o *Options) { o.HandshakeTimeout = time.Second; o.NoReconnect = true })
		_, err := c.Connect(t.Context())
		if e, ok := errors.AsType[*DialError](err); !ok || e.Reason != ReasonTimeout {
			t.Errorf("after a minute Connect returns %v", err)
		}
	})
}

// A message that waits is dropped, and told, at QueueMaxAge; not at the next Send.
func TestAgeIsATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		h.down()
		var drops []client.Drop
		c := begin(t, h, Handler{OnDropped: func(_ *Conn, d client.Drop) { drops = append(drops, d) }}, waitingQueue(1000),
			func(o *Options) { o.QueueMaxAge = time.Minute })
		start(t, c)
		_ = c.SendText("x")
		pass(time.Hour)
		if n := c.QueuedAmount(); n != 0 || len(drops) != 1 {
			t.Errorf("after an hour %d bytes wait, drops %v", n, drops)
		}
	})
}

// Connect returns an error when OnOpen has failed, or never came.
func TestConnectTellsOfOnOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		no := errors.New("the login failed")
		c := begin(t, h, Handler{OnOpen: func(*Conn, OpenInfo) error { return no }}, func(o *Options) { o.NoReconnect = true })
		if _, err := c.Connect(t.Context()); err == nil {
			t.Error("Connect returned no error")
		}
	})
}

type ctxKey struct{}

// HeaderFunc and Dial see the values of the context of Connect.
func TestContextValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var got any
		c := begin(t, h, Handler{}, func(o *Options) {
			o.HeaderFunc = func(ctx context.Context) (http.Header, error) { got = ctx.Value(ctxKey{}); return nil, nil }
		})
		_, _ = c.Connect(context.WithValue(t.Context(), ctxKey{}, "trace"))
		if got != "trace" {
			t.Errorf("HeaderFunc sees %v", got)
		}
	})
}

// Methods may be called from any goroutine: SetURL and Start.
func TestRaceOfSetURL(t *testing.T) {
	for range 50 {
		c := rawConn(t, Handler{}, func(o *Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }
		})
		var wg sync.WaitGroup
		wg.Go(func() { _ = c.SetURL("ws://other.example/") })
		wg.Go(func() { _ = c.Start() })
		wg.Wait()
		stops(c)
	}
}
