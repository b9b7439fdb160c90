package dial

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// OpenInfo tells of a connection that was opened. Header and TLS must not be changed.
type OpenInfo struct {
	// Attempt counts from 1, and begins anew after a connection that was stable.
	Attempt int
	// Status is the HTTP status of the answer, 101 (D-17).
	Status int
	// Header are the header lines of the answer (D-16).
	Header http.Header
	// URI is the path and query that were asked for (D-19).
	URI string
	// URL is where the connection leads to, after redirects, without user info.
	URL string
	// Protocol is the sub-protocol that the server has chosen, empty for none (D-40).
	Protocol string
	// Compression tells that permessage-deflate was agreed on.
	Compression bool
	// Remote is the address of the server, or of the proxy; Local is ours. They are invalid
	// if the connection has none.
	Remote, Local netip.AddrPort
	// TLS is nil for ws.
	TLS *tls.ConnectionState
	// Timing is what took how long.
	Timing Timing
	// Proxy is the URL of the proxy without user info, empty for none.
	Proxy string
	// Reopened tells that there was a connection before, since Start or Connect.
	Reopened bool
}

// Timing is how long the parts of an attempt took, zero for those that there were not.
// With redirects they are sums.
type Timing struct {
	Resolve   time.Duration // the name of the server, or of the proxy
	Connect   time.Duration // TCP, or Options.Dial
	Proxy     time.Duration // from there to the tunnel
	TLS       time.Duration // with the server
	Handshake time.Duration // from the request to the answer
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
