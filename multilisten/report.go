package multilisten

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// ListenerState is what is known of one binding at one moment.
type ListenerState struct {
	Index     int            // position of the binding, from 0
	Name      string         // Binding.Name, or its Addr
	State     State          //
	Network   string         // "tcp", "tcp4", "tcp6" or "unix": what was asked of the kernel
	Requested string         // Binding.Addr
	Bound     netip.AddrPort // real address and port; zero unless open, and for a Unix socket
	TLS       bool           // Binding.TLS
	Err       error          // why the last attempt to open failed; nil if it did not

	Proxy     bool // Binding.Proxy is set
	Inherited bool // the socket was handed to this process

	// InBufferErr is why the system refused Options.InBufferSize at the last attempt
	// to open; nil if it did not. The binding is open nevertheless, with the system's
	// receive buffer. It is errors.ErrUnsupported where there is no such option.
	InBufferErr error
}

// States returns the state of every binding in order, with those that BestEffort
// could not open.
func (g *Group) States() []ListenerState {
	states := make([]ListenerState, len(g.all))
	for i, l := range g.all {
		states[i] = l.report()
	}
	return states
}

func (l *Listener) report() ListenerState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ListenerState{
		Index:     l.index,
		Name:      l.binding.name(),
		State:     l.state,
		Network:   l.networkLocked(),
		Requested: l.binding.Addr,
		TLS:       l.binding.TLS,
		Err:       l.err,

		Proxy:       l.proxy != nil,
		Inherited:   l.socket != nil && l.inherited,
		InBufferErr: l.bufferErr,
	}
	if l.socket != nil {
		s.Bound = addrPort(l.bound)
	}
	return s
}

// networkLocked is the one asked of the kernel, or the binding's when it came to nothing.
func (l *Listener) networkLocked() string {
	if l.at.network != "" {
		return l.at.network
	}
	if l.binding.Network != "" {
		return l.binding.Network
	}
	return "tcp"
}

// AllListening reports whether every binding is listening. It is false when
// BestEffort could not open one, and when one was closed or is paused.
func (g *Group) AllListening() bool {
	for _, l := range g.all {
		if l.State() != StateListening {
			return false
		}
	}
	return true
}

// AnyListening reports whether at least one binding is listening, paused ones do not
// count.
func (g *Group) AnyListening() bool {
	for _, l := range g.all {
		if l.State() == StateListening {
			return true
		}
	}
	return false
}

// AnyOpen reports whether at least one binding has its socket: it is listening, paused,
// or about to listen.
func (g *Group) AnyOpen() bool {
	for _, l := range g.all {
		switch l.State() {
		case StateBound, StateListening, StatePaused:
			return true
		}
	}
	return false
}

// String returns States as a table with a line for each binding: number, name,
// state, network, requested address, real address, "tls" or "plain".
func (g *Group) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range g.States() {
		fmt.Fprintln(w, s.row())
	}
	w.Flush()
	return b.String()
}

// row is the line of s, its cells separated by tabs.
func (s ListenerState) row() string {
	bound, security := "-", "plain"
	if s.Bound.IsValid() {
		bound = s.Bound.String()
	}
	if s.TLS {
		security = "tls"
	}
	return strings.Join([]string{
		strconv.Itoa(s.Index), cell(s.Name), s.State.String(),
		cell(s.Network), cell(s.Requested), bound, security,
	}, "\t")
}

// cell keeps a value on its line and in its column, whatever is in it.
func cell(s string) string {
	if s == "" {
		return "-"
	}
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}
