package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	dialer "github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// D-01, D-07, D-09: through nginx to an icsws server and to one of python3-websockets, over
// ws and wss, compressed.
func TestDialThroughNginx(t *testing.T) {
	ca := wstest.NewCA(t)
	cert, key := ca.Files(ca.Leaf("127.0.0.1"))
	icsws := serve(t, wsserver.Config{Compression: client.Compression{Mode: client.CompressionContext}})
	python := websockets(t, setup{Deflate: &bits{}})
	for _, to := range []struct{ name, addr string }{{"icsws", icsws.addr}, {"python3-websockets", python.addr}} {
		for _, scheme := range []string{"ws", "wss"} {
			t.Run(to.name+" "+scheme, func(t *testing.T) {
				listen := "listen LISTEN;"
				if scheme == "wss" {
					listen = fmt.Sprintf("listen LISTEN ssl; ssl_certificate %s; ssl_certificate_key %s;", cert, key)
				}
				addr := nginx(t, "http { server { "+listen+location(to.addr, "proxy_set_header X-Seen nginx;")+"} }")
				g := visit(t, dialer.Options{
					URL: scheme + "://" + addr + "/x?y=z", RootCAs: ca.Pool(),
					Compression: client.Compression{Mode: client.CompressionContext},
				})
				if i := g.open(); !i.Compression || i.URI != "/x?y=z" || (i.TLS != nil) != (scheme == "wss") || !strings.HasPrefix(i.Header.Get("Server"), "nginx") {
					t.Errorf("it opened with %+v", i)
				}
				for _, n := range sizes {
					g.say(text(n))
					g.want(client.OpText, text(n))
				}
				if to.name != "icsws" {
					g.say("!headers")
					var seen map[string]string
					if err := json.Unmarshal(next(t, g.got, "the header").Data, &seen); err != nil || seen["x-seen"] != "nginx" {
						t.Errorf("the server has seen %v, %v", seen, err)
					}
					g.say("!close 4321 that is all")
					g.ended(4321, "that is all", true)
					g.open()
					talk(g)
				}
			})
		}
	}
}

// D-09, E-14: nginx that wants a certificate of the client's answers 400 to who has none, or
// one of an authority that it does not know.
func TestDialNginxWantsACertificate(t *testing.T) {
	ca, others := wstest.NewCA(t), wstest.NewCA(t)
	cert, key := ca.Files(ca.Leaf("127.0.0.1"))
	s := serve(t, wsserver.Config{})
	addr := nginx(t, fmt.Sprintf(`http { server { listen LISTEN ssl; ssl_certificate %s; ssl_certificate_key %s;
		ssl_client_certificate %s; ssl_verify_client on; %s } }`, cert, key, ca.File(), location(s.addr)))
	try := func(o dialer.Options) *guest {
		o.URL, o.RootCAs, o.NoReconnect = "wss://"+addr, ca.Pool(), true
		return visit(t, o)
	}
	o := dialer.Options{}
	e := next(t, try(o).failed, "the refusal")
	if e.Reason != dialer.ReasonStatus || e.HTTPStatus != 400 || e.Stage != dialer.StageHandshake || !strings.Contains(e.Body, "No required SSL certificate") {
		t.Errorf("without a certificate: %v: %s", e, e.Body)
	}
	o.CertFile, o.KeyFile = others.Files(others.Leaf("me.example"))
	if e = next(t, try(o).failed, "the refusal"); e.HTTPStatus != 400 || !strings.Contains(e.Body, "The SSL certificate error") {
		t.Errorf("with one of a stranger: %v: %s", e, e.Body)
	}
	o.CertFile, o.KeyFile = ca.Files(ca.Leaf("me.example"))
	g := try(o)
	g.open()
	talk(g)
}

// D-17, D-43, E-14: what nginx says by itself.
func TestDialNginxRefuses(t *testing.T) {
	s := serve(t, wsserver.Config{})
	addr := nginx(t, `http { server { listen LISTEN; root DIR;
		location /forbidden { deny all; }
		location /moved { return 301 http://$http_host/here; }
		location /busy { add_header Retry-After 2 always; return 503; }
		location /gone { proxy_pass http://127.0.0.1:9; }
		location /slow { proxy_read_timeout 300ms; proxy_pass http://`+deafServer(t)+`; }
		location /plain { return 200 "hello"; }
		location /here { proxy_pass http://`+s.addr+`; proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }
		location /unconfigured { proxy_pass http://`+s.addr+`; }
	} }`)
	for _, tt := range []struct {
		path   string
		reason dialer.Reason
		status int
		after  time.Duration
	}{
		{"/forbidden", dialer.ReasonStatus, 403, 0},
		{"/nothing", dialer.ReasonStatus, 404, 0},
		{"/gone", dialer.ReasonStatus, 502, 0},
		{"/slow", dialer.ReasonStatus, 504, 0},
		{"/busy", dialer.ReasonStatus, 503, 2 * time.Second},
		{"/moved", dialer.ReasonRedirect, 301, 0},
		{"/plain", dialer.ReasonStatus, 200, 0},
		{"/unconfigured", dialer.ReasonStatus, 400, 0},
	} {
		t.Run(tt.path, func(t *testing.T) {
			g := visit(t, dialer.Options{URL: "ws://" + addr + tt.path})
			e := next(t, g.failed, "the refusal")
			if e.Reason != tt.reason || e.HTTPStatus != tt.status || e.RetryAfter != tt.after || e.Final != (tt.status == 403) {
				t.Errorf("%s %d, Retry-After %v, final %v: %v", e.Reason.Code(), e.HTTPStatus, e.RetryAfter, e.Final, e)
			}
			if !e.Final && e.NextWait < tt.after || !strings.HasPrefix(e.Header.Get("Server"), "nginx") {
				t.Errorf("it waits %v; the header is %v", e.NextWait, e.Header)
			}
			t.Log(e)
		})
	}
	t.Run("followed", func(t *testing.T) {
		g := visit(t, dialer.Options{URL: "ws://" + addr + "/moved", FollowRedirects: true})
		if i := g.open(); i.URI != "/here" || i.URL != "ws://"+addr+"/here" {
			t.Errorf("it opened with %+v", i)
		}
		talk(g)
	})
}

// deafServer takes connections and says nothing.
func deafServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String() // the kernel takes them
}
