package wsserver_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

const proxyAddr = "10.0.0.1"

// C-14: the client is whom a trusted proxy names, in the header that is configured, and
// nobody else.
func TestTrustedProxyNamesTheClient(t *testing.T) {
	for _, tt := range []struct {
		name, header, peer, want string
		lines                    []string
	}{
		{"no header is believed", "", proxyAddr, proxyAddr, []string{"X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"}},
		{"X-Forwarded-For", "X-Forwarded-For", proxyAddr, "192.0.2.1", []string{"X-Forwarded-For: 192.0.2.1"}},
		{"what the client said before", "X-Forwarded-For", proxyAddr, "192.0.2.1", []string{"X-Forwarded-For: 203.0.113.9, 192.0.2.1"}},
		{"two proxies", "X-Forwarded-For", proxyAddr, "192.0.2.1", []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.0.0.2"}},
		{"another header", "X-Forwarded-For", proxyAddr, proxyAddr, []string{"X-Real-IP: 192.0.2.1"}},
		{"stranger", "X-Forwarded-For", "198.51.100.1", "198.51.100.1", []string{"X-Forwarded-For: 192.0.2.1"}},
		{"Forwarded", "forwarded", proxyAddr, "2001:db8::1", []string{`Forwarded: for="[2001:db8::1]:4711";proto=https`}},
		{"X-Real-IP", "X-Real-IP", proxyAddr, "192.0.2.1", []string{"X-Real-IP: 192.0.2.1"}},
		{"no header came", "X-Real-IP", proxyAddr, proxyAddr, nil},
	} {
		for _, way := range []string{"plain", "ServeHTTP"} {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &desk{}
					var g *guest
					d.newClient = func(r *client.OpenRequest) (*guest, error) {
						if r.ClientIP.String() != tt.want {
							t.Errorf("the open request is of %v", r.ClientIP)
						}
						g = d.guest()
						return g, nil
					}
					srv := newServer(t, d, wsserver.Config{TrustedProxies: []string{"10.0.*"}, ClientIPHeader: tt.header})
					l := clientsBy(t, way, srv)
					p := from(t, l, tt.peer)
					p.Upgrade(wstest.Upgrade("/").With(tt.lines...))
					synctest.Wait()
					if g.ClientIP().String() != tt.want || g.Info().ClientIP != g.ClientIP() || g.Remote().Addr().String() != tt.peer {
						t.Errorf("the client is %v, the peer %v; want %s, %s", g.ClientIP(), g.Remote(), tt.want, tt.peer)
					}
					p.Drop()
					synctest.Wait()
					if g.ClientIP().String() != tt.want {
						t.Errorf("afterwards the client is %v", g.ClientIP())
					}
				})
			})
		}
	}
}

// clientsBy serves srv on its own, or inside of an http.Server.
func clientsBy(t *testing.T, way string, srv *wsserver.Server[*guest]) *clienttest.Listener {
	if way == "ServeHTTP" {
		return serveHTTP(t, srv, nil)
	}
	return serve(t, srv)
}

// what a trusted proxy must not have sent is answered with 400, for pages too.
func TestMalformedHeaderOfAProxyIsRefused(t *testing.T) {
	for _, way := range []string{"plain", "ServeHTTP"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r rejects
				srv := newServer(t, &desk{}, wsserver.Config{
					TrustedProxies: []string{proxyAddr}, ClientIPHeader: "X-Forwarded-For", HTTP: page("server"),
					Events: wsserver.Events{OnReject: r.on},
				})
				l := clientsBy(t, way, srv)
				for _, line := range []string{"X-Forwarded-For: nonsense", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: ://", "X-Forwarded-For: 0.0.0.0"} {
					for _, request := range []wstest.Request{wstest.Upgrade("/"), get("/", "server.example")} {
						res := from(t, l, proxyAddr).Request(request.With(strings.Split(line, "\r\n")...))
						if i := r.last(t); res.Status != 400 || i.Reason != wsserver.ReasonForwarded || i.Setting != "ClientIPHeader" || i.Err == nil {
							t.Errorf("%q: answer is %+v, told of %+v", line, res, i)
						}
					}
				}
				if res := from(t, l, "192.0.2.1").Upgrade(wstest.Upgrade("/").With("X-Forwarded-For: nonsense")); res.Status != 101 {
					t.Errorf("a stranger gets %d", res.Status)
				}
			})
		})
	}
}

// behind a proxy lists and limits mean its clients, with an HTTP answer.
func TestLimitsMeanTheClientsOfAProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rejects
		srv := newServer(t, &desk{}, wsserver.Config{
			TrustedProxies: []string{proxyAddr}, ClientIPHeader: "X-Real-IP",
			AllowedClients: []string{"192.0.2.0/24"}, DeniedClients: []string{"192.0.2.9"}, MaxPerIP: 2,
			Events: wsserver.Events{OnReject: r.on},
		})
		l := serve(t, srv)
		of := func(client string) wstest.Request { return wstest.Upgrade("/").With("X-Real-IP: " + client) }
		var peers []*wstest.Peer
		for _, client := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"} {
			p := from(t, l, proxyAddr)
			p.Upgrade(of(client))
			peers = append(peers, p)
		}
		no(t, srv.Bans().Ban(netip.MustParsePrefix("192.0.2.8/32"), 0, "spam"))
		for client, want := range map[string]struct {
			status int
			reason wsserver.Reason
		}{
			"192.0.2.1": {429, wsserver.ReasonMaxPerIP}, "192.0.2.9": {403, wsserver.ReasonDenied},
			"198.51.100.1": {403, wsserver.ReasonNotAllowed}, "192.0.2.8": {403, wsserver.ReasonBanned},
		} {
			res := from(t, l, proxyAddr).Request(of(client))
			if i := r.last(t); res.Status != want.status || i.Reason != want.reason || i.ClientIP.String() != client || i.Remote.Addr().String() != proxyAddr {
				t.Errorf("%s gets %+v, told of %+v", client, res, i)
			}
		}
		peers[0].Drop()
		synctest.Wait()
		from(t, l, proxyAddr).Upgrade(of("192.0.2.1"))
		if n := wsserver.Connections(srv, proxyAddr); n != 0 {
			t.Errorf("%d connections count for the proxy", n)
		}
	})
}

