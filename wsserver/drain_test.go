package wsserver_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// departures are the ends of clients, and the events of a drain, with their times since
// begin.
type departures struct {
	mu    sync.Mutex // guards the following
	begin time.Time
	at    []time.Duration
	infos []client.CloseInfo
	told  []wsserver.DrainInfo
	busy  atomic.Bool // an event runs
}

func (d *departures) start() { d.begin = time.Now() }

func (d *departures) disconnect(_ *guest, info client.CloseInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at, d.infos = append(d.at, time.Since(d.begin)), append(d.infos, info)
}

func (d *departures) tell(info wsserver.DrainInfo) {
	if d.busy.Swap(true) {
		panic("two events at once")
	}
	defer d.busy.Store(false)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, info)
}

// last is the last event of the drain.
func (d *departures) last() wsserver.DrainInfo {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.told) == 0 {
		return wsserver.DrainInfo{}
	}
	return d.told[len(d.told)-1]
}

// hints are the return hints, sorted; every client has one.
func (d *departures) hints(t *testing.T) (hints []time.Duration) {
	t.Helper()
	for _, info := range d.infos {
		h, ok := client.ReturnHint(info.Reason)
		if !ok || !errors.Is(info.Cause, client.ErrServerShutdown) {
			t.Fatalf("a client ends with %v", info)
		}
		hints = append(hints, h)
	}
	slices.Sort(hints)
	return hints
}

// house is a server with n clients that drains.
func house(t *testing.T, cfg wsserver.Config, n int) (*wsserver.Server[*guest], *departures, *clienttest.Listener, []*clienttest.Peer) {
	t.Helper()
	d, out := &desk{}, &departures{begin: time.Now()}
	d.disconnect = out.disconnect
	if cfg.Events.OnDrain == nil {
		cfg.Events.OnDrain = out.tell
	}
	srv := newServer(t, d, cfg)
	l := serve(t, srv)
	var peers []*clienttest.Peer
	for range n {
		peers = append(peers, clienttest.Dial(t, l, "/"))
	}
	synctest.Wait()
	out.start()
	return srv, out, l, peers
}

// a thousand clients leave one after the other, each at its moment, and are asked
// to come back at times that are spread as evenly. Who is still there is served.
func TestDrainIsSpreadEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, window = 1000, time.Minute
		srv, out, _, peers := house(t, wsserver.Config{
			Drain: wsserver.Drain{Window: window, ReturnAfter: 5 * time.Second, ReturnSpread: 20 * time.Second, Reason: "restart"},
		}, n)
		go func() {
			time.Sleep(30*time.Second + time.Millisecond)
			if sent := srv.Broadcast(client.Text("still here")); sent != n/2-1 {
				t.Errorf("in the middle a broadcast goes to %d clients", sent)
			}
			if srv.State() != wsserver.StateClosing || srv.Listening() || len(srv.Addrs()) != 0 {
				t.Errorf("in the middle the state is %v", srv.State())
			}
			last := peers[n-1]
			last.SendText("and served")
		}()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if len(out.at) != n {
			t.Fatalf("%d of %d have left", len(out.at), n)
		}
		for i, at := range out.at {
			if want := time.Duration(i) * window / n; at < want || at > want+time.Microsecond {
				t.Fatalf("client %d leaves after %v, want %v", i, at, want)
			}
		}
		hints := out.hints(t)
		if lo, hi := hints[0], hints[n-1]; lo < 5*time.Second || hi > 25*time.Second {
			t.Errorf("hints are from %v to %v", lo, hi)
		}
		for i, h := range hints {
			want := 5*time.Second + time.Duration(i)*20*time.Second/n
			if off := h - want; off < -100*time.Millisecond || off > 100*time.Millisecond {
				t.Fatalf("hint %d of the sorted ones is %v, want about %v", i, h, want)
			}
		}
		if got := peers[n-1].Receive(); string(got.Data) != "still here" {
			t.Errorf("the last client receives %q", got.Data)
		}
		if got := peers[n-1].Receive(); string(got.Data) != "and served" {
			t.Errorf("the last client receives %q", got.Data)
		}
		if e := peers[0].ReceiveClose(); e.Code != client.StatusGoingAway || !strings.HasPrefix(e.Reason, "restart; retry-after=") {
			t.Errorf("the first client is closed with %v", &e)
		}
		checkProgress(t, out.told, n, window)
	})
}

