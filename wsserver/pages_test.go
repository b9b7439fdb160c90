package wsserver_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// get is a request for a page.
func get(target, host string) wstest.Request {
	return wstest.Request{Line: "GET " + target + " HTTP/1.1", Lines: []string{"Host: " + host}}
}

// page answers with what it sees of the request.
func page(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s tls=%v %s", name, r.Method, r.Host, r.URL, r.TLS != nil, body)
	})
}

// H-13: requests that are not upgrades go to the handler of their host, else to
// that of the server; many may follow each other on one connection.
func TestPagesComeFromTheHostsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{HTTP: page("server"), Hosts: []hosts.Host{
			{Tag: "a", Names: []string{"a.example"}, HTTP: page("a")}, {Tag: "b", Names: []string{"b.example"}},
		}})
		l := serve(t, srv)
		p := raw(t, l)
		for range 2 {
			for _, tt := range []struct {
				r      wstest.Request
				status int
				body   string
			}{
				{get("/x?y", "a.example"), 200, "a GET a.example /x?y tls=false "},
				{get("/z", "b.example"), 200, "server GET b.example /z tls=false "},
				{wstest.Request{Line: "POST /p HTTP/1.1", Lines: []string{"Host: A.example", "Content-Length: 4"}, Body: "body"}, 200, "a POST A.example /p tls=false body"},
			} {
				if res := p.Request(tt.r); res.Status != tt.status || res.Body != tt.body {
					t.Errorf("answer is %d %q, want %d %q", res.Status, res.Body, tt.status, tt.body)
				}
			}
		}
		// A large body behind the first request is not lost on the way.
		big := strings.Repeat("0123456789", 20_000)
		res := raw(t, l).Request(wstest.Request{Line: "POST / HTTP/1.1", Lines: []string{"Host: b.example", "Content-Length: 200000"}, Body: big})
		if !strings.HasSuffix(res.Body, big) {
			t.Errorf("of a large body %d bytes arrive", len(res.Body))
		}
		if res := p.Request(get("/", "unknown.example")); res.Status != 421 {
			t.Errorf("a later request for an unknown host is answered %d", res.Status)
		}
		if st := srv.Stats(); st.Refused["unknown host"] != 1 || st.Pending != 0 {
			t.Errorf("the figures are %+v", st)
		}
	})
}

// H-13: one host has pages, the other none.
func TestPageWithoutAHandlerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Events: noted(&d.journal), Hosts: []hosts.Host{
			{Names: []string{"a.example"}, HTTP: page("a")}, {Names: []string{"b.example"}},
		}})
		p := raw(t, serve(t, srv))
		p.Request(get("/", "a.example"))
		if res := p.Request(get("/", "b.example")); res.Status != 426 || res.Header.Get("Upgrade") != "websocket" {
			t.Errorf("answer is %+v", res)
		}
		d.want(t, "reject not an upgrade 426")
	})
}

// H-13: an upgrade as a later request of a connection, with data right behind it,
// is as good as one at first, over TLS too.
func TestUpgradeAfterAPage(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %v", secure), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var g *guest
				d.connect = func(c *guest) error { g = c; return nil }
				srv := newServer(t, d, wsserver.Config{
					HTTP: page("p"), TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, PingInterval: -1,
					SubProtocols: []string{"v1"}, Banner: banner.Policy{Welcome: "hi", MaxClients: 1},
				})
				l := clienttest.NewListener()
				method := srv.Serve
				if secure {
					method = srv.ServeTLS
				}
				serveOn(t, srv, l, method)
				p := raw(t, l)
				if secure {
					p = rawTLS(t, l, "server.example")
				}
				for range 3 {
					if res := p.Request(get("/page", "server.example")); res.Status != 200 || !strings.Contains(res.Body, fmt.Sprint("tls=", secure)) {
						t.Errorf("page is %+v", res)
					}
				}
				late := wstest.Upgrade("/chat").With("Sec-WebSocket-Protocol: v1").Bytes()
				p.Write(append(late, p.Encode(wstest.Text("hasty"), wstest.Text("too"))...))
				if res := p.ReadUpgraded(); res.Header.Get("Sec-WebSocket-Protocol") != "v1" {
					t.Errorf("the 101 is %+v", res)
				}
				p.WantText("hi")
				p.WantText("hasty")
				p.WantText("too")
				if (g.TLS() != nil) != secure || g.RawURI() != "/chat" || g.BindingIndex() != 0 || g.Binding() != l.Addr().String() {
					t.Errorf("the client is %+v", g.Info())
				}
				time.Sleep(time.Hour) // no deadline of net/http is left
				p.Send(wstest.Text("later"))
				p.WantText("later")
				if res := raw(t, l); secure {
					res.Conn.Close()
				} else if res := res.Request(wstest.Upgrade("/")); res.Status != 503 {
					t.Errorf("over the limit: %d", res.Status)
				}
				p.Send(wstest.Close(1000, ""))
				p.WantClose(1000)
				p.Conn.Close()
				synctest.Wait()
				d.want(t, "new", "connect", "message hasty", "message too", "message later", "disconnect 1000 normal closure")
			})
		})
	}
}

// H-13: a refused later upgrade is answered on the connection and ends it.
func TestRefusedUpgradeAfterAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			switch r.RawURI {
			case "/reject":
				return nil, r.Reject(403, "no")
			case "/panic":
				panic("oh")
			}
			runtime.Goexit()
			return nil, nil
		}
		srv := newServer(t, d, wsserver.Config{HTTP: page("p"), Banner: banner.Policy{MaxClients: 1}})
		l := serve(t, srv)
		for target, status := range map[string]int{"/reject": 403, "/panic": 500, "/exit": 500} {
			p := raw(t, l)
			p.Request(get("/", "server.example"))
			if res := p.Request(wstest.Upgrade(target)); res.Status != status {
				t.Errorf("%s: status %d, want %d", target, res.Status, status)
			}
			p.WantEnd()
			p.Conn.Close()
		}
		p := raw(t, l)
		p.Request(get("/", "server.example"))
		if res := p.Request(wstest.Upgrade("/").Replace("Sec-WebSocket-Version: 7")); res.Status != 426 || res.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("wrong version: %+v", res)
		}
		synctest.Wait()
		if n := wsserver.Places(srv); n != 0 {
			t.Errorf("%d places are taken", n)
		}
	})
}
