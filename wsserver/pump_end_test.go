package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// leaving is a desk whose last events take a while and must not overlap.
func leaving(t *testing.T) *desk {
	var inside atomic.Int32
	d := &desk{}
	d.disconnect = func(*guest, client.CloseInfo) {
		if inside.Add(1) > 1 {
			t.Error("two last events at the same time")
		}
		time.Sleep(time.Millisecond)
		inside.Add(-1)
	}
	return d
}

// E-03, E-18, X-12: a server whose loop nobody runs, or whose clients are attached to none,
// ends when its time is over: every client has its last event, one after the other.
func TestServerEndsWithoutItsLoop(t *testing.T) {
	short := func(s *wsserver.Server[*guest]) error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		return s.Shutdown(ctx)
	}
	for _, end := range []struct {
		name  string
		do    func(*wsserver.Server[*guest]) error
		after time.Duration
	}{
		{"Shutdown", short, 2 * time.Second},
		{"Close", (*wsserver.Server[*guest]).Close, 7 * time.Second}, // ShutdownTimeout
		{"Abort", (*wsserver.Server[*guest]).Abort, 7 * time.Second},
		{"Close in an event", (*wsserver.Server[*guest]).Close, 0},
		{"Abort in an event", (*wsserver.Server[*guest]).Abort, 0},
		{"Shutdown in an event", func(s *wsserver.Server[*guest]) error { return s.Shutdown(context.Background()) }, 0},
	} {
		for _, detached := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, detached %v", end.name, detached), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const clients = 5
					loop := pump.New(pump.Options{})
					defer loop.Close()
					d := leaving(t)
					srv := newServer(t, d, wsserver.Config{Pump: loop, ShutdownTimeout: 7 * time.Second})
					l := serve(t, srv)
					var peers []*clienttest.Peer
					for range clients {
						peers = append(peers, clienttest.Dial(t, l, "/"))
					}
					ctx, stop := context.WithCancel(t.Context())
					done := make(chan error, 1)
					go func() { done <- loop.Run(ctx) }()
					synctest.Wait()
					stop() // in the middle of their lives
					<-done
					for _, p := range peers {
						p.SendText("too late")
					}
					peers[0].Drop()
					synctest.Wait()
					if detached {
						if err := srv.DetachPump(); err != nil {
							t.Fatal(err)
						}
					}
					start, err := time.Now(), error(nil)
					if end.after == 0 {
						if loop.Post(func() { err = end.do(srv) }) != nil {
							t.Fatal("Post fails")
						}
						loop.Step() // and if it was the last message, the next
						for loop.Stats().Posts > 0 {
							loop.Step()
						}
						<-srv.Done()
					} else {
						if err = end.do(srv); errors.Is(err, context.DeadlineExceeded) {
							err = nil
						}
						if took := time.Since(start); took > end.after+200*time.Millisecond {
							t.Errorf("it takes %v", took)
						}
						time.Sleep(200 * time.Millisecond)
						ended(t, srv)
					}
					if took := time.Since(start); err != nil || took > 8*time.Second {
						t.Errorf("it ends after %v with %v", took, err)
					}
					if d.count("connect") != clients || d.count("disconnect") != clients || srv.ClientCount() != 0 {
						t.Errorf("events are %v", d.lines())
					}
					if s := loop.Stats(); s.Clients != 0 || s.Bytes != 0 {
						t.Errorf("%+v", s)
					}
				})
			})
		}
	}
}

