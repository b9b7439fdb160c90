package hosts

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// Address is a socket that a server has to open for its hosts.
type Address struct {
	// Network is "tcp" for all addresses of both families, else "tcp4" or
	// "tcp6", without which 0.0.0.0 would take the IPv6 addresses too.
	Network string

	// Addr is host:port for [net.Listen]; port 0 is a free one.
	Addr string

	// TLS says that connections begin with a TLS handshake.
	TLS bool
}

// bind is a checked Host.Bind or Bind2; the zero value stands for all addresses.
type bind struct {
	field string
	ip    netip.Addr
}

func parseBind(field, s string) (bind, error) {
	if s == "" {
		return bind{field: field}, nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return bind{}, fmt.Errorf("%w: %q", ErrBind, s)
	}
	return bind{field, ip.Unmap()}, nil
}

// overlaps says whether b and o, on one port, would take some address both. All
// of IPv4 and all of IPv6 do not: they are sockets of different families.
func (b bind) overlaps(o bind) bool {
	switch {
	case b.ip == o.ip, !b.ip.IsValid(), !o.ip.IsValid():
		return true
	case b.ip.Is4() != o.ip.Is4():
		return false
	}
	return b.ip.IsUnspecified() || o.ip.IsUnspecified()
}

// wish is one socket that one host wants.
type wish struct {
	bind
	portField string
	port      int
	tls       bool
}

// wishes returns up to four: for each bind the plain one, then the one for TLS.
func (e *Entry) wishes() []wish {
	var ws []wish
	for _, b := range e.binds {
		if e.host.Port != 0 {
			ws = append(ws, wish{b, "Port", e.host.Port, false})
		}
		if e.host.TLSPort != 0 {
			ws = append(ws, wish{b, "TLSPort", e.host.TLSPort, true})
		}
	}
	return ws
}

func (w wish) address() Address {
	a := Address{Network: "tcp", TLS: w.tls}
	host := ""
	if w.ip.IsValid() {
		host, a.Network = w.ip.String(), "tcp6"
		if w.ip.Is4() {
			a.Network = "tcp4"
		}
	}
	a.Addr = net.JoinHostPort(host, strconv.Itoa(max(w.port, 0)))
	return a
}

// socket is a wish that is granted, and the hosts that share it.
type socket struct {
	wish
	entries []*Entry
}

// plan collects the sockets of all hosts in order. It is complete only if the
// error is nil.
func plan(entries []*Entry) ([]socket, error) {
	var (
		sockets []socket
		errs    []error
	)
	for _, e := range entries {
		ws := e.wishes()
		if len(ws) == 0 {
			errs = append(errs, &HostError{e.index, e.host.Tag, "Port", ErrNoPort})
		}
		for _, w := range ws {
			if err := grant(&sockets, e, w); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return sockets, errors.Join(errs...)
}

// grant adds w to sockets, or e to the socket that is what w wants.
func grant(sockets *[]socket, e *Entry, w wish) error {
	for i := range *sockets {
		s := &(*sockets)[i]
		if w.port < 0 || s.port != w.port || !s.overlaps(w.bind) {
			continue
		}
		owner := s.entries[0]
		switch {
		case s.ip != w.ip:
			return &HostError{e.index, e.host.Tag, w.field, fmt.Errorf("%w: %s overlaps %s of %s",
				ErrAddressConflict, w.address().Addr, s.address().Addr, label(owner.index, owner.host.Tag))}
		case s.tls != w.tls:
			return &HostError{e.index, e.host.Tag, w.portField, fmt.Errorf("%w: %s is the %s of %s",
				ErrAddressConflict, w.address().Addr, s.portField, label(owner.index, owner.host.Tag))}
		case !slices.Contains(s.entries, e):
			s.entries = append(s.entries, e)
		}
		return nil
	}
	*sockets = append(*sockets, socket{w, []*Entry{e}})
	return nil
}
