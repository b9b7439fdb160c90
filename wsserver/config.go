package wsserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/multilisten"
)

// Config is the configuration of a [Server]. New copies and checks it. The zero
// value works: it serves listeners that it is given. For durations zero means the
// default and a negative value turns the limit off, unless said otherwise.
type Config struct {
	// Addr is the primary address that Listen opens: "host:port", where the port may
	// be a service name or 0 for a free one. An empty host is all addresses on one
	// dual-stack socket; a literal binds its own family. With TLS set it speaks TLS.
	// It excludes Hosts, which bring addresses of their own (L-01, L-02).
	Addr string
	// Bindings are further addresses to open (L-25). With Hosts a binding does not
	// open an address: it adds its name and backlog to the host address of the same
	// Addr, and it is an error if there is none.
	Bindings []multilisten.Binding
	// ListenPolicy says what Listen does when a binding can not be opened: all or
	// none (the zero value), or the best effort (L-27).
	ListenPolicy multilisten.Policy
	// Hosts are the virtual hosts (H-01). Without any, every name is welcome.
	Hosts []hosts.Host
	// TLS is used for bindings with TLS when there are no Hosts; then it must have a
	// certificate. With Hosts it is the template of each host's configuration.
	// ALPN is always http/1.1, save for what its GetConfigForClient returns, and
	// versions below 1.2 must be asked for (H-28, T-35).
	TLS *tls.Config

	// Banner is the welcome text, the limit of clients and what the peer over the
	// limit is told.
	Banner banner.Policy
	// UnknownHost says what a request for an unknown host gets.
	UnknownHost UnknownHost
	// AllowedOrigins lists the origins from which pages may connect, such as
	// "https://app.example", "https://*.example" or "app.example"; "*" is any page of
	// the world, which with cookie authentication invites cross-site hijacking. Empty
	// means the same host as the request's, or no Origin header.
	AllowedOrigins []string
	// SubProtocols are the server's, in its order of preference. The first that
	// the client offers is chosen; NewClient may choose another.
	SubProtocols []string
	// RequireSubProtocol refuses with 400 a client that offers none of SubProtocols.
	RequireSubProtocol bool
	// HTTP answers requests that are not upgrades, where the host has no handler of
	// its own. Nil answers 426 (H-13).
	HTTP http.Handler

	// MaxHeaderBytes bounds the request head, request line included. Zero means 16 KiB.
	MaxHeaderBytes int
	// MaxPending bounds the connections between accept and the answer to their
	// handshake; further ones wait in the kernel's backlog. Zero means 4096.
	MaxPending int
	// MaxHTTPConns bounds the connections whose first request was no upgrade, while
	// HTTP or a host's handler serves them; a further one gets 503. Zero means 1024.
	MaxHTTPConns int
	// HTTPTimeout bounds reading a request that is no upgrade, and writing its answer.
	// Zero means 1 min.
	HTTPTimeout time.Duration
	// HandshakeTimeout bounds the time from accept to the answer, TLS and NewClient
	// included. Zero means 10 s.
	HandshakeTimeout time.Duration
	// TLSHandshakeTimeout bounds the TLS handshake, within HandshakeTimeout. Zero
	// means 5 s.
	TLSHandshakeTimeout time.Duration
	// ShutdownTimeout bounds the shutdown at the end of ListenAndServe, and Close.
	// Zero means 10 s; it can not be turned off.
	ShutdownTimeout time.Duration

	// MaxMessageSize bounds a received message in bytes, after inflation; a
	// larger one closes with 1009. Zero means 1 MiB; the most is 1 GiB, as a message
	// is held as a whole. For a class that gets its messages in pieces
	// (client.FragmentHandler) zero means no bound, and there is no most.
	MaxMessageSize int64
	// MaxFrameSize bounds the payload of the frames that are sent: a longer message
	// goes out in several, and a ping, a pong or the close frame may come between them
	// (S-07). Zero means one frame for each message.
	MaxFrameSize int
	// SendQueue bounds what waits for a slow peer (S-12).
	SendQueue client.SendQueue
	// MemoryBudget bounds the send queues of all clients together; several servers may
	// have the same. Nil means that only SendQueue bounds them.
	MemoryBudget *client.Budget
	// Compression chooses permessage-deflate; the zero value is off.
	Compression client.Compression
	// CompressionByHost replaces Compression for the hosts with these tags (S-27).
	CompressionByHost map[string]client.Compression
	// BandwidthLimit is how many bytes a second a client may send, and how many are
	// sent to it (O-21). Zero means no limit.
	BandwidthLimit int
	// BandwidthSampling is the time over which BandwidthLimit is kept: what was not used
	// of it in that time may come at once. Zero means 1 s; negative is an error.
	BandwidthSampling time.Duration
	// Driver is the way in which connections wait for input. The zero value is the
	// leanest one of the system.
	Driver Driver
	// Nagle turns Nagle's algorithm on: small writes may be delayed until the peer
	// has acknowledged earlier ones. The zero value sends at once (S-10).
	Nagle bool
	// InBufferSize is the kernel's receive buffer of each connection in bytes
	// (SO_RCVBUF, R-05). Zero leaves the system's, which it may adapt to each
	// connection; a fixed size ends that. Listen sets it on its TCP sockets before
	// they listen, so that the window scale is agreed on for it; connections of
	// listeners that are given to Serve, and those of ServeHTTP, have it from accept
	// on. The system may give another size (Linux: twice as much, and at most
	// net.core.rmem_max counts). Like Nagle, OutBufferSize and KeepAlive it is set on
	// what has the methods of a socket. An option that the system refuses is a
	// warning in the log, once for each listener, and the connection goes on.
	InBufferSize int
	// OutBufferSize is the kernel's send buffer of each connection in bytes
	// (SO_SNDBUF, S-09), with zero and limits as above (Linux: net.core.wmem_max).
	// Only what does not fit into it counts as SendQueue.
	OutBufferSize int
	// KeepAlive are the times of TCP keep-alive probes (K-04, K-05). The zero value
	// leaves them as they are: on, after 15 s and every 15 s, unless a listener that
	// is given to Serve has chosen otherwise. Setting Idle, Interval or Count turns
	// probes on, also when Enable is false; what is zero beside them is Go's default.
	// Durations are rounded up to whole seconds. Negative is an error here. It has no
	// meaning for Unix sockets.
	KeepAlive net.KeepAliveConfig
	// NoKeepAlive turns TCP keep-alive probes off. Together with KeepAlive it is an
	// error.
	NoKeepAlive bool

	// WriteTimeout ends the connection of a peer that takes no byte for so long
	// (K-01). Zero means 10 s.
	WriteTimeout time.Duration
	// CloseTimeout bounds a closing handshake from our close frame to the peer's
	// (K-11). Zero means 5 s.
	CloseTimeout time.Duration
	// NoCloseWait drops a connection as soon as our close frame is on its way,
	// without waiting for the peer's. What the peer is still sending then makes
	// the kernel reset the connection, and the frame may be lost.
	NoCloseWait bool
	// CloseCode is what Close sends when it is called with code 0. Zero means 1000
	//
	CloseCode client.StatusCode
	// CloseReason goes with CloseCode; at most 123 bytes are sent.
	CloseReason string

	// PingInterval is the silence after which a ping is sent (K-06); every received
	// byte counts as life. Zero means 30 s.
	PingInterval time.Duration
	// PongTimeout is how long after a ping the peer has to show any sign of life;
	// then it is closed with 1011. Zero means 10 s.
	PongTimeout time.Duration
	// PingPayload makes the payload of each ping, of which up to 125 bytes are
	// sent; it must not block (K-07). Nil means a counter of 8 bytes.
	PingPayload func() []byte
	// DisablePong leaves pings unanswered, for classes that answer in OnPing (K-08).
	DisablePong bool
	// IdleTimeout closes with 1001 a client that sent no data message for so long
	// (K-09). Zero means never.
	IdleTimeout time.Duration
	// MaxLifetime closes with 1012 a client that is connected for so long, up to a
	// tenth earlier so that not all leave at once (K-10). Zero means never.
	MaxLifetime time.Duration

	// NewName names a client; Base.Name returns it. It is called before NewClient,
	// which may choose another through OpenRequest.Name. Nil means the decimal id
	// (C-08).
	NewName func(r *client.OpenRequest) string
	// Events are the events of the server itself.
	Events Events
	// Hooks are plug-ins that see every client, whatever its class.
	Hooks []Hooks
	// Logger gets what happens; nil means slog.Default (O-01). Of header
	// values only Origin, Host and refused sub-protocols are logged.
	Logger *slog.Logger
}

