package wsserver_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// E-18, E-21, L-35: every event runs when the loop is run and not before, one with each
// Step, in order, on the goroutine of the caller; NewClient does not wait for it.
func TestEveryEventRunsOnTheLoop(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		t.Run(fmt.Sprintf("pieces %v", pieces), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				loop := pump.New(pump.Options{})
				defer loop.Close()
				l := newLobby(pieces)
				cfg := tight()
				cfg.Pump = loop
				cfg.Banner = banner.Policy{Welcome: "welcome"}
				hook := func(name string) func(client.Client) error {
					return func(client.Client) error { l.add(name); return nil }
				}
				cfg.Hooks = []wsserver.Hooks{{
					OnClientCreate:     func(client.Client, *client.OpenRequest) error { l.add("create"); return nil },
					OnClientConnect:    hook("hook connect"),
					OnClientMessage:    func(c client.Client, _ client.Message) error { return hook("hook message")(c) },
					OnClientFragment:   func(c client.Client, _ client.Fragment) error { return hook("hook fragment")(c) },
					OnClientDisconnect: func(c client.Client, _ client.CloseInfo) { _ = hook("hook disconnect")(c) },
				}}
				data := []string{"hook message", "OnMessage"}
				if pieces {
					data = []string{"hook fragment", "OnFragment"}
				}
				var v *visitor
				l.connect = func(c *visitor) error { v = c; return nil }
				srv := newServerOf(t, l, cfg)
				listener := serve(t, srv)
				listener.SetBuffer(5000)
				p := wstest.Open(raw(t, listener), "/")
				want := []string{"create"}
				step := func(more ...string) {
					t.Helper()
					synctest.Wait()
					l.want(t, want...)
					if !loop.Step() {
						t.Error("nothing waits")
					}
					want = append(want, more...)
					l.want(t, want...)
				}
				p.Send(wstest.Text("one"), wstest.Ping([]byte("2")), wstest.Binary([]byte("three")))
				p.WantPong([]byte("2")) // which needs no event
				step("hook connect", "OnClientConnect")
				p.WantText("welcome")
				step(data...)
				step("OnPing")
				step(data...)
				p.Send(wstest.Pong([]byte("4")))
				step("OnPong")
				if err := overfill(v); err != nil {
					t.Fatal(err)
				}
				step("OnDropped")
				go drained(p)
				step("OnReadyToSend")
				_ = v.Close(1000, "")
				time.Sleep(time.Minute)
				step("OnClientDisconnect", "hook disconnect")
				if loop.Step() || l.overlaps.Load() > 0 {
					t.Error("something is left")
				}
				synctest.Wait()
				if s := loop.Stats(); s.Clients != 0 || s.Queued != 0 || s.Bytes != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// E-18: events of all clients of all servers of a loop exclude each other, so that they
// share state without a lock, with what is posted and with the ticks.
func TestEventsOfALoopShareStateWithoutALock(t *testing.T) { onDrivers(t, testEventsShareState) }

func testEventsShareState(t *testing.T) {
	loop := run(t, pump.Options{})
	state := map[string]int{} // the race detector looks after it
	d := &desk{}
	d.connect = func(*guest) error { state["connect"]++; return nil }
	d.message = func(g *guest, m client.Message) error { state["message"]++; return g.Send(m) }
	d.disconnect = func(*guest, client.CloseInfo) { state["disconnect"]++ }
	tick := loop.Tick(100*time.Microsecond, func(time.Time, time.Duration) { state["tick"]++ })
	var addrs []string
	for range 2 {
		addrs = append(addrs, open(t, newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", Pump: loop})))
	}
	const clients, messages = 12, 60
	var wg sync.WaitGroup
	for i := range clients {
		p := dialTCP(t, addrs[i%2], "/")
		wg.Go(func() {
			for n := range messages {
				p.SendText(fmt.Sprint(n))
				if m, err := p.TryReceive(); err != nil || string(m.Data) != fmt.Sprint(n) {
					t.Errorf("received %q, %v", m.Data, err)
				}
				if loop.Post(func() { state["post"]++ }) != nil {
					t.Error("Post fails")
				}
			}
			p.Close(1000, "")
			_ = p.WaitEnd()
		})
	}
	wg.Wait()
	eventually(t, "the last events", func() bool { return d.count("disconnect") == clients })
	tick.Stop()
	got := make(chan map[string]int, 1)
	if err := loop.Post(func() { got <- state }); err != nil {
		t.Fatal(err)
	}
	s := <-got
	if s["connect"] != clients || s["message"] != clients*messages || s["disconnect"] != clients || s["post"] != clients*messages || uint64(s["tick"]) != tick.Ticks() {
		t.Errorf("%v, %d ticks", s, tick.Ticks())
	}
	eventually(t, "the loop to be empty", func() bool { s := loop.Stats(); return s.Queued == 0 && s.Bytes == 0 })
}

// E-18: the data of a message is the event's own until it returns, whatever follows it.
func TestDataOnALoopBelongsToItsEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := pump.New(pump.Options{})
		defer loop.Close()
		var kept [][]byte
		d := &desk{}
		d.message = func(_ *guest, m client.Message) error {
			if n := slices.IndexFunc(m.Data, func(b byte) bool { return b != m.Data[0] }); n >= 0 {
				t.Errorf("byte %d of %d is another message's", n, len(m.Data))
			}
			for i := range m.Data {
				m.Data[i] = '#' // it may be changed
			}
			kept = append(kept, m.Data)
			return nil
		}
		_, _, p := settledOn(t, d, loop)
		sizes := []int{1, 50, 64, 65, 300, 5000, 16 << 10, 16<<10 + 1, 100_000, 300_000, 20}
		go func() {
			for i, n := range sizes {
				p.Send(wstest.Binary(slices.Repeat([]byte{byte(i)}, n)))
			}
		}()
		for range sizes {
			synctest.Wait()
			loop.Drain(1)
		}
		if len(kept) != len(sizes) {
			t.Fatalf("%d messages", len(kept))
		}
		for i, b := range kept {
			if len(b) != sizes[i] {
				t.Errorf("message %d has %d bytes, want %d", i, len(b), sizes[i])
			}
		}
	})
}

// settledOn is settled with a loop that the test runs; OnClientConnect has run.
func settledOn(t *testing.T, d *desk, loop *pump.Loop) (*wsserver.Server[*guest], *guest, *wstest.Peer) {
	t.Helper()
	var g *guest
	connect := d.connect
	d.connect = func(c *guest) error {
		g = c
		if connect == nil {
			return nil
		}
		return connect(c)
	}
	srv := newServer(t, d, wsserver.Config{Pump: loop})
	p := wstest.Open(raw(t, serve(t, srv)), "/")
	p.Timeout = 100 * time.Hour // by the clock of the bubble
	synctest.Wait()
	loop.Drain(-1)
	synctest.Wait()
	return srv, g, p
}

// What is sent in one turn of the loop leaves with one write for each client: a tick, or
// the answers to what has gathered.
func TestOneWriteForEachClientAndTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, ticks = 50, 20
		loop := run(t, pump.Options{})
		l := &tallied{Listener: clienttest.NewListener()}
		srv := newServer(t, &desk{}, wsserver.Config{Pump: loop})
		serveOn(t, srv, l, srv.Serve)
		var peers []*clienttest.Peer
		for range clients {
			peers = append(peers, clienttest.Dial(t, l.Listener, "/"))
		}
		synctest.Wait()
		before := l.writes()
		n := 0
		ticker := loop.Tick(time.Second/30, func(time.Time, time.Duration) {
			n++
			for pass := range 3 {
				for g := range srv.Clients() {
					_ = g.SendText(fmt.Sprint(n, pass))
				}
				srv.Broadcast(client.Text("all"))
				runtime.Gosched() // whoever could write now, would
			}
		})
		time.Sleep(ticks*time.Second/30 + time.Second/60)
		synctest.Wait()
		ticker.Stop()
		if got := l.writes() - before; n != ticks || got != clients*ticks {
			t.Errorf("%d writes in %d ticks for %d clients, want %d", got, n, clients, clients*ticks)
		}
		for _, p := range peers {
			list := texts(p.Received())
			if len(list) != 6*ticks || list[0] != "1 0" || list[1] != "all" || list[len(list)-2] != "20 2" {
				t.Errorf("received %d messages, %q", len(list), list[:min(7, len(list))])
			}
		}

		before = l.writes()
		if err := loop.Post(func() { time.Sleep(time.Second) }); err != nil { // meanwhile they gather
			t.Fatal(err)
		}
		for _, p := range peers {
			for range 10 {
				p.SendText("x")
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := l.writes() - before; got != clients {
			t.Errorf("%d writes for 10 answers to each of %d clients", got, clients)
		}
	})
}

