package multilisten

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Version 1 is a line: PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 CR LF. TCP6 is the
// like; UNKNOWN may be followed by anything.

// proxyV1Fields is the least length of source, destination and the two ports.
var proxyV1Fields = map[string][4]int{
	"PROXY TCP4 ": {7, 7, 1, 1},
	"PROXY TCP6 ": {2, 2, 1, 1},
}

// proxyV1Needs is proxyNeeds for bytes that begin with those of version 1.
func proxyV1Needs(b []byte, limit int) (int, error) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		if i == len(b)-1 && i > 0 && b[i-1] == '\r' {
			return 0, nil
		}
		return 0, badProxyHeader("a line break inside of %q", b)
	}
	n, err := proxyV1Lacks(b)
	switch {
	case err != nil:
		return 0, err
	case len(b)+n > limit:
		return 0, badProxyHeader("more than %d bytes", limit)
	}
	return n, nil
}

// proxyV1Lacks counts what a line without its end lacks at least.
func proxyV1Lacks(b []byte) (int, error) {
	if len(b) < proxyV1Min {
		return proxyV1Min - len(b), nil
	}
	if b[len(b)-1] == '\r' {
		return 1, nil
	}
	const kind = len("PROXY TCP4 ")
	if bytes.HasPrefix(b, []byte("PROXY UNKNOWN")) {
		return 2, nil
	}
	least, ok := proxyV1Fields[string(b[:kind])]
	if !ok {
		return 0, badProxyHeader("%q is of no known kind", b)
	}
	fields := bytes.Split(b[kind:], []byte(" "))
	if len(fields) > len(least) {
		return 0, badProxyHeader("%q has too many fields", b)
	}
	n := max(least[len(fields)-1]-len(fields[len(fields)-1]), 0) + 2
	for _, m := range least[len(fields):] {
		n += 1 + m // with the space before it
	}
	return n, nil
}

// parseProxyV1 takes a whole line.
func parseProxyV1(line []byte) (*ProxyHeader, error) {
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok || len(line) > proxyV1Max {
		return nil, badProxyHeader("%q is no line", line)
	}
	f := strings.Split(text, " ")
	if len(f) > 1 && f[1] == "UNKNOWN" {
		return &ProxyHeader{Version: 1}, nil
	}
	if len(f) != 6 || f[0] != "PROXY" || f[1] != "TCP4" && f[1] != "TCP6" {
		return nil, badProxyHeader("%q", text)
	}
	from, ok1 := proxyV1Addr(f[1], f[2], f[4])
	to, ok2 := proxyV1Addr(f[1], f[3], f[5])
	if !ok1 || !ok2 {
		return nil, badProxyHeader("%q has not two addresses and ports", text)
	}
	return &ProxyHeader{Version: 1, Source: from, Destination: to}, nil
}

func proxyV1Addr(kind, host, port string) (net.Addr, bool) {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" || ip.Is4() != (kind == "TCP4") {
		return nil, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port { // 080 or +80
		return nil, false
	}
	return tcpAddr(ip, uint16(n)), true
}

func tcpAddr(ip netip.Addr, port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), port))
}
