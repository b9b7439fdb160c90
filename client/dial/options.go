package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/icsws/icsws/client"
)

// Options say where to and how a [Conn] connects. New copies them; [Options.Validate]
// tells what is wrong with them. URL is all that is needed. For durations zero means the
// default and a negative value turns the limit off, unless said otherwise.
type Options struct {
	// URL is the address of the server: ws://host:port/path?query, or wss:// for TLS,
	// without a fragment (D-02, RFC 6455 section 3). The port is 80 or 443 by default. The
	// host is a name, an internationalised one too, or a literal; one of IPv6 is in
	// brackets, with its zone as %25eth0. User info becomes Authorization: Basic, unless
	// there is such a header line, and is never logged or in an error.
	URL string
	// Header are further lines of each handshake (D-03), Host among them: it replaces that
	// of URL. Names that belong to the handshake are an error: Upgrade, Connection,
	// Sec-WebSocket-*, Content-Length and their like.
	Header http.Header
	// HeaderFunc is called for each attempt, for what changes, such as a token (D-03). Its
	// lines replace those of Header with the same name. An error or a panic fails the
	// attempt. It must return when ctx ends: nothing else ends it.
	HeaderFunc func(ctx context.Context) (http.Header, error)
	// SubProtocols are offered in this order of preference (D-40). A server that chooses
	// none is taken; one that chooses another is not.
	SubProtocols []string
	// Compression offers permessage-deflate (D-07). The zero value offers nothing. With
	// client.CompressionContext the server may use a window of 32 KiB, which is then what a
	// connection may take to inflate, and we keep 4 KiB of what was sent; WindowBits below
	// 15 limits what we keep, and asks the server to limit its window too. One that can not
	// is taken all the same, with up to 32 KiB for what it sends, which is logged.
	Compression client.Compression

	// Dial opens the connection to addr, which is "host:port" of the server or of its
	// proxy (D-41). Nil means a net.Dialer, which asks for all addresses of the name and
	// races IPv6 and IPv4 (RFC 8305). For wss TLS is added to what it returns, unless that
	// is a *tls.Conn and there is no proxy: that one is used as it is, with its own
	// configuration. It must return when ctx ends: nothing else ends it. Set Proxy to
	// [NoProxy] if it leads somewhere of its own, such as to a Unix socket.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Proxy returns the proxy for a request, or nil for none: its URL has the scheme http
	// for ws and https for wss, and no user info. Nil means http.ProxyFromEnvironment:
	// HTTP_PROXY, HTTPS_PROXY and NO_PROXY as they were when the process first asked;
	// [NoProxy] is none. The proxy's URL may be http://, https://, socks5:// or socks5h://,
	// with user info. HTTP proxies are asked for a tunnel (CONNECT), for ws too. With
	// either kind the proxy resolves the name of the server.
	Proxy func(*http.Request) (*url.URL, error)
	// HandshakeTimeout bounds an attempt as a whole, HeaderFunc and redirects included
	// (D-15). Zero means 30 s.
	HandshakeTimeout time.Duration
	// FollowRedirects follows up to 5 redirects of the handshake, none of them from wss to
	// ws (D-43). Authorization, cookies and a Host line of Header go to the same host and port
	// only. The zero value fails an attempt that is redirected.
	FollowRedirects bool
	// MaxHeaderBytes bounds the head of the server's answer, and that of a proxy. Zero
	// means 16 KiB; negative is an error.
	MaxHeaderBytes int

	// TLS is the template of the configuration of TLS; it is cloned for each attempt, so a
	// ClientSessionCache in it lets later connections resume. The following fields, where
	// they are set, replace those in it. ALPN is always http/1.1, and a version below 1.2
	// is an error. An https proxy gets it without certificates of ours.
	TLS *tls.Config
	// RootCAs are the authorities that the server's certificate must lead to (T-19). Nil
	// means the system's.
	RootCAs *x509.CertPool
	// CAFile is in place of RootCAs what hosts.ParsePool reads: the path of a PEM file, PEM
	// text, SYSTEM or NONE (D-11). It is read anew for each attempt. NONE trusts nobody, so
	// it is an error without InsecureSkipVerify.
	CAFile string
	// CertFile is the certificate that we show the server if it asks for one (D-09): a path
	// or PEM text, with its chain, in any format that hosts.FileSource reads. It is read
	// anew for each attempt, so that a renewed one is used.
	CertFile string
	// KeyFile is its private key, unless CertFile holds it (D-10).
	KeyFile string
	// KeyPassword opens an encrypted key or container; see hosts.PasswordFile. It is called
	// for each attempt and must not block.
	KeyPassword func() ([]byte, error)
	// Ciphers are the suites of TLS 1.2 as hosts.ParseCiphers reads them (D-12). Empty
	// means those of crypto/tls.
	Ciphers string
	// ServerName is the name that the server's certificate must have, and that it is asked
	// for. Empty means the host of URL.
	ServerName string
	// InsecureSkipVerify takes any certificate: whoever is on the way can read and change
	// everything. It is logged as a warning.
	InsecureSkipVerify bool
	// KeyLog gets the secrets of every connection, so that Wireshark can read it: never in
	// production.
	KeyLog io.Writer

	// NoReconnect ends a Conn with its first connection, or the first attempt that fails
	// (D-05).
	NoReconnect bool
	// MinWait is the wait before the first further attempt; each failure in a row doubles
	// it (D-08). Zero means 100 ms, or MaxWait if that is less; negative is an error.
	MinWait time.Duration
	// MaxWait is the most that it grows to. Zero means 10 s, or MinWait if that is more;
	// negative is an error.
	MaxWait time.Duration
	// Jitter is the share of a wait that is random, so that the clients of a server that
	// restarts do not all come at once: 1 is anything from nothing to all of it, 0.2 its
	// last fifth. Zero means 1; negative is none.
	Jitter float64
	// StableAfter is how long a connection has to be open for the count of failures to
	// begin anew. What a function of the program takes while it ends does not count. Zero
	// means 5 s; negative means at once.
	StableAfter time.Duration
	// MaxAttempts is how many failures in a row end the Conn: attempts that failed and
	// connections that were not stable. Zero means no limit.
	MaxAttempts int
	// MaxHint is the most that a server may ask us to wait besides: with Retry-After, or
	// with a hint in the close reason, see client.ReturnHint. Zero means 1 h; negative means
	// that hints are not heard.
	MaxHint time.Duration
	// StopCodes are the close codes of the server that end the Conn. Nil means 1008; an
	// empty slice none.
	StopCodes []client.StatusCode
	// StopStatuses are the HTTP answers of the server that end the Conn. Nil means 401 and
	// 403, but with HeaderFunc only the second 401 without a connection between them: the
	// first may have been to a token that had just expired. An empty slice means none.
	StopStatuses []int
	// ShouldReconnect decides in place of StopCodes and StopStatuses (D-05). An attempt that
	// failed has the code 1006 and the [*DialError] as Cause. It must not block.
	ShouldReconnect func(client.CloseInfo) bool

	// MaxMessageSize bounds a received message in bytes, after inflation; a larger one
	// closes with 1009. Zero means 1 MiB, or no bound for a class that gets its messages in
	// pieces (client.FragmentHandler).
	MaxMessageSize int64
	// MaxFrameSize bounds the payload of the frames that are sent: a longer message goes out
	// in several. Zero means one frame for each message.
	MaxFrameSize int
	// SendQueue bounds what waits for a slow server. Its zero Policy is
	// client.QueueBlock here: Send waits for room.
	SendQueue client.SendQueue
	// WriteTimeout ends the connection to a server that takes no byte for so long. Zero
	// means 10 s.
	WriteTimeout time.Duration
	// CloseTimeout bounds a closing handshake from our close frame to the server's. Zero
	// means 5 s.
	CloseTimeout time.Duration
	// PingInterval is the silence after which a ping is sent (D-04); every received byte
	// counts as life. Zero means 30 s.
	PingInterval time.Duration
	// PongTimeout is how long after a ping the server has to show any sign of life; then
	// the connection is closed with 1011. Zero means 10 s.
	PongTimeout time.Duration
	// IdleTimeout closes with 1001 a connection on which no data message came for so long.
	// Zero means never.
	IdleTimeout time.Duration
	// DisablePong leaves pings unanswered, for classes that answer in OnPing (D-06).
	DisablePong bool
	// BandwidthLimit is how many bytes a second may come, and how many are sent. Zero means
	// no limit.
	BandwidthLimit int

	// QueueWhileDown is how many bytes of payload wait while there is no connection, to be
	// sent on the next one (D-25). Zero means none: Send fails with client.ErrClosed then.
	QueueWhileDown int
	// QueueMessages bounds their number. Zero means 4096.
	QueueMessages int
	// QueuePolicy says what happens when a message finds them full:
	// client.QueueDropNewest, which the zero value means, or client.QueueDropOldest.
	QueuePolicy client.QueuePolicy
	// QueueMaxAge is the age at which a message that waits is dropped. Zero means never;
	// negative is an error.
	QueueMaxAge time.Duration

	// Logger gets what happens; nil means slog.Default. No header values and no user info
	// are logged.
	Logger *slog.Logger
}

