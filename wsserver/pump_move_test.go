package wsserver_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// goroutine is the number of the calling one.
func goroutine() string {
	b := make([]byte, 64)
	return strings.Fields(string(b[:runtime.Stack(b, false)]))[1]
}

// told is a loop with the goroutine that runs it.
type told struct {
	*pump.Loop
	on string
}

func tell(t *testing.T, l *pump.Loop) told {
	t.Helper()
	c := make(chan string, 1)
	if err := l.Post(func() { c <- goroutine() }); err != nil {
		t.Fatal(err)
	}
	return told{l, <-c}
}

// wanderer moves on in each event.
type wanderer struct {
	client.Base
	walk  *walk
	place int // where the next event has to run, from 0; len(loops): on a goroutine of its own
	next  int // message
	over  bool
}

type walk struct {
	t     *testing.T
	loops []told
	ended atomic.Int64
}

// here checks that an event runs where the last one has left to.
func (w *wanderer) here(event string) {
	on := goroutine()
	if i := slices.IndexFunc(w.walk.loops, func(l told) bool { return l.on == on }); i != w.place && (i >= 0 || w.place < len(w.walk.loops)) {
		w.walk.t.Errorf("%s runs on loop %d, want %d", event, i, w.place)
	}
}

func (w *wanderer) move() {
	w.place = (w.place + 1) % (len(w.walk.loops) + 1)
	var to client.Loop
	if w.place < len(w.walk.loops) {
		to = w.walk.loops[w.place].Loop
	}
	if err := w.AttachPump(to); err != nil {
		w.walk.t.Errorf("AttachPump = %v", err)
	}
}

func (w *wanderer) OnMessage(m client.Message) error {
	w.here("OnMessage")
	if got := fmt.Sprint(w.next); string(m.Data[:len(got)]) != got {
		w.walk.t.Errorf("message %q, want %q", m.Data[:10], got)
	}
	w.next++
	w.move()
	return w.SendText(fmt.Sprint(w.next))
}

func (w *wanderer) OnPing([]byte) error {
	w.here("OnPing")
	w.move()
	return nil
}

func (k *walk) NewClient(r *client.OpenRequest) (*wanderer, error) {
	r.Pump = k.loops[0]
	return &wanderer{walk: k}, nil
}

func (k *walk) OnClientConnect(w *wanderer) error {
	w.here("OnClientConnect")
	w.move()
	return nil
}

func (k *walk) OnClientDisconnect(w *wanderer, _ client.CloseInfo) {
	w.here("OnClientDisconnect")
	if w.over {
		k.t.Error("a second OnClientDisconnect")
	}
	w.over = true
	if err := w.AttachPump(nil); err != nil && !errors.Is(err, client.ErrClosed) {
		k.t.Errorf("AttachPump in the last event = %v", err)
	}
	k.ended.Add(1)
}

// E-24: a client that moves in its events is from the next one on where it went, with
// everything that has come, in order: two loops, and a goroutine of its own.
func TestClientMovesFromEventToEvent(t *testing.T) { onDrivers(t, testClientMoves) }

