//go:build unix

package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// sleeping is a client whose reader rests, and all around it.
type sleeping struct {
	t     *testing.T
	which int // of whileAsleep
	name  string
	srv   *wsserver.Server[visiting]
	l     *lobby
	v     *visitor
	p     *wstest.Peer
	got   chan string // what the class received
}

// asleep waits until the reader has no goroutine, where the driver lets it.
func (s *sleeping) asleep() {
	s.t.Helper()
	if drivingOf(s.t).driver != wsserver.DriverGoroutine {
		eventually(s.t, s.name+": the reader to sleep", func() bool { return s.srv.Stats().Dormant == 1 })
	}
}

// received waits for what the class gets.
func (s *sleeping) received(want string) {
	s.t.Helper()
	select {
	case got := <-s.got:
		if got != want {
			s.t.Errorf("%s: %.50q is received, want %.50q", s.name, got, want)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatalf("%s: %.50q is not received", s.name, want)
	}
}

func (s *sleeping) no(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Errorf("%s: %v", s.name, err)
	}
}

// event waits for an event of that name.
func (s *sleeping) event(name string) {
	s.t.Helper()
	eventually(s.t, s.name+": "+name, func() bool { return s.l.count(name) > 0 })
}

// ends waits for the end and for its place in the figures.
func (s *sleeping) ends(code client.StatusCode, cause error) {
	s.t.Helper()
	i := s.l.ended(s.t)
	if i.Code != code || cause != nil && !errors.Is(i.Cause, cause) {
		s.t.Errorf("%s: it ends with %v, want %d for %v", s.name, i, code, cause)
	}
}

// answered is how a peer takes the server's close frame.
func (s *sleeping) answered(code int) {
	s.t.Helper()
	s.p.WantClose(code)
	s.p.Send(wstest.Close(code, ""))
}