// checkProgress looks at the events of a drain that took its time.
func checkProgress(t *testing.T, told []wsserver.DrainInfo, n int, window time.Duration) {
	t.Helper()
	if len(told) < 20 || len(told) > 22 {
		t.Fatalf("%d events", len(told))
	}
	if want := (wsserver.DrainInfo{Clients: n, Left: n, Window: window}); told[0] != want {
		t.Errorf("the first event is %+v, want %+v", told[0], want)
	}
	end := told[len(told)-1]
	if want := (wsserver.DrainInfo{Clients: n, Closed: n, Window: window, Elapsed: end.Elapsed, Over: true}); end != want {
		t.Errorf("the last event is %+v, want %+v", end, want)
	}
	for i := 1; i < len(told)-1; i++ {
		if told[i].Over || told[i].Hastened || told[i].Closed+told[i].Left != n || told[i].Elapsed-told[i-1].Elapsed != window/20 {
			t.Errorf("event %d is %+v after %+v", i, told[i], told[i-1])
		}
	}
}

// the deadline is kept with peers that never answer a close frame: the window is
// shorter, so that the last has its time.
func TestDrainKeepsTheDeadline(t *testing.T) {
	for _, tt := range []struct {
		limit, window, ends time.Duration
		want                error
	}{
		{20 * time.Second, 15 * time.Second, 19850 * time.Millisecond, nil}, // CloseTimeout is left
		{2 * time.Second, 1500 * time.Millisecond, 2 * time.Second, context.DeadlineExceeded},
		{0, 0, 0, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, out, l, _ := house(t, wsserver.Config{Drain: wsserver.Drain{Window: 20 * time.Second}}, 0)
			for range 100 {
				wstest.Open(raw(t, l), "/")
			}
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
			defer cancel()
			out.start()
			if err := srv.Shutdown(ctx); !errors.Is(err, tt.want) {
				t.Errorf("Shutdown = %v, want %v", err, tt.want)
			}
			if took := time.Since(out.begin); took != tt.ends {
				t.Errorf("it takes %v, want %v", took, tt.ends)
			}
			ended(t, srv)
			if info := out.last(); info.Window != tt.window || !info.Over || info.Left != 0 || info.Hastened != (tt.want != nil) {
				t.Errorf("the last event is %+v", info)
			}
			if len(out.infos) != 100 {
				t.Errorf("%d clients have left", len(out.infos))
			}
		})
	}
}

// a slow reader gets all that was sent to it before its turn came.
func TestDrainFlushesQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, out, l, _ := house(t, wsserver.Config{
			CloseTimeout: time.Second, WriteTimeout: time.Minute, Drain: wsserver.Drain{Window: 4 * time.Second, Code: 4001},
		}, 0)
		l.SetBuffer(1000)
		p := clienttest.Dial(t, l, "/")
		synctest.Wait()
		p.Pause()
		synctest.Wait()
		data := bytes.Repeat([]byte("0123456789"), 20_000)
		if n := srv.Broadcast(client.Binary(data)); n != 1 {
			t.Fatalf("the broadcast goes to %d", n)
		}
		out.start()
		go func() {
			time.Sleep(8 * time.Second) // longer than CloseTimeout
			p.Resume()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil || time.Since(out.begin) != 8*time.Second {
			t.Errorf("Shutdown = %v after %v", err, time.Since(out.begin))
		}
		if m := p.Receive(); !bytes.Equal(m.Data, data) {
			t.Errorf("%d bytes arrive", len(m.Data))
		}
		if e := p.ReceiveClose(); e.Code != 4001 || e.Reason != "server shuts down; retry-after=0" {
			t.Errorf("closed with %v", &e)
		}
	})
}

// who leaves by himself is not waited for.
func TestDrainEndsWithTheLastClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, out, _, peers := house(t, wsserver.Config{Drain: wsserver.Drain{Window: time.Minute, ReturnAfter: -1}}, 4)
		go func() {
			time.Sleep(10 * time.Second)
			for _, p := range peers[1:] {
				p.Close(client.StatusNormalClosure, "")
			}
		}()
		if err := srv.Shutdown(t.Context()); err != nil || time.Since(out.begin) != 10*time.Second {
			t.Errorf("Shutdown = %v after %v", err, time.Since(out.begin))
		}
		if e := peers[0].ReceiveClose(); e.Reason != "server shuts down" { // without a hint
			t.Errorf("closed with %v", &e)
		}
		if info := out.last(); info.Closed != 1 || info.Clients != 4 || info.Hastened || !info.Over {
			t.Errorf("the last event is %+v", info)
		}
	})
}

