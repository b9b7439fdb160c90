package wsserver_test

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// behind is a server on one binding that trusts proxies on 127.0.0.1, and what it refused.
type behind struct {
	addr  string
	joins chan client.Info
	mu    sync.Mutex
	infos []wsserver.RejectInfo
}

func (b *behind) refused() []wsserver.RejectInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]wsserver.RejectInfo(nil), b.infos...)
}

func newBehind(t *testing.T, policy multilisten.ProxyPolicy, secure bool) *behind {
	t.Helper()
	b := &behind{joins: make(chan client.Info, 8)}
	cfg := wsserver.Config{
		HandshakeTimeout: 20 * time.Second,
		Bindings:         []multilisten.Binding{{Addr: "127.0.0.1:0", TLS: secure, Proxy: &policy}},
	}
	if secure {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("127.0.0.1")}}
	}
	cfg.Events.OnReject = func(i wsserver.RejectInfo) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.infos = append(b.infos, i)
	}
	srv := newServerOf(t, wsserver.Factory[*parrot]{
		New:     func(*client.OpenRequest) (*parrot, error) { return &parrot{}, nil },
		Connect: func(p *parrot) error { b.joins <- p.Info(); return nil },
	}, cfg)
	b.addr = open(t, srv)
	return b
}

func trusting() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// version2 is a PROXY header of version 2 for TCP over IPv6.
func version2(src, dst netip.AddrPort) string {
	b := []byte("\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24")
	for _, ap := range []netip.AddrPort{src, dst} {
		ip := ap.Addr().As16()
		b = append(b, ip[:]...)
	}
	b = binary.BigEndian.AppendUint16(b, src.Port())
	return string(binary.BigEndian.AppendUint16(b, dst.Port()))
}

const version1 = "PROXY TCP4 192.0.2.7 192.0.2.1 5678 443\r\n"

// PROXY protocol: behind a trusted proxy the client is whom the header names, and everything else is
// as without.
func TestProxyHeaderNamesTheClient(t *testing.T) { onDrivers(t, testProxyHeaderNamesTheClient) }

func testProxyHeaderNamesTheClient(t *testing.T) {
	src, dst := netip.MustParseAddrPort("[2001:db8::7]:5678"), netip.MustParseAddrPort("[2001:db8::1]:443")
	for _, tt := range []struct {
		name, header, remote, local string
	}{
		{"version 1", version1, "192.0.2.7:5678", "192.0.2.1:443"},
		{"version 2", version2(src, dst), src.String(), dst.String()},
		{"unknown", "PROXY UNKNOWN\r\n", "", ""},
		{"none", "", "", ""},
	} {
		for _, secure := range []bool{false, true} {
			name := tt.name
			if secure {
				name += ", TLS"
			}
			t.Run(name, func(t *testing.T) {
				b := newBehind(t, multilisten.ProxyPolicy{Trusted: trusting()}, secure)
				c, err := net.Dial("tcp", b.addr)
				no(t, err)
				defer c.Close()
				// The header comes in pieces, and the last of them with what follows.
				for _, part := range strings.SplitAfter(tt.header, "T") {
					_, err := c.Write([]byte(part))
					no(t, err)
				}
				p := wstest.Wrap(t, c)
				if secure {
					p = p.OverTLS(&tls.Config{InsecureSkipVerify: true})
				}
				wstest.Open(p, "/")
				info := <-b.joins
				remote, local := tt.remote, tt.local
				if remote == "" {
					remote, local = c.LocalAddr().String(), c.RemoteAddr().String()
				}
				if info.Remote.String() != remote || info.Local.String() != local {
					t.Errorf("the client comes from %v to %v, want %s, %s", info.Remote, info.Local, remote, local)
				}
				for range 3 {
					p.Send(wstest.Text("hello"))
					p.WantText("hello")
				}
				if len(b.refused()) > 0 {
					t.Errorf("refused %+v", b.refused())
				}
			})
		}
	}
}

// PROXY protocol: what is no header, or comes from somebody who is not trusted, or not at all.
func TestBadProxyHeadersAreRefused(t *testing.T) {
	stranger := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, tt := range []struct {
		name   string
		policy multilisten.ProxyPolicy
		send   string
		reason wsserver.Reason
		status int
	}{
		{"malformed", multilisten.ProxyPolicy{Trusted: trusting()}, "PROXY TCP4 nonsense\r\n", wsserver.ReasonProxy, 0},
		{"missing where it is required", multilisten.ProxyPolicy{Trusted: trusting(), Require: true}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", wsserver.ReasonProxy, 0},
		{"from a stranger", multilisten.ProxyPolicy{Trusted: stranger}, version1 + "GET / HTTP/1.1\r\nHost: a\r\n\r\n", wsserver.ReasonBadRequest, 400},
		{"never comes", multilisten.ProxyPolicy{Trusted: trusting(), Timeout: 100 * time.Millisecond}, "PROXY", wsserver.ReasonProxy, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBehind(t, tt.policy, false)
			c, err := net.Dial("tcp", b.addr)
			no(t, err)
			defer c.Close()
			_, err = c.Write([]byte(tt.send))
			no(t, err)
			eventually(t, "the refusal", func() bool { return len(b.refused()) == 1 })
			i := b.refused()[0]
			if i.Reason != tt.reason || i.Status != tt.status || tt.reason == wsserver.ReasonProxy && (i.Setting != "Bindings.Proxy" || i.Err == nil) {
				t.Errorf("refused %+v", i)
			}
		})
	}
	t.Run("checked by a balancer", func(t *testing.T) {
		b := newBehind(t, multilisten.ProxyPolicy{Trusted: trusting(), Require: true}, false)
		c, err := net.Dial("tcp", b.addr)
		no(t, err)
		no(t, c.Close())
		eventually(t, "the refusal", func() bool { return len(b.refused()) == 1 })
		if i := b.refused()[0]; i.Reason != wsserver.ReasonTimeout {
			t.Errorf("refused %+v", i)
		}
	})
}

// PROXY protocol: a proxy that does not finish its header stops nobody.
func TestSlowProxyStopsNobody(t *testing.T) {
	b := newBehind(t, multilisten.ProxyPolicy{Trusted: trusting(), Require: true, Timeout: time.Minute}, false)
	for range 50 {
		c, err := net.Dial("tcp", b.addr)
		no(t, err)
		defer c.Close()
		_, err = c.Write([]byte("PROXY TC"))
		no(t, err)
	}
	c, err := net.Dial("tcp", b.addr)
	no(t, err)
	defer c.Close()
	_, err = c.Write([]byte(version1))
	no(t, err)
	wstest.Open(wstest.Wrap(t, c), "/")
	if info := <-b.joins; info.Remote.String() != "192.0.2.7:5678" {
		t.Errorf("the client comes from %v", info.Remote)
	}
}
