package dial

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/handshake"
)

// D-21: it is no error to stop what has stopped, or what was never started, whatever ctx is.
func TestStopOfWhatHasStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		c := begin(t, newHouse(t), Handler{})
		if err := c.Stop(over, 0, ""); err != nil {
			t.Errorf("before the first start: %v", err)
		}
		start(t, c)
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if err := c.Stop(over, 0, ""); err != nil {
				t.Fatalf("after the end: %v", err)
			}
		}
	})
}

// D-14, D-15: ctx bounds Connect while OnOpen runs, too, and ends what OnOpen waits for.
func TestContextOfConnectBoundsOnOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		answered := make(chan struct{})
		var ends []client.CloseInfo
		c := begin(t, h, Handler{
			OnOpen: func(*Conn, OpenInfo) error {
				select { // the login, which nobody answers
				case <-answered:
				case <-time.After(time.Hour):
				}
				return nil
			},
			OnClose: func(_ *Conn, i client.CloseInfo) { ends = append(ends, i) },
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		_, err := c.Connect(ctx)
		e, ok := errors.AsType[*DialError](err)
		if took := time.Since(begun); took != time.Minute || !ok || e.Stage != StageClient || e.Reason != ReasonTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v Connect returned %v", took, err)
		}
		close(answered)
		pass(time.Minute)
		if s := c.State(); s != Closed || len(ends) != 1 || len(h.dialled()) != 1 {
			t.Errorf("then it is %v, OnClose came with %v", s, ends)
		}
	})
}

// No two functions of the Handler run at once (Handler): a Connect whose time is over while
// OnStop of the run before is busy makes no attempt, and what follows waits for OnStop.
func TestConnectDoesNotOvertakeOnStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		add := func(s string) { mu.Lock(); got = append(got, s); mu.Unlock() }
		stops := 0
		c := begin(t, newHouse(t), Handler{
			OnState: func(_ *Conn, s State) { add(s.String()) },
			OnError: func(*Conn, *DialError) { add("error") },
			OnStop: func(*Conn, StopInfo) {
				if stops++; stops == 1 {
					add("stop")
					time.Sleep(time.Minute)
					add("stopped")
				}
			},
		})
		start(t, c)
		go func() { _ = c.Stop(context.Background(), 0, "") }()
		pass(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Connect(ctx)
		if e, ok := errors.AsType[*DialError](err); !ok || e.Reason != ReasonTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Connect returned %v", err)
		}
		start(t, c)
		pass(time.Hour)
		want := []string{"connecting", "open", "stop", "stopped", "connecting", "open"}
		mu.Lock()
		defer mu.Unlock()
		if got = slices.DeleteFunc(got, func(s string) bool { return s == "closed" }); !slices.Equal(got, want) {
			t.Errorf("was told %v, want %v", got, want)
		}
	})
}

// D-21: when Stop returns nothing is left, of the runs before neither: their sockets are
// closed.
func TestStopWaitsForTheRunsBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		closed := make(chan struct{}, 2)
		n := 0
		c := New(Options{URL: "ws://x", Proxy: NoProxy, Logger: quiet, Jitter: -1, Dial: func(context.Context, string, string) (net.Conn, error) {
			if n++; n > 1 {
				return nil, io.EOF
			}
			near, far := memPipe()
			go answer(far, switching()+"\x88\x00", nil) // a close frame, and then it never ends its side
			return &lingerer{near, closed}, nil
		}}, Handler{})
		if _, err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		go func() { _ = c.Stop(context.Background(), 0, "") }()
		for c.Start() != nil {
			time.Sleep(time.Millisecond)
		}
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Error(err)
		}
		select {
		case <-closed:
		default:
			t.Error("Stop has returned, and the socket of the run before is open")
		}
	})
}

// lingerer tells of Close.
type lingerer struct {
	net.Conn
	closed chan struct{}
}

func (l *lingerer) CloseWrite() error { return nil }

func (l *lingerer) Close() error {
	select {
	case l.closed <- struct{}{}:
	default:
	}
	return l.Conn.Close()
}

// D-25: who waits in a function of the Handler for what can only come when that has returned
// is let go by Stop.
func TestStopEndsWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		errs := make(chan error, 2)
		c := begin(t, h, Handler{OnOpen: func(c *Conn, _ OpenInfo) error {
			_ = c.SendText("behind OnOpen")
			_, err := c.WaitOpen(context.Background())
			errs <- err
			errs <- c.WaitSent(context.Background())
			return nil
		}}, waitingQueue(1000))
		start(t, c)
		pass(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Stop(ctx, 0, ""); err != nil {
			t.Errorf("Stop: %v", err)
		}
		for range 2 {
			select {
			case err := <-errs:
				if !errors.Is(err, client.ErrClosed) {
					t.Errorf("waiting returned %v", err)
				}
			default:
				t.Fatal("OnOpen still waits")
			}
		}
	})
}

