package forwarded

import (
	"errors"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// Proxies of the tests: 192.0.2.0/24, 2001:db8:1::/48 and peers without an address.
func trusted(a netip.Addr) bool {
	return !a.IsValid() || netip.MustParsePrefix("192.0.2.0/24").Contains(a) || netip.MustParsePrefix("2001:db8:1::/48").Contains(a)
}

// from returns the lines of a header; each is "Name: value".
func from(lines ...string) Values {
	h := make(http.Header)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimSpace(value))
	}
	return func(name string) iter.Seq[string] { return slices.Values(h.Values(name)) }
}

func all(h Header) *Rules { return &Rules{Header: h, Trusted: trusted, Proto: true, Host: true} }

const proxy = "192.0.2.1:4711"

// the client is whom the outermost trusted proxy names.
func TestClientIsWhomTheOutermostTrustedProxyNames(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header Header
		peer   string
		lines  []string
		client string // address and port; empty: the peer
		proto  string
		host   string
	}{
		{"one proxy", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7:0", "", ""},
		{"two proxies", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7, 192.0.2.9"}, "203.0.113.7:0", "", ""},
		{"two proxies, two lines", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 192.0.2.9"}, "203.0.113.7:0", "", ""},
		{"empty elements", XForwardedFor, proxy, []string{"X-Forwarded-For: ,203.0.113.7 ,, ,", "X-Forwarded-For: "}, "203.0.113.7:0", "", ""},
		{"a port", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7:1234"}, "203.0.113.7:1234", "", ""},
		{"IPv6", XForwardedFor, proxy, []string{"X-Forwarded-For: 2001:db8:7::1"}, "[2001:db8:7::1]:0", "", ""},
		{"IPv6 in brackets", XForwardedFor, proxy, []string{"X-Forwarded-For: [2001:db8:7::1]"}, "[2001:db8:7::1]:0", "", ""},
		{"IPv6 and a port", XForwardedFor, proxy, []string{"X-Forwarded-For: [2001:db8:7::1]:80"}, "[2001:db8:7::1]:80", "", ""},
		{"mapped", XForwardedFor, "[::ffff:192.0.2.1]:1", []string{"X-Forwarded-For: ::ffff:203.0.113.7"}, "203.0.113.7:0", "", ""},
		{"a zone", XForwardedFor, "[2001:db8:1::1%eth0]:1", []string{"X-Forwarded-For: fe80::1%eth1"}, "[fe80::1]:0", "", ""},
		{"all are trusted", XForwardedFor, proxy, []string{"X-Forwarded-For: 192.0.2.7, 192.0.2.8"}, "192.0.2.7:0", "", ""},
		{"no header", XForwardedFor, proxy, nil, "", "", ""},
		{"an empty header", XForwardedFor, proxy, []string{"X-Forwarded-For: ", "X-Forwarded-For: , ,"}, "", "", ""},
		{"a Unix socket", XForwardedFor, "", []string{"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7:0", "", ""},

		{"proto and host", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: HTTPS", "X-Forwarded-Host: a.example:8443"}, "203.0.113.7:0", "https", "a.example:8443"},
		{"proto of each proxy", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7, 192.0.2.9", "X-Forwarded-Proto: https, http"}, "203.0.113.7:0", "https", ""},
		{"proto of one proxy of two", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7, 192.0.2.9", "X-Forwarded-Proto: https"}, "203.0.113.7:0", "https", ""},
		{"host in two lines", XForwardedFor, proxy, []string{"X-Forwarded-For: 203.0.113.7, 192.0.2.9", "X-Forwarded-Host: a.example", "X-Forwarded-Host: b.example"}, "203.0.113.7:0", "", "a.example"},

		{"real IP", XRealIP, proxy, []string{"X-Real-IP: 203.0.113.7"}, "203.0.113.7:0", "", ""},
		{"real IP of a proxy", XRealIP, proxy, []string{"X-Real-IP: 192.0.2.9", "X-Forwarded-Proto: wss"}, "192.0.2.9:0", "wss", ""},

		{"token", Forwarded, proxy, []string{"Forwarded: for=203.0.113.7"}, "203.0.113.7:0", "", ""},
		{"quoted", Forwarded, proxy, []string{`Forwarded: for="203.0.113.7:1234"`}, "203.0.113.7:1234", "", ""},
		{"the RFC's example", Forwarded, proxy, []string{`Forwarded: For="[2001:db8:cafe::17]:4711"`}, "[2001:db8:cafe::17]:4711", "", ""},
		{"everything", Forwarded, proxy, []string{`Forwarded: for=203.0.113.60;proto=http;by=203.0.113.43;host="a.example:80"`}, "203.0.113.60:0", "http", "a.example:80"},
		{"in any case and order", Forwarded, proxy, []string{`Forwarded: PROTO=Https;FOR=203.0.113.60;Secret=x`}, "203.0.113.60:0", "https", ""},
		{"empty pairs", Forwarded, proxy, []string{`Forwarded: ;for=203.0.113.60; ;proto=https;`}, "203.0.113.60:0", "https", ""},
		{"without quotes", Forwarded, proxy, []string{`Forwarded: for=[2001:db8:7::1]:80`}, "[2001:db8:7::1]:80", "", ""},
		{"without brackets", Forwarded, proxy, []string{`Forwarded: for="2001:db8:7::1"`}, "[2001:db8:7::1]:0", "", ""},
		{"an obfuscated port", Forwarded, proxy, []string{`Forwarded: for="203.0.113.7:_abc"`}, "203.0.113.7:0", "", ""},
		{"escapes", Forwarded, proxy, []string{`Forwarded: for="203\.0.113\.7";x="\",\\"`}, "203.0.113.7:0", "", ""},
		{"two proxies, the outer one's proto", Forwarded, proxy, []string{`Forwarded: for=203.0.113.7;proto=https;host=a.example, for=192.0.2.9;proto=http;host=b.example`}, "203.0.113.7:0", "https", "a.example"},
		{"two lines", Forwarded, proxy, []string{`Forwarded: for=203.0.113.7`, `Forwarded: for="[2001:db8:1::9]"`}, "203.0.113.7:0", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var peer netip.AddrPort
			if tt.peer != "" {
				peer = netip.MustParseAddrPort(tt.peer)
			}
			got, err := all(tt.header).Resolve(peer, from(tt.lines...))
			want := plain(peer)
			if tt.client != "" {
				want = netip.MustParseAddrPort(tt.client)
			}
			if err != nil || got.Client != want || got.Named != (tt.client != "") || got.Proto != tt.proto || got.Host != tt.host {
				t.Errorf("Resolve = %+v, %v; want %v, %q, %q", got, err, want, tt.proto, tt.host)
			}
		})
	}
}

// what a client sends is worth nothing without a trusted proxy that repeats it.
func TestSpoofingIsInVain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header Header
		peer   string
		lines  []string
		client string
	}{
		{"without a proxy", XForwardedFor, "203.0.113.66:1", []string{"X-Forwarded-For: 127.0.0.1"}, "203.0.113.66:1"},
		{"without a proxy, Forwarded", Forwarded, "203.0.113.66:1", []string{"Forwarded: for=127.0.0.1"}, "203.0.113.66:1"},
		{"without a proxy, real IP", XRealIP, "203.0.113.66:1", []string{"X-Real-IP: 127.0.0.1"}, "203.0.113.66:1"},
		{"without a proxy, malformed", Forwarded, "203.0.113.66:1", []string{`Forwarded: "`}, "203.0.113.66:1"},
		{"a proxy's address further left", XForwardedFor, proxy, []string{"X-Forwarded-For: 10.0.0.1, 192.0.2.9, 203.0.113.66"}, "203.0.113.66:0"},
		{"in a line of its own", XForwardedFor, proxy, []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 203.0.113.66"}, "203.0.113.66:0"},
		{"garbage further left", XForwardedFor, proxy, []string{"X-Forwarded-For: \x00\"unknown, 203.0.113.66"}, "203.0.113.66:0"},
		{"another header", XForwardedFor, proxy, []string{"Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Forwarded-For: 203.0.113.66"}, "203.0.113.66:0"},
		{"only another header", Forwarded, proxy, []string{"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"}, proxy},
		{"no header is believed", None, proxy, []string{"X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1"}, proxy},
		{"Forwarded further left", Forwarded, proxy, []string{"Forwarded: for=127.0.0.1, for=192.0.2.9, for=203.0.113.66"}, "203.0.113.66:0"},
		{"an open quote", Forwarded, proxy, []string{`Forwarded: for="127.0.0.1, for=203.0.113.66`}, "203.0.113.66:0"},
		{"an open quote before quotes", Forwarded, proxy, []string{`Forwarded: for=127.0.0.1;x=", for="203.0.113.66";host="a.example"`}, "203.0.113.66:0"},
		{"a host that closes it", Forwarded, proxy, []string{`Forwarded: for=127.0.0.1;x=", for=203.0.113.66;x=",for=127.0.0.1;y="`}, "203.0.113.66:0"},
		{"an open quote and a backslash", Forwarded, proxy, []string{`Forwarded: x="\, for="203.0.113.66"`}, "203.0.113.66:0"},
		{"a quote in another line", Forwarded, proxy, []string{`Forwarded: for="127.0.0.1`, `Forwarded: for=203.0.113.66`}, "203.0.113.66:0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := all(tt.header).Resolve(netip.MustParseAddrPort(tt.peer), from(tt.lines...))
			if want := netip.MustParseAddrPort(tt.client); err != nil || got.Client != want {
				t.Errorf("Resolve = %+v, %v; want %v", got, err, want)
			}
		})
	}
}

func TestProtoAndHostAreBelievedOnRequestOnly(t *testing.T) {
	peer := netip.MustParseAddrPort(proxy)
	lines := from("Forwarded: for=203.0.113.7;proto=https;host=a.example",
		"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example")
	for _, h := range []Header{Forwarded, XForwardedFor} {
		for _, both := range []bool{false, true} {
			r := Rules{Header: h, Trusted: trusted, Proto: both, Host: both}
			got, err := r.Resolve(peer, lines)
			if err != nil || (got.Proto == "https") != both || (got.Host == "a.example") != both {
				t.Errorf("%v, %v: %+v, %v", h, both, got, err)
			}
		}
	}
	// What a client says of itself does not count.
	got, err := all(XForwardedFor).Resolve(netip.MustParseAddrPort("203.0.113.66:1"), lines)
	if err != nil || got.Proto != "" || got.Host != "" || got.Named || got.Chain != nil {
		t.Errorf("without a proxy: %+v, %v", got, err)
	}
	// The client's own word stands left of the proxy's.
	got, err = all(XForwardedFor).Resolve(peer, from("X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https,http"))
	if err != nil || got.Proto != "http" {
		t.Errorf("proto = %q, %v; want that of the proxy", got.Proto, err)
	}
}

func TestChainIsTheWay(t *testing.T) {
	hop := func(addr, by string) Hop { return Hop{netip.MustParseAddrPort(addr), by} }
	got, err := all(Forwarded).Resolve(netip.MustParseAddrPort(proxy),
		from(`Forwarded: for=127.0.0.1, for="203.0.113.7:99";by=_edge, for=192.0.2.9;by="192.0.2.1:80"`))
	want := []Hop{hop("203.0.113.7:99", "_edge"), hop("192.0.2.9:0", "192.0.2.1:80"), hop(proxy, "")}
	if err != nil || !slices.Equal(got.Chain, want) {
		t.Errorf("chain = %v, %v; want %v", got.Chain, err, want)
	}
}

// What a trusted proxy must not send is typed; what is known until there is returned.
func TestBadHeadersOfProxiesAreTyped(t *testing.T) {
	long := strings.Repeat("1.1.1.1, ", 500)
	for _, tt := range []struct {
		header Header
		line   string
		want   error
		client string // empty: the peer
	}{
		{XForwardedFor, "X-Forwarded-For: unknown", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 203.0.113.7, example", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 203.0.113.7.8", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 203.0.113.7:", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 203.0.113.7:65536", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 203.0.113.7:+1", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 203.0.113.7:000001", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: [203.0.113.7]", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: [2001:db8::1", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: [2001:db8::1]80", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 0.0.0.0", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: ::", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: ::ffff:0.0.0.0", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: 224.0.0.1", ErrAddress, ""},
		{XForwardedFor, "X-Forwarded-For: x, 192.0.2.9", ErrAddress, "192.0.2.9:0"},
		{XForwardedFor, "X-Forwarded-For: " + long, ErrTooLong, ""},
		{XForwardedFor, "X-Forwarded-For: " + strings.Repeat("192.0.2.9,", 17), ErrTooMany, "192.0.2.9:0"},
		{XRealIP, "X-Real-IP: 203.0.113.7, 203.0.113.8", ErrRepeated, ""},
		{XRealIP, "X-Real-IP: x", ErrAddress, ""},

		{Forwarded, "Forwarded: for=unknown", ErrHidden, ""},
		{Forwarded, "Forwarded: for=Unknown:80", ErrHidden, ""},
		{Forwarded, "Forwarded: for=_hidden", ErrHidden, ""},
		{Forwarded, `Forwarded: for="_hidden:_port"`, ErrHidden, ""},
		{Forwarded, "Forwarded: proto=https", ErrHidden, ""},
		{Forwarded, `Forwarded: for=""`, ErrHidden, ""},
		{Forwarded, "Forwarded: for=_hidden, for=192.0.2.9", ErrHidden, "192.0.2.9:0"},
		{Forwarded, "Forwarded: for=example", ErrAddress, ""},
		{Forwarded, `Forwarded: for="203.0.113.7:_"`, nil, "203.0.113.7:0"},
		{Forwarded, "Forwarded: for", ErrSyntax, ""},
		{Forwarded, "Forwarded: for=", ErrSyntax, ""},
		{Forwarded, "Forwarded: =203.0.113.7", ErrSyntax, ""},
		{Forwarded, "Forwarded: for = 203.0.113.7", ErrSyntax, ""},
		{Forwarded, "Forwarded: for=203.0.113.7 proto=https", ErrSyntax, ""},
		{Forwarded, "Forwarded: for=203.0.113.7;for=203.0.113.8", ErrSyntax, ""},
		{Forwarded, "Forwarded: for=203.0.113.7;For=203.0.113.7", ErrSyntax, ""},
		{Forwarded, `Forwarded: for="203.0.113.7"x`, ErrSyntax, ""},
		{Forwarded, `Forwarded: for=203.0.113.7"`, ErrSyntax, ""},
		{Forwarded, "Forwarded: for=\"203.0.113.7\x01\"", ErrSyntax, ""},
		{Forwarded, "Forwarded: for=\"203.0.113.7\\\x7f\"", ErrSyntax, ""},
		{Forwarded, `Forwarded: for="203.0.113.7\"`, ErrSyntax, ""},
		{Forwarded, "Forwarded: for=203.0.113.7;proto=ht/tp", ErrSyntax, ""},
		{Forwarded, `Forwarded: for=203.0.113.7;proto="ht/tp"`, ErrProto, ""},
		{Forwarded, `Forwarded: for=203.0.113.7;proto=1http`, ErrProto, ""},
		{Forwarded, `Forwarded: for=203.0.113.7;host="a example"`, ErrHost, ""},
		{Forwarded, `Forwarded: for=203.0.113.7;host=` + strings.Repeat("a", 300), ErrHost, ""},
	} {
		got, err := all(tt.header).Resolve(netip.MustParseAddrPort(proxy), from(tt.line))
		want := netip.MustParseAddrPort(proxy)
		if tt.client != "" {
			want = netip.MustParseAddrPort(tt.client)
		}
		if !errors.Is(err, tt.want) || got.Client != want || err != nil && got.Named {
			t.Errorf("%.60q: %+v, %v; want %v, %v", tt.line, got, err, want, tt.want)
		}
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Header != tt.header.String() || len(e.Error()) > 600) {
			t.Errorf("%.60q: error %v", tt.line, err)
		}
	}
}

func TestTwoRealIPsAreNone(t *testing.T) {
	got, err := all(XRealIP).Resolve(netip.MustParseAddrPort(proxy), from("X-Real-IP: 203.0.113.7", "X-Real-IP: 203.0.113.8"))
	if !errors.Is(err, ErrRepeated) || got.Named {
		t.Errorf("%+v, %v", got, err)
	}
}

// A bad word on the protocol leaves the address that it came with.
func TestBadProtoLeavesTheClient(t *testing.T) {
	for _, line := range []string{"X-Forwarded-Proto: a b", "X-Forwarded-Host: a/b", "X-Forwarded-Proto: " + strings.Repeat("a", 5000)} {
		got, err := all(XForwardedFor).Resolve(netip.MustParseAddrPort(proxy), from("X-Forwarded-For: 203.0.113.7", line))
		e, ok := errors.AsType[*Error](err)
		if !ok || !strings.HasPrefix(line, e.Header) || got.Client.String() != "203.0.113.7:0" || got.Proto+got.Host != "" {
			t.Errorf("%.40q: %+v, %v", line, got, err)
		}
	}
}

func TestHeadersHaveNames(t *testing.T) {
	for _, h := range []Header{None, Forwarded, XForwardedFor, XRealIP} {
		if got, err := ParseHeader(strings.ToLower(h.String())); got != h || err != nil {
			t.Errorf("ParseHeader(%q) = %v, %v", h, got, err)
		}
	}
	if _, err := ParseHeader("X-Client-IP"); !errors.Is(err, ErrHeader) || !strings.Contains(err.Error(), "X-Client-IP") {
		t.Errorf("unknown header: %v", err)
	}
	if Header(9).String() != "header(9)" {
		t.Error(Header(9))
	}
}

func TestPeerThatIsNotTrustedCostsNothing(t *testing.T) {
	r, peer, lines := all(XForwardedFor), netip.MustParseAddrPort("203.0.113.66:1"), from("X-Forwarded-For: 127.0.0.1")
	if n := testing.AllocsPerRun(100, func() { _, _ = r.Resolve(peer, lines) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, bb := range []struct {
		name   string
		header Header
		line   string
	}{
		{"XForwardedFor", XForwardedFor, "X-Forwarded-For: 203.0.113.7, 192.0.2.9"},
		{"Forwarded", Forwarded, `Forwarded: for="[2001:db8:7::1]:4711";proto=https;host=a.example, for=192.0.2.9;proto=http`},
		{"ForwardedLong", Forwarded, "Forwarded: " + strings.Repeat(`for="[2001:db8:7::1]:4711", `, 100) + "for=203.0.113.7"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, peer, lines := all(bb.header), netip.MustParseAddrPort(proxy), from(bb.line)
			b.ReportAllocs()
			for b.Loop() {
				if got, err := r.Resolve(peer, lines); err != nil || !got.Named {
					b.Fatal(got, err)
				}
			}
		})
	}
}