// A-15, H-44: scheme and host that a trusted proxy names are what Origin and RequireTLS
// are held against; those of anybody else are not.
func TestProxyNamesSchemeAndHost(t *testing.T) {
	for _, tt := range []struct {
		name, peer string
		lines      []string
		status     int
	}{
		{"https", proxyAddr, []string{"X-Forwarded-Proto: https"}, 101},
		{"wss", proxyAddr, []string{"X-Forwarded-Proto: WSS"}, 101},
		{"http", proxyAddr, []string{"X-Forwarded-Proto: http"}, 403},
		{"no word of it", proxyAddr, nil, 403},
		{"stranger", "192.0.2.1", []string{"X-Forwarded-Proto: https"}, 403},
		{"its host", proxyAddr, []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: public.example", "Origin: https://public.example"}, 101},
		{"inner host", proxyAddr, []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: public.example", "Origin: https://server.example"}, 403},
		{"other host", proxyAddr, []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: public.example", "Origin: https://evil.example"}, 403},
		{"its host with a port", proxyAddr, []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: public.example:8443", "Origin: https://public.example:8443"}, 101},
		{"its host without the port", proxyAddr, []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: public.example", "Origin: https://public.example:8443"}, 403},
		{"host alone", proxyAddr, []string{"X-Forwarded-Proto: https", "Origin: https://server.example"}, 101},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(t, &desk{}, wsserver.Config{
					TrustedProxies: []string{proxyAddr}, ClientIPHeader: "X-Forwarded-For",
					Hosts: []hosts.Host{{Tag: "server", Names: []string{"server.example"}, RequireTLS: true}},
				})
				res := from(t, serve(t, srv), tt.peer).Request(wstest.Upgrade("/").With("X-Forwarded-For: 192.0.2.7").With(tt.lines...))
				if res.Status != tt.status {
					t.Errorf("answer is %+v, want %d", res, tt.status)
				}
			})
		})
	}
	t.Run("redirection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := newServer(t, &desk{}, wsserver.Config{
				TrustedProxies: []string{proxyAddr}, ClientIPHeader: "X-Forwarded-For", HTTP: page("server"),
				Hosts: []hosts.Host{{Tag: "server", Names: []string{"server.example"}, RedirectURL: "https://{host}{uri}"}},
			})
			l := serve(t, srv)
			for proto, status := range map[string]int{"http": 308, "https": 200} {
				res := from(t, l, proxyAddr).Request(get("/a", "server.example").With("X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: "+proto))
				if res.Status != status {
					t.Errorf("%s gets %+v, want %d", proto, res, status)
				}
			}
		})
	})
}

// Whatever stands in the headers, the answer is a client with an address, or 400.
func FuzzClientIP(f *testing.F) {
	f.Add("X-Forwarded-For", "203.0.113.9, 192.0.2.1", "https", "a.example")
	f.Add("Forwarded", `for="[2001:db8::1]";proto=https;host="a.example"`, "", "")
	f.Add("X-Real-IP", "::ffff:192.0.2.1", "x", "[::1]:80")
	f.Fuzz(func(t *testing.T, header, value, proto, host string) {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			var ip netip.Addr
			d.newClient = func(r *client.OpenRequest) (*guest, error) { ip = r.ClientIP; return d.guest(), nil }
			cfg := wsserver.Config{TrustedProxies: []string{proxyAddr}, ClientIPHeader: header, MaxPerIP: 1, AllowedOrigins: []string{"*"}}
			if header != "Forwarded" && header != "X-Real-IP" {
				cfg.ClientIPHeader = "X-Forwarded-For"
			}
			for _, s := range []string{value, proto, host} {
				if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
					return // no header value
				}
			}
			srv := newServer(t, d, cfg)
			l := serve(t, srv)
			p := from(t, l, proxyAddr)
			res := p.Request(wstest.Upgrade("/").With(cfg.ClientIPHeader+": "+value, "X-Forwarded-Proto: "+proto, "X-Forwarded-Host: "+host))
			switch {
			case res.Status == 400 && !ip.IsValid():
			case res.Status == 101 && ip.IsValid() && !ip.Is4In6() && ip.Zone() == "" && !ip.IsUnspecified():
				if n := wsserver.Connections(srv, ip.String()); n != 1 && ip.String() != proxyAddr {
					t.Errorf("%v has %d connections", ip, n)
				}
			default:
				t.Errorf("answer is %+v, client %v", res, ip)
			}
			p.Drop()
			synctest.Wait()
			if ip.IsValid() && wsserver.Connections(srv, ip.String()) != 0 {
				t.Errorf("%v is counted after its end", ip)
			}
		})
	})
}
