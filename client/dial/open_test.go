package dial

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wstest"
)

// D-14, D-16, D-17, D-19, D-40: what is known of an open connection, and no byte behind the
// answer is lost.
func TestOpenTellsWhatItKnows(t *testing.T) {
	ca := wstest.NewCA(t)
	text := switching("Sec-WebSocket-Protocol: b", "X-A: 1", "X-A: 2") + "\x81\x05hello"
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			addr := serve(t, answers(text))
			if scheme == "wss" {
				addr = serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, answers(text))
			}
			op := works(t, Options{URL: scheme + "://user:secret@" + addr + "/a/b?c=d", SubProtocols: []string{"a", "b"}, RootCAs: ca.Pool()})
			i := op.info
			if i.Attempt != 3 || i.Status != 101 || i.URI != "/a/b?c=d" || i.URL != scheme+"://"+addr+"/a/b?c=d" || i.Protocol != "b" ||
				i.Compression || op.deflate != nil || !slices.Equal(i.Header["X-A"], []string{"1", "2"}) || i.Proxy != "" {
				t.Errorf("%+v", i)
			}
			if i.Remote.String() != addr || !i.Local.Addr().IsLoopback() || op.host != addr {
				t.Errorf("from %v to %v, host %s", i.Local, i.Remote, op.host)
			}
			if string(op.buffered) != "\x81\x05hello" {
				t.Errorf("behind the answer is %q", op.buffered)
			}
			if i.Timing.Connect <= 0 || i.Timing.Handshake <= 0 || i.Timing.Resolve != 0 || i.Timing.Proxy != 0 {
				t.Errorf("%+v", i.Timing)
			}
			if !strings.HasPrefix(op.request, "Host: "+addr+"\r\nUpgrade: websocket\r\n") || !strings.HasSuffix(op.request, "\r\n") || strings.Contains(op.request, "\r\n\r\n") {
				t.Errorf("the header lines are %q", op.request)
			}
			if scheme == "wss" {
				if _, ours := op.conn.(*transport.TLS); !ours || i.TLS.NegotiatedProtocol != "" || i.TLS.Version != tls.VersionTLS13 || i.Timing.TLS <= 0 {
					t.Errorf("it is a %T with %+v", op.conn, i.TLS)
				}
			} else if _, tcp := op.conn.(*net.TCPConn); !tcp || i.TLS != nil || i.Timing.TLS != 0 {
				t.Errorf("it is a %T with %+v", op.conn, i.TLS)
			}
		})
	}
}

