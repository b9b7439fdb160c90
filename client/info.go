package client

import (
	"bufio"
	"crypto/tls"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Info is a snapshot of what is known about a connection.
type Info struct {
	ID           uint64         // see [Base.ID]
	UUID         uuid.UUID      // see [Base.UUID]
	Name         string         // see [Base.Name]
	Remote       netip.AddrPort // the peer's address; zero when the transport has none
	Local        netip.AddrPort // the address that it came in on
	ClientIP     netip.Addr     // see [Base.ClientIP]
	Binding      string         // name of the binding, see [Base.Binding]
	BindingIndex int            // see [Base.BindingIndex]
	HostTag      string         // tag of the virtual host, see [Base.HostTag]
	HostHeader   string
	Origin       string
	URI          string // request target as sent
	SubProtocol  string // the chosen one, empty for none
	TLS          TLSInfo
	Opened       time.Time // when the handshake was answered
	Stats        Stats
}

// Info returns a snapshot of the connection's facts and counters.
func (b *Base) Info() Info {
	f := &b.link().Facts
	return Info{
		ID: f.ID, UUID: f.UUID, Name: b.Name(), Remote: f.Remote, Local: f.Local, ClientIP: b.ClientIP(),
		Binding: f.Binding, BindingIndex: f.BindingIndex, HostTag: f.HostTag, HostHeader: f.HostHeader,
		Origin: f.Origin, URI: f.URI, SubProtocol: f.SubProtocol, TLS: b.TLSInfo(), Opened: f.Opened,
		Stats: b.Stats(),
	}
}

// ID is the number of the connection: 1, 2, 3 … in the order of the handshakes,
// never reused by one server; 0 before the client belongs to one (C-08).
func (b *Base) ID() uint64 { return b.link().ID }

// UUID is a version 7 UUID: unique over all servers and sortable by the time of
// the handshake (RFC 9562 section 5.7).
func (b *Base) UUID() uuid.UUID { return b.link().UUID }

// Name is what NewClient or Config.NewName called the client, by default the
// decimal ID.
func (b *Base) Name() string {
	c := b.link()
	if c.Name != "" {
		return c.Name
	}
	return strconv.FormatUint(c.ID, 10)
}

// Remote is the peer's address and port (C-14, C-15).
func (b *Base) Remote() netip.AddrPort { return b.link().Remote }

// Local is the address and port that the connection came in on (C-12).
func (b *Base) Local() netip.AddrPort { return b.link().Local }

// ClientIP is the address of the client: the one that a trusted proxy has named, see
// Config.ClientIPHeader, else that of Remote (C-14). It is the zero Addr for a peer
// without an IP address, as on a Unix socket.
func (b *Base) ClientIP() netip.Addr {
	c := b.link()
	if c.ClientIP != nil {
		return *c.ClientIP
	}
	return c.Remote.Addr()
}

// Binding is the name of the binding that accepted the connection; empty for
// one that came through ServeHTTP.
func (b *Base) Binding() string { return b.link().Binding }

// BindingIndex is the position of that binding in Server.Addrs, from 0; -1 for a
// connection that came through ServeHTTP (L-26).
func (b *Base) BindingIndex() int { return b.link().BindingIndex }

// HostTag is the tag of the virtual host that the request named; empty without
// hosts (H-08).
func (b *Base) HostTag() string { return b.link().HostTag }

// HostHeader is the Host header as the client sent it (C-10).
func (b *Base) HostHeader() string { return b.link().HostHeader }

// Origin is the Origin header, empty for most clients that are not browsers (C-13).
func (b *Base) Origin() string { return b.link().Origin }

// RawURI is the request target as the client sent it (C-17).
func (b *Base) RawURI() string { return b.link().URI }

// URI is the parsed request target. It is parsed anew by each call and the
// caller's own; never nil.
func (b *Base) URI() *url.URL {
	u, err := url.ParseRequestURI(b.link().URI)
	if err != nil {
		return new(url.URL)
	}
	return u
}

// Header returns the header lines of the request, without Host. They are kept
// as one string and parsed anew by each call, so the map is the caller's own
// (C-16).
func (b *Base) Header() http.Header {
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(b.link().Raw + "\r\n")))
	h, _ := r.ReadMIMEHeader()
	delete(h, "Host")
	return http.Header(h)
}

// OfferedProtocols lists the sub-protocols that the client offered, in its order
// of preference (C-18).
func (b *Base) OfferedProtocols() []string {
	var out []string
	for _, line := range b.Header()["Sec-Websocket-Protocol"] {
		for s := range strings.SplitSeq(line, ",") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

// SubProtocol is the chosen sub-protocol, empty for none.
func (b *Base) SubProtocol() string { return b.link().SubProtocol }

// TLS is the state of the TLS connection, nil on a plain one (T-01). It must not
// be changed.
func (b *Base) TLS() *tls.ConnectionState { return b.link().TLS }

// Stats are the traffic figures of one connection (O-20).
type Stats struct {
	MessagesIn, MessagesOut uint64        // out: taken by Send, also what was dropped later
	BytesIn, BytesOut       uint64        // frames with their headers, inside TLS
	Buffered                int           // bytes that wait for the peer
	MessagesDropped         uint64        // to the peer, see OnDropped
	BytesDropped            uint64        // of their frames
	LastRead                time.Time     // when the last byte came
	RTT                     time.Duration // of the last answered server ping; 0 before
}

// Stats returns a snapshot of the traffic figures.
func (b *Base) Stats() Stats { return Stats(b.link().Ops.Counters()) }
