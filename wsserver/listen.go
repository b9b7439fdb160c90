package wsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/multilisten"
)

// ListenerStates is a report on the bindings of a server.
type ListenerStates struct {
	States []multilisten.ListenerState
	table  string
}

// String is a table with a line for each binding.
func (l ListenerStates) String() string { return l.table }

// listener is an open listener with what its connections get from it.
type listener struct {
	net.Listener
	index   int // in Server.Addrs, from 0
	name    string
	view    *hosts.View   // nil without hosts
	tls     *tls.Config   // nil: plain, or TLS already
	quit    chan struct{} // closed by stop
	stopped atomic.Bool
	told    optionsTold
	changed func(from, to State) // tells of a listener that was given to Serve; nil for others
	spare   *held                // for the next connection; of whoever has the turn
	workers
}

func newListener(l net.Listener, index int, name string) *listener {
	return &listener{
		Listener: l, index: index, name: name, quit: make(chan struct{}),
		workers: workers{turn: make(chan bool), over: make(chan struct{})},
	}
}

// stop ends the accept loop. It may be called more than once.
func (l *listener) stop() error {
	if l.stopped.Swap(true) {
		return nil
	}
	if l.changed != nil {
		l.changed(StateListening, StateClosing)
		defer l.changed(StateClosing, StateClosed)
	}
	close(l.quit)
	return l.Close()
}

// pause waits, or returns false when the listener is stopped.
func (l *listener) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.quit:
		return false
	}
}

// Listen opens every binding of the configuration and begins accepting, all or
// none unless Config.ListenPolicy says otherwise; it returns at once (L-16). ctx
// bounds the opening only. The error joins a *multilisten.ListenError for each
// binding that failed; under the best-effort policy the others are listening
// then. [ErrListening] if that was done, [ErrServerClosed] if the server is spent.
func (s *Server[T]) Listen(ctx context.Context) error { return s.core.listen(ctx) }

// Serve accepts plain connections on l until it is closed, and closes it. It
// returns nil after StopListening, [ErrServerClosed] after Shutdown, Close or
// Abort, or the error of l. Every enabled host is served on it. A connection of
// type *tls.Conn is taken as TLS that was set up elsewhere.
func (s *Server[T]) Serve(l net.Listener) error { return s.core.serve(l, false) }

// ServeTLS is Serve with TLS: with the certificates of the hosts, or of Config.TLS.
func (s *Server[T]) ServeTLS(l net.Listener) error { return s.core.serve(l, true) }

// ListenAndServe listens until ctx ends or the server is closed, then shuts down,
// bounded by Config.ShutdownTimeout. It returns the error of Listen, else that of
// the shutdown; [ErrServerClosed] if it was not ctx that ended it.
func (s *Server[T]) ListenAndServe(ctx context.Context) error {
	if err := s.Listen(ctx); err != nil {
		if !s.Listening() {
			return err
		}
		s.core.fault("listen", "", err) // the best effort: others are open
	}
	select {
	case <-s.Done():
		return ErrServerClosed
	case <-ctx.Done():
	}
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.in.Load().cfg.ShutdownTimeout)
	defer cancel()
	return s.Shutdown(sctx)
}

// ListenAndServe serves f on one plain address with an otherwise zero Config,
// until the process ends or a client shuts the server down.
func ListenAndServe[T client.Client](addr string, f ClientFactory[T]) error {
	s, err := New(f, Config{Addr: addr})
	if err != nil {
		return err
	}
	return s.ListenAndServe(context.Background())
}