// what ends a drain early, and how the rest is closed.
func TestDrainIsHastened(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(srv *wsserver.Server[*guest], cancel func()) error
		code client.StatusCode // of the rest
		hint bool
		want error // of the first Shutdown
	}{
		{"Shutdown", func(s *wsserver.Server[*guest], _ func()) error { return s.Shutdown(context.Background()) }, 1012, true, nil},
		{"Close", func(s *wsserver.Server[*guest], _ func()) error { return s.Close() }, 1001, false, nil},
		{"Abort", func(s *wsserver.Server[*guest], _ func()) error { return s.Abort() }, 1006, false, nil},
		{"the context", func(_ *wsserver.Server[*guest], cancel func()) error { cancel(); return nil }, 1006, false, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, out, _, peers := house(t, wsserver.Config{
					Drain: wsserver.Drain{Window: time.Minute, Code: client.StatusServiceRestart},
				}, 60)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- srv.Shutdown(ctx) }()
				time.Sleep(10*time.Second + time.Millisecond) // 11 are closed
				synctest.Wait()
				if n := srv.ClientCount(); n != 49 {
					t.Errorf("%d clients are left", n)
				}
				if err := tt.do(srv, cancel); err != nil {
					t.Errorf("%s = %v", tt.name, err)
				}
				if err := <-done; !errors.Is(err, tt.want) {
					t.Errorf("Shutdown = %v, want %v", err, tt.want)
				}
				if took := time.Since(out.begin); took != 10*time.Second+time.Millisecond {
					t.Errorf("it takes %v", took)
				}
				e := peers[59].ReceiveClose()
				if _, hint := client.ReturnHint(e.Reason); e.Code != tt.code || hint != tt.hint {
					t.Errorf("the last client is closed with %v", &e)
				}
				if info := out.last(); !info.Hastened || !info.Over || info.Left != 0 {
					t.Errorf("the last event is %+v", info)
				}
			})
		})
	}
}

// in an event Shutdown begins the drain and returns, bounded by ShutdownTimeout.
func TestDrainBegunInAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, out := &desk{}, &departures{}
		d.disconnect = out.disconnect
		var srv *wsserver.Server[*guest]
		d.message = func(*guest, client.Message) error {
			out.start()
			if err := srv.Shutdown(context.Background()); err != nil || time.Since(out.begin) != 0 {
				t.Errorf("Shutdown = %v after %v", err, time.Since(out.begin))
			}
			return nil
		}
		srv = newServer(t, d, wsserver.Config{
			ShutdownTimeout: 10 * time.Second, Drain: wsserver.Drain{Window: 10 * time.Second}, Events: wsserver.Events{OnDrain: out.tell},
		})
		l := serve(t, srv)
		for range 10 {
			clienttest.Dial(t, l, "/")
		}
		p := clienttest.Dial(t, l, "/")
		synctest.Wait()
		p.SendText("end")
		srv.Wait()
		if info := out.last(); info.Window != 7500*time.Millisecond || info.Closed != 11 || time.Since(out.begin) != info.Window*10/11 {
			t.Errorf("the last event is %+v, after %v", info, time.Since(out.begin))
		}
	})
}

// E-15, X-12: events of the program that panic, end their goroutine or shut down again.
func TestDrainSurvivesItsEvents(t *testing.T) {
	for name, do := range map[string]func(srv *wsserver.Server[*guest]){
		"panic":    func(*wsserver.Server[*guest]) { panic("oh") },
		"Goexit":   func(*wsserver.Server[*guest]) { runtime.Goexit() },
		"Shutdown": func(s *wsserver.Server[*guest]) { s.Shutdown(context.Background()) },
		"Close":    func(s *wsserver.Server[*guest]) { s.Close() },
		"slow":     func(*wsserver.Server[*guest]) { time.Sleep(3 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var srv *wsserver.Server[*guest]
				srv, out, _, _ := house(t, wsserver.Config{Drain: wsserver.Drain{Window: 20 * time.Second}, Events: wsserver.Events{
					OnDrain: func(wsserver.DrainInfo) { do(srv) },
				}}, 10)
				if err := srv.Shutdown(t.Context()); err != nil {
					t.Errorf("Shutdown = %v", err)
				}
				if len(out.infos) != 10 || time.Since(out.begin) > 25*time.Second {
					t.Errorf("%d have left after %v", len(out.infos), time.Since(out.begin))
				}
			})
		})
	}
}

