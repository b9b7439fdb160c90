package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wstest"
)

// proxyURL is an Options.Proxy.
func proxyURL(raw string) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) { return url.Parse(raw) }
}

// door is a proxy. It leads everybody to one address, whatever the name was.
type door struct {
	to   string // where it leads
	user string // "user:password" that it wants; empty for none
	say  string // an answer in place of a tunnel

	mu    sync.Mutex // guards the following
	asked []string   // the addresses that clients asked for
}

func (d *door) note(addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, addr)
}

// http speaks CONNECT.
func (d *door) http(c net.Conn) {
	br := bufio.NewReader(c)
	r, err := http.ReadRequest(br)
	if err != nil || r.Method != http.MethodConnect || r.Host != r.RequestURI {
		return
	}
	d.note(r.RequestURI)
	want := ""
	if name, password, ok := strings.Cut(d.user, ":"); ok {
		want = basicAuth(url.UserPassword(name, password))
	}
	switch {
	case r.Header.Get("Proxy-Authorization") != want:
		_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nauth")
	case d.say != "":
		_, _ = io.WriteString(c, d.say)
	default:
		_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
		d.pipe(c, br)
	}
	_, _ = io.Copy(io.Discard, c)
}

// socks speaks RFC 1928 and RFC 1929; say is the code of the reply.
func (d *door) socks(c net.Conn) {
	br := bufio.NewReader(c)
	next := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(br, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	methods := next(int(next(2)[1]))
	if d.user != "" {
		if !slices.Contains(methods, 2) {
			_, _ = c.Write([]byte{5, 0xff})
			return
		}
		_, _ = c.Write([]byte{5, 2})
		user := string(next(int(next(2)[1])))
		password := string(next(int(next(1)[0])))
		if user+":"+password != d.user {
			_, _ = c.Write([]byte{1, 1})
			return
		}
		_, _ = c.Write([]byte{1, 0})
	} else {
		_, _ = c.Write([]byte{5, 0})
	}
	host := ""
	switch next(4)[3] {
	case 1:
		host = net.IP(next(4)).String()
	case 4:
		host = net.IP(next(16)).String()
	case 3:
		host = string(next(int(next(1)[0])))
	}
	d.note(net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(next(2))))))
	code, _ := strconv.Atoi(d.say)
	_, _ = c.Write([]byte{5, byte(code), 0, 1, 0, 0, 0, 0, 0, 0})
	if code == 0 {
		d.pipe(c, br)
	}
}

func (d *door) pipe(c net.Conn, br io.Reader) {
	far, err := net.Dial("tcp", d.to)
	if err != nil {
		return
	}
	defer far.Close()
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(far, br); far.Close() }()
	_, _ = io.Copy(c, far)
	c.Close()
	<-done
}

// D-41: every kind of proxy, for ws and wss, with and without credentials.
func TestProxiesLeadToTheServer(t *testing.T) {
	ca := wstest.NewCA(t)
	plain := serve(t, answers(switching()))
	secure := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("a.example")}}, answers(switching()))
	for _, scheme := range []string{"http", "https", "socks5", "socks5h"} {
		for _, user := range []string{"", "user:sec:ret@"} {
			for _, to := range []string{"ws", "wss"} {
				t.Run(scheme+" "+user+" "+to, func(t *testing.T) {
					d := &door{to: plain, user: strings.TrimSuffix(user, "@")}
					want := "a.example:80"
					if to == "wss" {
						d.to, want = secure, "a.example:443"
					}
					addr := ""
					switch scheme {
					case "http":
						addr = serve(t, d.http)
					case "https":
						addr = serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, d.http)
					default:
						addr = serve(t, d.socks)
					}
					var asked *http.Request
					op := works(t, Options{
						URL: to + "://user:secret@a.example/x?y", RootCAs: ca.Pool(),
						Proxy: func(r *http.Request) (*url.URL, error) {
							asked = r
							return url.Parse(scheme + "://" + user + addr)
						},
					})
					i := op.info
					if !slices.Equal(d.asked, []string{want}) || i.Proxy != scheme+"://"+addr || i.Remote.String() != addr || (i.TLS != nil) != (to == "wss") {
						t.Errorf("the proxy was asked for %q; %+v", d.asked, i)
					}
					if i.Timing.Proxy <= 0 || i.Timing.Handshake <= 0 || (i.Timing.TLS > 0) != (to == "wss") {
						t.Errorf("%+v", i.Timing)
					}
					if u := strings.Replace(to, "ws", "http", 1) + "://a.example/x?y"; asked.URL.String() != u {
						t.Errorf("the proxy for %s was asked for, want %s", asked.URL, u)
					}
					_, tcp := op.conn.(*net.TCPConn)
					_, ours := op.conn.(*transport.TLS)
					if tls := to == "wss" || scheme == "https"; tcp == tls || ours != tls {
						t.Errorf("it is a %T", op.conn)
					}
				})
			}
		}
	}
}

