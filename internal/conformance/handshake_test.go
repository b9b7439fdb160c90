package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/icsws/icsws/internal/wstest"
)

func TestHandshakesThatMustBeAccepted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		r    Request
	}{
		{"as in RFC 6455", Upgrade("/chat?x=1")},
		{"Firefox: Connection with keep-alive", Upgrade("/").Replace("Connection: keep-alive, Upgrade")},
		{"Connection in two lines", Upgrade("/").Replace("Connection: keep-alive").With("Connection: Upgrade")},
		{"Upgrade with several protocols", Upgrade("/").Replace("Upgrade: foo/2, websocket")},
		{"Upgrade in two lines", Upgrade("/").Replace("Upgrade: foo").With("Upgrade: websocket")},
		{"tokens in another case", Upgrade("/").Replace("Upgrade: WebSocket").Replace("Connection: UPGRADE")},
		{"lower-case header names", lowerNames(Upgrade("/"))},
		{"no space after the colon", Upgrade("/").Replace("Upgrade:websocket").Replace("Sec-WebSocket-Version:13")},
		{"spaces around values", Upgrade("/").Replace("Upgrade: \t websocket \t").Replace("Sec-WebSocket-Key:   " + SampleKey + "  ")},
		{"empty list elements", Upgrade("/").Replace("Connection: , keep-alive,,Upgrade,")},
		{"any origin", Upgrade("/").With("Origin: https://elsewhere.example")},
		{"absolute target", Upgrade("http://server.example/path")},
		{"host with a port", Upgrade("/").Replace("Host: server.example:8080")},
		{"IPv6 host", Upgrade("/").Replace("Host: [::1]:8080")},
		{"sub-protocols that the server does not speak", Upgrade("/").With("Sec-WebSocket-Protocol: a, b")},
		{"extensions that nobody knows", Upgrade("/").With("Sec-WebSocket-Extensions: x-one; p=1, x-two")},
		{"headers of a browser", Upgrade("/").With("User-Agent: Mozilla/5.0", "Cookie: "+strings.Repeat("c", 4000), "Pragma: no-cache", "Cache-Control: no-cache", "Accept-Encoding: gzip, deflate, br")},
		{"empty body announced", Upgrade("/").With("Content-Length: 0")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := plain.dial(t)
			res := p.Upgrade(tt.r)
			for _, name := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions", "Content-Length", "Transfer-Encoding"} {
				if v, ok := res.Header[name]; ok {
					t.Errorf("the answer has %s: %q", name, v)
				}
			}
			if res.Proto != "HTTP/1.1" {
				t.Errorf("the answer is %s", res.Proto)
			}
			alive(p)
		})
	}
}

// lowerNames writes the header names of a request in lower case.
func lowerNames(r Request) Request {
	var lines []string
	for _, line := range r.Lines {
		name, value, _ := strings.Cut(line, ":")
		lines = append(lines, strings.ToLower(name)+":"+value)
	}
	r.Lines = lines
	return r
}

