package handshake

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// what is not a well-formed HTTP/1.x request is refused before anything
// else is looked at.
func TestMalformedRequestsAreRefused(t *testing.T) {
	const host = "Host: a\r\n"
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"empty lines only", "\r\n\r\n", 400},
		{"empty line before the request", "\r\nGET / HTTP/1.1\r\n" + host, 400},
		{"no version", "GET /\r\n" + host, 400},
		{"no target", "GET HTTP/1.1\r\n" + host, 400},
		{"empty target", "GET  HTTP/1.1\r\n" + host, 400},
		{"space in the target", "GET /a b HTTP/1.1\r\n" + host, 400},
		{"two spaces before the version", "GET /  HTTP/1.1\r\n" + host, 400},
		{"space after the version", "GET / HTTP/1.1 \r\n" + host, 400},
		{"version in lower case", "GET / http/1.1\r\n" + host, 400},
		{"version of three digits", "GET / HTTP/1.10\r\n" + host, 400},
		{"version that is no number", "GET / HTTP/x.1\r\n" + host, 400},
		{"no method", " / HTTP/1.1\r\n" + host, 400},
		{"method that is no token", "G@T / HTTP/1.1\r\n" + host, 400},
		{"NUL in the target", "GET /\x00 HTTP/1.1\r\n" + host, 400},
		{"DEL in the target", "GET /\x7f HTTP/1.1\r\n" + host, 400},
		{"CR in the target", "GET /\rx HTTP/1.1\r\n" + host, 400},
		{"tab in the target", "GET /\tx HTTP/1.1\r\n" + host, 400},
		{"fragment in the target", "GET /a#b HTTP/1.1\r\n" + host, 400},
		{"broken escape in the target", "GET /%zz HTTP/1.1\r\n" + host, 400},
		{"relative target", "GET chat HTTP/1.1\r\n" + host, 400},
		{"target without authority", "GET http:/chat HTTP/1.1\r\n" + host, 400},
		{"target with empty host", "GET http:///chat HTTP/1.1\r\n" + host, 400},
		{"target with user", "GET http://me@a/ HTTP/1.1\r\n" + host, 400},
		{"target with bad host", "GET http://a<b>/ HTTP/1.1\r\n" + host, 400},
		{"opaque target", "GET mailto:me HTTP/1.1\r\n" + host, 400},
		{"asterisk with GET", "GET * HTTP/1.1\r\n" + host, 400},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n", 505},
		{"HTTP/2", "GET / HTTP/2.0\r\n" + host, 505},
		{"HTTP/0.9 with a number", "GET / HTTP/0.9\r\n" + host, 505},
		{"TLS", "\x16\x03\x01\r\n\r\n", 400},

		{"no Host", "GET / HTTP/1.1\r\nX: y\r\n", 400},
		{"no header at all", "GET / HTTP/1.1\r\n", 400},
		{"two Hosts", "GET / HTTP/1.1\r\n" + host + "host: a\r\n", 400},
		{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" + host + host, 400},
		{"two Hosts with an absolute target", "GET http://b/ HTTP/1.1\r\n" + host + host, 400},
		{"space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n", 400},
		{"slash in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n", 400},
		{"user in Host", "GET / HTTP/1.1\r\nHost: me@a\r\n", 400},
		{"letters beyond ASCII in Host", "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n", 400},

		{"folded line", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n", 400},
		{"line folded by a tab", "GET / HTTP/1.1\r\n" + host + "X: a\r\n\tb\r\n", 400},
		{"first line folded", "GET / HTTP/1.1\r\n " + host, 400},
		{"line of spaces", "GET / HTTP/1.1\r\n" + host + "  \r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\n" + host + "X : y\r\n", 400},
		{"tab before the colon", "GET / HTTP/1.1\r\n" + host + "X\t: y\r\n", 400},
		{"space inside the name", "GET / HTTP/1.1\r\n" + host + "X Y: z\r\n", 400},
		{"no colon", "GET / HTTP/1.1\r\n" + host + "X\r\n", 400},
		{"no name", "GET / HTTP/1.1\r\n" + host + ": y\r\n", 400},
		{"bracket in the name", "GET / HTTP/1.1\r\n" + host + "X(: y\r\n", 400},
		{"letters beyond ASCII in the name", "GET / HTTP/1.1\r\n" + host + "\xc3\xa4: y\r\n", 400},
		{"NUL in the name", "GET / HTTP/1.1\r\n" + host + "X\x00: y\r\n", 400},
		{"NUL in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n", 400},
		{"CR in a value", "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n", 400},
		{"two CR at the end of a value", "GET / HTTP/1.1\r\n" + host + "X: a\r\r\n", 400},
		{"line of a CR", "GET / HTTP/1.1\r\n" + host + "\r\r\n", 400},
		{"escape in a value", "GET / HTTP/1.1\r\n" + host + "X: \x1b[2J\r\n", 400},
		{"DEL in a value", "GET / HTTP/1.1\r\n" + host + "X: \x7f\r\n", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.request+"\r\n"), 0)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Status != tt.status || e.Body == "" {
				t.Errorf("Read(%q) = %v, want %d", tt.request, err, tt.status)
			}
		})
	}
}