// D-41: what goes wrong with proxies.
func TestReasonsOfProxies(t *testing.T) {
	ca := wstest.NewCA(t)
	httpDoor := func(say string) string {
		return "http://user:secret@" + serve(t, (&door{say: say, user: "user:secret"}).http)
	}
	for _, tt := range []struct {
		name, proxy string
		reason      Reason
		status      int
		err         error
	}{
		{"nobody", "http://user:secret@" + closedPort(t), ReasonRefused, 0, syscall.ECONNREFUSED},
		{"nobody, socks", "socks5://user:secret@" + closedPort(t), ReasonRefused, 0, syscall.ECONNREFUSED},
		{"no credentials", "http://" + serve(t, (&door{user: "user:secret"}).http), ReasonProxyAuth, 407, nil},
		{"wrong credentials", "http://user:secret@" + serve(t, (&door{user: "user:other"}).http), ReasonProxyAuth, 407, nil},
		{"no credentials, socks", "socks5://" + serve(t, (&door{user: "user:secret"}).socks), ReasonProxyAuth, 0, nil},
		{"wrong credentials, socks", "socks5://user:secret@" + serve(t, (&door{user: "user:other"}).socks), ReasonProxyAuth, 0, nil},
		{"long credentials, socks", "socks5://" + strings.Repeat("u", 256) + ":secret@" + serve(t, (&door{user: "user:other"}).socks), ReasonProxyAuth, 0, nil},
		{"403", httpDoor("HTTP/1.1 403 Forbidden\r\nX: secret\r\nContent-Length: 2\r\n\r\nno"), ReasonProxy, 403, nil},
		{"101", httpDoor("HTTP/1.1 101 x\r\n\r\nHTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno"), ReasonProxy, 502, nil},
		{"no HTTP", httpDoor("SSH-2.0-x\r\n"), ReasonProxy, 0, nil},
		{"a bad line", httpDoor("HTTP/1.1 200 x\r\nsecret\r\n\r\n"), ReasonProxy, 0, nil},
		{"more than an answer", httpDoor("HTTP/1.1 200 x\r\n\r\nsecret"), ReasonProxy, 0, nil},
		{"a large head", httpDoor("HTTP/1.1 200 x\r\nX: " + strings.Repeat("x", 17<<10)), ReasonHeaderTooLarge, 0, nil},
		{"an end", "http://" + serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }), ReasonClosed, 0, io.EOF},
		{"an end, socks", "socks5://" + serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }), ReasonClosed, 0, io.EOF},
		{"refused, socks", "socks5://" + serve(t, (&door{say: "5"}).socks), ReasonProxy, 0, nil},
		{"no socks", "socks5://" + serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 3)); _, _ = io.WriteString(c, "HTTP/1.1 400 x\r\n\r\n") }), ReasonProxy, 0, nil},
		{"an unknown authority", "https://user:secret@" + serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, (&door{}).http), ReasonCertUnknown, 0, nil},
		{"no TLS", "https://user:secret@" + serve(t, func(c net.Conn) { _, _ = io.WriteString(c, "hello, this is no TLS") }), ReasonNotTLS, 0, nil},
		{"another scheme", "ftp://user:secret@127.0.0.1", ReasonOptions, 0, nil},
		{"no host", "http://user:secret@", ReasonOptions, 0, nil},
		{"no port", "http://user:secret@a:0", ReasonOptions, 0, nil},
		{"no URL", "http://user:secret@a:x", ReasonUser, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := fails(t, Options{URL: "ws://a.example", Proxy: proxyURL(tt.proxy)}, StageProxy, tt.reason)
			if e.HTTPStatus != tt.status || tt.err != nil && !errors.Is(e, tt.err) || tt.status != 0 && (e.Body == "" || e.Header == nil) {
				t.Errorf("status %d, %q, %v", e.HTTPStatus, e.Body, e.Err)
			}
		})
	}
}

// D-41: the environment is asked by default, and its text may have a password in it.
func TestEnvironmentIsTheDefault(t *testing.T) {
	o := Options{}.withDefaults()
	if o.Proxy == nil {
		t.Fatal("there is no proxy function")
	}
	if u, err := NoProxy(nil); u != nil || err != nil {
		t.Errorf("NoProxy = %v, %v", u, err)
	}
	perr := errors.New("invalid proxy address http://user:secret@x")
	e := fails(t, Options{URL: "ws://a.example", Proxy: func(*http.Request) (*url.URL, error) { return nil, perr }}, StageProxy, ReasonUser)
	if !errors.Is(e, perr) {
		t.Errorf("%v", e.Err)
	}
}

// D-41: Options.Dial reaches the proxy, and what it returns is what is used below.
func TestDialReachesTheProxy(t *testing.T) {
	d := &door{to: serve(t, answers(switching()))}
	for scheme, addr := range map[string]string{"http": serve(t, d.http), "socks5": serve(t, d.socks)} {
		var own net.Conn
		op := works(t, Options{
			URL: "ws://[fe80::1%25eth0]:9", Proxy: proxyURL(scheme + "://p.example"),
			Dial: func(ctx context.Context, network, to string) (net.Conn, error) {
				if network != "tcp" || to != map[string]string{"http": "p.example:80", "socks5": "p.example:1080"}[scheme] {
					t.Errorf("%s: it is to dial %s %s", scheme, network, to)
				}
				var err error
				own, err = new(net.Dialer).DialContext(ctx, network, addr)
				return own, err
			},
		})
		if op.conn != own {
			t.Errorf("%s: it is a %T", scheme, op.conn)
		}
	}
	if !slices.Equal(d.asked, []string{"[fe80::1]:9", "[fe80::1]:9"}) {
		t.Errorf("the proxies were asked for %q", d.asked)
	}
}