// The connection goes on after the attempt: no deadline is left, and no context ends it.
func TestOpenConnectionIsFree(t *testing.T) {
	addr := serve(t, answers(switching()))
	ctx, cancel := context.WithCancel(t.Context())
	op, e := opensIn(ctx, t, Options{URL: "ws://" + addr, HandshakeTimeout: 20 * time.Second})
	if e != nil {
		t.Fatal(e)
	}
	cancel()
	if _, err := op.conn.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	// A deadline in the past would end this at once.
	done := make(chan error, 1)
	go func() { _, err := op.conn.Read(make([]byte, 1)); done <- err }()
	select {
	case err := <-done:
		t.Errorf("Read = %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	op.conn.Close()
	<-done
}

// D-01: a name is resolved by the system, and both ways are tried.
func TestNameIsResolved(t *testing.T) {
	_, port, _ := net.SplitHostPort(serve(t, answers(switching())))
	op := works(t, Options{URL: "ws://localhost:" + port})
	if i := op.info; i.Timing.Resolve <= 0 || i.Timing.Connect <= 0 || !i.Remote.Addr().IsLoopback() || i.URL != "ws://localhost:"+port {
		t.Errorf("%+v", i)
	}
}

// D-03: which lines go out.
func TestHeaderOfTheRequest(t *testing.T) {
	token := 0
	fresh := func(context.Context) (http.Header, error) {
		token++
		return http.Header{"x-token": {fmt.Sprint(token)}, "X-Two": {"c"}}, nil
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:pass:word"))
	for _, tt := range []struct {
		name string
		o    Options
		want map[string][]string // nil: not there
		host string
	}{
		{"user info", Options{URL: "ws://user:pass%3aword@"}, map[string][]string{"Authorization": {basic}}, ""},
		{"user info and a line", Options{URL: "ws://user:pass@", Header: http.Header{"authorization": {"Bearer x"}}}, map[string][]string{"Authorization": {"Bearer x"}}, ""},
		{"twice", Options{Header: http.Header{"X": {"a", "b"}}}, map[string][]string{"X": {"a", "b"}, "Authorization": nil, "Sec-Websocket-Extensions": nil, "Sec-Websocket-Protocol": nil}, ""},
		{"host", Options{Header: http.Header{"host": {"b.example:9"}}}, nil, "b.example:9"},
		{"fresh lines", Options{Header: http.Header{"X-Token": {"old"}, "X-two": {"a", "b"}, "X-One": {"1"}}, HeaderFunc: fresh}, map[string][]string{"X-Token": {"1"}, "X-Two": {"c"}, "X-One": {"1"}}, ""},
		{"fresh host", Options{Header: http.Header{"Host": {"a"}}, HeaderFunc: func(context.Context) (http.Header, error) { return http.Header{"HOST": {"c.example"}}, nil }}, nil, "c.example"},
		{"sub-protocols", Options{SubProtocols: []string{"a", "b"}}, map[string][]string{"Sec-Websocket-Protocol": {"a, b"}}, ""},
		{"compression", Options{Compression: client.Compression{Mode: client.CompressionContext, WindowBits: 10}}, map[string][]string{"Sec-Websocket-Extensions": {"permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; client_max_window_bits"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan *http.Request, 1)
			addr := serve(t, func(c net.Conn) { answer(c, switching(), func(r *http.Request) { got <- r }) })
			if tt.o.URL == "" {
				tt.o.URL = "ws://"
			}
			tt.o.URL += addr
			before := tt.o.Header.Clone()
			op := works(t, tt.o)
			r := <-got
			if tt.host == "" {
				tt.host = addr
			}
			if r.Host != tt.host || op.host != tt.host || r.Header.Get("Sec-WebSocket-Version") != "13" || r.RequestURI != "/" {
				t.Errorf("%s of %s: %v", r.RequestURI, r.Host, r.Header)
			}
			for name, want := range tt.want {
				if !slices.Equal(r.Header[name], want) {
					t.Errorf("%s is %q, want %q", name, r.Header[name], want)
				}
			}
			if !reflect.DeepEqual(before, tt.o.Header) {
				t.Errorf("Options.Header became %v", tt.o.Header)
			}
		})
	}
}

// D-07: what is agreed on is seen from us.
func TestCompressionIsAgreedOn(t *testing.T) {
	for _, tt := range []struct {
		z    client.Compression
		line string
		want *deflate.Params
	}{
		{client.Compression{Mode: client.CompressionContext}, "X: y", nil},
		{client.Compression{Mode: client.CompressionContext}, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9; client_max_window_bits=11",
			&deflate.Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 11, ClientBits: 9}},
		{client.Compression{Mode: client.CompressionMessage}, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
			&deflate.Params{ServerBits: 15, ClientBits: 15}},
		// The second of our offers: the server does not limit its window, or less than it was asked to.
		{client.Compression{Mode: client.CompressionContext, WindowBits: 10}, "Sec-WebSocket-Extensions: permessage-deflate",
			&deflate.Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 10, ClientBits: 15}},
		{client.Compression{Mode: client.CompressionContext, WindowBits: 10}, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12",
			&deflate.Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 10, ClientBits: 12}},
	} {
		op := works(t, Options{URL: "ws://" + serve(t, answers(switching(tt.line))), Compression: tt.z})
		if !reflect.DeepEqual(op.deflate, tt.want) || op.info.Compression != (tt.want != nil) {
			t.Errorf("%s: %+v, %v", tt.line, op.deflate, op.info.Compression)
		}
	}
}

// redirecting leads to a place.
func redirecting(t testing.TB, location string, seen func(*http.Request)) string {
	return serve(t, func(c net.Conn) {
		answer(c, "HTTP/1.1 307 x\r\nContent-Length: 0\r\nLocation: "+location+"\r\n\r\n", seen)
	})
}

