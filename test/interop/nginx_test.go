package interop

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// location is the block of a WebSocket behind nginx, as its manual has it, with more lines.
func location(to string, lines ...string) string {
	return `
		location / {
			proxy_pass http://` + to + `;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection "upgrade";
			proxy_set_header Host $host;
			` + strings.Join(lines, "\n") + `
		}`
}

func behindHeader(name string) wsserver.Config {
	return wsserver.Config{TrustedProxies: []string{"127.0.0.1"}, ClientIPHeader: name}
}

// Behind nginx the client is whom it names; what the client says itself does not count.
func TestNginxNamesTheClient(t *testing.T) { // C-14
	for _, tt := range []struct{ header, line string }{
		{"X-Forwarded-For", "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"},
		{"X-Real-IP", "proxy_set_header X-Real-IP $remote_addr;"},
		{"Forwarded", `proxy_set_header Forwarded "for=$remote_addr;proto=http;host=$host";`},
	} {
		t.Run(tt.header, func(t *testing.T) {
			s := serve(t, behindHeader(tt.header))
			addr := nginx(t, "http { server { listen LISTEN;"+location(s.addr, tt.line)+"} }")
			lie := tt.header + ": 203.0.113.9"
			if tt.header == "Forwarded" {
				lie = "Forwarded: for=203.0.113.9"
			}
			p := wstest.Open(dial(t, addr), "/", lie)
			wantVisitor(t, s.next(t), p, true)
			converse(t, s, p)
		})
	}
}

// A peer that is not trusted is who it is, whatever it says.
func TestHeaderOfAStrangerMeansNothing(t *testing.T) { // C-14
	s := serve(t, behindHeader("X-Forwarded-For"))
	p := wstest.Open(dial(t, s.addr), "/", "X-Forwarded-For: 203.0.113.9")
	if j := s.next(t); j.client.String() != visitor {
		t.Errorf("ClientIP is %v, want %s", j.client, visitor)
	}
	converse(t, s, p)
}

// nginx ends TLS: origin and RequireTLS go by what it says of the connection in front.
func TestNginxEndsTLS(t *testing.T) { // A-15, H-54
	ca := wstest.NewCA(t)
	cert, key := ca.Files(ca.Leaf("chat.example"))
	cfg := behindHeader("X-Forwarded-For")
	cfg.Hosts = []hosts.Host{{Tag: "chat", Names: []string{"chat.example"}, Bind: "127.0.0.1", Port: -1, RequireTLS: true}}
	s := serve(t, cfg)
	server := func(listen, proto string) string {
		return fmt.Sprintf("server { listen %s; ssl_certificate %s; ssl_certificate_key %s; %s }", listen, cert, key,
			location(s.addr, "proxy_set_header X-Forwarded-For $remote_addr;", "proxy_set_header X-Forwarded-Proto "+proto+";"))
	}
	secure := nginx(t, "http { "+server("LISTEN ssl", "$scheme")+"}")
	p := dial(t, secure).OverTLS(&tls.Config{ServerName: "chat.example", RootCAs: ca.Pool()})
	p.Upgrade(wstest.Upgrade("/").Replace("Host: chat.example").With("Origin: https://chat.example"))
	j := s.next(t)
	wantVisitor(t, j, p, true)
	if j.host != "chat" {
		t.Errorf("the host is %q", j.host)
	}
	converse(t, s, p)

	plain := nginx(t, "http { "+server("LISTEN", "$scheme")+"}")
	if r := dial(t, plain).Request(wstest.Upgrade("/").Replace("Host: chat.example")); r.Status != 403 {
		t.Errorf("a host with RequireTLS answers %d over plain HTTP, want 403", r.Status)
	}
}

// The stream module speaks PROXY protocol.
func TestNginxSpeaksProxyProtocol(t *testing.T) { // L-29, PROXY protocol
	s := serve(t, proxied(nil))
	addr := nginx(t, "stream { server { listen LISTEN; proxy_pass "+s.addr+"; proxy_protocol on; } }")
	p := wstest.Open(dial(t, addr), "/")
	wantVisitor(t, s.next(t), p, false)
	converse(t, s, p)
}

// TLS passes through nginx, which looks at the name only; the certificates are ours.
func TestNginxPassesTLSThrough(t *testing.T) { // H-08
	ca := wstest.NewCA(t)
	s := serve(t, twoHosts(t, ca, true))
	addr := nginx(t, `stream {
		map $ssl_preread_server_name $to { chat.example `+s.addr+`; game.example `+s.addr+`; default 127.0.0.1:9; }
		server { listen LISTEN; ssl_preread on; proxy_protocol on; proxy_pass $to; } }`)
	for _, name := range []string{"chat", "game"} {
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
