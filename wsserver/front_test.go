package wsserver_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// authority is an issuer for tests: it answers for one token and does what it is told.
type authority struct {
	run  func(ctx context.Context, orders []hosts.Order) error
	cert func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

const token = "/.well-known/acme-challenge/token"

func (*authority) Check(hosts.Order) error { return nil }

func (i *authority) Run(ctx context.Context, orders []hosts.Order) error {
	if i.run == nil {
		<-ctx.Done()
		return nil
	}
	return i.run(ctx, orders)
}

func (*authority) ServeChallenge(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case token:
		io.WriteString(w, "proof")
		return true
	case token + "/panic":
		panic("boom")
	}
	return false
}

func (i *authority) ChallengeCert(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if i.cert == nil {
		return nil, errors.New("no check of mine")
	}
	return i.cert(hello)
}

func (*authority) DemandCert(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return nil, errors.New("not on demand")
}

// ways are the ways in which requests reach a server of hosts.
var ways = []string{"plain", "TLS", "ServeHTTP"}

// by serves srv in one of the ways and returns what connects to the host of that name.
func by(t *testing.T, way string, srv *wsserver.Server[*guest]) func(name string) *wstest.Peer {
	switch way {
	case "TLS":
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		return func(name string) *wstest.Peer { return rawTLS(t, l, name) }
	case "ServeHTTP":
		l := serveHTTP(t, srv, nil)
		return func(string) *wstest.Peer { return raw(t, l) }
	}
	l := serve(t, srv)
	return func(string) *wstest.Peer { return raw(t, l) }
}

// method is a request with another method than GET.
func method(m, target, host string) wstest.Request {
	return wstest.Request{Line: m + " " + target + " HTTP/1.1", Lines: []string{"Host: " + host}}
}

// H-23, H-24, H-13, H-44: who answers a request that is no upgrade, on plain and TLS
// ports and inside of somebody else's server, with handlers and without; many may follow
// each other on one connection.
func TestFrontHasAnOrder(t *testing.T) {
	files := fstest.MapFS{
		"a.txt": {Data: []byte("file a")}, "dir/b.json": {Data: []byte("{}")}, "mine": {Data: []byte("never seen")},
		"acme-challenge/token": {Data: []byte("never seen")}, "acme-challenge/old": {Data: []byte("file old")},
	}
	mine := func(path string) ([]byte, bool) { return []byte("mine " + path), path == "mine" || path == "empty/" }
	list := []hosts.Host{
		{Tag: "all", Names: []string{"all.example", "::1"}, AllowTemporary: true, WellKnown: files, OnWellKnown: mine,
			RedirectURL: "https://{host}:8443/at{uri}", RedirectStatus: 302, HTTP: page("all")},
		{Tag: "files", Names: []string{"files.example"}, AllowTemporary: true, WellKnown: files},
		{Tag: "mine", Names: []string{"mine.example"}, AllowTemporary: true, OnWellKnown: mine, HTTP: page("mine")},
		{Tag: "away", Names: []string{"away.example"}, AllowTemporary: true, RedirectURL: "https://other.example/?from={host}"},
		{Tag: "bare", Names: []string{"bare.example"}, AllowTemporary: true},
	}
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(t, &desk{}, wsserver.Config{Hosts: list, Issuer: &authority{}})
				connect := by(t, way, srv)
				for _, tt := range []struct {
					r      wstest.Request
					status int
					want   string // of the body, or after "-> " of the Location
				}{
					{get(token, "all.example"), 200, "proof"},
					{get(token+"?x", "bare.example:80"), 200, "proof"},
					{method("POST", token, "bare.example"), 426, "only WebSocket is served here"},
					{get("/.well-known/acme-challenge/other", "bare.example"), 426, "only WebSocket is served here"},
					{get("/.well-known/acme-challenge/old", "all.example"), 200, "file old"},
					{get("/.well-known/mine", "all.example"), 200, "mine mine"},
					{get("/.well-known/empty/", "all.example"), 200, "mine empty/"},
					{get("/.well-known/a.txt", "all.example"), 200, "file a"},
					{get("/.well-known/dir/b.json", "files.example"), 200, "{}"},
					{get("/.well-known/none", "all.example"), 404, "Not Found"},
					{get("/.well-known/none", "files.example"), 404, "Not Found"},
					{get("/.well-known/dir", "files.example"), 404, "Not Found"},
					{get("/.well-known/dir/", "files.example"), 404, "Not Found"},
					{get("/.well-known/", "files.example"), 404, "Not Found"},
					{get("/.well-known/none", "mine.example"), 200, "mine GET mine.example /.well-known/none"},
					{get("/.well-known", "away.example"), 308, "-> https://other.example/?from=away.example"},
					{get("/.well-known/none", "away.example"), 426, "only WebSocket is served here"},
					{method("POST", "/.well-known/a.txt", "all.example"), 200, "all POST all.example /.well-known/a.txt"},
					{method("POST", "/.well-known/a.txt", "files.example"), 426, "only WebSocket is served here"},
					{get("/x?y=%20{host}", "all.example"), 302, "-> https://all.example:8443/at/x?y=%20{host}"},
					{get("/x", "ALL.example.:99"), 302, "-> https://ALL.example.:8443/at/x"},
					{get("/x", "[::1]:99"), 302, "-> https://[::1]:8443/at/x"},
					{get("http://all.example/abs?q", "all.example"), 302, "-> https://all.example:8443/at/abs?q"},
					{method("POST", "/x", "away.example:81"), 308, "-> https://other.example/?from=away.example"},
					{get("/x", "files.example"), 426, "only WebSocket is served here"},
					{get("/x", "mine.example"), 200, "mine GET mine.example /x"},
					{get(token, "unknown.example"), 421, "no host of that name"},
				} {
					name, _, _ := strings.Cut(strings.TrimPrefix(tt.r.Lines[0], "Host: "), ":")
					if name == "[" || name == "unknown.example" {
						name = "all.example"
					}
					p := connect(strings.TrimSuffix(name, "."))
					for range 2 {
						res := p.Request(tt.r)
						got := res.Body
						if to := res.Header.Get("Location"); to != "" {
							got = "-> " + to
						}
						if res.Status != tt.status || !strings.HasPrefix(got, tt.want) {
							t.Errorf("%s of %s is answered %d %q, want %d %q", tt.r.Line, tt.r.Lines[0], res.Status, got, tt.status, tt.want)
						}
						if res.Header.Get("Connection") == "close" || res.Status == 421 || res.Status == 426 {
							break
						}
					}
					p.Conn.Close()
				}
				if n := srv.Stats().Challenges; n != 4 {
					t.Errorf("%d checks are counted", n)
				}
			})
		})
	}
}

