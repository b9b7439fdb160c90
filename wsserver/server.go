package wsserver

import (
	"errors"
	"iter"
	"net"
	"net/netip"
	"reflect"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
)

// Server accepts WebSocket connections and runs one T for each. Make it with New.
type Server[T client.Client] struct {
	core
}

// New returns a server that is not listening yet. It copies and checks cfg and
// the class T, and loads the certificates, so that a running server never meets
// a bad setting. The error may join several: [*ConfigError], [*ClassError],
// *hosts.HostError.
func New[T client.Client](f ClientFactory[T], cfg Config) (*Server[T], error) {
	if err := checkFactory(f, cfg.hasTag); err != nil {
		return nil, err
	}
	t := typed[T]{f: f}
	if reflect.TypeFor[T]().Kind() == reflect.Interface {
		t.dynamic = new(classes)
	}
	s := new(Server[T])
	s.core.pieces = hasPieces[T]()
	if err := errors.Join(cfg.checkMessages(s.core.pieces), s.core.init(cfg, t, s)); err != nil {
		return nil, err
	}
	return s, nil
}

// ServerOf returns the server that c belongs to; nil when it has none, as in
// tests of a class alone.
func ServerOf[T client.Client](c T) *Server[T] {
	s, _ := c.Server().(*Server[T])
	return s
}

// Clients iterates over the connected clients, in no order. A client that is
// connected throughout is seen exactly once. No lock is held: the loop may
// disconnect and broadcast (C-02).
func (s *Server[T]) Clients() iter.Seq[T] {
	return func(yield func(T) bool) {
		s.registry.All(func(c *engine.Session) bool { return yield(c.Client.(T)) })
	}
}

// Client returns the connected client with that id (C-02).
func (s *Server[T]) Client(id uint64) (c T, ok bool) {
	e, ok := s.registry.Get(id)
	if ok {
		c = e.Client.(T)
	}
	return c, ok
}

// ClientCount returns the number of clients that are admitted and not yet
// disconnected (C-03).
func (s *Server[T]) ClientCount() int { return s.registry.Len() }

// SetMaxClients changes Banner.MaxClients; 0 is no limit. Lowering it drops nobody:
// the next ones are refused until enough have left. The error is a
// *banner.PolicyError for a number out of range.
func (s *Server[T]) SetMaxClients(n int) error { return s.gate.SetMaxClients(n) }

// IsClient reports whether c is connected to this server right now (C-04).
func (s *Server[T]) IsClient(c T) bool { return s.core.session(c) != nil }

// Addrs returns the real address of each open listener: those of Listen in the
// order of the configuration, then those of Serve (L-04).
func (s *Server[T]) Addrs() []net.Addr { return s.core.addrs() }

// Bound returns Addrs as addresses with ports; the zero value stands for a
// listener that has none.
func (s *Server[T]) Bound() []netip.AddrPort { return s.core.bound() }

// PortNum returns the requested port of the first binding as a number, also
// when it was given as a service name; 0 before the first Listen, and for a free
// port, whose number is in Bound (L-03).
func (s *Server[T]) PortNum() int { return s.core.portNum() }

// State tells where the server stands (E-11).
func (s *Server[T]) State() State { return s.core.current() }

// Listening reports whether the server accepts connections (L-17).
func (s *Server[T]) Listening() bool { return s.core.current() == StateListening }

// AllListening reports whether every binding of the last Listen is listening (L-32).
func (s *Server[T]) AllListening() bool {
	g := s.core.currentGroup()
	return g != nil && g.AllListening()
}

// AnyListening reports whether any binding of the last Listen is listening (L-32).
func (s *Server[T]) AnyListening() bool {
	g := s.core.currentGroup()
	return g != nil && g.AnyListening()
}

// Listeners returns the state of each binding of the last Listen; its String is
// a table for people (L-31).
func (s *Server[T]) Listeners() ListenerStates {
	g := s.core.currentGroup()
	if g == nil {
		return ListenerStates{}
	}
	return ListenerStates{g.States(), g.String()}
}

// LastError returns the last error that no caller was waiting for, since the last
// Listen (O-03).
func (s *Server[T]) LastError() error {
	if e := s.core.lastError.Load(); e != nil {
		return e
	}
	return nil
}

// Done is closed when the server was shut down and all its goroutines have ended
// (O-25).
func (s *Server[T]) Done() <-chan struct{} { return s.core.done }

// Wait blocks until Done. In an event it would wait for itself.
func (s *Server[T]) Wait() { <-s.core.done }