// who is in handshake when the drain begins is told when to come back, too.
func TestDrainRefusesHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, _, l, _ := house(t, wsserver.Config{
			Drain: wsserver.Drain{Window: time.Minute, ReturnAfter: 30 * time.Second, ReturnSpread: 30 * time.Second},
		}, 1)
		p := raw(t, l)
		p.Write([]byte("GET / HTTP/1.1\r\n"))
		synctest.Wait()
		go srv.Shutdown(context.Background())
		r := p.ReadResponse()
		if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || r.Status != 503 || after < 30 || after > 60 {
			t.Errorf("the answer is %d, Retry-After %v, %v", r.Status, after, err)
		}
		if _, err := l.Dial(t.Context()); err == nil {
			t.Error("the listener is open")
		}
	})
}

// onWrite does something before the first byte is written.
type onWrite struct {
	net.Conn
	do func()
}

func (c *onWrite) Write(p []byte) (int, error) {
	if do := c.do; do != nil {
		c.do = nil
		do()
	}
	return c.Conn.Write(p)
}

type onWriting struct {
	net.Listener
	do func()
}

func (l onWriting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &onWrite{c, l.do}, nil
}

// a client that is just being told 101 when the drain begins is part of it.
func TestDrainHasThoseWhoComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, out := &desk{}, &departures{}
		d.disconnect = out.disconnect
		srv := newServer(t, d, wsserver.Config{Drain: wsserver.Drain{Window: 20 * time.Second}, Events: wsserver.Events{OnDrain: out.tell}})
		l := clienttest.NewListener()
		serveOn(t, srv, onWriting{l, func() {
			out.start()
			go srv.Shutdown(context.Background())
			synctest.Wait()
			if srv.State() != wsserver.StateClosing {
				t.Errorf("the state is %v", srv.State())
			}
		}}, srv.Serve)
		p := clienttest.Dial(t, l, "/")
		if e := p.ReceiveClose(); e.Code != client.StatusGoingAway {
			t.Errorf("closed with %v", &e)
		}
		srv.Wait()
		if took := time.Since(out.begin); took > 20*time.Second || out.last().Left != 0 {
			t.Errorf("it takes %v: %+v", took, out.last())
		}
	})
}

// DisconnectAll during a drain does what it always does.
func TestDisconnectAllDuringADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, out, _, peers := house(t, wsserver.Config{Drain: wsserver.Drain{Window: time.Minute}}, 10)
		done := make(chan error, 1)
		go func() {
			time.Sleep(30 * time.Second)
			done <- srv.DisconnectAll(t.Context(), 4005, "all out")
		}()
		if err := srv.Shutdown(t.Context()); err != nil || time.Since(out.begin) != 30*time.Second {
			t.Errorf("Shutdown = %v after %v", err, time.Since(out.begin))
		}
		if err := <-done; err != nil {
			t.Errorf("DisconnectAll = %v", err)
		}
		if e := peers[9].ReceiveClose(); e.Code != 4005 || e.Reason != "all out" {
			t.Errorf("closed with %v", &e)
		}
	})
}

// a drain that can not be kept is refused, and the message names both settings.
func TestDrainIsChecked(t *testing.T) {
	for _, tt := range []struct {
		drain wsserver.Drain
		limit time.Duration
		field string
		text  string
	}{
		{wsserver.Drain{Window: time.Minute}, 30 * time.Second, "Drain.Window", "ShutdownTimeout"},
		{wsserver.Drain{Window: -time.Second}, 0, "Drain.Window", "negative"},
		{wsserver.Drain{ReturnAfter: time.Second}, 0, "Drain.Window", "not set"},
		{wsserver.Drain{Window: 1, ReturnSpread: -1}, 0, "Drain.ReturnSpread", "negative"},
		{wsserver.Drain{Window: 1, ReturnAfter: 20 * time.Hour, ReturnSpread: 5 * time.Hour}, 0, "Drain.ReturnSpread", "24h"},
		{wsserver.Drain{Window: 1, ReturnAfter: 25 * time.Hour}, 0, "Drain.ReturnSpread", "24h"},
		{wsserver.Drain{Window: 1, Code: 1005}, 0, "Drain.Code", "1005"},
		{wsserver.Drain{Window: 1, Reason: "\xff"}, 0, "Drain.Reason", "UTF-8"},
	} {
		_, err := wsserver.New(&desk{}, wsserver.Config{Drain: tt.drain, ShutdownTimeout: tt.limit})
		ce, ok := errors.AsType[*wsserver.ConfigError](err)
		if !ok || ce.Field != tt.field || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("New with %+v = %v, want %s and %q", tt.drain, err, tt.field, tt.text)
		}
	}
	for _, limit := range []time.Duration{0, time.Minute} { // zero makes room for the window
		newServer(t, &desk{}, wsserver.Config{Drain: wsserver.Drain{Window: time.Minute}, ShutdownTimeout: limit})
	}
}