// D-43: redirects, when they are followed.
func TestRedirectsAreFollowed(t *testing.T) {
	got := make(chan *http.Request, 10)
	seen := func(r *http.Request) { got <- r }
	last := serve(t, func(c net.Conn) { answer(c, switching(), seen) })
	o := Options{
		FollowRedirects: true, SubProtocols: []string{"a"},
		Header: http.Header{"Cookie": {"a=b"}, "X": {"y"}, "Host": {"h.example"}},
	}
	o.URL = "ws://user:secret@" + redirecting(t, "http://other:user@"+last+"/new?q#fragment", seen) + "/old"
	op := works(t, o)
	if r := <-got; r.Header.Get("Cookie") == "" || r.Header.Get("Authorization") == "" || r.Host != "h.example" {
		t.Errorf("the first request is %v of %s", r.Header, r.Host)
	}
	if r := <-got; r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" || r.Host != last || r.Header.Get("X") != "y" ||
		r.Header.Get("Sec-WebSocket-Protocol") != "a" || r.RequestURI != "/new?q" {
		t.Errorf("the second request is %v of %s", r.Header, r.Host)
	}
	if op.info.URL != "ws://"+last+"/new?q" || op.info.URI != "/new?q" || op.info.Header.Get("Location") != "" {
		t.Errorf("%+v", op.info)
	}

	// Within the same host everything stays, and a relative place is one.
	var hops atomic.Int32
	same := serve(t, func(c net.Conn) {
		hop := hops.Add(1)
		if hop > maxHops {
			answer(c, switching(), seen)
			return
		}
		answer(c, fmt.Sprintf("HTTP/1.1 301 x\r\nContent-Length: 0\r\nLocation: hop%d\r\n\r\n", hop), nil)
	})
	o.URL = "ws://user:secret@" + same + "/dir/"
	works(t, o)
	if r := <-got; r.RequestURI != fmt.Sprintf("/dir/hop%d", maxHops) || r.Header.Get("Cookie") == "" || r.Header.Get("Authorization") == "" || r.Host != "h.example" {
		t.Errorf("the request is %s, %v of %s", r.RequestURI, r.Header, r.Host)
	}
}

// D-43: redirects that are not followed.
func TestRedirectsThatLeadNowhere(t *testing.T) {
	ca := wstest.NewCA(t)
	for name, location := range map[string]string{
		"ftp": "ftp://secret.example", "no URL": "ws://secret%zz", "a bad host": "ws://secret..example/", "itself": "/",
	} {
		t.Run(name, func(t *testing.T) {
			e := fails(t, Options{URL: "ws://" + redirecting(t, location, nil), FollowRedirects: true}, StageHandshake, ReasonRedirect)
			if e.HTTPStatus != 307 || e.Header.Get("Location") != location {
				t.Errorf("%d, %v", e.HTTPStatus, e.Header)
			}
		})
	}
	addr := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, answers("HTTP/1.1 302 x\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"))
	e := fails(t, Options{URL: "wss://" + addr, RootCAs: ca.Pool(), FollowRedirects: true}, StageHandshake, ReasonRedirect)
	if !strings.Contains(e.Error(), "wss to ws") {
		t.Errorf("%v", e)
	}
	e = fails(t, Options{URL: "ws://" + redirecting(t, "ws://"+closedPort(t)+"/gone", nil), FollowRedirects: true}, StageConnect, ReasonRefused)
	if !strings.HasSuffix(e.URL, "/gone") {
		t.Errorf("%s", e.URL)
	}
}

// Which places are the same for credentials.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		sees     bool
	}{
		{"ws://a", "ws://a/x", true}, {"ws://a", "wss://a", true}, {"ws://a:8080", "wss://a:8080", true}, {"wss://a", "wss://A:443", true},
		{"ws://a", "ws://a:8080", false}, {"ws://a:8080", "wss://a", false}, {"ws://a", "ws://a.a", false}, {"ws://a", "ws://b.a", false},
	} {
		from, _ := parseURL(tt.from)
		to, _ := parseURL(tt.to)
		if from.sees(to) != tt.sees {
			t.Errorf("from %s to %s: %v", tt.from, tt.to, !tt.sees)
		}
	}
}
