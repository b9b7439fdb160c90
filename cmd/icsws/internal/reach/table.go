package reach

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// table says where "host:port" is, in place of the DNS.
type table map[string]string

// readTable reads the values of --resolve: host:port:addr, where host and addr are in
// brackets if they have colons.
func readTable(list []string) (table, error) {
	t := make(table)
	for _, text := range list {
		host, rest, ok := cutHost(text)
		port, addr, ok2 := strings.Cut(rest, ":")
		ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]"))
		n, errPort := strconv.ParseUint(port, 10, 16)
		if !ok || !ok2 || errPort != nil || n == 0 || err != nil {
			return nil, cli.BadUsage("flag --resolve: %q: want host:port:addr, such as chat.example:443:10.0.0.5", text)
		}
		if host, err = ASCIIHost(host); err != nil {
			return nil, cli.BadUsage("flag --resolve: %q: %v", text, err)
		}
		t[net.JoinHostPort(strings.ToLower(host), port)] = net.JoinHostPort(ip.String(), port)
	}
	return t, nil
}

// cutHost takes a host, perhaps in brackets, off a text that goes on with a colon.
func cutHost(text string) (host, rest string, ok bool) {
	if after, in := strings.CutPrefix(text, "["); in {
		return strings.Cut(after, "]:")
	}
	host, rest, ok = strings.Cut(text, ":")
	return host, rest, ok && host != ""
}

func (t table) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if to, ok := t[strings.ToLower(addr)]; ok {
		addr = to
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// toSocket connects to a Unix socket.
func toSocket(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}
