package wsserver_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// E-24: a client whose program has chosen its loop has nothing to do with the server's,
// also when that is closed.
func TestClosedLoopOfTheServerEndsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed, other := pump.New(pump.Options{}), run(t, pump.Options{})
		d := &desk{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			if r.RawURI == "/own" {
				r.Pump = other
			}
			return d.guest(), nil
		}
		srv := newServer(t, d, wsserver.Config{Pump: closed})
		l := serve(t, srv)
		closed.Close()
		own, lost := clienttest.Dial(t, l, "/own"), clienttest.Dial(t, l, "/")
		if code := lost.CloseCode(); code != 1001 {
			t.Errorf("closed with %v", code)
		}
		own.SendText("still here")
		own.Receive()
		own.Close(1000, "")
		_ = own.WaitEnd()
	})
}

// A loop that is closed while a handshake is under way: the peer gets an answer, and its
// client, if there is one, both events.
func TestLoopIsClosedInsideOfAHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := run(t, pump.Options{})
		d := &desk{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) { r.Pump = loop; return d.guest(), nil }
		srv := newServer(t, d, wsserver.Config{Hooks: []wsserver.Hooks{{
			OnClientCreate: func(client.Client, *client.OpenRequest) error { loop.Close(); return nil },
		}}})
		p := raw(t, serve(t, srv))
		p.Write(wstest.Upgrade("/").Bytes())
		r := bufio.NewReader(p.Conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("the answer is %v, %v", res, err)
		}
		rest, _ := io.ReadAll(io.LimitReader(r, 4))
		if string(rest) != "\x88\x02\x03\xe9" {
			t.Errorf("then comes %q, want a close frame with 1001", rest)
		}
		p.Conn.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		d.want(t, "new", "connect", "disconnect 1001 going away")
	})
}

// who comes just when the server's time is over, or is detached then, ends too.
func TestNobodyIsLeftBehindTheRescue(t *testing.T) {
	t.Run("detached in its event", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			idle := pump.New(pump.Options{})
			defer idle.Close()
			d := &desk{}
			inside, leave := make(chan struct{}), make(chan struct{})
			var errs []error
			d.message = func(g *guest, _ client.Message) error {
				close(inside)
				<-leave
				errs = append(errs, g.DetachPump(), g.AttachPump(idle))
				return nil
			}
			srv := newServer(t, d, wsserver.Config{})
			p := clienttest.Dial(t, serve(t, srv), "/")
			p.SendText("x")
			<-inside
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Shutdown = %v", err)
			}
			close(leave)
			time.Sleep(time.Minute)
			synctest.Wait()
			ended(t, srv)
			if d.count("disconnect") != 1 || len(errs) != 2 || !errors.Is(errs[0], client.ErrClosed) || !errors.Is(errs[1], client.ErrClosed) {
				t.Errorf("events are %v, errors %v", d.lines(), errs)
			}
		})
	})
	t.Run("attached elsewhere afterwards", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			idle := pump.New(pump.Options{})
			defer idle.Close()
			d := &desk{}
			var all []*guest
			var mu sync.Mutex
			d.newClient = func(*client.OpenRequest) (*guest, error) {
				mu.Lock()
				defer mu.Unlock()
				g := d.guest()
				all = append(all, g)
				return g, nil
			}
			stuck := make(chan struct{})
			d.disconnect = func(*guest, client.CloseInfo) { <-stuck }
			srv := newServer(t, d, wsserver.Config{Pump: idle})
			l := serve(t, srv)
			for range 3 {
				clienttest.Dial(t, l, "/")
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = srv.Shutdown(ctx)
			synctest.Wait()
			for _, g := range all {
				_ = g.AttachPump(idle)
				_ = g.DetachPump()
			}
			close(stuck)
			time.Sleep(time.Minute)
			synctest.Wait()
			ended(t, srv)
			if d.count("disconnect") != 3 {
				t.Errorf("events are %v", d.lines())
			}
		})
	})
}

// E-18: a tick that is due waits for the one event of a client that runs, and not for the
// others that wait.
func TestTickIsLateByOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := pump.New(pump.Options{})
		defer loop.Close()
		d := &desk{}
		d.message = func(*guest, client.Message) error { time.Sleep(3 * time.Millisecond); return nil }
		_, _, p := settledOn(t, d, loop)
		for range 20 {
			p.Send(wstest.Text("x"))
		}
		synctest.Wait()
		start, n := time.Now(), 0
		ticker := loop.Tick(10*time.Millisecond, func(now time.Time, _ time.Duration) {
			n++
			if late := now.Sub(start) - time.Duration(n)*10*time.Millisecond; late > 3*time.Millisecond {
				t.Errorf("tick %d is late by %v", n, late)
			}
		})
		loop.Drain(21 + 5)
		ticker.Stop()
		if n < 5 {
			t.Errorf("%d ticks", n)
		}
	})
}