// E-18: a loop that is closed ends its clients with 1001; their last events come one after
// the other, on the loop if it is run, and Run returns behind the last. Who was moved in
// time stays.
func TestClosedLoopEndsItsClients(t *testing.T) {
	for _, isRun := range []bool{false, true} {
		t.Run(fmt.Sprintf("run %v", isRun), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const clients = 6
				loop, other := pump.New(pump.Options{}), run(t, pump.Options{})
				var on string
				done := make(chan error, 1)
				if isRun {
					go func() { on = goroutine(); done <- loop.Run(context.Background()) }()
				}
				d := leaving(t)
				last := d.disconnect
				ended := 0
				d.disconnect = func(g *guest, i client.CloseInfo) {
					if isRun && goroutine() != on {
						t.Error("the last event runs elsewhere")
					}
					if g.RawURI() != "/moved" && (i.Code != 1001 || i.Remote || !errors.Is(i.Cause, client.ErrLoopClosed)) {
						t.Errorf("it ends with %v", i)
					}
					last(g, i)
					ended++
				}
				d.connect = func(g *guest) error {
					if g.RawURI() == "/moved" {
						return g.AttachPump(other)
					}
					return nil
				}
				srv := newServer(t, d, wsserver.Config{Pump: loop})
				l := serve(t, srv)
				var peers []*clienttest.Peer
				for range clients {
					peers = append(peers, clienttest.Dial(t, l, "/"))
				}
				moved := clienttest.Dial(t, l, "/moved")
				synctest.Wait()
				if !isRun {
					loop.Drain(-1)
				}
				if n := loop.Stats().Clients; n != clients {
					t.Fatalf("%d clients on the loop", n)
				}
				loop.Close()
				for _, p := range peers {
					if code := p.CloseCode(); code != 1001 {
						t.Errorf("closed with %v", code)
					}
				}
				if isRun {
					if err := <-done; err != nil || ended != clients {
						t.Errorf("Run = %v after %d last events", err, ended)
					}
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if ended != clients || srv.ClientCount() != 1 {
					t.Errorf("%d last events, %d clients left", ended, srv.ClientCount())
				}
				moved.SendText("still here")
				moved.Receive()

				isRun = false
				late := clienttest.Dial(t, l, "/") // Config.Pump is closed
				if code := late.CloseCode(); code != 1001 {
					t.Errorf("a newcomer is closed with %v", code)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if d.count("connect") != clients+2 || d.count("disconnect") != clients+1 {
					t.Errorf("events are %v", d.lines())
				}
			})
		})
	}
}

// E-18, X-12: with a loop that is run the end is as without; also when the loop is closed
// at the same time.
func TestServerEndsOnItsLoop(t *testing.T) {
	for _, closing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			loop := run(t, pump.Options{})
			d := leaving(t)
			srv := newServer(t, d, wsserver.Config{Pump: loop})
			l := serve(t, srv)
			for range 5 {
				clienttest.Dial(t, l, "/")
			}
			synctest.Wait()
			if closing {
				go loop.Close()
			}
			if err := srv.Shutdown(t.Context()); err != nil || d.count("disconnect 1001") != 5 {
				t.Errorf("Shutdown = %v, events are %v", err, d.lines())
			}
		})
	}
}

// in a function that was posted, and in a tick, they begin the work and
// return at once.
func TestEndingFromInsideOfALoop(t *testing.T) {
	for _, end := range enders {
		for _, tick := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, tick %v", end.name, tick), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					loop := run(t, pump.Options{})
					srv := newServer(t, &desk{}, wsserver.Config{Pump: loop})
					p := clienttest.Dial(t, serve(t, srv), "/")
					synctest.Wait()
					call := func() {
						start := time.Now()
						if err := end.do(srv); err != nil || time.Since(start) != 0 {
							t.Errorf("%s = %v after %v", end.name, err, time.Since(start))
						}
					}
					if tick {
						var ticker *pump.Ticker
						_ = loop.Post(func() {
							ticker = loop.Tick(time.Second, func(time.Time, time.Duration) { call(); ticker.Stop() })
						})
					} else if err := loop.Post(call); err != nil {
						t.Fatal(err)
					}
					if code := p.CloseCode(); code != end.code {
						t.Errorf("the peer gets %v, want %v", code, end.code)
					}
					if end.ends {
						ended(t, srv)
					}
				})
			})
		}
	}
}