func (s *core) listen(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("wsserver: %w", context.Cause(ctx))
	}
	bindings, views, err := s.bindings()
	if err != nil {
		return err
	}
	if err := s.beginListen(); err != nil {
		return err
	}
	s.tellStart(bindings)
	group, err := multilisten.Open(ctx, multilisten.Options{
		Policy: s.cfg.ListenPolicy, Inherited: s.cfg.Inherited, InBufferSize: s.cfg.InBufferSize, OnState: s.onListenerState,
	}, bindings...)
	if group == nil {
		s.endListen(nil)
		return s.listenError(err)
	}
	var ls []*listener
	for _, l := range group.Listeners() {
		entry, terr := s.ofGroup(group, l.Index(), bindings, views)
		if terr != nil {
			_ = group.Close()
			s.endListen(nil)
			return errors.Join(err, terr)
		}
		ls = append(ls, entry)
	}
	if !s.endListen(group, ls...) {
		_ = group.Close()
		return ErrServerClosed
	}
	s.tellReady()
	if err != nil {
		return s.listenError(err)
	}
	return nil
}

// ofGroup is the listener of the binding with index i, with what its connections get.
func (s *core) ofGroup(g *multilisten.Group, i int, bindings []multilisten.Binding, views []*hosts.View) (l *listener, err error) {
	l = newListener(g.Listener(i), i, bindings[i].Name)
	if l.name == "" {
		l.name = bindings[i].Addr
	}
	s.optionSet("InBufferSize", l.name, &l.told.in, g.States()[i].InBufferErr)
	if s.hosts != nil {
		l.view = views[i]
	}
	l.tls, err = s.tlsFor(bindings[i].TLS, l.view, nil)
	return l, err
}

// tlsFor returns the TLS configuration of a binding; err is passed through.
func (s *core) tlsFor(secure bool, view *hosts.View, err error) (*tls.Config, error) {
	switch {
	case !secure:
		return nil, err
	case s.cfg.DisableTLS:
		return nil, errors.Join(err, configError("DisableTLS", "set, but TLS is asked for"))
	case view != nil:
		c, terr := s.hostTLS(view)
		return c, errors.Join(err, terr)
	case s.cfg.TLS == nil:
		return nil, errors.Join(err, configError("TLS", "not set, but a binding wants TLS"))
	}
	return s.cfg.TLS, err
}

// beginListen makes sure that one Listen runs at a time.
func (s *core) beginListen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return ErrServerClosed
	case s.listening || s.group != nil && s.group.AnyOpen():
		return ErrListening
	}
	s.listening = true
	s.lastError.Store(nil)
	s.health.failed.Store(nil)
	return nil
}

// endListen starts the accept loops; false when the server was closed meanwhile.
func (s *core) endListen(group *multilisten.Group, ls ...*listener) bool {
	s.mu.Lock()
	s.listening = false
	if group == nil || s.closing {
		s.mu.Unlock()
		return false
	}
	s.group, s.port = group, int(group.Listeners()[0].RequestedPort())
	for _, l := range ls {
		s.served[l] = struct{}{}
		s.wg.Add(1)
	}
	s.renewLocked()
	tell := s.setStateLocked(StateListening)
	s.mu.Unlock()
	for _, l := range ls {
		s.acceptOn(l)
	}
	tell()
	return true
}

// acceptOn starts the accept loop of a listener that is counted in wg.
func (s *core) acceptOn(l *listener) {
	s.log.Info("listening", logkey.Binding, l.name, logkey.Addr, l.Addr().String(), logkey.TLS, l.tls != nil)
	go func() {
		defer s.wg.Done()
		if err := s.accept(l); err != nil && !errors.Is(err, ErrServerClosed) {
			s.fault("accept", l.name, err)
		}
	}()
}

func (s *core) onListenerState(l *multilisten.Listener, from, to State) {
	if f := s.cfg.Events.OnChangeState; f != nil {
		b := l.Binding()
		if b.Name == "" {
			b.Name = b.Addr
		}
		s.user("OnChangeState", func() { f(StateChange{Index: l.Index(), Binding: b.Name, From: from, To: to}) })
	}
}