// What is done to a client while its reader sleeps, and what its peer does.
var whileAsleep = []struct {
	name string
	cfg  func(c *wsserver.Config, patience time.Duration)
	do   func(s *sleeping)
	over bool // the client ends by it

	clocked bool // and soon, of itself
}{
	{name: "messages are sent", do: func(s *sleeping) {
		for i := range 5 {
			s.no(s.v.SendText(fmt.Sprint(i)))
			s.p.WantText(fmt.Sprint(i))
		}
		s.asleep() // nobody was woken for it
	}},
	{name: "a large message is sent", do: func(s *sleeping) {
		data := make([]byte, 500_000)
		s.no(s.v.SendBinary(data))
		s.p.WantMessage(wstest.OpBinary, data)
	}},
	{name: "a file is sent", do: func(s *sleeping) {
		data := []byte(prose(1, 300_000))
		s.no(s.v.SendFile(s.t.Context(), fileOf(s.t, data)))
		s.p.WantMessage(wstest.OpBinary, data)
	}},
	{name: "a reader is sent and interrupted", cfg: noClocks, do: func(s *sleeping) {
		done := make(chan error, 1)
		go func() { done <- s.v.SendReader(context.Background(), client.OpBinary, endless{}) }()
		eventually(s.t, "the stream to wait", func() bool { return s.v.Stats().Buffered > 0 })
		s.v.Interrupt()
		if err := <-done; !errors.Is(err, client.ErrInterrupted) {
			s.t.Errorf("%s: SendReader = %v", s.name, err)
		}
		s.v.Abort()
		s.ends(client.StatusInternalError, client.ErrInterrupted) // a message without an end
	}, over: true},
	{name: "a broadcast", do: func(s *sleeping) {
		if n := s.srv.Broadcast(client.Text("to all")); n != 1 {
			s.t.Errorf("%s: it is for %d", s.name, n)
		}
		s.p.WantText("to all")
	}},
	{name: "a group", do: func(s *sleeping) {
		for c := range s.srv.Clients() {
			s.no(s.srv.Group("g").Join(c))
		}
		if n := s.srv.Group("g").Broadcast(client.Text("to some")); n != 1 {
			s.t.Errorf("%s: it is for %d", s.name, n)
		}
		s.p.WantText("to some")
	}},
	{name: "a ping and its pong", do: func(s *sleeping) {
		s.no(s.v.Ping([]byte("there?")))
		f, err := s.p.NextFrame()
		if err != nil || f.Op != wstest.OpPing || string(f.Payload) != "there?" {
			s.t.Errorf("%s: %+v, %v", s.name, f, err)
		}
		s.p.Send(wstest.Pong(f.Payload))
		s.event("OnPong")
	}},
	{name: "the peer's ping", do: func(s *sleeping) {
		s.p.Send(wstest.Ping([]byte("p")))
		s.p.WantPong([]byte("p"))
		s.event("OnPing")
	}},
	{name: "messages are dropped", cfg: dropping, do: func(s *sleeping) {
		s.no(overfill(s.v))
		s.event("OnDropped") // the reader is woken for it
		s.no(s.v.SetSendQueue(client.SendQueue{}))
		s.no(s.v.SendText("last"))
		drained(s.p)
	}},
	{name: "a message takes the place of another", cfg: dropping, do: func(s *sleeping) {
		s.no(overfill(s.v))
		for i := range 3 {
			r := s.v.SendWith(s.t.Context(), client.Text(fmt.Sprint(i)), client.SendOptions{Policy: client.QueueLatest, Key: "k"})
			s.no(r.Err)
		}
		eventually(s.t, s.name+": OnDropped", func() bool { return s.l.count("OnDropped") > 0 })
		drained(s.p)
	}},
	{name: "a sender waits for room", cfg: dropping, do: func(s *sleeping) {
		s.no(overfill(s.v))
		done := make(chan error, 1)
		go func() {
			done <- s.v.SendWith(context.Background(), client.Text("waited"), client.SendOptions{Policy: client.QueueBlock}).Err
		}()
		drained(s.p)
		s.no(<-done)
	}},
	{name: "the queue is full and closes", cfg: noClocks, do: func(s *sleeping) {
		s.no(s.v.SetSendQueue(client.SendQueue{MaxBytes: 64 << 10, Policy: client.QueueClose}))
		s.no(overfill(s.v))
		for err := error(nil); err == nil; {
			_, err = s.p.TryMessage()
		}
		s.p.Send(wstest.Close(1008, ""))
		s.ends(client.StatusPolicyViolation, nil)
	}, over: true},
	{name: "the peer is ready for more", cfg: dropping, do: func(s *sleeping) {
		for s.v.TrySend(client.Binary(make([]byte, 30_000))) == nil {
		}
		done := make(chan error, 1)
		go func() { done <- s.v.WaitWritable(context.Background()) }()
		read := make(chan struct{})
		go func() { drained(s.p); close(read) }()
		s.event("OnReadyToSend")
		s.no(<-done)
		s.no(s.v.SendText("enough"))
		<-read
	}},
	{name: "a pause without input", do: func(s *sleeping) {
		s.no(s.v.SetAcceptData(false))
		s.no(s.v.SetAcceptData(true))
	}},
	{name: "a pause with input", do: func(s *sleeping) {
		s.no(s.v.SetAcceptData(false))
		s.p.Send(wstest.Text("later"))
		time.Sleep(20 * time.Millisecond)
		if n := len(s.got); n > 0 || s.srv.Stats().Dormant > 0 {
			s.t.Errorf("%s: %d messages, %d asleep", s.name, n, s.srv.Stats().Dormant)
		}
		s.no(s.v.SetAcceptData(true))
		s.received("later")
	}},
	{name: "many pauses", do: func(s *sleeping) {
		for i := range 50 {
			s.no(s.v.SetAcceptData(i%2 > 0))
			if i%7 == 0 {
				s.p.Send(wstest.Text(fmt.Sprint(i)))
			}
		}
		for i := 0; i < 50; i += 7 {
			s.received(fmt.Sprint(i))
		}
	}},
	{name: "bandwidth is limited", do: func(s *sleeping) {
		s.no(s.v.SetBandwidthLimit(1 << 20))
		s.no(s.v.SendText("slowly"))
		s.p.WantText("slowly")
		s.p.Send(wstest.Text("slowly"))
		s.received("slowly")
	}},
	{name: "an end in a pause", do: func(s *sleeping) {
		s.no(s.v.SetAcceptData(false))
		s.no(s.v.Close(4001, "enough"))
		s.answered(4001)
		s.ends(4001, client.ErrCloseCalled)
	}, over: true},
	{name: "Close", do: func(s *sleeping) {
		s.no(s.v.Close(4002, "bye"))
		s.answered(4002)
		s.ends(4002, client.ErrCloseCalled)
	}, over: true},
	{name: "Close that nobody answers", cfg: func(c *wsserver.Config, _ time.Duration) { c.CloseTimeout = 50 * time.Millisecond }, do: func(s *sleeping) {
		s.no(s.v.Close(4002, "bye"))
		s.ends(4002, client.ErrCloseTimeout)
	}, over: true},
	{name: "CloseAfterFlush", do: func(s *sleeping) {
		s.no(s.v.SendBinary(make([]byte, 300_000)))
		s.no(s.v.CloseAfterFlush(4003, "bye"))
		s.p.WantMessage(wstest.OpBinary, make([]byte, 300_000))
		s.answered(4003)
		s.ends(4003, client.ErrCloseCalled)
	}, over: true},
	{name: "Abort", do: func(s *sleeping) {
		ctx := s.v.Context()
		s.v.Abort()
		s.ends(client.StatusAbnormal, client.ErrAborted)
		<-ctx.Done()
	}, over: true},
	{name: "Disconnect", do: func(s *sleeping) {
		s.no(s.srv.Disconnect(s.v.ID(), 4004, "go"))
		s.answered(4004)
		s.ends(4004, nil)
	}, over: true},
	{name: "DisconnectAll", do: func(s *sleeping) {
		done := make(chan error, 1)
		go func() { done <- s.srv.DisconnectAll(context.Background(), 4005, "all") }()
		s.answered(4005)
		s.ends(4005, nil)
		s.no(<-done)
	}, over: true},
	{name: "Shutdown", do: func(s *sleeping) {
		done := make(chan error, 1)
		go func() { done <- s.srv.Shutdown(context.Background()) }()
		s.answered(1001)
		s.ends(client.StatusGoingAway, nil)
		s.no(<-done)
	}, over: true},
	{name: "Server.Close", do: func(s *sleeping) {
		s.no(s.srv.Close())
		s.ends(client.StatusGoingAway, nil)
	}, over: true},
	{name: "idle for too long", clocked: true, cfg: func(c *wsserver.Config, patience time.Duration) { c.IdleTimeout = patience }, do: func(s *sleeping) {
		s.answered(1001)
		s.ends(client.StatusGoingAway, client.ErrIdleTimeout)
	}, over: true},
	{name: "too old", clocked: true, cfg: func(c *wsserver.Config, patience time.Duration) { c.MaxLifetime = patience }, do: func(s *sleeping) {
		s.answered(1012)
		s.ends(client.StatusServiceRestart, client.ErrLifetime)
	}, over: true},
	{name: "no answer to a ping", clocked: true, cfg: func(c *wsserver.Config, patience time.Duration) {
		c.PingInterval, c.PongTimeout = patience, 50*time.Millisecond
	}, do: func(s *sleeping) {
		if f, err := s.p.NextFrame(); err != nil || f.Op != wstest.OpPing {
			s.t.Errorf("%s: %+v, %v", s.name, f, err)
		}
		s.answered(1011)
		s.ends(client.StatusInternalError, client.ErrPingTimeout)
	}, over: true},
	{name: "the peer says goodbye", do: func(s *sleeping) {
		s.p.Send(wstest.Close(4006, "mine"))
		s.p.WantClose(4006)
		s.ends(4006, nil)
	}, over: true},
	{name: "the peer is gone", do: func(s *sleeping) {
		s.p.Conn.Close()
		s.ends(client.StatusAbnormal, nil)
	}, over: true},
	{name: "the peer is reset", do: func(s *sleeping) {
		s.p.Drop()
		s.ends(client.StatusAbnormal, nil)
	}, over: true},
	{name: "the peer breaks a rule", do: func(s *sleeping) {
		s.p.Write([]byte{0x83, 0x80, 0, 0, 0, 0})
		s.answered(1002)
		s.ends(client.StatusProtocolError, nil)
	}, over: true},
}

