package forward

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Target is where connections are forwarded to: a TCP service, with or without TLS, or
// another WebSocket server. It has either Host and Port or URL. It must not be changed while
// a server uses it. For durations zero means the default and a negative value turns the
// limit off.
type Target struct {
	// URL is tcp://host:port, tls://host:port, or the address of a WebSocket server, ws:// or
	// wss://. One of a WebSocket server that has no path at all gets that of the request,
	// with its query; "/" is a path.
	URL string
	// Host is the name or address of a TCP service (F-01).
	Host string
	// Port is that of Host, 1 to 65535 (F-02).
	Port int
	// TLS speaks TLS to Host. With a URL the scheme says that.
	TLS bool
	// TLSConfig is that of tls and wss; nil is the standard one. Without a ServerName it gets
	// the host of the target.
	TLSConfig *tls.Config

	// Text makes text messages of what a TCP target sends, which has to be UTF-8, else the
	// client gets 1011; messages end between two runes. The zero value makes binary ones.
	Text bool
	// ChunkSize is the most bytes that a message of a TCP target has, 4 to 1 MiB. Zero means
	// 32 KiB.
	ChunkSize int
	// ProxyProtocol begins the connection to a TCP target with a PROXY header of version 1,
	// which names the client's address (F-05).
	ProxyProtocol bool
	// HeaderNames are the headers of the request that a WebSocket target gets besides Origin
	// and X-Forwarded-For, -Proto and -Host, such as "Cookie" or "Authorization". Empty
	// means none.
	HeaderNames []string

	// DialTimeout bounds everything up to the moment in which bytes can flow, TLS and the
	// handshake of a WebSocket target included, within Config.HandshakeTimeout. Zero means
	// 5 s.
	DialTimeout time.Duration
	// WriteTimeout ends the connection of a target that does not take 32 KiB in that time.
	// Zero means 1 min.
	WriteTimeout time.Duration
	// IdleTimeout closes with 1001 a connection on which nothing came from the target and
	// nothing was written to it for so long. Zero means never.
	IdleTimeout time.Duration

	// Dial replaces net.Dialer.DialContext: for a Unix socket, another network or a test. The
	// network is "tcp". It must heed ctx. A connection with CloseWrite can be closed half.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// WithDefaults returns t with its default in place of each zero, and with a tcp or tls URL
// taken apart.
func (t Target) WithDefaults() Target {
	if u, err := url.Parse(t.URL); err == nil && (u.Scheme == "tcp" || u.Scheme == "tls") {
		t.URL, t.Host, t.TLS = "", u.Hostname(), u.Scheme == "tls"
		t.Port, _ = strconv.Atoi(u.Port())
	}
	def(&t.ChunkSize, 32<<10)
	def(&t.DialTimeout, 5*time.Second)
	def(&t.WriteTimeout, time.Minute)
	t.HeaderNames = slices.Clone(t.HeaderNames)
	return t
}

func def[V comparable](p *V, v V) {
	var zero V
	if *p == zero {
		*p = v
	}
}

// WebSocket reports whether the target is a WebSocket server.
func (t Target) WebSocket() bool {
	scheme, _, _ := strings.Cut(t.URL, "://")
	return strings.EqualFold(scheme, "ws") || strings.EqualFold(scheme, "wss")
}

// String is the target as a URL, without query.
func (t Target) String() string {
	t = t.WithDefaults()
	if t.URL != "" {
		before, _, _ := strings.Cut(t.URL, "?")
		return before
	}
	u := url.URL{Scheme: "tcp", Host: net.JoinHostPort(t.Host, strconv.Itoa(t.Port))}
	if t.TLS {
		u.Scheme = "tls"
	}
	return u.String()
}

// Validate returns what is wrong with t, as a [*FieldError], or nil.
func (t Target) Validate() error {
	if t.URL != "" && (t.Host != "" || t.Port != 0 || t.TLS) {
		return badField("URL", "together with Host, Port or TLS; use one of them")
	}
	if err := checkURL(t.URL); err != nil {
		return err
	}
	ws := t.WebSocket()
	t = t.WithDefaults()
	switch {
	case ws && t.Text:
		return badField("Text", "set for a WebSocket target, whose messages stay what they are")
	case ws && t.ProxyProtocol:
		return badField("ProxyProtocol", "set for a WebSocket target, which gets X-Forwarded-For")
	case !ws && len(t.HeaderNames) > 0:
		return badField("HeaderNames", "set for a TCP target, which gets no headers")
	case !ws && !validHost(t.Host):
		return badField("Host", "%q is not a host name or an IP address", t.Host)
	case !ws && (t.Port < 1 || t.Port > 65535):
		return badField("Port", "%d is not from 1 to 65535", t.Port)
	case t.ChunkSize < 4 || t.ChunkSize > 1<<20:
		return badField("ChunkSize", "%d is not from 4 to 1048576", t.ChunkSize)
	case t.IdleTimeout < 0:
		return badField("IdleTimeout", "%v is negative; 0 is never", t.IdleTimeout)
	}
	return checkNames(t.HeaderNames)
}

// own are headers that are made for each hop.
var own = []string{
	"Host", "Origin", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "Trailer", "Te", "Keep-Alive",
	"Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
}

func checkNames(names []string) error {
	for _, name := range names {
		c := http.CanonicalHeaderKey(name)
		switch {
		case !isToken(name):
			return badField("HeaderNames", "%q is not the name of a header", name)
		case slices.Contains(own, c) || strings.HasPrefix(c, "Sec-Websocket-"):
			return badField("HeaderNames", "%s is made for each connection and can not be passed on", c)
		}
	}
	return nil
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

// validHost tells what can be dialled; whether the name means something turns out there.
func validHost(s string) bool {
	if strings.ContainsAny(s, ":%") {
		_, err := netip.ParseAddr(s)
		return err == nil
	}
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/\@?#[]<>"`, r)
	})
}
