package wsserver

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/hosts"
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
	// open an address: it adds all that it has besides to the host address of the same
	// Addr, and it is an error if there is none.
	Bindings []multilisten.Binding
	// ListenPolicy says what Listen does when a binding can not be opened: all or
	// none (the zero value), or the best effort (L-27).
	ListenPolicy multilisten.Policy
	// Inherited are listening sockets that the process was started with: by a service
	// manager, or by the process that it replaces ([Server.HandOver]). Listen takes those
	// that fit its bindings in place of opening their addresses. When all servers with the
	// same Inherited have listened, what no binding has taken is closed, with a warning in
	// the log, and the process that waits is told that this one is ready. So make these
	// servers before the first of them listens.
	Inherited *multilisten.Inherited
	// Hosts are the virtual hosts (H-01). Without any, every name is welcome.
	Hosts []hosts.Host

	// TLS is used for bindings with TLS when there are no Hosts; then it must have a
	// certificate. With Hosts it is the template of each host's configuration.
	// ALPN is always http/1.1, save for what its GetConfigForClient returns, and
	// versions below 1.2 must be asked for, under the Level hosts.LevelNone (H-28, T-35).
	TLS *tls.Config
	// DisableTLS forbids TLS: Config.TLS, a binding with TLS, the TLSPort of a host and
	// ServeTLS are then errors (H-49).
	DisableTLS bool
	// Level is the security level of TLS and of the hosts that have none of their own
	// (H-20). The zero value is hosts.LevelHigh.
	Level hosts.Level
	// ClientAuth says whether clients have to show a certificate (T-04); a host may be
	// stricter. It is about our own TLS: a plain port asks for nothing, see
	// Host.RequireTLS, and neither does TLS that was set up elsewhere.
	ClientAuth hosts.ClientCert
	// ClientCAs are the authorities for that; setting them alone demands nothing
	// (T-06). Nil means the system's.
	ClientCAs *x509.CertPool
	// ClientCAFile is in place of ClientCAs what hosts.ParsePool reads: the path of a PEM
	// file, PEM text, SYSTEM or NONE. New reads it.
	ClientCAFile string
	// ClientVerify relaxes or extends the check of client certificates (T-17, T-20).
	ClientVerify hosts.ClientVerify
	// DisableSessionTickets turns the resumption of TLS sessions off (T-16).
	DisableSessionTickets bool
	// TLSKeyLog gets the secrets of every connection, so that Wireshark can read it:
	// never in production. It is logged as a warning (T-23).
	TLSKeyLog io.Writer
	// OnHostTLS may change the configuration of a host just before it is first used, once
	// for each host with TLS (H-27). If it panics, that host refuses all handshakes.
	OnHostTLS func(h *hosts.Entry, c *tls.Config)

	// RootCAs are what the hosts' own certificates are checked against: one that does not
	// lead to them is an error (H-34). Nil means the system's, where it is a warning in
	// the status of the host.
	RootCAs *x509.CertPool
	// RootCAFile is in place of RootCAs what hosts.ParsePool reads.
	RootCAFile string
	// AllowSelfSigned takes a host's self-signed certificate as good.
	AllowSelfSigned bool
	// BestEffortHosts lets the server start without the certificates that can not be
	// loaded: TLS to such a host fails until a recheck finds a good one (H-30). The zero
	// value fails New.
	BestEffortHosts bool
	// CertExpireDays is the last part of a certificate's life, in which the status of its
	// host is a warning (H-29); at most its last third. Zero means 30; negative never. An
	// issuer renews by rules of its own.
	CertExpireDays int
	// RecheckEvery is how often the server looks whether files of certificates have
	// changed, besides the notices of the file system, from the first Listen or Serve
	// on (H-31). Zero means an hour; negative turns both off. [Server.RecheckCerts] does
	// it at once.
	RecheckEvery time.Duration
	// Issuer obtains and renews the certificates of hosts with AutoOrder (H-36, H-37);
	// package hosts/acme has one. It needs Hosts. It works from the first Listen or Serve
	// on, and its checks over HTTP and TLS are answered before anything else.
	Issuer hosts.Issuer

	// Banner is the welcome text, the limit of clients and what the peer over the
	// limit is told.
	Banner banner.Policy
	// BannerByHost replaces Banner for the hosts with these tags: welcome, and what is
	// told to those who are too many. A MaxClients in it is a limit of that host, within
	// the one of Banner; SetMaxClients does not change it.
	BannerByHost map[string]banner.Policy
	// MaxClientsByBinding limits the clients of single bindings, within the other limits,
	// by the Name of the binding, or by its Addr if it has none; the primary one has
	// Config.Addr. Zero is no limit. A limit that Update adds counts the clients that
	// come from then on. The one over a limit is refused as Banner says.
	MaxClientsByBinding map[string]int

	// AllowedClients are those who may connect: addresses, prefixes, ranges, patterns such
	// as "10.1.*" and host names, which are looked up by New, Update and ReloadClients,
	// never for a connection; see admit.NewList. Empty, together with AllowedFile, means
	// everybody. Who is not on the list is disconnected before TLS, or gets 403 when
	// a trusted proxy names it.
	AllowedClients []string
	// AllowedFile is the path of a text with more of them, one a line.
	AllowedFile string
	// DeniedClients may not connect, even if they are allowed or exempt.
	DeniedClients []string
	// DeniedFile is the path of a text with more of them.
	DeniedFile string
	// TrustedProxies are the peers that may name another address as the client's, by the
	// header ClientIPHeader. They themselves need not be allowed, and have no limits of an
	// address. Whoever is listed here can pretend to be anybody. PROXY headers are another
	// matter: a binding says from whom it takes them, see multilisten.ProxyPolicy.
	TrustedProxies []string
	// ClientIPHeader is the header in which they do: Forwarded (RFC 7239), X-Forwarded-For
	// or X-Real-IP; empty for none. With it come the scheme and the host that the client
	// asked for: "proto" and "host", or X-Forwarded-Proto and X-Forwarded-Host. A proxy
	// that does not set all of them must delete what the client sends of them. A malformed
	// header of a trusted proxy is answered with 400.
	ClientIPHeader string
	// ExemptClients have no limits, rates and bans, such as a monitor.
	ExemptClients []string
	// MaxPerIP is how many connections an address may have at once, from accept to their
	// end. Zero means no limit.
	MaxPerIP int
	// IPv4Prefix is how many bits of an IPv4 address count as the address for limits,
	// rates and automatic bans, 24 to 32. Zero means 32.
	IPv4Prefix int
	// IPv6Prefix is the same for IPv6 addresses, 32 to 128. Zero means 64.
	IPv6Prefix int
	// AcceptRate is how often an address may connect. Who is too quick is
	// disconnected. The zero value is no limit.
	AcceptRate admit.Rate
	// HandshakeRate is how often a client address may ask for an upgrade; further requests
	// get 429. Behind a proxy, where the connections are the proxy's, this is what limits
	// clients.
	HandshakeRate admit.Rate
	// TotalAcceptRate is how often all addresses together may connect.
	TotalAcceptRate admit.Rate
	// MaxTracked is how many addresses are tracked at once, in 64 bytes each or less.
	// Beyond, an address counts for its network. Zero means 65,536.
	MaxTracked int
	// AutoBan bans addresses for a time after so many refusals for MaxPerIP and the rates
	// of an address, and handshakes that break the rules: a bad request, a request that
	// does not come to its end in time, no TLS where there should be. The zero value bans
	// nobody. See [Server.Bans].
	AutoBan admit.BanRule
	// MaxBans is how many bans there may be at once. Zero means 65,536.
	MaxBans int
	// UnknownHost says what a request for an unknown host gets.
	UnknownHost UnknownHost
	// AllowedOrigins lists the origins from which pages may connect, such as
	// "https://app.example", "https://*.example", "https://app.example:*" for any port,
	// or "app.example"; "same" is the host of the request, and "*" any page of the world,
	// which with cookie authentication invites cross-site hijacking. Empty means "same",
	// or no Origin header. Behind a proxy the host and scheme that it names are
	// compared, see ClientIPHeader. A host may have a list of its own,
	// Host.AllowedOrigins.
	AllowedOrigins []string
	// SubProtocols are the server's, in its order of preference. The first that
	// the client offers is chosen; NewClient may choose another.
	SubProtocols []string
	// RequireSubProtocol refuses with 400 a client that offers none of SubProtocols.
	RequireSubProtocol bool
	// HTTP answers requests that are not upgrades, where the host has no answer of its
	// own. Nil answers 426 (H-13). A host's answers are, in this order, those to the
	// checks of the Issuer, Host.OnWellKnown, WellKnown, RedirectURL and HTTP.
	HTTP http.Handler
	// Forward is where clients are forwarded to for which NewClient returns a nil client and
	// no error, unless the open request chooses another target (F-01, F-02). Nil means that
	// such a client is an error. [NoClients] is the factory of a server that only forwards.
	// A forwarded connection has a place under MaxClients and is seen by Hooks; it is not
	// among Clients, and the factory hears no more of it. No loop runs its events. It gets
	// no welcome.
	Forward *forward.Target
	// ForwardByHost replaces Forward for the hosts with these tags, also by nil.
	ForwardByHost map[string]*forward.Target

	// MaxHeaderBytes bounds the request head, request line included. Zero means 16 KiB.
	MaxHeaderBytes int
	// MaxPending bounds the connections between accept and the answer to their
	// handshake; further ones wait in the kernel's backlog. Zero means 4096. When Update
	// changes it, those in handshake do not count for the new limit.
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
	// Zero means 10 s, and Drain.Window besides; it can not be turned off.
	ShutdownTimeout time.Duration
	// Drain says how Shutdown sends the clients away. The zero value closes all at once.
	Drain Drain

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
	// Pump is the loop that runs the events of all clients, a *pump.Loop. Nil means that
	// each client has a goroutine of its own (E-18). [Server.AttachPump] changes it.
	Pump client.Loop
	// PumpByHost replaces Pump for the hosts with these tags, also by nil.
	PumpByHost map[string]client.Loop
	// Events are the events of the server itself.
	Events Events
	// Hooks are plug-ins that see every client, whatever its class.
	Hooks []Hooks
	// Logger gets what happens; nil means slog.Default (O-01). Of header
	// values only Origin, Host and refused sub-protocols are logged. Of each kind of line
	// that peers can cause at most 100 a second are written, 10 of panics. What handles
	// them is called wherever something happens, outside of the events: there Shutdown,
	// Update and what else waits would wait for themselves.
	Logger *slog.Logger
	// FriendlyErrors makes the errors of Listen, Events.OnError and LastError sentences
	// for people, that say what to do, in place of the technical text (O-04). See
	// [ServerError.Friendly]; errors.Is and errors.As work the same for both.
	FriendlyErrors bool
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