func testClientMoves(t *testing.T) {
	k := &walk{t: t, loops: []told{tell(t, run(t, pump.Options{})), tell(t, run(t, pump.Options{MaxClientBytes: 1}))}}
	addr := open(t, newServerOf(t, k, wsserver.Config{Addr: "127.0.0.1:0"}))
	const clients, messages = 10, 300
	var wg sync.WaitGroup
	for range clients {
		p := wstest.Open(wstest.DialTCP(t, addr), "/")
		wg.Go(func() {
			for n := range messages {
				text := fmt.Sprint(n)
				if n%10 == 0 {
					text += strings.Repeat(" ", 20_000) // which is lent
				}
				p.Send(wstest.Text(text), wstest.Ping(nil))
			}
			p.Send(wstest.Close(1000, ""))
		})
		wg.Go(func() {
			for n := 0; n < messages; {
				if m, err := p.TryMessage(); err != nil {
					t.Errorf("answer %d: %v", n, err)
					return
				} else if m.Op == wstest.OpText {
					if n++; string(m.Data) != fmt.Sprint(n) {
						t.Errorf("answer %q, want %d", m.Data, n)
					}
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "the last events", func() bool { return k.ended.Load() == clients })
	for i, l := range k.loops {
		eventually(t, "the loops to be empty", func() bool {
			s := l.Stats()
			return s.Clients == 0 && s.Queued == 0 && s.Bytes == 0 && s.Blocked == 0
		})
		if s := l.Stats(); s.Events < clients*messages/4 {
			t.Errorf("loop %d had %+v", i, s)
		}
	}
}

// pilgrim counts what comes, without a lock.
type pilgrim struct {
	client.Base
	busy      atomic.Int32
	next      uint32 // message
	fields    [8]int // all the same, between events
	connected int
	ended     int
	pings     int
}

// inside runs an event with the canaries in their cage.
func (p *pilgrim) inside(s *storm, f func()) {
	if p.busy.Add(1) != 1 {
		s.faults.Add(1)
	}
	if p.fields != [8]int(slices.Repeat(p.fields[:1], 8)) {
		s.faults.Add(1)
	}
	for i := range p.fields {
		p.fields[i]++
	}
	f()
	p.busy.Add(-1)
}

type storm struct {
	t      *testing.T
	faults atomic.Int64
	ended  atomic.Int64
	got    atomic.Int64
	loops  []*pump.Loop
}

var theStorm atomic.Pointer[storm] // of the test that runs

func (p *pilgrim) OnMessage(m client.Message) error {
	s := theStorm.Load()
	p.inside(s, func() {
		n := binary.BigEndian.Uint32(m.Data)
		if n != p.next || p.connected != 1 || p.ended != 0 {
			s.t.Errorf("message %d, want %d; %d connects, %d ends", n, p.next, p.connected, p.ended)
		}
		for _, b := range m.Data[4:] {
			if b != byte(n) {
				s.t.Errorf("message %d has another's data", n)
				break
			}
		}
		p.next++
		s.got.Add(1)
		if rand.N(8) == 0 {
			s.move(p)
		}
	})
	return nil
}

func (p *pilgrim) OnPing([]byte) error {
	p.inside(theStorm.Load(), func() { p.pings++ })
	return nil
}

// move puts a client anywhere, or nowhere.
func (s *storm) move(c client.Client) {
	switch n := rand.N(len(s.loops) + 2); n {
	case len(s.loops):
		_ = c.AttachPump(nil)
	case len(s.loops) + 1:
		_ = c.DetachPump()
	default:
		_ = c.AttachPump(s.loops[n])
	}
}

// E-18, E-24, E-25: whoever attaches and detaches whom and when, each client's events come
// all, once, in order, and one at a time; and nothing stays booked.
func TestStormOfMoves(t *testing.T) { onDrivers(t, testStormOfMoves) }

func testStormOfMoves(t *testing.T) {
	s := &storm{t: t}
	theStorm.Store(s)
	for _, o := range []pump.Options{{}, {MaxClientBytes: 300}, {MaxBytes: 3000}} {
		s.loops = append(s.loops, run(t, o))
	}
	srv := newServerOf(t, wsserver.Factory[*pilgrim]{
		New:     func(*client.OpenRequest) (*pilgrim, error) { return new(pilgrim), nil },
		Connect: func(p *pilgrim) error { p.inside(s, func() { p.connected++ }); return nil },
		Disconnect: func(p *pilgrim, _ client.CloseInfo) {
			p.inside(s, func() { p.ended++ })
			if p.connected != 1 || p.ended != 1 {
				t.Errorf("%d connects, %d ends", p.connected, p.ended)
			}
			s.ended.Add(1)
		},
	}, wsserver.Config{Addr: "127.0.0.1:0"})
	addr := open(t, srv)
	const clients, rounds = 12, 3
	messages := 400
	if testing.Short() {
		messages = 100
	}
	stop := make(chan struct{})
	var movers, peers sync.WaitGroup
	for range 3 {
		movers.Go(func() {
			for {
				for c := range srv.Clients() {
					s.move(c)
					if rand.N(50) == 0 {
						_ = srv.AttachPump(s.loops[rand.N(len(s.loops))])
					}
				}
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(rand.N(300)) * time.Microsecond):
				}
			}
		})
	}
	for range clients {
		peers.Go(func() {
			for range rounds {
				p := wstest.Open(wstest.DialTCP(t, addr), "/")
				for n := range messages {
					size := []int{0, 10, 100, 1000, 10_000, 40_000}[rand.N(6)*rand.N(6)/5%6]
					m := slices.Repeat([]byte{byte(n)}, 4+size)
					binary.BigEndian.PutUint32(m, uint32(n))
					p.Send(wstest.Binary(m))
					if rand.N(10) == 0 {
						p.Send(wstest.Ping(nil))
					}
				}
				p.Send(wstest.Close(1000, ""))
				for {
					if _, err := p.NextFrame(); err != nil {
						break
					}
				}
			}
		})
	}
	peers.Wait()
	close(stop)
	movers.Wait()
	for c := range srv.Clients() {
		_ = c.AttachPump(s.loops[0])
	}
	eventually(t, "the last events", func() bool { return s.ended.Load() == clients*rounds })
	if want := int64(clients * rounds * messages); s.got.Load() != want || s.faults.Load() > 0 {
		t.Errorf("%d messages, want %d; %d faults", s.got.Load(), want, s.faults.Load())
	}
	for _, l := range s.loops {
		eventually(t, "the loops to be empty", func() bool {
			s := l.Stats()
			return s.Clients == 0 && s.Queued == 0 && s.Bytes == 0 && s.Blocked == 0
		})
	}
}

// E-24, E-25: what was said about a server, about a host and about a client, in this order
// of weight, for those who are there and those who come.
func TestServerAndHostsChooseTheirLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loops := map[string]*pump.Loop{}
		name := map[string]string{}
		for _, n := range []string{"main", "red", "blue", "other", "mine"} {
			l := tell(t, run(t, pump.Options{}))
			loops[n], name[l.on] = l.Loop, n
		}
		d := &desk{}
		where := make(chan string, 10)
		d.message = func(*guest, client.Message) error { where <- name[goroutine()]; return nil }
		var last *guest
		d.connect = func(g *guest) error { last = g; where <- name[goroutine()]; return nil }
		srv := newServer(t, d, wsserver.Config{
			Hosts: []hosts.Host{
				{Tag: "red", Names: []string{"red.example"}}, {Tag: "blue", Names: []string{"blue.example"}},
				{Tag: "own", Names: []string{"own.example"}}, {Tag: "any", Names: []string{"any.example"}},
			},
			Pump:       loops["main"],
			PumpByHost: map[string]client.Loop{"red": loops["red"], "own": nil},
		})
		l := serve(t, srv)
		peers := map[string]*clienttest.Peer{}
		check := func(event string, want map[string]string) {
			t.Helper()
			for host, loop := range want {
				if event == "OnClientConnect" {
					peers[host] = clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: host + ".example"})
				} else {
					peers[host].SendText("x")
				}
				synctest.Wait()
				select {
				case got := <-where:
					if got != loop {
						t.Errorf("%s of %s runs on %q, want %q", event, host, got, loop)
					}
				default:
					if loop != "nowhere" {
						t.Errorf("%s of %s does not run", event, host)
					}
				}
			}
		}
		all := func(red, blue, own, anyone string) map[string]string {
			return map[string]string{"red": red, "blue": blue, "own": own, "any": anyone}
		}
		attach := func(name string, tags ...string) {
			t.Helper()
			if err := srv.AttachPump(loops[name], tags...); err != nil {
				t.Errorf("AttachPump = %v", err)
			}
		}
		now := all("red", "main", "", "main")
		check("OnClientConnect", now)
		check("OnMessage", now)
		attach("other")
		now = all("red", "other", "", "other")
		check("OnMessage", now)
		check("OnClientConnect", now)
		attach("blue", "blue", "own")
		now = all("red", "blue", "blue", "other")
		check("OnMessage", now)
		check("OnClientConnect", now)
		if err := srv.AttachPump(nil); err != nil {
			t.Error(err)
		}
		now = all("red", "blue", "blue", "")
		check("OnMessage", now)
		check("OnClientConnect", now)
		if err := last.AttachPump(loops["mine"]); err != nil {
			t.Error(err)
		}
		mine := last.HostTag()
		now[mine] = "mine"
		attach("main", "red", "blue", "own", "any")
		for host := range now {
			if host != mine {
				now[host] = "main"
			}
		}
		check("OnMessage", now)
		if err := srv.DetachPump("red", "blue", "own", "any"); err != nil {
			t.Error(err)
		}
		for host := range now {
			if host != mine {
				now[host] = "nowhere"
			}
		}
		check("OnMessage", now)
		delete(now, mine)
		check("OnClientConnect", now)
		attach("other", "red", "blue", "own", "any")
		synctest.Wait()
		for range 6 { // three messages and three connects
			if got := <-where; got != "other" {
				t.Errorf("what has waited runs on %q", got)
			}
		}

		closed := pump.New(pump.Options{})
		closed.Close()
		for want, err := range map[error]error{
			client.ErrNoLoop: srv.AttachPump(struct{ client.Loop }{}), client.ErrLoopClosed: srv.AttachPump(closed, "red"),
		} {
			if !errors.Is(err, want) {
				t.Errorf("AttachPump = %v, want %v", err, want)
			}
		}
		if e, _ := errors.AsType[*wsserver.ConfigError](srv.AttachPump(nil, "red", "green")); e == nil || e.Field != `PumpByHost["green"]` {
			t.Errorf("AttachPump of an unknown host = %v", e)
		}
		if _, ok := errors.AsType[*wsserver.ConfigError](srv.DetachPump("green")); !ok {
			t.Error("DetachPump of an unknown host")
		}
		check("OnClientConnect", map[string]string{"red": "other"})
	})
}

