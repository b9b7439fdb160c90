package interop

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// twoHosts is a configuration of two hosts with TLS on one address, which takes PROXY
// headers from the proxies if proxy is set.
func twoHosts(t *testing.T, ca *wstest.CA, proxy bool) wsserver.Config {
	t.Helper()
	port := freePort(t)
	cfg := wsserver.Config{RootCAs: ca.Pool()}
	for _, name := range []string{"chat", "game"} {
		cert, key := ca.Files(ca.Leaf(name + ".example"))
		cfg.Hosts = append(cfg.Hosts, hosts.Host{
			Tag: name, Names: []string{name + ".example"}, Bind: "127.0.0.1", TLSPort: port, Cert: cert, Key: key,
		})
	}
	if proxy {
		cfg.Bindings = []multilisten.Binding{{
			Addr: joinPort("127.0.0.1", port), Proxy: &multilisten.ProxyPolicy{Trusted: loopback(), Require: true},
		}}
	}
	return cfg
}

// HAProxy as a proxy of HTTP, with the header that it adds.
func TestHAProxyNamesTheClient(t *testing.T) { // C-14
	s := serve(t, behindHeader("X-Forwarded-For"))
	addr := haproxy(t, `
frontend f
	mode http
	bind LISTEN
	option forwardfor
	default_backend b
backend b
	mode http
	server s `+s.addr+`
`)
	p := wstest.Open(dial(t, addr), "/", "X-Forwarded-For: 203.0.113.9")
	wantVisitor(t, s.next(t), p, true)
	converse(t, s, p)
}

// HAProxy as a proxy of TCP, with PROXY headers of both versions, and with its checks.
func TestHAProxySpeaksProxyProtocol(t *testing.T) { // PROXY protocol
	for _, option := range []string{"send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c"} {
		t.Run(option, func(t *testing.T) {
			s := serve(t, proxied(nil))
			addr := haproxy(t, `
frontend f
	mode tcp
	bind LISTEN
	unique-id-format %[rand]
	default_backend b
backend b
	mode tcp
	server s `+s.addr+` `+option+` check check-send-proxy inter 200ms
`)
			p := wstest.Open(dial(t, addr), "/")
			wantVisitor(t, s.next(t), p, false)
			converse(t, s, p)
			for _, r := range s.reasons() {
				if r != wsserver.ReasonTimeout { // a check that connects and leaves
					t.Errorf("refused: %v", r)
				}
			}
		})
	}
}

// TLS passes through HAProxy.
func TestHAProxyPassesTLSThrough(t *testing.T) { // H-08
	ca := wstest.NewCA(t)
	s := serve(t, twoHosts(t, ca, true))
	addr := haproxy(t, `
frontend f
	mode tcp
	bind LISTEN
	tcp-request inspect-delay 5s
	tcp-request content accept if { req_ssl_hello_type 1 }
	use_backend b if { req_ssl_sni -m end .example }
backend b
	mode tcp
	server s `+s.addr+` send-proxy-v2
`)
	for _, name := range []string{"game", "chat"} {
		p := dial(t, addr).OverTLS(&tls.Config{ServerName: name + ".example", RootCAs: ca.Pool()})
		p.Upgrade(wstest.Upgrade("/").Replace("Host: " + name + ".example"))
		j := s.next(t)
		wantVisitor(t, j, p, false)
		if j.host != name || j.tls != name+".example" {
			t.Errorf("%s is host %q with TLS name %q", name, j.host, j.tls)
		}
		converse(t, s, p)
	}
}

// HAProxy ends TLS and says so in its header of version 2.
func TestHAProxyEndsTLS(t *testing.T) { // PROXY protocol
	ca := wstest.NewCA(t)
	cert, key := ca.Files(ca.Leaf("chat.example"))
	both := filepath.Join(t.TempDir(), "both.pem")
	var text []byte
	for _, f := range []string{cert, key} {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	if err := os.WriteFile(both, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, proxied(nil))
	addr := haproxy(t, `
frontend f
	mode tcp
	bind LISTEN ssl crt `+both+`
	default_backend b
backend b
	mode tcp
	server s `+s.addr+` send-proxy-v2-ssl-cn
`)
	p := dial(t, addr).OverTLS(&tls.Config{ServerName: "chat.example", RootCAs: ca.Pool()})
	p = wstest.Open(p, "/")
	wantVisitor(t, s.next(t), p, false)
	converse(t, s, p)
}

// Many clients come and go through a proxy at once; each has its own conversation.
func TestManyThroughHAProxy(t *testing.T) {
	s := serve(t, proxied(nil))
	addr := haproxy(t, `
frontend f
	mode tcp
	bind LISTEN
	default_backend b
backend b
	mode tcp
	server s `+s.addr+` send-proxy
`)
	var peers []*wstest.Peer
	for range 100 {
		p := wstest.Open(dial(t, addr), "/")
		if j := s.next(t); j.remote.String() != p.Conn.LocalAddr().String() {
			t.Fatalf("Remote is %v, want %v", j.remote, p.Conn.LocalAddr())
		}
		peers = append(peers, p)
	}
	for i, p := range peers {
		p.Send(wstest.Text(string(rune('a' + i%26))))
	}
	for i, p := range peers {
		p.WantText(string(rune('a' + i%26)))
		p.Send(wstest.Close(1000, ""))
		p.WantClose(1000)
	}
}