// H-23: HEAD has no body, a type by the name, a range; archives, which can not seek, too.
func TestWellKnownFilesAreServedAsFiles(t *testing.T) {
	var archive bytes.Buffer
	zw := zip.NewWriter(&archive)
	for _, name := range []string{"security.txt", "plain"} {
		w, _ := zw.Create(name)
		io.WriteString(w, "Contact: x")
	}
	zw.Close()
	zipped, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]fs.FS{
		"map": fstest.MapFS{"security.txt": {Data: []byte("Contact: x")}, "plain": {Data: []byte("Contact: x")}}, "zip": zipped,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(t, &desk{}, wsserver.Config{Hosts: []hosts.Host{{Names: []string{"*"}, WellKnown: files}}})
				p := raw(t, serve(t, srv))
				for _, m := range []string{"GET", "HEAD", "GET"} {
					res := p.Request(method(m, "/.well-known/security.txt", "a.example"))
					want := map[string]string{"GET": "Contact: x"}[m]
					if res.Status != 200 || res.Body != want || res.Header.Get("Content-Length") != "10" ||
						!strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
						t.Errorf("%s is answered %+v", m, res)
					}
				}
				if res := p.Request(get("/.well-known/plain", "a.example")); res.Body != "Contact: x" || res.Header.Get("Content-Type") == "" {
					t.Errorf("answer is %+v", res)
				}
				part := p.Request(get("/.well-known/security.txt", "a.example").With("Range: bytes=0-6"))
				if name == "map" && (part.Status != 206 || part.Body != "Contact") {
					t.Errorf("a part is answered %+v", part)
				}
			})
		})
	}
}

// H-23: nothing outside of the directory is served, however the path is written.
func TestWellKnownPathDoesNotEscape(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"secret": "secret", "public/file": "file"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	srv := newServer(t, &desk{}, wsserver.Config{Hosts: []hosts.Host{{
		Names: []string{"*"}, WellKnown: os.DirFS(filepath.Join(dir, "public")),
		OnWellKnown: func(path string) ([]byte, bool) {
			if asked++; strings.Contains(path, "..") || strings.Contains(path, "//") || strings.HasPrefix(path, "/") {
				t.Errorf("OnWellKnown gets %q", path)
			}
			return nil, false
		},
	}}})
	for way, l := range map[string]*clienttest.Listener{"Serve": serve(t, srv), "ServeHTTP": serveHTTP(t, srv, nil)} {
		if res := raw(t, l).Request(get("/.well-known/file", "a.example")); res.Body != "file" {
			t.Errorf("%s: %+v", way, res)
		}
		for _, path := range []string{
			"../secret", "%2e%2e/secret", "..%2fsecret", "x/../../secret", "./file", "/file", "%2ffile", "//secret", "..", ".", "",
			`..\secret`, "..%5csecret", "file/", "file%00", "file/../file",
		} {
			res := raw(t, l).Request(get("/.well-known/"+path, "a.example"))
			if res.Status != 404 || strings.Contains(res.Body, "secret") {
				t.Errorf("%s: %q is answered %d %q", way, path, res.Status, res.Body)
			}
		}
	}
	if asked == 0 {
		t.Error("OnWellKnown is never asked")
	}
}