// UnknownHost says what becomes of a request for a host that no enabled
// [hosts.Host] of its listener names.
type UnknownHost uint8

const (
	// UnknownReject answers 421 Misdirected Request, which also stops DNS rebinding.
	UnknownReject UnknownHost = iota
	// UnknownDefault serves it as a request for the listener's first enabled host.
	UnknownDefault
)

// withDefaults returns a copy of c in which no zero stands for a default.
func (c Config) withDefaults() Config {
	def(&c.MaxHeaderBytes, 16<<10)
	def(&c.MaxPending, 4096)
	def(&c.MaxHTTPConns, 1024)
	def(&c.HTTPTimeout, time.Minute)
	def(&c.HandshakeTimeout, 10*time.Second)
	def(&c.TLSHandshakeTimeout, 5*time.Second)
	def(&c.ShutdownTimeout, 10*time.Second)
	def(&c.BandwidthSampling, time.Second)
	c.SendQueue = c.SendQueue.WithDefaults()
	c.CompressionByHost = maps.Clone(c.CompressionByHost)
	def(&c.WriteTimeout, 10*time.Second)
	def(&c.CloseTimeout, 5*time.Second)
	def(&c.PingInterval, 30*time.Second)
	def(&c.PongTimeout, 10*time.Second)
	def(&c.CloseCode, client.StatusNormalClosure)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Bindings = slices.Clone(c.Bindings)
	c.Hosts = slices.Clone(c.Hosts)
	c.AllowedOrigins = slices.Clone(c.AllowedOrigins)
	c.SubProtocols = slices.Clone(c.SubProtocols)
	c.Hooks = slices.Clone(c.Hooks)
	return c
}

