package clienttest

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// Options are the facts of the handshake that a [Recorder] or a [Request] stands
// for. Where a zero value could not come from a handshake, it means a default.
type Options struct {
	// ID is the client's number. Zero means one that nothing else in this process
	// got from this package.
	ID uint64
	// UUID is zero for a new one.
	UUID uuid.UUID
	// Name is what Config.NewName gave; empty means the decimal ID.
	Name string
	// HostTag is the tag of the virtual host, empty without hosts.
	HostTag string
	// Host is the Host header; empty means "server.example".
	Host string
	// URI is the request target; empty means "/". Request has its own argument.
	URI string
	// Origin is the Origin header, empty for none.
	Origin string
	// SubProtocol is the chosen one, empty for none. It must be one of SubProtocols,
	// unless that is empty.
	SubProtocol string
	// SubProtocols are the offered ones; empty means SubProtocol alone.
	SubProtocols []string
	// Header holds further header lines of the request; it is copied.
	Header http.Header
	// Remote is the peer's address; zero means 192.0.2.1:49152.
	Remote netip.AddrPort
	// ClientIP is whom a trusted proxy has named; zero means the address of Remote.
	ClientIP netip.Addr
	// Local is the server's address; zero means 192.0.2.2:80.
	Local netip.AddrPort
	// Binding is the name of the binding, whose index is 0.
	Binding string
	// TLS is the state of the TLS connection, nil for a plain one.
	TLS *tls.ConnectionState
	// Server is what Base.Server returns: a double that the test brings, or nil.
	Server client.Server
	// Banner is Banner.Welcome of the server; the class may replace it, see
	// [Recorder.Greet].
	Banner string
	// SendQueue is Config.SendQueue of the server, see [Recorder.Stall].
	SendQueue client.SendQueue
}

// ids counts the clients whose number the test leaves to us.
var ids atomic.Uint64

// complete returns the only Options of a call with its defaults filled in.
func complete(tb testing.TB, opts []Options) Options {
	tb.Helper()
	var o Options
	switch len(opts) {
	case 0:
	case 1:
		o = opts[0]
	default:
		tb.Fatalf("clienttest: %d Options, want at most one", len(opts))
	}
	if o.ID == 0 {
		o.ID = ids.Add(1)
	}
	if o.UUID == (uuid.UUID{}) {
		o.UUID = uuid.Must(uuid.NewV7())
	}
	if len(o.SubProtocols) == 0 && o.SubProtocol != "" {
		o.SubProtocols = []string{o.SubProtocol}
	}
	o.Host = cmp.Or(o.Host, "server.example")
	o.URI = cmp.Or(o.URI, "/")
	o.Remote = cmp.Or(o.Remote, netip.MustParseAddrPort("192.0.2.1:49152")) // RFC 5737
	o.ClientIP = cmp.Or(o.ClientIP, o.Remote.Addr())
	o.Local = cmp.Or(o.Local, netip.MustParseAddrPort("192.0.2.2:80"))
	o.Header = o.lines()
	if err := o.SendQueue.Validate(); err != nil {
		tb.Fatalf("clienttest: Options: %v", err)
	}
	o.SendQueue = o.SendQueue.WithDefaults()
	return o
}

// lines is the header of the request without Host.
func (o *Options) lines() http.Header {
	h := make(http.Header)
	for name, values := range o.Header {
		for _, v := range values {
			h.Add(name, v)
		}
	}
	if o.Origin != "" {
		h.Set("Origin", o.Origin)
	}
	if len(o.SubProtocols) > 0 {
		h.Set("Sec-WebSocket-Protocol", strings.Join(o.SubProtocols, ", "))
	}
	return h
}

// facts is o as client.Base knows it.
func (o *Options) facts() link.Facts {
	var raw strings.Builder
	raw.WriteString("Host: " + o.Host + "\r\n")
	_ = o.Header.Write(&raw)
	return link.Facts{
		ID: o.ID, UUID: o.UUID, Name: o.Name, Remote: o.Remote, Local: o.Local, Binding: o.Binding, ClientIP: &o.ClientIP,
		HostTag: o.HostTag, HostHeader: o.Host, Origin: o.Origin, URI: o.URI, Raw: raw.String(),
		SubProtocol: o.SubProtocol, TLS: o.TLS, Opened: time.Now(),
	}
}

// Request returns a valid handshake for target, a path with or without a query,
// as a factory's NewClient gets it. Its context ends with the test. At most one
// Options may be given; those for Connect are welcome.
func Request(tb testing.TB, target string, opts ...Options) *client.OpenRequest {
	tb.Helper()
	o := complete(tb, opts)
	u, err := url.ParseRequestURI(target)
	if err != nil {
		tb.Fatalf("clienttest: %v", err)
	}
	r := &client.OpenRequest{
		ID: o.ID, UUID: o.UUID, URI: u, RawURI: target, HostHeader: o.Host, HostTag: o.HostTag,
		Origin: o.Origin, SubProtocols: o.SubProtocols, Extensions: o.Header["Sec-Websocket-Extensions"],
		Header: o.Header, ResponseHeader: make(http.Header), Remote: o.Remote, Local: o.Local,
		ClientIP: o.ClientIP, Binding: o.Binding, TLS: o.TLS,
	}
	if err := r.Select(o.SubProtocol); err != nil {
		tb.Fatalf("clienttest: Options.SubProtocol: %v", err)
	}
	return r.WithContext(tb.Context())
}