func noClocks(c *wsserver.Config, _ time.Duration) { c.PingInterval, c.WriteTimeout = -1, -1 }

func dropping(c *wsserver.Config, _ time.Duration) {
	t := tight()
	c.SendQueue, c.PingInterval, c.WriteTimeout = t.SendQueue, t.PingInterval, t.WriteTimeout
}

// endless is a source that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Whatever is done to a client whose reader sleeps has the effect that it has on any other, on
// each wire and for both kinds of class; and in the end nobody is asleep.
func TestWhileAsleep(t *testing.T) { onDriversAtOnce(t, testWhileAsleep) }

// All the clients sleep at the same time, because falling asleep may take a second or two.
func testWhileAsleep(t *testing.T) {
	const patience = 8 * time.Second // all must be asleep before
	var list []*sleeping
	admit := func(clocked bool) {
		for _, wire := range []string{"tcp", "tls"} {
			for _, pieces := range []bool{false, true} {
				for i := range whileAsleep {
					if whileAsleep[i].clocked == clocked {
						list = append(list, newSleeping(t, i, wire, pieces, patience))
					}
				}
			}
		}
	}
	admit(false)
	for _, s := range list {
		s.asleep()
		s.p.Send(wstest.Continuation([]byte("parts")))
		s.received("in parts")
	}
	admit(true)
	for _, s := range list {
		s.asleep()
		whileAsleep[s.which].do(s)
	}
	for _, s := range list {
		if !whileAsleep[s.which].over {
			s.asleep()
			s.goodbye()
		}
	}
	for _, s := range list {
		eventually(t, s.name+": nobody to be asleep", func() bool { return s.srv.Stats().Dormant == 0 && s.srv.Stats().Clients == 0 })
	}
}