func def[V comparable](p *V, v V) {
	var zero V
	if *p == zero {
		*p = v
	}
}

// check returns everything that is wrong with c, which has its defaults.
func (c *Config) check() error {
	return errors.Join(
		c.checkListen(),
		positive("MaxHeaderBytes", c.MaxHeaderBytes),
		positive("MaxPending", c.MaxPending),
		positive("MaxHTTPConns", c.MaxHTTPConns),
		positive("ShutdownTimeout", c.ShutdownTimeout),
		positive("MaxFrameSize", c.MaxFrameSize),
		positive("BandwidthLimit", c.BandwidthLimit),
		positive("BandwidthSampling", c.BandwidthSampling),
		c.checkQueue(),
		c.checkCompression(),
		c.checkOptions(),
		c.checkClose(),
		c.checkProtocols(),
		wrapField("Banner", c.Banner.Validate()),
	)
}

func positive[V int | time.Duration](field string, v V) error {
	if v < 0 {
		return configError(field, "%v is negative", v)
	}
	return nil
}

func wrapField(field string, err error) error {
	if err == nil {
		return nil
	}
	return &ConfigError{field, err}
}

func (c *Config) checkListen() error {
	if c.ListenPolicy > multilisten.BestEffort {
		return configError("ListenPolicy", "unknown policy %d", c.ListenPolicy)
	}
	if c.Driver > DriverInline {
		return configError("Driver", "unknown driver %d", c.Driver)
	}
	if c.UnknownHost > UnknownDefault {
		return configError("UnknownHost", "unknown value %d", c.UnknownHost)
	}
	if len(c.Hosts) > 0 && c.Addr != "" {
		return configError("Addr", "%q together with Config.Hosts, which bring their own addresses", c.Addr)
	}
	return nil
}

