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
	all  []*Listener // one for each binding
	open []*Listener // those that worked in Open
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
		g.all = append(g.all, &Listener{index: i, binding: b, opts: &opts})
	}
	errs := g.openAll(ctx, opts.Policy)
	if len(g.open) == 0 {
		return nil, errs
	}
	return g, errs
}

// openAll leaves in g.open what worked and returns what did not.
func (g *Group) openAll(ctx context.Context, policy Policy) error {
	var errs []error
	complete := false
	defer func() { // also when Control or OnState panics
		if !complete {
			g.Close()
		}
	}()
	ready := g.all
	for _, step := range []func(context.Context, *Listener) error{g.prepare, bind} {
		var passed []*Listener
		for _, l := range ready {
			err := step(ctx, l)
			if err == nil {
				passed = append(passed, l)
				continue
			}
			if policy == AllOrNothing {
				return err
			}
			errs = append(errs, err)
		}
		ready = passed
	}
	for _, l := range ready {
		l.start()
	}
	g.open, complete = ready, true
	return errors.Join(errs...)
}

// prepare parses and resolves the address of l and compares it with those of the
// bindings before it.
func (g *Group) prepare(ctx context.Context, l *Listener) error {
	at, err := l.binding.parse()
	if err == nil {
		err = at.resolve(ctx)
	}
	if err == nil {
		err = at.conflict(g.endpoints(l.index))
	}
	if err != nil {
		return l.fail(err)
	}
	l.at = at
	return nil
}

func bind(ctx context.Context, l *Listener) error { return l.bind(ctx) }

// endpoints returns the addresses of the first n bindings; one that failed has
// the zero endpoint, which conflicts with nothing.
func (g *Group) endpoints(n int) []endpoint {
	list := make([]endpoint, n)
	for i := range list {
		list[i] = g.all[i].at
	}
	return list
}

// Listeners returns the listeners that Open opened, in the order of the bindings,
// also after they were closed.
func (g *Group) Listeners() []*Listener {
	return append([]*Listener(nil), g.open...)
}

// Addrs returns the real address of each of Listeners.
func (g *Group) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(g.open))
	for i, l := range g.open {
		addrs[i] = l.Addr()
	}
	return addrs
}

// Bound returns the real address and port of each of Listeners; the zero value
// stands for a Unix socket.
func (g *Group) Bound() []netip.AddrPort {
	bound := make([]netip.AddrPort, len(g.open))
	for i, l := range g.open {
		bound[i] = l.Bound()
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