// H-24: who is where the redirect leads is not sent there again.
func TestRedirectEnds(t *testing.T) {
	list := []hosts.Host{{Names: []string{"*"}, AllowTemporary: true, RedirectURL: "https://{host}{uri}", HTTP: page("p")}}
	for _, way := range ways {
		synctest.Test(t, func(t *testing.T) {
			connect := by(t, way, newServer(t, &desk{}, wsserver.Config{Hosts: list}))
			for _, target := range []string{"/", "/a?b", "/a|b", "//x", "/%7e"} {
				for host, port := range map[string]string{"a.example": "", "b.example:443": ":443", "c.example:8443": ":8443"} {
					name, _, _ := strings.Cut(host, ":")
					res := connect(name).Request(get(target, host))
					home := way == "TLS" && port != ":8443"
					if home != (res.Status == 200) || !home && (res.Status != 308 || res.Header.Get("Location") != "https://"+name+target) {
						t.Errorf("%s: %s of %s is answered %d, Location %q", way, target, host, res.Status, res.Header.Get("Location"))
					}
				}
			}
		})
	}
}

// H-24: the same for a path of the host itself.
func TestRedirectToAPathEnds(t *testing.T) {
	list := []hosts.Host{{Names: []string{"*"}, AllowTemporary: true, RedirectURL: "/app/#top", HTTP: page("p")}}
	for _, way := range ways {
		synctest.Test(t, func(t *testing.T) {
			connect := by(t, way, newServer(t, &desk{}, wsserver.Config{Hosts: list}))
			for target, want := range map[string]int{"/": 308, "/app": 308, "/app/?a": 308, "/app/": 200} {
				res := connect("a.example").Request(get(target, "a.example"))
				if res.Status != want || want == 308 && res.Header.Get("Location") != "/app/#top" {
					t.Errorf("%s: %s is answered %d, Location %q", way, target, res.Status, res.Header.Get("Location"))
				}
			}
		})
	}
}

// H-24: a redirect never has a line break, whatever middleware makes of the request, and
// one without a name goes to the host's own.
func TestRedirectIsSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{UnknownHost: wsserver.UnknownDefault, Hosts: []hosts.Host{
			{Names: []string{"*.wild.example", "good.example"}, RedirectURL: "https://{host}{uri}"},
			{Names: []string{"*.only.example"}, RedirectURL: "https://{host}{uri}"},
		}})
		evil := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host, r.RequestURI = "good.example\r\nSet-Cookie: a=b", "/x\r\nSet-Cookie: c=d é"
			srv.ServeHTTP(w, r)
		})
		res := raw(t, serveHTTP(t, evil, nil)).Request(get("/", "x.example"))
		if to := res.Header.Get("Location"); res.Header.Get("Set-Cookie") != "" || to != "https://good.example/x%0D%0ASet-Cookie:%20c=d%20%C3%A9" {
			t.Errorf("the header is %v", res.Header)
		}
		l := serve(t, srv)
		old := wstest.Request{Line: "GET /old HTTP/1.0"}
		if res := raw(t, l).Request(old); res.Header.Get("Location") != "https://good.example/old" {
			t.Errorf("without a Host: %+v", res)
		}
		if res := raw(t, l).Request(get("/", "")); res.Header.Get("Location") != "https://good.example/" {
			t.Errorf("with an empty Host: %+v", res)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Hosts: []hosts.Host{{Names: []string{"*.only.example"}, RedirectURL: "https://{host}{uri}"}}})
		if res := raw(t, serve(t, srv)).Request(get("/", "")); res.Status != 426 {
			t.Errorf("without any name: %+v", res)
		}
	})
}