// Config.Pump is checked, and so are those of the hosts.
func TestBadPumpsAreRefused(t *testing.T) {
	bad := struct{ client.Loop }{}
	list := []hosts.Host{{Tag: "a", Names: []string{"a.example"}}}
	for _, tt := range []struct {
		field string
		cfg   wsserver.Config
		want  error
	}{
		{"Pump", wsserver.Config{Pump: bad}, client.ErrNoLoop},
		{"Pump", wsserver.Config{Pump: (*pump.Loop)(nil)}, client.ErrNoLoop},
		{"Pump", wsserver.Config{Pump: new(pump.Loop)}, client.ErrNoLoop},
		{`PumpByHost["a"]`, wsserver.Config{Hosts: list, PumpByHost: map[string]client.Loop{"a": bad}}, client.ErrNoLoop},
		{`PumpByHost["b"]`, wsserver.Config{Hosts: list, PumpByHost: map[string]client.Loop{"b": nil}}, nil},
	} {
		_, err := wsserver.New(&desk{}, tt.cfg)
		e, _ := errors.AsType[*wsserver.ConfigError](err)
		if e == nil || e.Field != tt.field || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("New = %v, want %s, %v", err, tt.field, tt.want)
		}
	}
}

// A handshake that is refused after its client was attached leaves no place in the loop.
func TestRefusedClientLeavesTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := run(t, pump.Options{})
		d := &desk{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) { r.Pump = loop; return d.guest(), nil }
		refuse := func(c client.Client, _ *client.OpenRequest) error { return errors.New("no") }
		srv := newServer(t, d, wsserver.Config{Hooks: []wsserver.Hooks{{OnClientCreate: refuse}}})
		if _, res, err := clienttest.TryDial(t, serve(t, srv), "/"); err == nil || res.StatusCode != 500 {
			t.Errorf("dialling = %v", err)
		}
		synctest.Wait()
		if s := loop.Stats(); s.Clients != 0 {
			t.Errorf("%+v", s)
		}
		d.newClient = func(r *client.OpenRequest) (*guest, error) { r.Pump = struct{ client.Loop }{}; return d.guest(), nil }
		if _, res, err := clienttest.TryDial(t, serve(t, srv), "/"); err == nil || res.StatusCode != 500 {
			t.Errorf("dialling = %v", err)
		}
	})
}