// bindings returns what Listen opens, and with hosts the view of each.
func (s *core) bindings() ([]multilisten.Binding, []*hosts.View, error) {
	if s.hosts != nil {
		return s.hostBindings()
	}
	var list []multilisten.Binding
	if s.cfg.Addr != "" {
		list = append(list, multilisten.Binding{Addr: s.cfg.Addr, TLS: s.cfg.TLS != nil})
	}
	list = append(list, s.cfg.Bindings...)
	if len(list) == 0 {
		return nil, nil, configError("Addr", "not set")
	}
	for i, b := range list {
		if b.TLS && s.cfg.TLS == nil {
			return nil, nil, configError("TLS", "not set, but binding %d (%s) wants TLS", i, b.Addr)
		}
	}
	return list, nil, nil
}

// configured is how many listeners Listen would open; those of Serve are counted
// from there.
func (s *core) configured() int {
	if s.hosts != nil {
		addrs, _ := s.hosts.Addresses()
		return len(addrs)
	}
	n := len(s.cfg.Bindings)
	if s.cfg.Addr != "" {
		n++
	}
	return n
}

// hostBindings are the addresses of the hosts, with the options that
// Config.Bindings add.
func (s *core) hostBindings() (list []multilisten.Binding, views []*hosts.View, err error) {
	addrs, err := s.hosts.Addresses()
	if err != nil {
		return nil, nil, fmt.Errorf("wsserver: Config.Hosts: %w", err)
	}
	used := make([]bool, len(s.cfg.Bindings))
	for i, a := range addrs {
		b := multilisten.Binding{Network: a.Network, Addr: a.Addr, TLS: a.TLS}
		for j, extra := range s.cfg.Bindings {
			if extra.Addr == a.Addr {
				used[j] = true
				b = extra
				b.Network, b.Addr, b.TLS = a.Network, a.Addr, a.TLS
			}
		}
		list, views = append(list, b), append(views, s.hosts.View(i))
	}
	for j, ok := range used {
		if !ok {
			err = errors.Join(err, configError("Bindings", "binding %d (%s) is the address of no host", j, s.cfg.Bindings[j].Addr))
		}
	}
	return list, views, err
}

func (s *core) serve(nl net.Listener, secure bool) error {
	l := newListener(nl, 0, nl.Addr().String())
	if s.hosts != nil {
		l.view = s.hosts.All()
		if secure {
			l.view = l.view.TLS()
		}
	}
	var err error
	if l.tls, err = s.tlsFor(secure, l.view, nil); err != nil {
		_ = nl.Close()
		return err
	}
	s.mu.Lock()
	l.index = s.configured() + s.handed
	s.handed++
	closing := s.closing
	s.mu.Unlock()
	if !closing {
		s.announce(l)
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		_ = l.stop()
		return ErrServerClosed
	}
	s.served[l] = struct{}{}
	s.wg.Add(1)
	s.renewLocked()
	tell := s.setStateLocked(StateListening)
	s.mu.Unlock()
	defer s.wg.Done()
	tell()
	return s.accept(l)
}

// announce tells that a listener which was given to Serve is listening, before anybody
// can stop it, and has it tell of its end (E-10).
func (s *core) announce(l *listener) {
	f := s.cfg.Events.OnChangeState
	if f == nil {
		return
	}
	l.changed = func(from, to State) {
		s.user("OnChangeState", func() { f(StateChange{Index: l.index, Binding: l.name, From: from, To: to}) })
	}
	l.changed(StateClosed, StateListening)
}

func (s *core) addrs() []net.Addr {
	var out []net.Addr
	for _, l := range s.open() {
		out = append(out, l.Addr())
	}
	return out
}

func (s *core) bound() []netip.AddrPort {
	var out []netip.AddrPort
	for _, l := range s.open() {
		out = append(out, addrPort(l.Addr()))
	}
	return out
}

// open returns the listeners in the order of Addrs.
func (s *core) open() []*listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*listener, 0, len(s.served))
	for l := range s.served {
		if !l.stopped.Load() {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *listener) int { return a.index - b.index })
	return out
}