// overtaken is a loop which somebody overtakes in a client's first AttachPump.
type overtaken struct {
	closingInside
	overtake func()
	places   *int
}

func (o *overtaken) Leave(link.Seat) { *o.places-- }

func (o *overtaken) Join(link.Seat) bool {
	*o.places++
	if f := o.overtake; f != nil {
		o.overtake = nil
		f()
	}
	return true
}

// E-24: of two that attach a client for the first time at the same moment the later one
// wins, and the client has one place.
func TestFirstAttachmentsAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := run(t, pump.Options{})
		_, g, p := settled(t, &desk{}, wsserver.Config{})
		places := 0
		o := &overtaken{overtake: func() {
			if err := g.AttachPump(other); err != nil {
				t.Error(err)
			}
		}, places: &places}
		if err := g.AttachPump(&closing{link.NewLoopHandle(o)}); err != nil {
			t.Error(err)
		}
		if n := other.Stats().Clients; places != 1 || n != 0 {
			t.Errorf("%d and %d places", places, n)
		}
		p.Send(wstest.Text("x"))
		p.WantText("x")
	})
}

// E-03: a last event that ends the goroutine of the rescue takes no others with it.
func TestRescueSurvivesGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := pump.New(pump.Options{})
		defer idle.Close()
		d := &desk{}
		d.disconnect = func(*guest, client.CloseInfo) { runtime.Goexit() }
		srv := newServer(t, d, wsserver.Config{Pump: idle})
		l := serve(t, srv)
		for range 4 {
			clienttest.Dial(t, l, "/")
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = srv.Shutdown(ctx)
		time.Sleep(time.Minute)
		synctest.Wait()
		ended(t, srv)
		if n := d.count("disconnect"); n != 4 {
			t.Errorf("%d last events", n)
		}
	})
}

// noticed attaches itself in OnDropped.
type noticed struct {
	client.Base
	to   told
	list *journal
	full chan struct{}
}

func (n *noticed) note(event string) {
	if goroutine() == n.to.on {
		event += " on the loop"
	}
	n.list.add(event)
}

// OnMessage overfills the queue, and returns when it is empty again.
func (n *noticed) OnMessage(client.Message) error {
	n.note("OnMessage")
	for n.SendBinary(make([]byte, 30_000)) == nil {
	}
	close(n.full)
	time.Sleep(time.Second)
	return nil
}

func (n *noticed) OnDropped(client.Drop) error { n.note("OnDropped"); return n.AttachPump(n.to.Loop) }
func (n *noticed) OnReadyToSend() error        { n.note("OnReadyToSend"); return nil }

// E-24: an event that attaches its client is the last one on the old goroutine, whichever
// it is.
func TestNextNoticeRunsOnTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &noticed{to: tell(t, run(t, pump.Options{})), list: new(journal), full: make(chan struct{})}
		l := serve(t, newServerOf(t, wsserver.Factory[*noticed]{
			New:        func(*client.OpenRequest) (*noticed, error) { return n, nil },
			Connect:    func(*noticed) error { return nil },
			Disconnect: func(*noticed, client.CloseInfo) {},
		}, tight()))
		l.SetBuffer(5000)
		p := wstest.Open(raw(t, l), "/")
		p.Send(wstest.Text("go"))
		<-n.full
		go drained(p)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		n.list.want(t, "OnMessage", "OnDropped", "OnReadyToSend on the loop")
		p.Conn.Close()
	})
}

// A reader that waits for room finds out that its connection ends, whoever ends it, and
// whether the loop is run or not.
func TestReaderThatWaitsForRoomFindsTheEnd(t *testing.T) {
	for name, o := range map[string]pump.Options{"of its own": {MaxClientBytes: 1000}, "of the loop": {MaxBytes: 1000}} {
		for _, end := range []string{"Close", "Abort", "Shutdown", "the loop"} {
			t.Run(name+", "+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					loop := pump.New(o)
					defer loop.Close()
					d := &desk{}
					srv, g, p := settledOn(t, d, loop)
					var sent atomic.Int64
					var stop atomic.Bool
					flooded := make(chan struct{})
					go func() { defer close(flooded); flood(p, 100, &sent, &stop) }()
					synctest.Wait()
					if s := loop.Stats(); s.Bytes < 1000 {
						t.Fatalf("%+v", s)
					}
					stop.Store(true) // behind the one that is on its way
					switch end {
					case "Close":
						_ = g.Close(1000, "")
					case "Abort":
						g.Abort()
					case "Shutdown":
						go srv.Shutdown(t.Context())
					default:
						loop.Close()
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					if s := loop.Stats(); s.Bytes != 0 || s.Blocked != 0 {
						t.Errorf("before the loop is run: %+v", s)
					}
					p.Conn.Close()
					<-flooded
					loop.Drain(-1)
					synctest.Wait()
					if s := loop.Stats(); d.count("message") != 0 || d.count("disconnect") != 1 || s.Clients != 0 || s.Queued != 0 {
						t.Errorf("events are %v, %+v", d.lines(), s)
					}
				})
			})
		}
	}
}