// E-03: whatever ends a connection, what had come before is delivered first, however late
// the loop is.
func TestMessagesBeforeTheEndComeFirst(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(p *wstest.Peer)
		code client.StatusCode
	}{
		{"a close frame", func(p *wstest.Peer) { p.Send(wstest.Close(4000, "")) }, 4000},
		{"the end of the stream", func(p *wstest.Peer) { p.CloseWrite() }, 1006},
		{"a violation", func(p *wstest.Peer) { p.Send(wstest.Frame{Op: 3}) }, 1002},
		{"text that is none", func(p *wstest.Peer) { p.Send(wstest.Text("\xff")) }, 1007},
		{"too much", func(p *wstest.Peer) { p.Send(wstest.Frame{Op: wstest.OpBinary, Payload: make([]byte, 2<<20)}) }, 1009},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				loop := pump.New(pump.Options{})
				defer loop.Close()
				d := &desk{}
				srv, g, p := settledOn(t, d, loop)
				want := []string{"new", "connect"}
				for n := range 40 {
					p.Send(wstest.Text(fmt.Sprint(n)))
					want = append(want, fmt.Sprint("message ", n))
				}
				go tt.end(p)
				time.Sleep(time.Minute)
				synctest.Wait()
				if !g.Connected() || srv.ClientCount() != 1 {
					t.Error("the end has overtaken the messages")
				}
				loop.Drain(39)
				synctest.Wait()
				d.want(t, want[:41]...)
				loop.Drain(1)
				synctest.Wait()
				if g.Connected() {
					t.Error("it has not ended")
				}
				for range 3 {
					time.Sleep(10 * time.Second)
					synctest.Wait()
					loop.Drain(-1)
				}
				d.want(t, append(want, "disconnect "+tt.code.String())...)
			})
		})
	}
}

// What the program ends, ends: what waits is thrown away, as what is read afterwards is.
func TestOurCloseThrowsAwayWhatWaits(t *testing.T) {
	for _, abort := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			loop := pump.New(pump.Options{MaxClientBytes: 500})
			defer loop.Close()
			d := &desk{}
			_, g, p := settledOn(t, d, loop)
			go func() {
				for range 20 { // until it is reset
					_, _ = p.Conn.Write(p.Encode(wstest.Text("x"), wstest.Binary(make([]byte, 30_000))))
				}
			}()
			synctest.Wait()
			if abort {
				g.Abort()
			} else if err := g.Close(1000, ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			loop.Drain(-1)
			synctest.Wait()
			if s := loop.Stats(); d.count("message") != 0 || d.count("disconnect") != 1 || s.Bytes != 0 || s.Clients != 0 {
				t.Errorf("events are %v, %+v", d.lines(), s)
			}
			p.Conn.Close()
		})
	}
}

// Who comes to a loop while it is closed is either told so, or ends with it.
func TestLoopIsClosedWhileClientsCome(t *testing.T) {
	for range 30 {
		synctest.Test(t, func(t *testing.T) {
			const clients = 8
			loop, other := pump.New(pump.Options{}), run(t, pump.Options{})
			var ends, refused, closed atomic.Int64
			d := &desk{}
			d.disconnect = func(_ *guest, i client.CloseInfo) {
				if errors.Is(i.Cause, client.ErrLoopClosed) {
					closed.Add(1)
				}
				ends.Add(1)
			}
			srv := newServer(t, d, wsserver.Config{Pump: other})
			l := serve(t, srv)
			for range clients {
				clienttest.Dial(t, l, "/")
			}
			synctest.Wait()
			done := make(chan struct{}, clients)
			for g := range srv.Clients() {
				go func() {
					defer func() { done <- struct{}{} }()
					switch err := g.AttachPump(loop); {
					case errors.Is(err, client.ErrLoopClosed):
						refused.Add(1)
					case err != nil:
						t.Errorf("AttachPump = %v", err)
					}
				}()
			}
			loop.Close()
			for range clients {
				<-done
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if refused.Load()+closed.Load() != clients || ends.Load() != closed.Load() {
				t.Errorf("%d are refused, %d end, %d of them with the loop", refused.Load(), ends.Load(), closed.Load())
			}
		})
	}
}
