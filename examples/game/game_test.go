package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

// pilot is a peer that plays.
type pilot struct {
	*clienttest.Peer
	t   *testing.T
	see *picture
	hello
}

func join(t *testing.T, l *clienttest.Listener, name string) *pilot {
	t.Helper()
	p := &pilot{Peer: clienttest.Dial(t, l, "/play?"+url.Values{"name": {name}}.Encode()), t: t, see: newPicture()}
	var err error
	if p.hello, err = readHello(p.Receive().Data); err != nil || p.side != side || p.ticks != ticks {
		t.Fatalf("%s is told %+v, %v", name, p.hello, err)
	}
	return p
}

// E-18, O-24: two fly, see each other, and each input is acknowledged with the tick that
// it counts for.
func TestTwoPilotsFly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		game, srv, l := serve(t, 10)
		ada := join(t, l, "Ada")
		defer game.Play().Stop()
		time.Sleep(time.Second)
		synctest.Wait()
		start := time.Now()
		before := *lookAt(ada)
		for n := range uint16(60) {
			ada.SendBinary(input{heading: 64, power: 255, number: n + 1}.append(nil))
			time.Sleep(time.Second / ticks)
		}
		synctest.Wait()
		after := *lookAt(ada)
		if took := time.Since(start); took < 2*time.Second-time.Millisecond || int(after.tick-before.tick) < 59 || int(after.tick-before.tick) > 61 {
			t.Errorf("%d ticks in %v", after.tick-before.tick, took)
		}
		if after.ack != 60 && after.ack != 59 {
			t.Errorf("input %d is the last that counts", after.ack)
		}
		from, to := before.bodies[ada.slot], after.bodies[ada.slot]
		if moved := (float64(to.y) - float64(from.y)) / 8; moved == 0 || to.x != from.x && moved < 100 {
			t.Errorf("from %v to %v", from, to)
		}

		bob := join(t, l, "Bob")
		if err := game.loop.Post(func() { // beside each other
			a, b := &game.arena.bodies[ada.slot], &game.arena.bodies[bob.slot]
			b.x, b.y = a.x+100, a.y
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		lookAt(ada)
		lookAt(bob)
		if ada.see.bodies[bob.slot].name != "Bob" || bob.see.bodies[ada.slot].name != "Ada" || ada.see.ships != 2 {
			t.Error("they do not see each other")
		}
		bob.Close(client.StatusNormalClosure, "")
		time.Sleep(time.Second)
		synctest.Wait()
		lookAt(ada)
		if _, there := ada.see.bodies[bob.slot]; there || ada.see.ships != 1 || srv.ClientCount() != 1 {
			t.Error("Bob is still there")
		}
	})
}

// lookAt looks at all that has come, and returns a copy of the picture.
func lookAt(p *pilot) *picture {
	p.t.Helper()
	for _, m := range p.Received() {
		if err := p.see.take(m.Data); err != nil {
			p.t.Fatal(err)
		}
	}
	c := *p.see
	c.bodies = make(map[int]seen)
	for slot, b := range p.see.bodies {
		c.bodies[slot] = b
	}
	return &c
}

// A pilot that does not read gets fewer messages, takes no memory beyond a bound, and is up
// to date as soon as it reads again.
func TestSlowPilotMissesTicksAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		game, srv, l := serve(t, 60)
		l.SetBuffer(2000)
		slow := join(t, l, "slow")
		for n := range 40 { // which make the messages longer
			join(t, l, fmt.Sprint("n", n))
		}
		_ = game.loop.Post(func() {
			for slot := range game.pilots {
				b := &game.arena.bodies[slot]
				b.x, b.y = side/2+float64(slot*40%400), side/2+float64(slot/10*40)
				game.arena.Steer(slot, byte(slot*50), 255)
			}
		})
		defer game.Play().Stop()
		time.Sleep(time.Second)
		slow.Pause()
		time.Sleep(8 * time.Second) // Config.WriteTimeout is 10 s
		synctest.Wait()
		for p := range srv.Clients() {
			if n := p.BufferedAmount(); n > slow2 {
				t.Errorf("%d bytes wait", n)
			}
		}
		skips := make(chan uint64, 1)
		_ = game.loop.Post(func() { skips <- game.skips })
		if n := <-skips; n == 0 {
			t.Error("it gets everything")
		}
		slow.Resume()
		time.Sleep(time.Second)
		synctest.Wait()
		_ = game.loop.Post(func() {})
		lookAt(slow)
		done := make(chan struct{})
		_ = game.loop.Post(func() {
			defer func() { done <- struct{}{} }()
			if game.arena.tick-slow.see.tick > 1 {
				t.Errorf("tick %d, it knows %d", game.arena.tick, slow.see.tick)
			}
			if slow.see.tick == game.arena.tick {
				compare(t, "at the end", game.arena, &game.frame, slow.slot, slow.see)
			}
		})
		<-done
	})
}