// E-18: a message that is not copied is its event's own until that returns, also when the
// event has closed its client; the reader sleeps meanwhile.
func TestLentMessageIsKeptBehindTheClose(t *testing.T) {
	for name, end := range map[string]func(*guest){
		"Close": func(g *guest) { _ = g.Close(1000, "") }, "Abort": func(g *guest) { g.Abort() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				d.message = func(g *guest, m client.Message) error {
					end(g)
					time.Sleep(time.Second) // which a reader that does not sleep would not let end
					if strings.Trim(string(m.Data), "a") != "" || len(m.Data) != 40_000 {
						t.Error("the data has changed")
					}
					return nil
				}
				srv := newServer(t, d, wsserver.Config{Pump: run(t, pump.Options{})})
				p := wstest.Open(raw(t, serve(t, srv)), "/")
				go func() {
					for _, c := range "abc" {
						_, _ = p.Conn.Write(p.Encode(wstest.Text(strings.Repeat(string(c), 40_000))))
					}
				}()
				time.Sleep(time.Minute)
				p.Conn.Close()
				synctest.Wait()
				if d.count("message") != 1 || d.count("disconnect") != 1 {
					t.Errorf("%d messages, %d ends", d.count("message"), d.count("disconnect"))
				}
			})
		})
	}
}

// closing is a loop that is closed in the moment in which a client comes to it.
type closing struct{ link.LoopHandle }

func (closing) Post(func()) error { return pump.ErrClosed }
func (closing) Drain(int) int     { return 0 }

type closingInside struct{}

func (closingInside) Join(s link.Seat) bool    { s.Closed(); return true }
func (closingInside) Leave(link.Seat)          {}
func (closingInside) Take(link.Seat, int) bool { return true }
func (closingInside) Book(int, int)            {}
func (closingInside) ClientBytes() int         { return 1 << 10 }
func (closingInside) Defer(link.Flusher) bool  { return false }
func (closingInside) Hurry() bool              { return false }

func (closingInside) Schedule(s link.Seat) {
	go func() {
		for again := true; again; {
			_, again = s.Run(1)
		}
	}()
}

// A server whose loop is closed while clients come, or move there, calls its events
// without a lock that they might want, and ends these clients.
func TestClosingLoopCallsNobodyUnderALock(t *testing.T) {
	loop := &closing{link.NewLoopHandle(closingInside{})}
	for _, moved := range []bool{false, true} {
		var srv *wsserver.Server[*guest]
		d := &desk{}
		cfg := wsserver.Config{Addr: "127.0.0.1:0", Pump: loop, Events: wsserver.Events{
			// A socket is written to by whoever closes.
			OnSent: func(wsserver.SentInfo) { _ = srv.Stats(); _ = srv.AttachPump(nil) },
		}}
		if moved {
			cfg.Pump = nil
		}
		srv = newServer(t, d, cfg)
		p := wstest.Open(wstest.DialTCP(t, open(t, srv)), "/")
		if moved {
			eventually(t, "the client", func() bool { return d.count("connect") == 1 })
			if err := srv.AttachPump(loop); err != nil {
				t.Errorf("AttachPump = %v", err)
			}
		}
		p.WantClose(1001)
		p.Conn.Close()
		eventually(t, "the last event", func() bool { return d.count("disconnect 1001") == 1 })
		if d.count("connect") != 1 {
			t.Errorf("events are %v", d.lines())
		}
	}
}

// keeping is a loop that keeps its seats.
type keeping struct {
	closingInside
	seats chan link.Seat
}

func (k keeping) Join(s link.Seat) bool { k.seats <- s; return true }

// A loop that is closed ends no client that has just left it.
func TestClosedLoopLetsThoseGoWhoHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := keeping{seats: make(chan link.Seat, 10)}
		_, g, p := settled(t, &desk{}, wsserver.Config{})
		if err := g.AttachPump(&closing{link.NewLoopHandle(k)}); err != nil {
			t.Fatal(err)
		}
		if err := g.AttachPump(run(t, pump.Options{})); err != nil {
			t.Fatal(err)
		}
		(<-k.seats).Closed() // by a Close that has not heard of it
		synctest.Wait()
		p.Send(wstest.Text("still here"))
		p.WantText("still here")
	})
}
