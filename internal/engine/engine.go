package engine

import (
	"math"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/transport"
)

// Owner is the server, as its connections see it. All methods but Drop, Sent and Gone
// run inside an event.
type Owner interface {
	// Connect runs OnClientConnect.
	Connect(s *Session) error
	// Message runs the hooks that come before OnMessage.
	Message(s *Session, m client.Message) error
	// Fragment runs the hooks that come before OnFragment.
	Fragment(s *Session, f client.Fragment) error
	// Drop reports messages that were dropped.
	Drop(s *Session, d client.Drop)
	// Sent reports a frame that was written, under Settings.Sent. It comes on the
	// goroutine that writes, outside of an event.
	Sent(s *Session, first byte, n int)
	// Disconnect runs OnClientDisconnect; the connection is gone.
	Disconnect(s *Session, info client.CloseInfo)
	// Failed reports an event that returned an error or panicked. It returns true to
	// keep the client.
	Failed(s *Session, err error) (keep bool)
	// Gone is the last call, when the socket is closed.
	Gone(s *Session)
}

// Config is what the sessions of one engine share. It is complete: nothing in it
// has a default.
type Config struct {
	Owner       Owner
	Service     *transport.Service
	Settings    *transport.Settings
	CloseCode   client.StatusCode
	CloseReason string
	HasMessage  bool // Owner.Message has something to do
	HasFragment bool // likewise Owner.Fragment
}

// Engine makes the sessions of one server. It needs no closing, but its Service does.
type Engine struct {
	Config
	upgrader *gws.Upgrader
	readers  *sync.Pool // of *reader
	orphans  *serial    // runs what no loop will run
	rescued  *atomic.Bool
}

// New returns an engine.
func New(c Config) *Engine {
	e := &Engine{Config: c, readers: new(sync.Pool), orphans: new(serial), rescued: new(atomic.Bool)}
	if c.Settings.Dialed {
		return e // its readers are made when they are needed: most clients have none
	}
	e.upgrader = gws.NewUpgrader(events{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxPayload,
		CheckUtf8Enabled:   false, // done in the filter, or before OnMessage
		ParallelGolimit:    1,
		ReadBufferSize:     16,
		WriteBufferSize:    16,
		NewSession:         func() gws.SessionStorage { return noStorage{} },
	})
	e.readers.Put(e.newReader())
	return e
}

const maxPayload = math.MaxInt - 16 // the filter has checked it

// With returns an engine with other settings for the sessions that it will make; all
// else is that of e, of which Owner and Service must be the same.
func (e *Engine) With(c Config) *Engine {
	other := *e
	other.Config = c
	return &other
}

// synthetic is a request that gws accepts; the real one was judged before.
var synthetic = &http.Request{Method: http.MethodGet, Header: http.Header{
	"Connection":            {"Upgrade"},
	"Upgrade":               {"websocket"},
	"Sec-Websocket-Key":     {"AAAAAAAAAAAAAAAAAAAAAA=="},
	"Sec-Websocket-Version": {"13"},
}}

// noStorage is the session storage that gws wants: events find their session
// through the connection.
type noStorage struct{}

func (noStorage) Len() int                     { return 0 }
func (noStorage) Load(string) (any, bool)      { return nil, false }
func (noStorage) Delete(string)                {}
func (noStorage) Store(string, any)            {}
func (noStorage) Range(func(string, any) bool) {}

// events leads from gws to the session. Only messages come this way.
type events struct{}

func (events) OnOpen(*gws.Conn)         {}
func (events) OnClose(*gws.Conn, error) {}
func (events) OnPing(*gws.Conn, []byte) {}
func (events) OnPong(*gws.Conn, []byte) {}

func (events) OnMessage(c *gws.Conn, m *gws.Message) {
	c.NetConn().(*reader).s.Message(client.Opcode(m.Opcode), m.Bytes())
	_ = m.Close()
}