// E-18: tests of all kinds once more, with all events on a loop.
func TestOnALoop(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"TestAbortResetsTheSocket": TestAbortResetsTheSocket, "TestAnyMixArrives": TestAnyMixArrives,
		"TestBannerIsThatOfTheClient": TestBannerIsThatOfTheClient, "TestBroadcastRacesWithTheBanner": TestBroadcastRacesWithTheBanner,
		"TestBusyPeerWhoseHandlersFail": TestBusyPeerWhoseHandlersFail, "TestClocksOfPieces": TestClocksOfPieces,
		"TestCloseInEveryEvent": TestCloseInEveryEvent, "TestControlEventsBetweenPieces": TestControlEventsBetweenPieces,
		"TestConversations": TestConversations, "TestDataBehindTheHandshake": TestDataBehindTheHandshake,
		"TestDisconnectAfterThePeer": TestDisconnectAfterThePeer, "TestDisconnectComesExactlyOnce": TestDisconnectComesExactlyOnce,
		"TestEndInsideOfPieces": TestEndInsideOfPieces, "TestEndingFromInsideOfAnEvent": TestEndingFromInsideOfAnEvent,
		"TestEndingInAPause": TestEndingInAPause, "TestEveryWayToEndIsToldApart": TestEveryWayToEndIsToldApart,
		"TestFailingHookIsTheLastToConnect": TestFailingHookIsTheLastToConnect, "TestFailuresBehindTheEnd": TestFailuresBehindTheEnd,
		"TestFailuresOfEveryEvent": TestFailuresOfEveryEvent, "TestHandlerShutsDownAndStays": TestHandlerShutsDownAndStays,
		"TestIdleIsToTheMoment": TestIdleIsToTheMoment, "TestLastEventMayFail": TestLastEventMayFail,
		"TestLastRecordHoweverItEnds": TestLastRecordHoweverItEnds, "TestLeavingInEveryEvent": TestLeavingInEveryEvent,
		"TestLeavingInTheLastEvents": TestLeavingInTheLastEvents, "TestLifeHasItsOrder": TestLifeHasItsOrder,
		"TestNoticesComeBeforeTheLastEvent": TestNoticesComeBeforeTheLastEvent, "TestNoticesOfAnEventFollowIt": TestNoticesOfAnEventFollowIt,
		"TestNotifyHandlersSeeTheBusyPeer": TestNotifyHandlersSeeTheBusyPeer, "TestOnBgExceptionDecides": TestOnBgExceptionDecides,
		"TestPiecesBehindRecords": TestPiecesBehindRecords, "TestRecordLengthChangesInsideTheEvent": TestRecordLengthChangesInsideTheEvent,
		"TestRecordsAreTheClassesOwn": TestRecordsAreTheClassesOwn, "TestRecordsTurnedOffFromOutside": TestRecordsTurnedOffFromOutside,
		"TestServerSurvivesEveryPanic": TestServerSurvivesEveryPanic, "TestShutdownIsBounded": TestShutdownIsBounded,
		"TestShutdownRacesWithClients": TestShutdownRacesWithClients, "TestStatsCountEverything": TestStatsCountEverything,
		"TestTogglingFromManyGoroutines": TestTogglingFromManyGoroutines, "TestViolationsEndTheConnection": TestViolationsEndTheConnection,
		"TestWhatHoldsInEachEvent": TestWhatHoldsInEachEvent,
	} {
		t.Run("pump/"+name, test)
	}
}

