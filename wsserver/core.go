package wsserver

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/groups"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/internal/registry"
	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/multilisten"
)

// core is a Server without its type parameter.
type core struct {
	cfg        Config
	log        *slog.Logger
	class      factory
	self       client.Server // the Server[T] around it
	gate       *banner.Gate
	hosts      *hosts.Set // nil without hosts
	tlsOptions hosts.Options
	hostGates  []*banner.Gate // by hosts.Entry.Index
	pieces     bool           // the class gets messages in pieces
	service    *transport.Service

	in    atomic.Pointer[inForce] // what of cfg may change is read there
	turns chan struct{}           // of those who change it; holds one

	registry  registry.Registry[*engine.Session]
	groups    groups.Set[*engine.Session]
	ids       atomic.Uint64
	uuids     uuids
	busy      atomic.Int32 // peers that are told they are too many, after an upgrade
	counters  counters
	refusals  [reasons]sampler // of log lines
	lines     [lines]sampler   // likewise, of the others
	parts     parts
	health    health
	started   sync.Once   // the line "starting"
	told      optionsTold // of connections that came by ServeHTTP
	lastError atomic.Pointer[ServerError]
	pages     pages
	pumps     pumps
	away      away
	handing   atomic.Bool                       // a HandOver runs
	arrived   func() (left []string, err error) // of Config.Inherited
	lingering atomic.Int32                      // targets whose client has ended

	alive context.Context // ends with ErrServerClosed when the server begins to close
	kill  context.CancelCauseFunc

	done chan struct{}  // closed when wg is
	wg   sync.WaitGroup // every goroutine; nothing is added once closing is set

	mu        sync.Mutex // guards the following
	state     State
	listening bool // a Listen runs
	closing   bool
	group     *multilisten.Group
	port      int
	handed    int  // listeners that were given to Serve so far
	renewing  bool // renewLocked has started it
	served    map[*listener]struct{}
	opening   openings                     // connections in handshake
	others    map[*engine.Session]struct{} // sessions that are not in the registry: busy peers, forwarded ones
	forwarded int                          // of others
	end       func(*engine.Session)        // once closing: what becomes of a session
	drain     *drain                       // nil unless Shutdown has begun one
}

func (s *core) init(cfg Config, class factory, self client.Server) error {
	s.cfg = cloneConfig(cfg).withDefaults() // later changes of its lists and maps do not count
	s.log, s.class, s.self = s.cfg.Logger, class, self
	if err := s.cfg.check(); err != nil {
		return err
	}
	var err error
	if s.gate, err = banner.NewGate(s.cfg.Banner); err != nil {
		return wrapField("Banner", err)
	}
	given := s.cfg
	if err := s.initTLS(); err != nil {
		return err
	}
	s.done = make(chan struct{})
	s.alive, s.kill = context.WithCancelCause(context.Background())
	s.served = make(map[*listener]struct{})
	s.others = make(map[*engine.Session]struct{})
	s.arrived = s.cfg.Inherited.Join()
	s.service = transport.NewService()
	s.turns = make(chan struct{}, 1)
	s.pages.alive, s.pages.cut = context.WithCancel(context.Background())
	s.parts.init(s.hosts)
	s.initPumps()
	return s.initForce(given)
}

func (s *core) engineConfig(c *Config) engine.Config {
	hooked, pieces := false, false
	for _, h := range c.Hooks {
		hooked = hooked || h.OnClientMessage != nil
		pieces = pieces || h.OnClientFragment != nil
	}
	return engine.Config{
		Owner:   (*owner)(s),
		Service: s.service,
		Settings: &transport.Settings{
			Dormant: c.Driver != DriverGoroutine, Inline: c.Driver == DriverInline,
			MaxMessage: c.wholeLimit(), MaxPieces: c.piecesLimit(), MaxFrame: c.MaxFrameSize,
			Queue: c.SendQueue, Budget: link.BudgetOf(c.MemoryBudget),
			Bandwidth: c.BandwidthLimit, Sampling: c.BandwidthSampling, Sent: c.Events.OnSent != nil,
			WriteTimeout: c.WriteTimeout, CloseTimeout: c.CloseTimeout, NoCloseWait: c.NoCloseWait,
			PingInterval: c.PingInterval, PongTimeout: c.PongTimeout, PingPayload: s.pingPayload(c),
			NoPong: c.DisablePong, IdleTimeout: c.IdleTimeout, MaxLifetime: c.MaxLifetime,
		},
		CloseCode: c.CloseCode, CloseReason: c.CloseReason,
		HasMessage: hooked, HasFragment: pieces,
	}
}

// pingPayload is Config.PingPayload as user code: after a panic the ping is empty.
func (s *core) pingPayload(c *Config) func() []byte {
	f := c.PingPayload
	if f == nil {
		return nil
	}
	return func() (payload []byte) {
		s.user("PingPayload", func() { payload = f() })
		return payload
	}
}

// setStateLocked changes the state and returns the call that tells of it, to be
// made without the lock.
func (s *core) setStateLocked(to State) func() {
	from := s.state
	s.state = to
	if from == to || s.cfg.Events.OnChangeState == nil {
		return func() {}
	}
	return func() {
		s.user("OnChangeState", func() { s.cfg.Events.OnChangeState(StateChange{Index: -1, From: from, To: to}) })
	}
}

func (s *core) current() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *core) currentGroup() *multilisten.Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group
}

func (s *core) portNum() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// fault reports an error that no caller is waiting for.
func (s *core) fault(op, binding string, err error) {
	e := &ServerError{Op: op, Binding: binding, Err: err, friendly: s.cfg.FriendlyErrors}
	if n, ok := s.passes(lineFault, slog.LevelError); ok {
		s.log.Error("server error", logkey.Code, e.Code(), logkey.Op, op, logkey.Binding, binding,
			logkey.Addr, e.addr(), logkey.Err, e.logged(), logkey.LeftOut, n)
	}
	s.report(e)
}

// enter counts a goroutine in, unless the server is closing.
func (s *core) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.wg.Add(1)
	return true
}

func (s *core) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// addrPort turns an address into a value: that of TCP, and of connections of the program's
// own that are written like it. Other kinds are zero.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch t := a.(type) {
	case nil, *net.UnixAddr:
		return ap
	case *net.TCPAddr:
		ap = t.AddrPort()
	default:
		ap, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// isToken reports whether p is an HTTP token (RFC 9110 section 5.6.2).
func isToken(p string) bool {
	for _, r := range p {
		if r <= ' ' || r >= 0x7f {
			return false
		}
		switch r {
		case '(', ')', '<', '>', '@', ',', ';', ':', '\\', '"', '/', '[', ']', '?', '=', '{', '}':
			return false
		}
	}
	return p != ""
}

var _ http.Handler = (*Server[client.Client])(nil)