// slow2 is what may wait for a pilot: a message more than slow.
const slow2 = slow + 4<<10

func TestWhoIsNotLetIn(t *testing.T) {
	_, _, l := serve(t, 2)
	for _, tt := range []struct {
		target string
		status int
	}{
		{"/play", http.StatusBadRequest}, {"/play?name=%20", http.StatusBadRequest}, {"/play?name=%ff", http.StatusBadRequest},
		{"/play?name=a%00b", http.StatusBadRequest}, {"/play?name=" + strings.Repeat("x", maxName+1), http.StatusBadRequest},
		{"/?name=Ada", http.StatusNotFound},
	} {
		_, res, err := clienttest.TryDial(t, l, tt.target)
		if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != tt.status {
			t.Errorf("%s: %v, %v; want %d", tt.target, res, err, tt.status)
		}
	}
	join(t, l, "Ada")
	join(t, l, strings.Repeat("x", maxName))
	if _, res, err := clienttest.TryDial(t, l, "/play?name=Eve"); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a third of two: %v, %v", res, err)
	}
}

func TestMessagesThatAreNone(t *testing.T) {
	_, _, l := serve(t, 10)
	for _, send := range []func(p *pilot){
		func(p *pilot) { p.SendText("\x01abcd") },
		func(p *pilot) { p.SendBinary(nil) },
		func(p *pilot) { p.SendBinary([]byte("\x02abcd")) },
		func(p *pilot) { p.SendBinary([]byte("\x01abcde")) },
	} {
		p := join(t, l, "Ada")
		send(p)
		if got := p.CloseCode(); got != client.StatusUnsupportedData {
			t.Errorf("closed with %v", got)
		}
	}
	p := join(t, l, "Ada")
	p.SendBinary(make([]byte, 65))
	if got := p.CloseCode(); got != client.StatusMessageTooBig {
		t.Errorf("closed with %v", got)
	}
}

func TestRushOfInputsIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		game, _, l := serve(t, 10)
		defer game.Play().Stop()
		fair, rush := join(t, l, "fair"), join(t, l, "rush")
		for n := range uint16(3 * maxRush) {
			if fair.SendBinary(input{number: n}.append(nil)); n > maxRush/2 { // what came so far, at once
				time.Sleep(time.Second / ticks / 2)
			}
		}
		for n := range uint16(maxRush + 1) {
			rush.SendBinary(input{number: n}.append(nil))
		}
		if got := rush.CloseCode(); got != client.StatusPolicyViolation {
			t.Errorf("closed with %v", got)
		}
		time.Sleep(time.Second)
		if lookAt(fair).ack != 3*maxRush-1 {
			t.Errorf("the last input that counts is %d", fair.see.ack)
		}
	})
}

// A class is tested without a server.
func TestPilotSteersItsShip(t *testing.T) {
	g := NewGame(nil, 3, 1)
	p, err := g.NewClient(clienttest.Request(t, "/play?name=Ada"))
	if err != nil {
		t.Fatal(err)
	}
	rec := clienttest.Connect(t, p)
	if err := g.OnClientConnect(p); err != nil || len(g.pilots) != 1 {
		t.Fatal(err)
	}
	if err := rec.Binary(input{heading: 64, power: 255, number: 3}.append(nil)); err != nil {
		t.Fatal(err)
	}
	g.tick()
	sent := rec.Sent()
	see := newPicture()
	if err := see.take(sent[len(sent)-1].Data); err != nil || see.ack != 3 || g.arena.bodies[p.slot].vy <= 0 {
		t.Errorf("%+v, %v", see.state, err)
	}
	g.OnClientDisconnect(p, rec.Disconnect(client.CloseInfo{}))
	if g.tick(); len(g.pilots) != 0 || g.arena.ships != 0 {
		t.Error("it is still there")
	}
}
