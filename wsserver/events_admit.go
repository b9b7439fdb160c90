package wsserver

import "net/netip"

// AcceptInfo is an accepted connection of which no byte was read yet.
type AcceptInfo struct {
	Remote       netip.AddrPort // of the TCP peer, which may be a proxy; zero where there is none
	Local        netip.AddrPort
	Binding      string
	BindingIndex int // see client.Base.BindingIndex
}

// ConnectionRequest is a connection that the lists and limits of addresses let in.
type ConnectionRequest struct {
	// Remote is the client, as far as it is known before the request: whom a PROXY header
	// has named, else the TCP peer.
	Remote netip.AddrPort
	// Peer is the TCP peer.
	Peer         netip.AddrPort
	Local        netip.AddrPort // whom Remote has connected to
	Binding      string
	BindingIndex int
	TLS          bool // the binding speaks TLS
	// Accept lets the connection in; it is true at first. False closes it.
	Accept bool
}

// filtered asks OnAcceptFilter.
func (s *core) filtered(a *arrival) bool {
	f := s.cfg.Events.OnAcceptFilter
	if f == nil {
		return true
	}
	return s.asked(a, "OnAcceptFilter", func() bool {
		return f(AcceptInfo{Remote: a.peer, Local: a.local, Binding: a.binding, BindingIndex: a.index})
	})
}

// requested asks OnConnectionRequest.
func (s *core) requested(a *arrival, secure bool) bool {
	f := s.cfg.Events.OnConnectionRequest
	if f == nil {
		return true
	}
	return s.asked(a, "OnConnectionRequest", func() bool {
		r := &ConnectionRequest{
			Remote: a.remote, Peer: a.peer, Local: a.local,
			Binding: a.binding, BindingIndex: a.index, TLS: secure, Accept: true,
		}
		f(r)
		return r.Accept
	})
}

// asked runs an event that may refuse a connection. So does its panic, or the end of its
// goroutine.
func (s *core) asked(a *arrival, name string, f func() bool) (yes bool) {
	defer func() {
		if !yes {
			info := s.rejection(a, ReasonFilter, 0, "the program has refused the connection")
			info.Setting = "Events." + name
			s.reject(info)
			reset(a.raw)
		}
	}()
	s.user(name, func() { yes = f() })
	return yes
}
