package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// Session is one connection with its client object. Its life: NewSession, Bind,
// Start, Run.
type Session struct {
	transport.Conn
	Link   link.Conn     // what the client's Base is bound to
	Client client.Client // nil for a busy peer that no handler is told of
	Busy   *Busy         // not nil: told so and closed after OnClientConnect
	Data   any           // the owner's

	engine *Engine
	reader *reader // nil while nothing is for gws

	pieces *pieces                 // nil unless the class has OnFragment
	record atomic.Pointer[records] // nil until SetRecordLength
	zip    *zipper                 // nil without permessage-deflate

	box atomic.Pointer[mailbox] // nil while the reader runs the events; gone at the end

	held atomic.Bool // broadcasts wait for the banner; here it takes no room of its own

	mu      sync.Mutex // guards the following
	greeted bool       // the banner is out, or never will be
	ended   bool       // OnClientDisconnect has returned
	banner  string
	waiting *heldBroadcasts // nil: none
	context *life           // nil until somebody asks, unless there is a base
	over    error           // the cause, once the connection has ended
	waited  chan struct{}   // closed when ended; nil when nobody waits
}

// life is the context of a session.
type life struct {
	base   context.Context // nil, or what it derives from
	ctx    context.Context // nil until somebody asks
	cancel context.CancelCauseFunc
}

// zipper compresses what a session sends.
type zipper struct {
	transport.Zip            // a *deflate.Compressor
	mu            sync.Mutex // held from compressing to queueing: the window follows the wire
	min           int        // shorter messages are not compressed
	keep          bool       // there is a window
	kind          zipKind
}

// Busy is what a peer over the limit is told.
type Busy struct {
	Text   string
	Code   client.StatusCode
	Reason string
}

// Options are what the handshake decided for one connection.
type Options struct {
	Facts    link.Facts
	Server   client.Server
	Wire     transport.Wire
	Buffered []byte // read behind the request
	Deflate  *deflate.Params
	Zip      client.Compression // what the server wants of it
	Banner   string
	Busy     *Busy
	Context  context.Context // nil, or what Base.Context derives from
}

// NewSession returns a session in the state Connecting.
func (e *Engine) NewSession(o Options) *Session {
	s := &Session{engine: e, banner: o.Banner, Busy: o.Busy}
	if o.Context != nil {
		s.context = &life{base: o.Context}
	}
	s.Link = link.Conn{Facts: o.Facts, Ops: (*ops)(s), Server: o.Server}
	var inflate *deflate.Decompressor
	if o.Deflate != nil {
		inflate = deflate.NewDecompressor(*o.Deflate)
		s.zip = &zipper{
			Zip: deflate.NewCompressor(*o.Deflate, o.Zip.Level),
			min: threshold(o.Zip.Threshold, o.Deflate.ServerTakeover), keep: o.Deflate.ServerTakeover,
			kind: zipKind{o.Deflate.ServerBits, int8(o.Zip.Level)},
		}
	}
	s.held.Store(true)
	s.Conn.Init(e.Service, e.Settings, o.Wire, o.Buffered, inflate, s)
	return s
}

// Bind makes c the client of the connection.
func (s *Session) Bind(c client.Client) error {
	if !link.Bind(c, &s.Link) {
		return errors.New("engine: the client has a connection already, or its Base is a nil pointer")
	}
	s.Client = c
	if h, ok := c.(client.FragmentHandler); ok {
		s.pieces = &pieces{handler: h}
		s.Pieces()
	}
	return nil
}

// Start opens the session. Run follows, after Answer if HoldBack was called.
func (s *Session) Start() {
	s.Attach()
	s.Link.Opened = time.Now()
	s.Open()
	if m := s.mailbox(); m != nil {
		if t := m.seat.Load(); t.unseated() {
			t.checkClosed()
		}
	}
}

// Refuse ends a session that will not be started: its client has no connection.
func (s *Session) Refuse(cause error) {
	s.mu.Lock()
	s.greeted = true
	s.mu.Unlock()
	s.Dropped(cause)
	if !s.box.CompareAndSwap(nil, gone) {
		s.mailbox().close()
		s.box.Store(gone)
	}
}

// Run is the reader: it runs every event of the client, until the socket is
// closed. It wants a goroutine of its own with a fresh, small stack, and moves to
// another one whenever the peer has been silent for a while.
func (s *Session) Run() { s.read((*Session).begin) }

// Resume goes on reading after a rest.
func (s *Session) Resume() { s.read(nil) }

// begin is what comes before the first message.
func (s *Session) begin() {
	if m := s.mailbox(); m != nil && s.Client != nil {
		m.connected()
		return
	}
	s.connect()
}

