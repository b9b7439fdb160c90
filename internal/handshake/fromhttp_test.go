package handshake

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequestFromNetHTTPIsTheSame(t *testing.T) {
	std, err := http.ReadRequest(bufio.NewReader(strings.NewReader(browserRequest)))
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := mustRead(t, browserRequest), FromHTTP(std)
	if e := theirs.Check(); e != nil {
		t.Errorf("Check = %v", e)
	}
	if theirs.Target != ours.Target || theirs.Host() != ours.Host() || theirs.Key() != ours.Key() {
		t.Errorf("got %+v, want %+v", theirs, ours)
	}
	sameHeader(t, ours.Header(), theirs.Header())
	again := mustRead(t, string(theirs.Replay()))
	if again.Raw != theirs.Raw || again.Target != theirs.Target {
		t.Errorf("Replay = %q", theirs.Replay())
	}
	if got, err := theirs.HTTP(); got != std || err != nil {
		t.Errorf("HTTP = %v, %v; want the request given", got, err)
	}
}

func TestHeaderChangedByMiddlewareIsMadeHarmless(t *testing.T) {
	std := httptest.NewRequest("GET", "/a", nil)
	std.RequestURI = "" // as in a request made by hand
	std.Header = http.Header{"X-A": {"b\r\nUpgrade: websocket\x00"}, "X Y": {"z"}, "Host": {"evil"}, "X-E": {""}}
	r := FromHTTP(std)
	if want := "Host: example.com\r\nX-A: b  Upgrade: websocket \r\nX-E: \r\n"; r.Raw != want {
		t.Errorf("Raw = %q, want %q", r.Raw, want)
	}
	if r.IsUpgrade() || r.Target != "/a" {
		t.Errorf("got %+v", r)
	}
}

// net/http moves the framing out of the header.
func TestBodyIsSeenThroughNetHTTP(t *testing.T) {
	for _, framing := range []string{"Content-Length: 2", "Transfer-Encoding: chunked"} {
		std, err := http.ReadRequest(bufio.NewReader(strings.NewReader(upgrade(framing) + "hi")))
		if err != nil {
			t.Fatal(err)
		}
		if e := FromHTTP(std).Check(); status(e) != 400 {
			t.Errorf("%s: Check = %v, want 400", framing, e)
		}
	}
	made := httptest.NewRequest("GET", "/", strings.NewReader("hi"))
	if got := FromHTTP(made).Get("Content-Length"); got != "2" {
		t.Errorf("Content-Length = %q, want 2", got)
	}
}

func TestHTTP2IsNotSpoken(t *testing.T) {
	std := httptest.NewRequest("CONNECT", "http://a.example/chat", nil)
	std.Proto, std.ProtoMajor, std.ProtoMinor = "HTTP/2.0", 2, 0
	std.Header.Set("Sec-WebSocket-Version", "13")
	if e := FromHTTP(std).Check(); status(e) != 505 {
		t.Errorf("Check = %v, want 505", e)
	}
}
