package wsserver_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// visitor is a class with every event that is about the peer's and the queue's doings,
// save that messages come whole.
type visitor struct {
	client.Base
	lobby *lobby
}

func (v *visitor) OnMessage(m client.Message) error {
	return v.lobby.event("OnMessage", func() error { return v.lobby.message(v, m) })
}

func (v *visitor) OnPing(p []byte) error {
	return v.lobby.event("OnPing", func() error { return v.lobby.ping(v, p) })
}

func (v *visitor) OnPong(p []byte) error {
	return v.lobby.event("OnPong", func() error { return v.lobby.pong(v, p) })
}

func (v *visitor) OnReadyToSend() error {
	return v.lobby.event("OnReadyToSend", func() error { return v.lobby.ready(v) })
}

func (v *visitor) OnDropped(d client.Drop) error {
	return v.lobby.event("OnDropped", func() error { return v.lobby.dropped(v, d) })
}

// carved is a visitor whose messages come in pieces.
type carved struct{ visitor }

func (c *carved) OnFragment(f client.Fragment) error {
	return c.lobby.event("OnFragment", func() error { return c.lobby.fragment(&c.visitor, f) })
}

// visiting is what the two classes have in common.
type visiting interface {
	client.Client
	base() *visitor
}

func (v *visitor) base() *visitor { return v }

// lobby is the factory of visitors of one class. Functions that are not set do nothing.
type lobby struct {
	pieces bool // the class has OnFragment

	connect       func(v *visitor) error
	message       func(v *visitor, m client.Message) error
	fragment      func(v *visitor, f client.Fragment) error
	ping, pong    func(v *visitor, p []byte) error
	ready         func(v *visitor) error
	dropped       func(v *visitor, d client.Drop) error
	disconnect    func(v *visitor, i client.CloseInfo)
	journal       // names of events, in order
	inside        atomic.Int32
	overlaps      atomic.Int32
	mu            sync.Mutex // guards the following
	last          *visitor
	info          client.CloseInfo
	at            time.Time
	ends, started int
}

func newLobby(pieces bool) *lobby {
	control := func(*visitor, []byte) error { return nil }
	return &lobby{
		pieces:   pieces,
		message:  func(*visitor, client.Message) error { return nil },
		fragment: func(*visitor, client.Fragment) error { return nil },
		ping:     control, pong: control,
		ready:   func(*visitor) error { return nil },
		dropped: func(*visitor, client.Drop) error { return nil },
	}
}

// event runs f, and notes the event and whether another one was running.
func (l *lobby) event(name string, f func() error) error {
	if l.inside.Add(1) != 1 {
		l.overlaps.Add(1)
	}
	defer l.inside.Add(-1)
	l.add(name)
	return f()
}

func (l *lobby) NewClient(*client.OpenRequest) (visiting, error) {
	if l.pieces {
		return &carved{visitor{lobby: l}}, nil
	}
	return &visitor{lobby: l}, nil
}

func (l *lobby) OnClientConnect(g visiting) error {
	v := g.base()
	l.mu.Lock()
	l.last, l.started = v, l.started+1
	l.mu.Unlock()
	return l.event("OnClientConnect", func() error {
		if l.connect != nil {
			return l.connect(v)
		}
		return nil
	})
}

func (l *lobby) OnClientDisconnect(g visiting, i client.CloseInfo) {
	_ = l.event("OnClientDisconnect", func() error {
		l.mu.Lock()
		l.info, l.at, l.ends = i, time.Now(), l.ends+1
		l.mu.Unlock()
		if l.disconnect != nil {
			l.disconnect(g.base(), i)
		}
		return nil
	})
}

// visitor waits for the one that is connected.
func (l *lobby) visitor(t testing.TB) (v *visitor) {
	t.Helper()
	eventually(t, "a visitor", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		v = l.last
		return v != nil
	})
	return v
}

// ended waits for the last event and returns what it got.
func (l *lobby) ended(t testing.TB) client.CloseInfo {
	t.Helper()
	eventually(t, "the last event", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.ends > 0
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends != 1 || l.overlaps.Load() != 0 {
		t.Errorf("%d last events, %d events overlap: %v", l.ends, l.overlaps.Load(), l.lines())
	}
	return l.info
}

// lives reports whether the visitor has not ended.
func (l *lobby) lives() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends == 0
}

// visit starts a server of l in memory, for a bubble, and returns its peer, settled.
func (l *lobby) visit(t *testing.T, cfg wsserver.Config) (*wsserver.Server[visiting], *visitor, *wstest.Peer) {
	t.Helper()
	srv := newServerOf(t, l, cfg)
	p := wstest.Open(raw(t, serve(t, srv)), "/")
	p.Timeout = 1000 * time.Hour // by the clock of the bubble
	return srv, l.visitor(t), p
}

// visitNarrow is visit over a connection that holds bytes in each direction.
func (l *lobby) visitNarrow(t *testing.T, cfg wsserver.Config, bytes int) (*wsserver.Server[visiting], *visitor, *wstest.Peer) {
	t.Helper()
	srv := newServerOf(t, l, cfg)
	on := serve(t, srv)
	on.SetBuffer(bytes)
	p := wstest.Open(raw(t, on), "/")
	p.Timeout = 1000 * time.Hour
	return srv, l.visitor(t), p
}

// wires are the ways to be connected outside of a bubble.
var wires = []string{"memory", "tcp", "tls", "tls of another server"}

// visitOver starts a server of l and connects over a wire.
func (l *lobby) visitOver(t *testing.T, wire string, cfg wsserver.Config) (*wsserver.Server[visiting], *visitor, *wstest.Peer) {
	t.Helper()
	var p *wstest.Peer
	insecure := &tls.Config{InsecureSkipVerify: true, ServerName: "server.example"}
	if wire == "tls" {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("server.example")}}
	}
	if wire == "tcp" || wire == "tls" {
		cfg.Addr = "127.0.0.1:0"
	}
	srv := newServerOf(t, l, cfg)
	switch wire {
	case "memory":
		p = raw(t, serve(t, srv))
	case "tcp":
		p = wstest.DialTCP(t, open(t, srv))
	case "tls":
		p = wstest.DialTLS(t, open(t, srv), insecure)
	default:
		on, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		hs := &http.Server{Handler: srv, TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("server.example")}, NextProtos: []string{"http/1.1"},
		}}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = hs.ServeTLS(on, "", "")
		}()
		t.Cleanup(func() { hs.Close(); <-done })
		p = wstest.DialTLS(t, on.Addr().String(), insecure)
	}
	p = wstest.Open(p, "/")
	return srv, l.visitor(t), p
}

// onEachWire runs test on all of them, for a class of whole messages and one of pieces.
func onEachWire(t *testing.T, test func(t *testing.T, l *lobby, wire string)) {
	t.Helper()
	for _, wire := range wires {
		for _, pieces := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pieces %v", wire, pieces), func(t *testing.T) { test(t, newLobby(pieces), wire) })
		}
	}
}

// collect makes both kinds of class hand whole messages to f.
func (l *lobby) collect(f func(v *visitor, op client.Opcode, data []byte) error) {
	var part []byte
	l.message = func(v *visitor, m client.Message) error { return f(v, m.Op, m.Data) }
	l.fragment = func(v *visitor, p client.Fragment) error {
		if p.First {
			part = nil
		}
		if part = append(part, p.Data...); p.Final {
			return f(v, p.Op, part)
		}
		return nil
	}
}
