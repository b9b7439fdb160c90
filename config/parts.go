package config

import (
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// The tables inside that of the server.

var bindingShape = shape[multilisten.Binding]{keys: table[multilisten.Binding]{
	at("addr", func(b *multilisten.Binding) *string { return &b.Addr }, always(plain), "host:port, or the path of a Unix socket"),
	at("name", func(b *multilisten.Binding) *string { return &b.Name }, plain, "for logs and for telling connections apart"),
	at("network", func(b *multilisten.Binding) *string { return &b.Network }, choice(word[string]{"", ""},
		word[string]{"tcp", "tcp"}, word[string]{"tcp4", "tcp4"}, word[string]{"tcp6", "tcp6"}, word[string]{"unix", "unix"}), "tcp unless set"),
	at("tls", func(b *multilisten.Binding) *bool { return &b.TLS }, onOff, "connections begin with TLS"),
	at("backlog", func(b *multilisten.Binding) *int { return &b.Backlog }, counter, "what the kernel queues"),
	at("shared", func(b *multilisten.Binding) *bool { return &b.Shared }, onOff, "other processes may listen there too (SO_REUSEPORT)"),
	at("exclusive", func(b *multilisten.Binding) *bool { return &b.Exclusive }, onOff, "nobody else may, on Windows either"),
	at("mode", func(b *multilisten.Binding) *fs.FileMode { return &b.Mode }, octal, "permissions of a socket file"),
	at("remove_stale", func(b *multilisten.Binding) *bool { return &b.RemoveStale }, onOff, "a socket file where nobody listens makes way"),
	at("activated", func(b *multilisten.Binding) *string { return &b.Activated }, plain, "name of the socket that a service manager handed over"),
	at("proxy", func(b *multilisten.Binding) **multilisten.ProxyPolicy { return &b.Proxy }, optional(proxyShape), "connections begin with a PROXY header"),
}}

var proxyShape = shape[multilisten.ProxyPolicy]{keys: table[multilisten.ProxyPolicy]{
	at("trusted", func(p *multilisten.ProxyPolicy) *[]netip.Prefix { return &p.Trusted }, prefixes, "networks of the proxies"),
	at("require", func(p *multilisten.ProxyPolicy) *bool { return &p.Require }, always(onOff), "refuses trusted peers without a header"),
	at("timeout", func(p *multilisten.ProxyPolicy) *time.Duration { return &p.Timeout }, duration, "for the header; 5s unless set"),
	at("max_header", func(p *multilisten.ProxyPolicy) *int { return &p.MaxHeader }, octets, "4KiB unless set"),
}}

var prefixes = each("list of networks", func(s string) ([]netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		return []netip.Prefix{netip.PrefixFrom(ip, ip.BitLen())}, nil
	}
	p, err := netip.ParsePrefix(s)
	return []netip.Prefix{p}, err
}, netip.Prefix.String)

var octal = parsed("0660 and the like", func(s string) (fs.FileMode, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 8, 9)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no octal number up to 0777", ErrBadValue, s)
	}
	return fs.FileMode(n), nil
}, func(m fs.FileMode) string {
	if m == 0 {
		return ""
	}
	return fmt.Sprintf("%04o", uint32(m))
})

// bannerShape is the policy of the server. That of a host, bannerEntry, means
// something when nothing in it is set, so one of its keys is always written.
var bannerShape, bannerEntry = policyShape(func(c codec[banner.Mode]) codec[banner.Mode] { return c }), policyShape(always[banner.Mode])

func policyShape(mode func(codec[banner.Mode]) codec[banner.Mode]) shape[banner.Policy] {
	return shape[banner.Policy]{keys: table[banner.Policy]{
		at("welcome", func(p *banner.Policy) *string { return &p.Welcome }, plain, "the first text to a client"),
		at("too_busy", func(p *banner.Policy) *string { return &p.TooBusy }, plain, "what a client over the limit is told"),
		at("mode", func(p *banner.Policy) *banner.Mode { return &p.Mode },
			mode(parsed("http, close or drop", banner.ParseMode, banner.Mode.String)), "how it is refused"),
		at("retry_after", func(p *banner.Policy) *time.Duration { return &p.RetryAfter }, duration, "the Retry-After header of the 503; 30s unless set"),
		at("close_code", func(p *banner.Policy) *uint16 { return &p.CloseCode }, whole[uint16](0, 4999), "of mode close; 1013 unless set"),
		at("max_clients", func(p *banner.Policy) *int { return &p.MaxClients }, counter, "how many may be connected; 0 is no limit"),
		at("notify_handlers", func(p *banner.Policy) *bool { return &p.NotifyHandlers }, onOff, "events for refused clients too"),
	}}
}