// maxMessage is the longest message that is held as a whole. It fits into an int of 32
// bits with room for headers.
const maxMessage = 1<<30 - 16

// wholeLimit is the bound for a message that is held as a whole.
func (c *Config) wholeLimit() int64 {
	if c.MaxMessageSize == 0 {
		return 1 << 20
	}
	return min(c.MaxMessageSize, maxMessage)
}

// piecesLimit is the bound for a message that is delivered as it comes; -1 is none.
func (c *Config) piecesLimit() int64 {
	if c.MaxMessageSize == 0 {
		return -1
	}
	return c.MaxMessageSize
}

// checkMessages holds the limit against the class: one that gets whole messages can not
// have them of any size.
func (c *Config) checkMessages(pieces bool) error {
	most := int64(maxMessage)
	if pieces {
		most = math.MaxInt64
	}
	if c.MaxMessageSize < 0 || c.MaxMessageSize > most {
		return configError("MaxMessageSize", "%d is not from 1 to %d", c.MaxMessageSize, most)
	}
	return nil
}

func (c *Config) checkQueue() error {
	if c.MemoryBudget != nil && link.BudgetOf(c.MemoryBudget) == nil {
		return configError("MemoryBudget", "was not made by client.NewBudget")
	}
	if e, ok := errors.AsType[*client.QueueError](c.SendQueue.Validate()); ok {
		return configError("SendQueue."+e.Field, "%v %s", e.Value, e.Why)
	}
	return nil
}

func (c *Config) checkCompression() error {
	errs := []error{checkCompression("Compression", c.Compression)}
	for tag, z := range c.CompressionByHost {
		field := fmt.Sprintf("CompressionByHost[%q]", tag)
		if !slices.ContainsFunc(c.Hosts, func(h hosts.Host) bool { return h.Tag == tag }) {
			errs = append(errs, configError(field, "no host has that tag"))
		}
		errs = append(errs, checkCompression(field, z))
	}
	return errors.Join(errs...)
}

func checkCompression(field string, z client.Compression) error {
	switch {
	case z.Mode > client.CompressionContext:
		return configError(field+".Mode", "unknown mode %d", z.Mode)
	case z.Level < 0 || z.Level > 9:
		return configError(field+".Level", "%d is not from 1 to 9", z.Level)
	case z.WindowBits != 0 && (z.WindowBits < 8 || z.WindowBits > 15):
		return configError(field+".WindowBits", "%d is not from 8 to 15", z.WindowBits)
	}
	return nil
}

func (c *Config) checkClose() error {
	switch {
	case !c.CloseCode.Sendable():
		return &ConfigError{"CloseCode", errorf("%w: %d", client.ErrBadCloseCode, c.CloseCode)}
	case !utf8.ValidString(c.CloseReason):
		return &ConfigError{"CloseReason", client.ErrInvalidUTF8}
	}
	return nil
}

func (c *Config) checkProtocols() error {
	seen := map[string]bool{}
	for _, p := range c.SubProtocols {
		if !isToken(p) {
			return configError("SubProtocols", "%q is not a token (RFC 6455 section 4.1)", p)
		}
		if seen[p] {
			return configError("SubProtocols", "%q is there twice", p)
		}
		seen[p] = true
	}
	if c.RequireSubProtocol && len(c.SubProtocols) == 0 {
		return configError("RequireSubProtocol", "set, but Config.SubProtocols is empty")
	}
	return nil
}