func TestWellFormedRequestsAreReadAsByNetHTTP(t *testing.T) {
	for _, tt := range []struct{ name, request, host string }{
		{"a browser's", browserRequest, "server.example:8080"},
		{"no white space", "GET / HTTP/1.1\r\nHost:a\r\nX:y\r\n\r\n", "a"},
		{"much white space", "GET / HTTP/1.1\r\nHost: \t a \t\r\nX:  \r\n\r\n", "a"},
		{"lone line feeds", "GET / HTTP/1.1\nHost: a\nX: y\n\n", "a"},
		{"mixed line ends", "GET / HTTP/1.1\nHost: a\r\nX: y\n\r\n", "a"},
		{"empty value at a lone line feed", "GET / HTTP/1.1\nHost: a\nX:\n\n", "a"},
		{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
		{"IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "[::1]:8080"},
		{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", ""},
		{"a later HTTP/1", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "a"},
		{"absolute target", "GET http://b:80/c?d HTTP/1.1\r\nHost: a\r\n\r\n", "b:80"},
		{"absolute target of WebSocket", "GET wss://b/c HTTP/1.1\r\nHost: a\r\n\r\n", "b"},
		{"absolute target, empty Host", "GET http://b HTTP/1.1\r\nHost:\r\n\r\n", "b"},
		{"two slashes", "GET //b/c HTTP/1.1\r\nHost: a\r\n\r\n", "a"},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "a"},
		{"CONNECT", "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", "b:443"},
		{"CONNECT with a path", "CONNECT /rpc HTTP/1.1\r\nHost: a\r\n\r\n", "a"},
		{"method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "a"},
		{"several lines of one name", "GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\r\nX-A: 2\r\n\r\n", "a"},
		{"obs-text", "GET /\xe4 HTTP/1.1\r\nHost: a\r\nX: \xe4\r\n\r\n", "a"},
		{"body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mustRead(t, tt.request)
			if r.Host() != tt.host {
				t.Errorf("Host = %q, want %q", r.Host(), tt.host)
			}
			sameAsNetHTTP(t, r, tt.request)
		})
	}
}

// sameAsNetHTTP compares r with what http.ReadRequest makes of the same bytes.
// Read leaves the framing of a body to the http.Server behind it, so a request
// that breaks only there may fail in net/http, if Check refuses it as well.
func sameAsNetHTTP(t *testing.T, r *Request, request string) {
	t.Helper()
	std, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	f := Fields(r.Raw)
	framed := f.Count("Content-Length")+f.Count("Transfer-Encoding") > 0
	if err != nil && (!framed || r.Check() == nil) {
		t.Fatalf("net/http refuses %q: %v", request, err)
	}
	if err != nil {
		return
	}
	if std.Method != r.Method || std.RequestURI != r.Target || std.Proto != r.Proto || std.Host != r.Host() {
		t.Errorf("%q: net/http has %q %q %q, host %q; we %q %q %q, host %q", request,
			std.Method, std.RequestURI, std.Proto, std.Host, r.Method, r.Target, r.Proto, r.Host())
	}
	if std.URL.String() != r.URL.String() {
		t.Errorf("%q: net/http has %v, we %v", request, std.URL, r.URL)
	}
	sameHeader(t, r.Header(), std.Header)
}

// sameHeader compares all fields but those that net/http moves or adds.
func sameHeader(t *testing.T, ours, std http.Header) {
	t.Helper()
	for _, name := range []string{"Content-Length", "Transfer-Encoding", "Trailer", "Cache-Control", "Host"} {
		ours.Del(name)
		std.Del(name)
	}
	for _, h := range []http.Header{ours, std} {
		for name := range h {
			if strings.Join(ours[name], "\n") != strings.Join(std[name], "\n") || len(ours[name]) != len(std[name]) {
				t.Errorf("%s: net/http has %q, we %q", name, std[name], ours[name])
			}
		}
	}
}

func TestHandlersGetTheRequestOfNetHTTP(t *testing.T) {
	r := mustRead(t, "POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nhi")
	std, err := r.HTTP()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(std.Body)
	if err != nil || string(body) != "hi" || std.URL.Path != "/a" || std.Host != "b" {
		t.Errorf("got %v %v, body %q, %v", std.URL, std.Host, body, err)
	}
}

// Random damage to good requests: whatever is still accepted must mean the same
// to net/http. The pieces are those with which requests are smuggled.
func TestDamagedRequestsAreReadAsByNetHTTPOrRefused(t *testing.T) {
	pieces := []string{
		" ", "\t", "\r", "\n", "\r\n", "\x00", "\x7f", "\x80", ":", ",", "/", "?", "#", "%", "%41", "@", "*", "[", "]",
		"\r\n ", "\n\t", "Host: b\r\n", "\r\nHost:b", "X: y\r\n", "HTTP/1.0", "http://b", "CONNECT ", "OPTIONS ",
		"Content-Length: 0\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "\xef\xbb\xbf", "\u212a",
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 20_000 {
		request := requestSeeds[rnd.IntN(len(requestSeeds))]
		for range 1 + rnd.IntN(3) {
			at := rnd.IntN(len(request) + 1)
			cut := min(at+rnd.IntN(2)*rnd.IntN(4), len(request))
			request = request[:at] + pieces[rnd.IntN(len(pieces))] + request[cut:]
		}
		if r, err := Read(strings.NewReader(request), 0); err == nil {
			accepted++
			sameAsNetHTTP(t, r, request)
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d were accepted: the test proves little", accepted)
	}
}