var queueShape = shape[client.SendQueue]{keys: table[client.SendQueue]{
	at("max_bytes", func(q *client.SendQueue) *int { return &q.MaxBytes }, octets, "frames with their headers; 1MiB unless set"),
	at("max_messages", func(q *client.SendQueue) *int { return &q.MaxMessages }, counter, "their number"),
	at("policy", func(q *client.SendQueue) *client.QueuePolicy { return &q.Policy }, choice(
		word[client.QueuePolicy]{"default", client.QueueDefault}, word[client.QueuePolicy]{"close", client.QueueClose},
		word[client.QueuePolicy]{"block", client.QueueBlock}, word[client.QueuePolicy]{"drop_newest", client.QueueDropNewest},
		word[client.QueuePolicy]{"drop_oldest", client.QueueDropOldest}, word[client.QueuePolicy]{"latest", client.QueueLatest}),
		"when it is full"),
	at("block_timeout", func(q *client.SendQueue) *time.Duration { return &q.BlockTimeout }, duration, "for a Send under block"),
	at("high_water", func(q *client.SendQueue) *int { return &q.HighWater }, octets, "from there TrySend would block"),
	at("low_water", func(q *client.SendQueue) *int { return &q.LowWater }, octets, "down to there the client is writable again"),
}}

var compressionShape, compressionEntry = deflateShape(func(c codec[client.CompressionMode]) codec[client.CompressionMode] { return c }),
	deflateShape(always[client.CompressionMode])

func deflateShape(mode func(codec[client.CompressionMode]) codec[client.CompressionMode]) shape[client.Compression] {
	return shape[client.Compression]{keys: table[client.Compression]{
		at("mode", func(z *client.Compression) *client.CompressionMode { return &z.Mode }, mode(choice(
			word[client.CompressionMode]{"off", client.CompressionOff}, word[client.CompressionMode]{"message", client.CompressionMessage},
			word[client.CompressionMode]{"context", client.CompressionContext})), "each message by itself, or with a window"),
		at("level", func(z *client.Compression) *int { return &z.Level }, whole[int](0, 9), "1 is fastest, 9 smallest; 1 unless set"),
		at("threshold", func(z *client.Compression) *int { return &z.Threshold }, whole[int](math.MinInt32, math.MaxInt32), "bytes from which a message is compressed; 200 unless set, 32 in mode context, -1 is all"),
		at("window_bits", func(z *client.Compression) *int { return &z.WindowBits }, whole[int](0, 15), "8 to 15, of mode context; 12 unless set"),
	}}
}

var drainShape = shape[wsserver.Drain]{keys: table[wsserver.Drain]{
	at("window", func(d *wsserver.Drain) *time.Duration { return &d.Window }, duration, "the time over which they are closed; at once unless set"),
	at("return_after", func(d *wsserver.Drain) *time.Duration { return &d.ReturnAfter }, duration, "when they are asked to come back; at once unless set, -1s leaves the hint out"),
	at("return_spread", func(d *wsserver.Drain) *time.Duration { return &d.ReturnSpread }, duration, "is spread over them and added to that"),
	at("code", func(d *wsserver.Drain) *client.StatusCode { return &d.Code }, whole[client.StatusCode](0, 4999), "the close code; 1001 unless set"),
	at("reason", func(d *wsserver.Drain) *string { return &d.Reason }, plain, "the reason before the hint"),
}}

var keepAliveShape = shape[net.KeepAliveConfig]{keys: table[net.KeepAliveConfig]{
	at("enable", func(k *net.KeepAliveConfig) *bool { return &k.Enable }, onOff, "turns probes on"),
	at("idle", func(k *net.KeepAliveConfig) *time.Duration { return &k.Idle }, duration, "the silence before the first"),
	at("interval", func(k *net.KeepAliveConfig) *time.Duration { return &k.Interval }, duration, "between them"),
	at("count", func(k *net.KeepAliveConfig) *int { return &k.Count }, counter, "how many may go unanswered"),
}}

var verifyShape = shape[hosts.ClientVerify]{
	keys: table[hosts.ClientVerify]{
		at("ignore_expiry", func(v *hosts.ClientVerify) *bool { return &v.IgnoreExpiry }, onOff, "one that has expired is good"),
		at("allow_unknown_ca", func(v *hosts.ClientVerify) *bool { return &v.AllowUnknownCA }, onOff, "one of an unknown authority is good"),
		at("ignore_usage", func(v *hosts.ClientVerify) *bool { return &v.IgnoreUsage }, onOff, "one that is not for clients is good"),
		at("crl_check", func(v *hosts.ClientVerify) *hosts.CRLCheck { return &v.CRLCheck },
			parsed("off, require or ifavailable", hosts.ParseCRLCheck, hosts.CRLCheck.String), "what the revocation lists are for, which the program sets"),
	},
	code: []code[hosts.ClientVerify]{
		{"CRLs", func(v *hosts.ClientVerify) bool { return len(v.CRLs) > 0 }, "what was read from files"},
		{"LoadCRLs", func(v *hosts.ClientVerify) bool { return v.LoadCRLs != nil }, "a function"},
	},
}

// anySet says whether a field of a struct of functions is set.
func anySet(events any) bool { return !reflect.ValueOf(events).IsZero() }