// E-15: what answers for a host is user code; a panic in it ends that request only.
func TestPanicInFrontIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		boom := func(string) ([]byte, bool) { panic("boom") }
		srv := newServer(t, d, wsserver.Config{Events: noted(&d.journal), Issuer: &authority{}, Hosts: []hosts.Host{
			{Names: []string{"a.example"}, OnWellKnown: boom}, {Names: []string{"b.example"}, WellKnown: badFS{}},
			{Names: []string{"c.example"}, HTTP: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })},
		}})
		l := serve(t, srv)
		for target, host := range map[string]string{"/.well-known/x": "a.example", "/.well-known/panic": "b.example", token + "/panic": "a.example", "/": "c.example"} {
			p := raw(t, l)
			p.Write(get(target, host).Bytes())
			p.WantEnd()
		}
		if res := raw(t, l).Request(get("/.well-known/broken", "b.example")); res.Status != 500 || strings.Contains(res.Body, "secret") {
			t.Errorf("a file that can not be read: %+v", res)
		}
		for _, event := range []string{"OnWellKnown", "WellKnown", "Issuer", "HTTP"} {
			if d.count("panic "+event) != 1 {
				t.Errorf("no panic of %s: %v", event, d.lines())
			}
		}
		clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: "a.example"})
	})
}

type badFS struct{}

func (badFS) Open(name string) (fs.File, error) {
	if name == "panic" {
		panic("boom")
	}
	return nil, errors.New("secret: the disk is gone")
}

// H-14: an upgrade on a plain connection is refused with 403, or redirected, by a host
// that wants TLS; its pages are not, and other hosts do not care.
func TestUpgradeMayRequireTLS(t *testing.T) {
	list := []hosts.Host{
		{Tag: "strict", Names: []string{"strict.example"}, AllowTemporary: true, RequireTLS: true, HTTP: page("p")},
		{Tag: "kind", Names: []string{"kind.example"}, AllowTemporary: true, RequireTLS: true, RedirectURL: "https://{host}{uri}"},
		{Tag: "free", Names: []string{"free.example"}, AllowTemporary: true},
	}
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var infos []wsserver.RejectInfo
				srv := newServer(t, d, wsserver.Config{
					Hosts: list, Banner: banner.Policy{MaxClients: 1},
					Events: wsserver.Events{OnReject: func(i wsserver.RejectInfo) { infos = append(infos, i) }},
				})
				connect := by(t, way, srv)
				for _, tt := range []struct {
					host, to string
					status   int
				}{{"strict.example", "", 403}, {"kind.example", "https://kind.example/chat?a", 308}, {"free.example", "", 101}} {
					if way == "TLS" {
						tt.status, tt.to = 101, ""
					}
					infos = nil
					p := connect(tt.host)
					res := p.Request(wstest.Upgrade("/chat?a").Replace("Host: " + tt.host))
					if res.Status != tt.status || res.Header.Get("Location") != tt.to {
						t.Errorf("%s: answer is %+v", tt.host, res)
					}
					p.Conn.Close()
					synctest.Wait()
					if tt.status == 101 {
						continue
					}
					if len(infos) != 1 || infos[0].Reason != wsserver.ReasonRequireTLS || infos[0].Setting != "Host.RequireTLS" || infos[0].Status != tt.status {
						t.Errorf("%s: OnReject gets %+v", tt.host, infos)
					}
				}
				p := connect("strict.example")
				if res := p.Request(get("/", "strict.example")); res.Status != 200 {
					t.Errorf("its page is %+v", res)
				}
				late := p.Request(wstest.Upgrade("/").Replace("Host: strict.example"))
				if want := map[bool]int{true: 101, false: 403}[way == "TLS"]; late.Status != want {
					t.Errorf("a late upgrade is answered %d, want %d", late.Status, want)
				}
				if way != "TLS" && srv.Stats().Refused["no tls"] != 3 {
					t.Errorf("the figures are %+v", srv.Stats().Refused)
				}
			})
		})
	}
}

// H-14: under ServeHTTP the request says whether there was TLS.
func TestRequireTLSBelievesTheRequest(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("strict.example")
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Hosts: []hosts.Host{{Names: []string{"strict.example"}, RequireTLS: true}}})
		l := serveHTTP(t, srv, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
		clienttest.Dial(t, l, "/", clienttest.DialOptions{TLS: &tls.Config{RootCAs: ca.Pool(), ServerName: "strict.example"}})
	})
}

// H-23, O-20: what is in front of a host counts against MaxHTTPConns as its pages do.
func TestFrontIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{
			MaxHTTPConns: 1, Hosts: []hosts.Host{{Names: []string{"*"}, WellKnown: fstest.MapFS{"a": {Data: []byte("a")}}}},
		})
		l := serve(t, srv)
		first := raw(t, l)
		for i, want := range []int{200, 503} {
			p := first
			if i > 0 {
				p = raw(t, l)
			}
			if res := p.Request(get("/.well-known/a", "a.example")); res.Status != want {
				t.Errorf("connection %d is answered %s", i, fmt.Sprint(res))
			}
		}
	})
}