// NoProxy is the [Options].Proxy that uses none, whatever the environment says.
func NoProxy(*http.Request) (*url.URL, error) { return nil, nil }

// withDefaults returns a copy in which no zero stands for a default, save for
// MaxMessageSize, whose default depends on the class. A negative Jitter stays negative.
func (o Options) withDefaults() Options {
	def(&o.HandshakeTimeout, 30*time.Second)
	def(&o.MaxHeaderBytes, 16<<10)
	if o.MinWait == 0 {
		o.MinWait = 100 * time.Millisecond
		if o.MaxWait > 0 {
			o.MinWait = min(o.MinWait, o.MaxWait)
		}
	}
	def(&o.MaxWait, max(10*time.Second, o.MinWait))
	def(&o.Jitter, 1)
	def(&o.StableAfter, 5*time.Second)
	def(&o.QueueMessages, 4096)
	def(&o.MaxHint, time.Hour)
	if o.StopCodes == nil {
		o.StopCodes = []client.StatusCode{client.StatusPolicyViolation}
	}
	if o.StopStatuses == nil {
		o.StopStatuses = []int{http.StatusUnauthorized, http.StatusForbidden}
	}
	def(&o.SendQueue.Policy, client.QueueBlock)
	o.SendQueue = o.SendQueue.WithDefaults()
	def(&o.WriteTimeout, 10*time.Second)
	def(&o.CloseTimeout, 5*time.Second)
	def(&o.PingInterval, 30*time.Second)
	def(&o.PongTimeout, 10*time.Second)
	def(&o.QueuePolicy, client.QueueDropNewest)
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Header = o.Header.Clone()
	o.SubProtocols = slices.Clone(o.SubProtocols)
	o.StopCodes = slices.Clone(o.StopCodes)
	o.StopStatuses = slices.Clone(o.StopStatuses)
	return o
}

// anew tells that a 401 may be the end of a token, in whose place HeaderFunc has another.
// It is asked before the defaults are set.
func (o *Options) anew() bool { return o.HeaderFunc != nil && o.StopStatuses == nil }

func def[V comparable](p *V, v V) {
	var zero V
	if *p == zero {
		*p = v
	}
}
