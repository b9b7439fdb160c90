package multilisten

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Policy says what [Open] does when a binding can not be opened.
type Policy uint8

const (
	// AllOrNothing stops at the first failure and closes what was open.
	AllOrNothing Policy = iota
	// BestEffort tries every binding and keeps those that worked.
	BestEffort
)

// String returns the policy as it is written in Go.
func (p Policy) String() string {
	switch p {
	case AllOrNothing:
		return "AllOrNothing"
	case BestEffort:
		return "BestEffort"
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// Options are what all bindings of one [Open] share. The zero value works.
type Options struct {
	// Policy is AllOrNothing unless set.
	Policy Policy

	// InBufferSize is the kernel's receive buffer of a connection, in bytes
	// (SO_RCVBUF). It is set on each listening TCP socket before listen(2), because
	// the window scale that both sides agree on when a connection opens comes from
	// it (RFC 7323 section 2); accepted connections inherit it. Zero leaves the
	// system's, which many systems adapt to each connection; a fixed size ends that.
	// Less than zero or more than 2³¹-1 is an error.
	//
	// The system may give another size (Linux: twice as much, and at most
	// net.core.rmem_max counts). If it refuses, as BSD does beyond its maximum, the
	// binding opens all the same: see ListenerState.InBufferErr. Unix sockets have
	// no window and are left alone.
	InBufferSize int

	// Control, if not nil, is called with each socket before it is bound, as in
	// [net.ListenConfig]. An error of it fails the binding.
	Control func(network, address string, c syscall.RawConn) error

	// Inherited, if not nil, are sockets that this process was started with
	// ([Inherit]). A binding for whose address there is one takes it instead of opening
	// another, as do those with Binding.Activated; what no binding takes stays in
	// it. A binding with port 0 takes the one on its IP address that has its name. Of a
	// socket that was taken Control is not called, and it stays as it is, save for
	// InBufferSize and Binding.Backlog. If Open fails, what it took is closed, and socket
	// files stay.
	Inherited *Inherited

	// OnState, if not nil, is told each change of each listener. The calls for one
	// listener come in order and never overlap; those of two listeners may. It
	// runs on the goroutine that opens or closes, which waits, so it should be
	// brief. It may call any method, Close and Reopen included; the changes which
	// that causes are told after it has returned, so l.State may be ahead of to.
	// A panic of it is not recovered.
	OnState func(l *Listener, from, to State)
}

type controlFunc = func(network, address string, c syscall.RawConn) error

// Group is a set of bindings that were opened together.
type Group struct {
	all []*Listener // one for each binding
}

// Open opens the bindings in order. Every problem is a [*ListenError] that names
// its own binding: a field that is wrong, a name that is not found, a duplicate
// of an earlier binding, or what the kernel says.
//
// With [AllOrNothing] it returns a group or the first error; fields, names and
// duplicates of all bindings are checked before the first socket is made. With
// [BestEffort] it returns the group together with the [errors.Join] of all errors;
// the group is nil only when no binding worked.
//
// ctx bounds name look-ups and opening; it does not close the group later.
func Open(ctx context.Context, opts Options, bindings ...Binding) (*Group, error) {
	if len(bindings) == 0 {
		return nil, ErrNoBindings
	}
	if opts.Policy > BestEffort {
		return nil, fmt.Errorf("multilisten: unknown policy %v", opts.Policy)
	}
	if err := opts.checkBuffer(); err != nil {
		return nil, err
	}
	g := &Group{}
	for i, b := range bindings {
		g.all = append(g.all, &Listener{group: g, index: i, binding: b, opts: &opts, proxy: b.Proxy.clone()})
	}
	ok, err := g.openAll(ctx, opts.Policy)
	if !ok {
		return nil, err
	}
	return g, err
}

// openAll reports whether anything is open, and what did not work.
func (g *Group) openAll(ctx context.Context, policy Policy) (ok bool, err error) {
	var errs []error
	defer func() { // also when Control or OnState panics
		if !ok {
			for _, l := range g.all {
				l.keepFile(true) // who has handed the socket may go on with it
			}
			g.Close()
		}
	}()
	ready := g.all
	for _, step := range []func(context.Context, *Listener) error{prepare, bind} {
		var passed []*Listener
		for _, l := range ready {
			err := step(ctx, l)
			if err == nil {
				passed = append(passed, l)
				continue
			}
			if policy == AllOrNothing {
				return false, err
			}
			errs = append(errs, err)
		}
		ready = passed
	}
	for _, l := range ready {
		l.start()
	}
	return len(ready) > 0, errors.Join(errs...)
}

// prepare parses and resolves the address of l, and looks whether its socket is there
// already.
func prepare(ctx context.Context, l *Listener) error {
	at, err := l.resolve(ctx)
	if err != nil {
		return l.fail(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = at
	l.handed = l.opts.Inherited.claim(&l.binding, at)
	return nil
}

// resolve parses and resolves the address of l and compares it with those of the other
// bindings, which are those before it while Open runs.
func (l *Listener) resolve(ctx context.Context) (endpoint, error) {
	at, err := l.binding.parse()
	if err == nil {
		err = at.resolve(ctx)
	}
	if err == nil {
		err = at.conflict(l.group.endpoints(l))
	}
	return at, err
}

func bind(ctx context.Context, l *Listener) error { return l.bind(ctx) }

// endpoints returns the addresses of all bindings but l's. One that is not known has
// the zero endpoint, which conflicts with nothing.
func (g *Group) endpoints(except *Listener) []endpoint {
	list := make([]endpoint, len(g.all))
	for i, l := range g.all {
		if l == except {
			continue
		}
		l.mu.Lock()
		list[i] = l.at
		l.mu.Unlock()
	}
	return list
}

// Listeners returns the listeners that have been open, by Open or by Reopen, in the
// order of the bindings, also after they were closed.
func (g *Group) Listeners() []*Listener {
	var list []*Listener
	for _, l := range g.all {
		if l.Addr() != nil {
			list = append(list, l)
		}
	}
	return list
}

// Listener returns the listener of a binding, also of one that could not be opened; nil
// if there is no binding with that index. The index never changes its meaning.
func (g *Group) Listener(index int) *Listener {
	if index < 0 || index >= len(g.all) {
		return nil
	}
	return g.all[index]
}

// Pause is [Listener.Pause] of one binding. [ErrIndex] if there is none.
func (g *Group) Pause(index int) error {
	return g.with(index, (*Listener).Pause)
}

// Resume is [Listener.Resume] of one binding. [ErrIndex] if there is none.
func (g *Group) Resume(index int) error {
	return g.with(index, (*Listener).Resume)
}

// CloseOne is [Listener.Close] of one binding, the others stay. [ErrIndex] if there is
// none.
func (g *Group) CloseOne(index int) error {
	return g.with(index, (*Listener).Close)
}

// Reopen is [Listener.Reopen] of one binding. [ErrIndex] if there is none.
func (g *Group) Reopen(ctx context.Context, index int) error {
	return g.with(index, func(l *Listener) error { return l.Reopen(ctx) })
}

func (g *Group) with(index int, f func(*Listener) error) error {
	if l := g.Listener(index); l != nil {
		return f(l)
	}
	return fmt.Errorf("%w: %d", ErrIndex, index)
}

// Addrs returns the real address of each of Listeners.
func (g *Group) Addrs() []net.Addr {
	var addrs []net.Addr
	for _, l := range g.Listeners() {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// Bound returns the real address and port of each of Listeners; the zero value
// stands for a Unix socket.
func (g *Group) Bound() []netip.AddrPort {
	var bound []netip.AddrPort
	for _, l := range g.Listeners() {
		bound = append(bound, l.Bound())
	}
	return bound
}

// Close closes every listener for good and joins the errors. Accepted connections
// stay. A second call returns nil.
func (g *Group) Close() error {
	var errs []error
	for _, l := range g.all {
		if err := l.retire(); err != nil {
			errs = append(errs, fmt.Errorf("multilisten: close binding %d: %w", l.index, err))
		}
	}
	return errors.Join(errs...)
}
