package config

import (
	"crypto/tls"
	"math"
	"net"
	"time"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

type server = wsserver.Config

// rootKeys are the keys of a file. Save has its own way to them, as it has to check the
// fields without a key.
var rootKeys = append(lift(serverShape.keys, func(f *File) *server { return &f.Server }),
	at("acme", func(f *File) **ACME { return &f.ACME }, optional(acmeShape), "the issuer of certificates"))

var (
	memory  = size[int64](math.MaxInt64)
	octets  = size[int](math.MaxInt)
	counter = whole[int](0, math.MaxInt32)
)

var serverShape = shape[server]{keys: serverKeys, code: []code[server]{
	{"Inherited", func(c *server) bool { return c.Inherited != nil }, "sockets of another process"},
	{"TLS", func(c *server) bool { return c.TLS != nil }, "a tls.Config; the hosts have certificates as text"},
	{"ClientCAs", func(c *server) bool { return c.ClientCAs != nil }, "a pool of certificates; ClientCAFile can be written"},
	{"TLSKeyLog", func(c *server) bool { return c.TLSKeyLog != nil }, "an io.Writer"},
	{"OnHostTLS", func(c *server) bool { return c.OnHostTLS != nil }, "a function"},
	{"RootCAs", func(c *server) bool { return c.RootCAs != nil }, "a pool of certificates; RootCAFile can be written"},
	{"Issuer", func(c *server) bool { return c.Issuer != nil }, "code; File.ACME can be written"},
	{"HTTP", func(c *server) bool { return c.HTTP != nil }, "a handler"},
	{"PingPayload", func(c *server) bool { return c.PingPayload != nil }, "a function"},
	{"Pump", func(c *server) bool { return c.Pump != nil }, "a loop that the program runs"},
	{"PumpByHost", func(c *server) bool { return len(c.PumpByHost) > 0 }, "loops that the program runs"},
	{"NewName", func(c *server) bool { return c.NewName != nil }, "a function"},
	{"Events", func(c *server) bool { return anySet(c.Events) }, "functions"},
	{"Hooks", func(c *server) bool { return len(c.Hooks) > 0 }, "functions"},
	{"Logger", func(c *server) bool { return c.Logger != nil }, "code"},
}}

var serverKeys = table[server]{
	at("addr", func(c *server) *string { return &c.Addr }, plain, "the address, host:port, without hosts"),
	at("bindings", func(c *server) *[]multilisten.Binding { return &c.Bindings }, many(bindingShape), "further addresses"),
	at("listen_policy", func(c *server) *multilisten.Policy { return &c.ListenPolicy },
		choice(word[multilisten.Policy]{"all_or_nothing", multilisten.AllOrNothing}, word[multilisten.Policy]{"best_effort", multilisten.BestEffort}),
		"what becomes of an address that can not be opened"),
	at("hosts", func(c *server) *[]hosts.Host { return &c.Hosts }, many(hostShape), "the virtual hosts"),

	at("disable_tls", func(c *server) *bool { return &c.DisableTLS }, onOff, "forbids TLS"),
	at("level", func(c *server) *hosts.Level { return &c.Level }, level, "the security level of hosts without one; high unless set"),
	at("client_auth", func(c *server) *hosts.ClientCert { return &c.ClientAuth }, clientAuth, "whether clients show a certificate"),
	at("client_ca_file", func(c *server) *string { return &c.ClientCAFile }, cert, "who may issue those, PEM"),
	at("client_verify", func(c *server) *hosts.ClientVerify { return &c.ClientVerify }, one(verifyShape), "how they are checked"),
	at("disable_session_tickets", func(c *server) *bool { return &c.DisableSessionTickets }, onOff, "no TLS session is resumed"),
	at("root_ca_file", func(c *server) *string { return &c.RootCAFile }, cert, "what the hosts' own certificates must lead to, PEM"),
	at("allow_self_signed", func(c *server) *bool { return &c.AllowSelfSigned }, onOff, "a self-signed certificate of a host is good"),
	at("best_effort_hosts", func(c *server) *bool { return &c.BestEffortHosts }, onOff, "starts without the certificates that can not be loaded"),
	at("cert_expire_days", func(c *server) *int { return &c.CertExpireDays }, whole[int](-1, 36500), "days before the end in which a certificate is a warning, and renewed; 30 unless set, -1 is never"),
	at("recheck_every", func(c *server) *time.Duration { return &c.RecheckEvery }, duration, "how often certificate files are looked at; 1h unless set"),

	at("banner", func(c *server) *banner.Policy { return &c.Banner }, one(bannerShape), "welcome and limit"),
	at("banner_by_host", func(c *server) *map[string]banner.Policy { return &c.BannerByHost }, byTag(bannerEntry), "the same for single hosts"),
	at("max_clients_by_binding", func(c *server) *map[string]int { return &c.MaxClientsByBinding }, numbers, "clients of single bindings, by name or else address"),
	at("allowed_clients", func(c *server) *[]string { return &c.AllowedClients }, words, "addresses, networks and names that may connect; none is all"),
	at("allowed_file", func(c *server) *string { return &c.AllowedFile }, file, "more of them, one a line"),
	at("denied_clients", func(c *server) *[]string { return &c.DeniedClients }, words, "those that may not, whatever else says"),
	at("denied_file", func(c *server) *string { return &c.DeniedFile }, file, "more of them, one a line"),
	at("trusted_proxies", func(c *server) *[]string { return &c.TrustedProxies }, words, "peers that name the client in client_ip_header"),
	at("client_ip_header", func(c *server) *string { return &c.ClientIPHeader }, clientIPHeader, "where they do; none unless set"),
	at("exempt_clients", func(c *server) *[]string { return &c.ExemptClients }, words, "those without limits, rates and bans"),
	at("max_per_ip", func(c *server) *int { return &c.MaxPerIP }, counter, "connections of an address; 0 is no limit"),
	at("ipv4_prefix", func(c *server) *int { return &c.IPv4Prefix }, whole[int](0, 32), "bits of an IPv4 address that count, 24 to 32; 32 unless set"),
	at("ipv6_prefix", func(c *server) *int { return &c.IPv6Prefix }, whole[int](0, 128), "bits of an IPv6 address that count, 32 to 128; 64 unless set"),
	at("accept_rate", func(c *server) *admit.Rate { return &c.AcceptRate }, rate, "how often an address may connect"),
	at("handshake_rate", func(c *server) *admit.Rate { return &c.HandshakeRate }, rate, "how often it may ask for a WebSocket"),
	at("total_accept_rate", func(c *server) *admit.Rate { return &c.TotalAcceptRate }, rate, "how often all addresses together may connect"),
	at("max_tracked", func(c *server) *int { return &c.MaxTracked }, counter, "addresses that are counted; 65536 unless set"),
	at("auto_ban", func(c *server) *admit.BanRule { return &c.AutoBan }, one(banShape), "bans those who break rules"),
	at("max_bans", func(c *server) *int { return &c.MaxBans }, counter, "bans at once; 65536 unless set"),
	at("unknown_host", func(c *server) *wsserver.UnknownHost { return &c.UnknownHost },
		choice(word[wsserver.UnknownHost]{"reject", wsserver.UnknownReject}, word[wsserver.UnknownHost]{"default", wsserver.UnknownDefault}),
		"what a request for an unknown host gets: 421, or the first host"),
	at("allowed_origins", func(c *server) *[]string { return &c.AllowedOrigins }, words, "origins of pages that may connect; none is the same host"),
	at("sub_protocols", func(c *server) *[]string { return &c.SubProtocols }, words, "the server's, in order of preference"),
	at("require_sub_protocol", func(c *server) *bool { return &c.RequireSubProtocol }, onOff, "refuses clients that offer none of them"),
	at("forward", func(c *server) **forward.Target { return &c.Forward }, target, "where connections without a client are forwarded to"),
	at("forward_by_host", func(c *server) *map[string]*forward.Target { return &c.ForwardByHost }, targets, "the same for single hosts; an empty text is none"),

	at("max_header_bytes", func(c *server) *int { return &c.MaxHeaderBytes }, octets, "the head of a request; 16KiB unless set"),
	at("max_pending", func(c *server) *int { return &c.MaxPending }, counter, "connections before the answer to their handshake; 4096 unless set"),
	at("max_http_conns", func(c *server) *int { return &c.MaxHTTPConns }, counter, "connections that are no WebSocket; 1024 unless set"),
	at("http_timeout", func(c *server) *time.Duration { return &c.HTTPTimeout }, duration, "for a request that is no WebSocket, and for its answer; 1m unless set"),
	at("handshake_timeout", func(c *server) *time.Duration { return &c.HandshakeTimeout }, duration, "from accept to the answer; 10s unless set"),
	at("tls_handshake_timeout", func(c *server) *time.Duration { return &c.TLSHandshakeTimeout }, duration, "the part of TLS in that; 5s unless set"),
	at("shutdown_timeout", func(c *server) *time.Duration { return &c.ShutdownTimeout }, duration, "for the end of the server; 10s and drain.window unless set"),
	at("drain", func(c *server) *wsserver.Drain { return &c.Drain }, one(drainShape), "how the end of the server sends clients away"),

	at("max_message_size", func(c *server) *int64 { return &c.MaxMessageSize }, memory, "a received message; 1MiB unless set"),
	at("max_frame_size", func(c *server) *int { return &c.MaxFrameSize }, octets, "a sent frame"),
	at("send_queue", func(c *server) *client.SendQueue { return &c.SendQueue }, one(queueShape), "what waits for a slow peer"),
	at("memory_budget", func(c *server) **client.Budget { return &c.MemoryBudget }, budget, "the send queues of all clients together"),
	at("compression", func(c *server) *client.Compression { return &c.Compression }, one(compressionShape), "permessage-deflate"),
	at("compression_by_host", func(c *server) *map[string]client.Compression { return &c.CompressionByHost }, byTag(compressionEntry), "the same for single hosts"),
	at("bandwidth_limit", func(c *server) *int { return &c.BandwidthLimit }, octets, "bytes a second for each client and direction"),
	at("bandwidth_sampling", func(c *server) *time.Duration { return &c.BandwidthSampling }, duration, "the time over which that is kept; 1s unless set"),
	at("driver", func(c *server) *wsserver.Driver { return &c.Driver }, choice(
		word[wsserver.Driver]{"auto", wsserver.DriverAuto}, word[wsserver.Driver]{"goroutine", wsserver.DriverGoroutine},
		word[wsserver.Driver]{"dormant", wsserver.DriverDormant}, word[wsserver.Driver]{"inline", wsserver.DriverInline}), "how connections wait for input"),
	at("nagle", func(c *server) *bool { return &c.Nagle }, onOff, "small writes may be delayed"),
	at("in_buffer_size", func(c *server) *int { return &c.InBufferSize }, octets, "the kernel's receive buffer"),
	at("out_buffer_size", func(c *server) *int { return &c.OutBufferSize }, octets, "the kernel's send buffer"),
	at("keep_alive", func(c *server) *net.KeepAliveConfig { return &c.KeepAlive }, one(keepAliveShape), "TCP keep-alive probes"),
	at("no_keep_alive", func(c *server) *bool { return &c.NoKeepAlive }, onOff, "turns them off"),

	at("write_timeout", func(c *server) *time.Duration { return &c.WriteTimeout }, duration, "for a peer that takes no byte; 10s unless set"),
	at("close_timeout", func(c *server) *time.Duration { return &c.CloseTimeout }, duration, "for a closing handshake; 5s unless set"),
	at("no_close_wait", func(c *server) *bool { return &c.NoCloseWait }, onOff, "does not wait for the peer's close frame"),
	at("close_code", func(c *server) *client.StatusCode { return &c.CloseCode }, whole[client.StatusCode](0, 4999), "the close code of Close(0); 1000 unless set"),
	at("close_reason", func(c *server) *string { return &c.CloseReason }, plain, "the reason that goes with it"),

	at("ping_interval", func(c *server) *time.Duration { return &c.PingInterval }, duration, "the silence before a ping; 30s unless set"),
	at("pong_timeout", func(c *server) *time.Duration { return &c.PongTimeout }, duration, "for its answer; 10s unless set"),
	at("disable_pong", func(c *server) *bool { return &c.DisablePong }, onOff, "leaves pings unanswered"),
	at("idle_timeout", func(c *server) *time.Duration { return &c.IdleTimeout }, duration, "for a client that sends no message; none unless set"),
	at("max_lifetime", func(c *server) *time.Duration { return &c.MaxLifetime }, duration, "of a connection; none unless set"),
	at("friendly_errors", func(c *server) *bool { return &c.FriendlyErrors }, onOff, "errors are sentences for people"),
}

var level = parsed("a security level, such as high or high128", hosts.ParseLevel, hosts.Level.String)

var clientAuth = parsed("none, optional or require", hosts.ParseClientCert, hosts.ClientCert.String)

var tlsVersion = choice(word[uint16]{"", 0},
	word[uint16]{"1.2", tls.VersionTLS12}, word[uint16]{"1.3", tls.VersionTLS13},
	word[uint16]{"1.0", tls.VersionTLS10}, word[uint16]{"1.1", tls.VersionTLS11})