// newSleeping is the client of a case, whose reader sleeps soon, most of them inside of a
// message.
func newSleeping(t *testing.T, which int, wire string, pieces bool, patience time.Duration) *sleeping {
	t.Helper()
	c := &whileAsleep[which]
	s := &sleeping{t: t, which: which, name: fmt.Sprintf("%s, %s, pieces %v", c.name, wire, pieces), l: newLobby(pieces), got: make(chan string, 100)}
	cfg := wsserver.Config{PingInterval: -1}
	if c.cfg != nil {
		c.cfg(&cfg, patience)
	}
	s.l.collect(func(_ *visitor, _ client.Opcode, data []byte) error { s.got <- string(data); return nil })
	s.srv, s.v, s.p = s.l.visitOver(t, wire, cfg)
	s.p.Timeout = 30 * time.Second
	s.p.Send(wstest.Text("hello"))
	if !c.clocked {
		s.p.Send(wstest.Text("in ").Open())
	}
	s.received("hello")
	return s
}

// goodbye makes sure that the client works as ever, and ends it.
func (s *sleeping) goodbye() {
	s.t.Helper()
	s.p.Send(wstest.Text("again"))
	s.received("again")
	s.p.Send(wstest.Close(1000, ""))
	for err := error(nil); err == nil; { // what is left of the case, to the close frame
		_, err = s.p.TryMessage()
	}
	s.ends(client.StatusNormalClosure, nil)
}
