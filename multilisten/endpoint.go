package multilisten

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// endpoint is a binding's address, taken apart. After resolve it is what the
// kernel is asked for.
type endpoint struct {
	network string // for net.ListenConfig; a literal has made it tcp4 or tcp6
	path    string // unix only

	hostname string     // still to be looked up; empty = none
	service  string     // still to be looked up; empty = none
	ip       netip.Addr // invalid = both families, or not looked up yet
	port     uint16     // 0 = any free port
}

// parseTCP takes a "host:port" apart. Names are left to resolve.
func parseTCP(network, addr string) (endpoint, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return endpoint{}, &FieldError{Field: "Addr", Err: err}
	}
	at := endpoint{network: network}
	if err := at.setPort(port); err != nil {
		return endpoint{}, &FieldError{Field: "Addr", Err: err}
	}
	if err := at.setHost(host); err != nil {
		return endpoint{}, &FieldError{Field: "Addr", Err: err}
	}
	return at, nil
}

func (at *endpoint) setPort(s string) error {
	switch {
	case s == "":
		return errNoPort
	case s[0] == '-' || s[0] == '+': // the resolver would take a signed number
		return fmt.Errorf("port %q is neither a number nor a service name", s)
	case !digits(s):
		at.service = s
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return fmt.Errorf("port %s is not in 0 to 65535", s)
	}
	at.port = uint16(n)
	return nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (at *endpoint) setHost(s string) error {
	if s == "" {
		switch at.network {
		case "tcp4":
			at.ip = netip.IPv4Unspecified()
		case "tcp6":
			at.ip = netip.IPv6Unspecified()
		}
		return nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		at.hostname = s
		return nil
	}
	return at.setIP(ip)
}

// setIP binds at to ip and to its family alone.
func (at *endpoint) setIP(ip netip.Addr) error {
	ip = ip.Unmap()
	family := "tcp6"
	if ip.Is4() {
		family = "tcp4"
	}
	if at.network != "tcp" && at.network != family {
		return fmt.Errorf("%v is not an address of %s", ip, at.network)
	}
	at.ip, at.network = ip, family
	return nil
}

// resolve looks up what is still a name. It is called once for each binding.
func (at *endpoint) resolve(ctx context.Context) error {
	if at.service != "" {
		port, err := net.DefaultResolver.LookupPort(ctx, "tcp", at.service)
		if err != nil {
			return &FieldError{Field: "Addr", Err: err}
		}
		at.port, at.service = uint16(port), ""
	}
	if at.hostname != "" {
		ip, err := lookupIP(ctx, at.network, at.hostname)
		if err == nil {
			err = at.setIP(ip)
		}
		if err != nil {
			return &FieldError{Field: "Addr", Err: err}
		}
		at.hostname = ""
	}
	return nil
}

// lookupIP returns the first address of host that network can bind; "tcp" takes
// an IPv4 address when there is one.
func lookupIP(ctx context.Context, network, host string) (netip.Addr, error) {
	family := map[string]string{"tcp": "ip", "tcp4": "ip4", "tcp6": "ip6"}[network]
	ips, err := net.DefaultResolver.LookupNetIP(ctx, family, host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, ip := range ips {
		if ip.Unmap().Is4() {
			return ip, nil
		}
	}
	if len(ips) == 0 {
		return netip.Addr{}, &net.DNSError{Err: "no suitable address", Name: host, IsNotFound: true}
	}
	return ips[0], nil
}

// address is the second argument of net.ListenConfig.Listen.
func (at endpoint) address() string {
	if at.network == "unix" {
		return at.path
	}
	host := ""
	if at.ip.IsValid() {
		host = at.ip.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(at.port)))
}

// conflict reports the first of seen that at cannot be open together with. The
// position in seen is the binding's index.
func (at endpoint) conflict(seen []endpoint) error {
	for i, other := range seen {
		if at.overlaps(other) {
			return &FieldError{Field: "Addr", Err: fmt.Errorf("%w by binding %d", ErrDuplicate, i)}
		}
	}
	return nil
}

// overlaps reports whether a connection could be meant for both: the same
// address and port, or one of them all addresses of a family the other is in.
func (at endpoint) overlaps(other endpoint) bool {
	switch {
	case at.network == "unix" || other.network == "unix":
		return at.network == other.network && at.path == other.path
	case at.port == 0 || at.port != other.port:
		return false
	case at.hostname != "" || other.hostname != "":
		return false // not known yet
	case !at.ip.IsValid() || !other.ip.IsValid():
		return true // one of them is both families
	case at.ip.Is4() != other.ip.Is4():
		return false
	}
	return at.ip == other.ip || at.ip.IsUnspecified() || other.ip.IsUnspecified()
}