// E-25: what comes for a client that is nowhere waits, all of it, with its end.
func TestDetachedClientMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, g, p := settled(t, d, wsserver.Config{PingInterval: time.Second})
		if err := g.DetachPump(); err != nil {
			t.Fatal(err)
		}
		p.Send(wstest.Text("one"), wstest.Text("two"), wstest.Ping([]byte("still alive")), wstest.Close(4000, "bye"))
		p.WantPong([]byte("still alive"))
		time.Sleep(time.Hour)
		synctest.Wait()
		d.want(t, "new", "connect")
		if !g.Connected() {
			t.Error("the close frame was taken before the messages")
		}
		loop := run(t, pump.Options{})
		if err := g.AttachPump(loop); err != nil {
			t.Fatal(err)
		}
		p.WantText("one")
		p.WantText("two")
		p.WantClose(4000)
		synctest.Wait()
		d.want(t, "new", "connect", "message one", "message two", "disconnect 4000")
		if end.Reason != "bye" || !end.Remote {
			t.Errorf("it ends with %v", end.CloseInfo)
		}
		for _, err := range []error{g.AttachPump(loop), g.AttachPump(nil), g.DetachPump()} {
			if !errors.Is(err, client.ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
		}
	})
}

// What AttachPump can not do changes nothing.
func TestAttachPumpThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := pump.New(pump.Options{})
		closed.Close()
		if err := new(guest).AttachPump(closed); !errors.Is(err, client.ErrClosed) {
			t.Errorf("AttachPump before the life = %v", err)
		}
		loop := run(t, pump.Options{})
		for _, with := range []client.Loop{nil, loop} {
			_, g, p := settled(t, &desk{}, wsserver.Config{Pump: with})
			for want, l := range map[error]client.Loop{client.ErrNoLoop: new(pump.Loop), client.ErrLoopClosed: closed} {
				if err := g.AttachPump(l); !errors.Is(err, want) {
					t.Errorf("AttachPump = %v, want %v", err, want)
				}
			}
			p.Send(wstest.Text("still here"))
			p.WantText("still here")
		}
	})
}