func (s *Session) connect() {
	if err := event.Do((*connectEvent)(s)); err != nil {
		name := "OnClientConnect"
		if s.engine.Settings.Dialed {
			name = "OnOpen" // of dial.Handler
		}
		s.failed(name, err)
	}
	s.greet()
}

// read reads to the end, or until the reader may rest.
func (s *Session) read(first func(*Session)) {
	for s.loop(first) {
		if s.reader != nil && s.AtRest() {
			s.engine.giveBack(s)
		}
		if s.Rest() {
			return // Resume goes on, perhaps already
		}
		first = nil
	}
}

// loop returns true when the reader may rest. Otherwise the session has ended.
func (s *Session) loop(first func(*Session)) (rest bool) {
	regular := false
	defer func() { // deferred, because an event may end the goroutine
		v := recover()
		switch {
		case rest:
			return
		case transport.Dozed(v):
			rest = true
			return
		case v == any(over) || regular:
			regular = true
		case v != nil: // a fault of ours costs this connection only
			s.failed("reader", &event.Panic{Value: v, Stack: debug.Stack()})
		default:
			s.failed("event", errExited)
		}
		s.end(regular && s.BetweenMessages())
	}()
	if first != nil {
		first(s)
	}
	next := transport.NextEngine
	if s.reader == nil {
		next = s.Serve()
	}
	switch next {
	case transport.NextRest:
		return true
	case transport.NextEnd:
		regular = true
		return false
	}
	if s.reader == nil {
		s.engine.lend(s)
	}
	s.reader.sock.ReadLoop()
	return false // never: it is left by a panic
}

var errExited = errors.New("runtime.Goexit was called")

// end is the last part of the life. clean tells that others may have the reader.
func (s *Session) end(clean bool) {
	s.Conn.Finish()
	info := s.Conn.Info()
	s.mu.Lock()
	s.waiting, s.greeted = nil, true
	s.mu.Unlock()
	s.Dropped(info.Cause)
	if !s.box.CompareAndSwap(nil, gone) {
		s.endElsewhere(info, clean)
		return
	}
	// Deferred, because each event may end the goroutine.
	defer s.engine.Owner.Gone(s)
	defer s.Conn.Linger()
	defer s.signalEnd()
	defer s.disconnect(info)
	if clean && s.reader != nil {
		defer s.engine.giveBack(s)
	}
	defer s.Notice()
	s.lastRecord(info)
}

// endElsewhere is the end of a client whose events are not run by its reader.
func (s *Session) endElsewhere(info client.CloseInfo, clean bool) {
	if clean && s.reader != nil {
		s.engine.giveBack(s)
	}
	m := s.box.Load()
	m.finish(info)
	s.Conn.Linger()
	s.Conn.Settle()
	m.ended()
	s.box.Store(gone)
	m.close()
	s.engine.Owner.Gone(s)
}

func (s *Session) disconnect(info client.CloseInfo) {
	if err := event.Do(event.Func(func() error { s.engine.Owner.Disconnect(s, info); return nil })); err != nil {
		s.engine.Owner.Failed(s, described("OnClientDisconnect", err))
	}
}

// Dropped ends the context: the connection is gone.
func (s *Session) Dropped(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return
	}
	s.over = cause
	if s.context != nil && s.context.cancel != nil {
		s.context.cancel(cause)
	}
}

// Ended is closed when OnClientDisconnect has returned.
func (s *Session) Ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waited == nil {
		s.waited = make(chan struct{})
		if s.ended {
			close(s.waited)
		}
	}
	return s.waited
}

func (s *Session) signalEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.waited != nil {
		close(s.waited)
	}
}

type connectEvent Session

func (e *connectEvent) Run() error { s := (*Session)(e); return s.engine.Owner.Connect(s) }

// described makes the error of an event a typed cause.
func described(name string, err error) error {
	var p *event.Panic
	if errors.As(err, &p) {
		return &client.PanicError{Event: name, Value: p.Value, Stack: p.Stack}
	}
	return &client.EventError{Event: name, Err: err}
}

// failed ends the connection for an event that returned an error or panicked.
func (s *Session) failed(name string, err error) {
	if ce, ok := errors.AsType[*client.CloseError](err); ok && ce.Code.Sendable() && utf8.ValidString(ce.Reason) {
		_ = s.CloseWith(ce.Code, client.CutReason(ce.Reason), false, ce)
		return
	}
	err = described(name, err)
	keep := false
	if perr := event.Do(event.Func(func() error { keep = s.engine.Owner.Failed(s, err); return nil })); perr != nil {
		keep = false
	}
	if !keep {
		_ = s.CloseWith(client.StatusInternalError, "", false, err)
	}
}