// E-24, E-25: and with clients that move all the time.
func TestOnTheMove(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"TestAnyMixArrives": TestAnyMixArrives, "TestBroadcastRacesWithTheBanner": TestBroadcastRacesWithTheBanner,
		"TestControlEventsBetweenPieces": TestControlEventsBetweenPieces, "TestConversations": TestConversations,
		"TestDataBehindTheHandshake": TestDataBehindTheHandshake, "TestDisconnectComesExactlyOnce": TestDisconnectComesExactlyOnce,
		"TestEndInsideOfPieces": TestEndInsideOfPieces, "TestFailuresBehindTheEnd": TestFailuresBehindTheEnd,
		"TestFailuresOfEveryEvent": TestFailuresOfEveryEvent, "TestLastRecordHoweverItEnds": TestLastRecordHoweverItEnds,
		"TestLeavingInEveryEvent": TestLeavingInEveryEvent, "TestLifeHasItsOrder": TestLifeHasItsOrder,
		"TestNoticesComeBeforeTheLastEvent": TestNoticesComeBeforeTheLastEvent, "TestNoticesOfAnEventFollowIt": TestNoticesOfAnEventFollowIt,
		"TestPiecesBehindRecords": TestPiecesBehindRecords, "TestRecordsTurnedOffFromOutside": TestRecordsTurnedOffFromOutside,
		"TestServerSurvivesEveryPanic": TestServerSurvivesEveryPanic, "TestTogglingFromManyGoroutines": TestTogglingFromManyGoroutines,
		"TestViolationsEndTheConnection": TestViolationsEndTheConnection,
	} {
		t.Run("moved/"+name, test)
	}
}