func TestHandshakesThatMustBeRefused(t *testing.T) {
	t.Parallel()
	ok := Upgrade("/")
	withLine := func(line string) Request {
		r := ok
		r.Line = line
		return r
	}
	withBody := ok.With("Content-Length: 5")
	withBody.Body = "hello"
	chunked := ok.With("Transfer-Encoding: chunked")
	chunked.Body = "5\r\nhello\r\n0\r\n\r\n"
	for _, tt := range []struct {
		name   string
		r      Request
		status int
	}{
		{"no request line", withLine("hello"), 400},
		{"two words", withLine("GET /"), 400},
		{"not HTTP", withLine("GET / SMTP/1.1"), 400},
		{"HTTP/1.0", withLine("GET / HTTP/1.0"), 400},
		{"space before the colon", ok.With("X-Strange : 1"), 400},
		{"header without a colon", ok.With("strange"), 400},
		{"control character in a value", ok.With("X-Strange: a\x01b"), 400},
		{"no host", ok.Without("Host"), 400},
		{"two hosts", ok.With("Host: other.example"), 400},
		{"no upgrade", ok.Without("Upgrade"), 400},
		{"another upgrade", ok.Replace("Upgrade: h2c"), 400},
		{"upgrade that only contains the word", ok.Replace("Upgrade: websocket2"), 400},
		{"no connection", ok.Without("Connection"), 400},
		{"connection without upgrade", ok.Replace("Connection: keep-alive"), 400},
		{"connection that only contains the word", ok.Replace("Connection: noupgrade"), 400},
		{"no key", ok.Without("Sec-WebSocket-Key"), 400},
		{"empty key", ok.Replace("Sec-WebSocket-Key:"), 400},
		{"key of 15 bytes", ok.Replace("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400},
		{"key of 17 bytes", ok.Replace("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400},
		{"key that is not base64", ok.Replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q=="), 400},
		{"two keys", ok.With("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC=="), 400},
		{"no version", ok.Without("Sec-WebSocket-Version"), 400},
		{"body", withBody, 400},
		{"chunked body", chunked, 400},
		{"POST", withLine("POST / HTTP/1.1"), 405},
		{"HEAD", withLine("HEAD / HTTP/1.1"), 405},
		{"OPTIONS", withLine("OPTIONS / HTTP/1.1"), 405},
		{"version 8", ok.Replace("Sec-WebSocket-Version: 8"), 426},
		{"version 14", ok.Replace("Sec-WebSocket-Version: 14"), 426},
		{"version that is no number", ok.Replace("Sec-WebSocket-Version: x"), 426},
		{"no upgrade at all", Request{Line: "GET / HTTP/1.1", Lines: []string{"Host: server.example"}}, 426},
		{"headers of 20 KiB", ok.With("X-Long: " + strings.Repeat("x", 20<<10)), 431},
		{"1000 headers", ok.With(strings.Split(strings.Repeat("X-Many: xxxxxxxxxxxxxxxx\n", 1000)+"X: y", "\n")...), 431},
		{"target of 20 KiB", withLine("GET /" + strings.Repeat("x", 20<<10) + " HTTP/1.1"), 431},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := plain.dial(t)
			res := p.Request(tt.r)
			if res.Status != tt.status {
				t.Fatalf("status %d %q, want %d", res.Status, res.Body, tt.status)
			}
			wantExplained(t, res, strings.HasPrefix(tt.r.Line, "HEAD"))
		})
	}
}

// wantExplained checks what goes with a status.
func wantExplained(t *testing.T, res Response, head bool) {
	t.Helper()
	body := strings.TrimSpace(res.Body)
	if !head && (body == "" || strings.Contains(body, "\n") || len(body) > 300) {
		t.Errorf("the body is %q, want one sentence", res.Body)
	}
	want := func(name, value string) {
		t.Helper()
		if got := res.Header.Get(name); !strings.EqualFold(got, value) {
			t.Errorf("%d with %s: %q, want %q", res.Status, name, got, value)
		}
	}
	switch res.Status {
	case http.StatusMethodNotAllowed:
		want("Allow", "GET")
	case http.StatusUpgradeRequired:
		if res.Header.Get("Upgrade") == "" && res.Header.Get("Sec-WebSocket-Version") == "" {
			t.Errorf("426 with neither Upgrade nor Sec-WebSocket-Version: %v", res.Header)
		}
	}
}

func TestWrongVersionIsToldTheRightOne(t *testing.T) { // RFC 6455 section 4.4
	t.Parallel()
	res := plain.dial(t).Request(Upgrade("/").Replace("Sec-WebSocket-Version: 8"))
	if got := res.Header.Get("Sec-WebSocket-Version"); res.Status != 426 || got != "13" {
		t.Errorf("status %d, Sec-WebSocket-Version %q", res.Status, got)
	}
	res = plain.dial(t).Request(Request{Line: "GET / HTTP/1.1", Lines: []string{"Host: server.example"}})
	if got := res.Header.Get("Upgrade"); res.Status != 426 || got != "websocket" {
		t.Errorf("plain GET: status %d, Upgrade %q", res.Status, got)
	}
}

// TestDataBehindTheHandshakeIsNotLost sends frames before it has seen the 101,
// in one write and in pieces that cut the request and the frames anywhere.
func TestDataBehindTheHandshakeIsNotLost(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, chop := range []int{1 << 20, 1, 7, 100} {
			p := m.on.dial(t)
			frames := []Frame{Text("one"), Ping([]byte("two")), Binary(noise(20_000, 1)), Close(1000, "")}
			stream := append(Upgrade("/").With("X-Pad: "+strings.Repeat("x", 3000)).Bytes(), p.Encode(frames...)...)
			p.WriteChopped(stream[:min(len(stream), 4000)], chop)
			p.Write(stream[min(len(stream), 4000):])
			p.ReadUpgraded()
			p.WantText("one")
			p.WantPong([]byte("two"))
			p.WantMessage(OpBinary, noise(20_000, 1))
			p.WantClose(1000)
			p.WantEnd()
		}
	})
}

// TestSlowHandshakesAreEnded waits out the limit of the handshake, 10 s: half a
// request is answered with 408, and silence with the end of the connection. A-24
func TestSlowHandshakesAreEnded(t *testing.T) {
	t.Parallel()
	half, mute := plain.dial(t), plain.dial(t)
	half.Timeout, mute.Timeout = 30*time.Second, 30*time.Second
	half.Write(Upgrade("/").Bytes()[:50])
	if res := half.ReadResponse(); res.Status != http.StatusRequestTimeout {
		t.Errorf("half a request: status %d, want 408", res.Status)
	}
	mute.WantEnd()
}

// TestTooBusyIsTold: the place of a client is taken until the client has gone.
//
func TestTooBusyIsTold(t *testing.T) {
	t.Parallel()
	srv, err := start("-addr", "127.0.0.1:0", "-max-clients", "1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.stop(); err != nil {
			t.Error(err)
		}
	})
	first := Open(DialTCP(t, srv.addr), "/")
	alive(first)
	res := DialTCP(t, srv.addr).Request(Upgrade("/"))
	if res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || res.Body == "" {
		t.Errorf("the second client is told %+v", res)
	}
	first.Send(Close(1000, ""))
	first.WantClose(1000)
	first.WantEnd()
	for range 1000 { // the place is given back a moment after the end
		if res = DialTCP(t, srv.addr).Request(Upgrade("/")); res.Status == http.StatusSwitchingProtocols {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("after the first has gone the next one is told %+v", res)
}