// D-25: the Timeout that a message was queued with has nothing to do with the connection
// that takes it later: it is not tried again and again.
func TestTimeoutOfWhatWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var far net.Conn
		c := New(Options{
			URL: "ws://x", Proxy: NoProxy, Logger: quiet, QueueWhileDown: 1 << 20, WriteTimeout: time.Hour, NoReconnect: true,
			SendQueue: client.SendQueue{MaxBytes: 1000},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				near, f := memPipe()
				far = f
				go func() { answerHead(f) }()
				return near, nil
			},
		}, Handler{OnOpen: func(c *Conn, _ OpenInfo) error {
			for range 3 {
				c.SendWith(t.Context(), client.Binary(make([]byte, 100_000)), client.SendOptions{Timeout: 1})
			}
			return nil
		}})
		if _, err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // a thousand million rounds, if it tries again at once
		if n := c.Info().QueuedMessages; n != 2 {
			t.Errorf("%d messages wait", n)
		}
		far.Close()
		_ = c.Stop(t.Context(), 0, "")
	})
}

// answerHead answers the request, and reads nothing more.
func answerHead(c net.Conn) {
	var b [1]byte
	req := []byte{}
	for !slices.Equal(req[max(len(req)-4, 0):], []byte("\r\n\r\n")) {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
		req = append(req, b[0])
	}
	_, _ = c.Write(answerTo(req))
}

func answerTo(req []byte) []byte {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(req)))
	if err != nil {
		return nil
	}
	accept := string(handshake.AppendAccept(nil, r.Header.Get("Sec-WebSocket-Key")))
	return []byte(strings.ReplaceAll(switching(), "ACCEPT", accept))
}

// D-14, D-21: a Stop while Connect makes the object of the class is not lost: there is no
// connection then.
func TestStopInNewClientOfConnect(t *testing.T) {
	for range 300 {
		bubble(t, func(t *testing.T) {
			c := begin(t, newHouse(t), Handler{NewClient: func(OpenInfo) (client.Client, error) { return new(peer), nil }})
			c.h.NewClient = func(OpenInfo) (client.Client, error) { return new(peer), c.Stop(context.Background(), 0, "") }
			if _, err := c.Connect(t.Context()); !errors.Is(err, ErrStopped) {
				t.Errorf("Connect returned %v", err)
			}
			pass(time.Second)
			if s := c.State(); s != Closed {
				t.Fatalf("it is stopped and %v", s)
			}
		})
	}
}

// D-14, D-20: the cause of a context that has ended Connect is in the error, whose reason is
// that it was cancelled, in which stage it may be.
func TestConnectTellsTheCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		why := errors.New("the user has closed the window")
		ctx, cancel := context.WithCancelCause(t.Context())
		c := begin(t, newHouse(t), Handler{NewClient: func(OpenInfo) (client.Client, error) {
			cancel(why)
			return new(peer), nil
		}})
		_, err := c.Connect(ctx)
		if e, ok := errors.AsType[*DialError](err); !ok || e.Reason != ReasonCancelled || e.Stage != StageClient || !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
			t.Errorf("Connect returned %v", err)
		}
	})
}

// Nothing of the next run comes before OnStop has returned (OnStop), what its queue drops
// neither.
func TestDropsComeBehindOnStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		busy, drops := false, 0
		c := begin(t, newHouse(t), Handler{
			OnStop: func(c *Conn, _ StopInfo) {
				if drops > 0 {
					return
				}
				busy = true
				_ = c.Start()
				_ = c.SendText("longer than the queue")
				time.Sleep(time.Second)
				busy = false
			},
			OnDropped: func(*Conn, client.Drop) {
				if drops++; busy {
					t.Error("OnDropped came while OnStop was running")
				}
			},
		}, waitingQueue(10))
		start(t, c)
		_ = c.Stop(t.Context(), 0, "")
		pass(time.Minute)
		if drops != 1 {
			t.Errorf("OnDropped came %d times", drops)
		}
	})
}

// The end of a connection names the function of the Handler that has failed (CloseInfo.Cause).
func TestCauseNamesOnOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var causes []error
		fail := true
		c := begin(t, newHouse(t), Handler{
			OnOpen: func(*Conn, OpenInfo) error {
				if fail = !fail; fail {
					return errors.New("no")
				}
				panic("no")
			},
			OnClose: func(_ *Conn, i client.CloseInfo) { causes = append(causes, i.Cause) },
		}, func(o *Options) { o.MaxAttempts = 2 })
		start(t, c)
		<-c.Done()
		p, ok := errors.AsType[*client.PanicError](causes[0])
		if !ok || p.Event != "OnOpen" {
			t.Errorf("the cause of a panic is %v", causes[0])
		}
		if e, ok := errors.AsType[*client.EventError](causes[1]); !ok || e.Event != "OnOpen" {
			t.Errorf("the cause of an error is %v", causes[1])
		}
	})
}
