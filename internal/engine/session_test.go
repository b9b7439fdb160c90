package engine

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wstest"
)

// member is the class of these tests: an echo unless a function is set.
type member struct {
	client.Base
	message func(m *member, msg client.Message) error
}

func (m *member) OnMessage(msg client.Message) error {
	if m.message == nil {
		return m.Send(msg)
	}
	return m.message(m, msg)
}

// hall is the owner of sessions, which plays the server.
type hall struct {
	settings transport.Settings
	keep     bool // a client whose event failed
	deflate  *deflate.Params
	message  func(m *member, msg client.Message) error
	connect  func(m *member) error

	mu     sync.Mutex // guards the following
	infos  []client.CloseInfo
	failed []error
}

func newHall() *hall {
	return &hall{settings: transport.Settings{
		MaxMessage:   1 << 20,
		Queue:        client.SendQueue{MaxBytes: 1 << 20},
		WriteTimeout: 10 * time.Second,
		CloseTimeout: 5 * time.Second,
	}}
}

func (h *hall) Connect(s *Session) error {
	if h.connect == nil {
		return nil
	}
	return h.connect(s.Client.(*member))
}

func (h *hall) Message(*Session, client.Message) error { return nil }

func (h *hall) Disconnect(_ *Session, info client.CloseInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.infos = append(h.infos, info)
}

func (h *hall) Fragment(*Session, client.Fragment) error { return nil }

func (h *hall) Drop(*Session, client.Drop) {}
func (h *hall) Sent(*Session, byte, int)   {}

func (h *hall) Failed(_ *Session, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = append(h.failed, err)
	return h.keep
}

// Gone tells admit's clean-up.
func (h *hall) Gone(s *Session) { close(s.Data.(chan struct{})) }

func (h *hall) engine() *Engine {
	return New(Config{Owner: h, Service: transport.NewService(), Settings: &h.settings, CloseCode: client.StatusNormalClosure})
}

// admit starts a session on conn, which ends with the test.
func (h *hall) admit(tb testing.TB, conn net.Conn) *Session {
	tb.Helper()
	_, edit := driverOf(tb)
	edit(&h.settings)
	e := h.engine()
	s := e.NewSession(Options{Wire: transport.NewWire(conn), Deflate: h.deflate})
	gone := make(chan struct{})
	s.Data = gone
	if err := s.Bind(&member{message: h.message}); err != nil {
		tb.Fatal(err)
	}
	s.Start()
	go s.Run()
	tb.Cleanup(func() {
		s.Client.Abort()
		<-gone
		if n := e.Service.Asleep(); n != 0 {
			tb.Errorf("%d sessions are asleep in the end", n)
		}
		e.Service.Close()
	})
	return s
}

// enter starts a session in memory and returns its peer.
func (h *hall) enter(tb testing.TB) (*Session, *wstest.Peer) {
	tb.Helper()
	near, far := memnet.Pipe(0)
	s := h.admit(tb, far)
	p := wstest.Wrap(tb, near)
	if h.deflate != nil {
		agree(p, *h.deflate)
	}
	return s, p
}

// socketPair are the two ends of a TCP connection.
func socketPair(tb testing.TB) (near, far net.Conn) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		tb.Fatal(err)
	}
	return near, far
}

// agree makes p a peer that has negotiated compression.
func agree(p *wstest.Peer, d deflate.Params) {
	p.Agreement = &wstest.Agreement{ServerNoTakeover: !d.ServerTakeover, ClientNoTakeover: !d.ClientTakeover, ServerBits: int(d.ServerBits), ClientBits: int(d.ClientBits)}
	p.Deflater = wstest.NewDeflater(p.Agreement.ClientWindow(), d.ClientTakeover)
	p.Inflater = wstest.NewInflater(p.Agreement.ServerWindow(), d.ServerTakeover)
}

// info waits for the end of a session and returns it.
func (h *hall) info(tb testing.TB, s *Session) client.CloseInfo {
	tb.Helper()
	select {
	case <-s.Ended():
	case <-time.After(20 * time.Second):
		tb.Fatal("the session does not end")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.infos) != 1 {
		tb.Fatalf("OnClientDisconnect came %d times", len(h.infos))
	}
	return h.infos[0]
}

// takeoverParams keep a window in both directions.
var takeoverParams = deflate.Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 12, ClientBits: 12}
