package handshake

import (
	"errors"
	"net/http"
	"testing"
)

func TestAcceptIsThatOfTheRFC(t *testing.T) {
	if got := string(AppendAccept([]byte("x"), sampleKey)); got != "x"+sampleAccept {
		t.Errorf("AppendAccept = %q", got)
	}
	buf := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() { buf = AppendAccept(buf[:0], sampleKey) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSwitchingIsWrittenLineByLine(t *testing.T) {
	const start = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + sampleAccept + "\r\n"
	for _, tt := range []struct {
		name, protocol, extensions string
		header                     http.Header
		want                       string
	}{
		{name: "bare", want: start + "\r\n"},
		{
			name: "all", protocol: "chat", extensions: "permessage-deflate; server_no_context_takeover",
			header: http.Header{"X-B": {"2"}, "Set-Cookie": {"a=1", "b=2"}, "X-None": nil},
			want: start + "Sec-WebSocket-Protocol: chat\r\n" +
				"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" +
				"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-B: 2\r\n\r\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendSwitching([]byte("before"), sampleKey, tt.protocol, tt.extensions, tt.header)
			if err != nil || string(got) != "before"+tt.want {
				t.Errorf("got %q, %v\nwant %q", got, err, tt.want)
			}
		})
	}
}

//
func TestHeadersThatWouldBreakTheAnswerAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, value string }{
		{"X", "a\r\nY: b"}, {"X", "a\rb"}, {"X", "a\nb"}, {"X", "a\x00b"}, {"X", "\x7f"}, {"X", "\x1b"},
		{"", "a"}, {"X Y", "a"}, {"X:", "a"}, {"X\r\nY", "a"}, {"X\x00", "a"}, {"\u00e4", "a"},
		{"Upgrade", "h2c"}, {"connection", "close"}, {"Sec-WebSocket-Accept", "x"}, {"sec-websocket-protocol", "x"},
		{"Sec-Websocket-Extensions", "x"}, {"Sec-WebSocket-Whatever", "x"}, {"Content-Length", "0"},
		{"Transfer-Encoding", "chunked"}, {"Trailer", "X"}, {"Keep-Alive", "x"}, {"TE", "x"}, {"Proxy-Connection", "x"},
	} {
		h := http.Header{"A-Good": {"one"}, tt.name: {"fine", tt.value}}
		got, err := AppendSwitching([]byte("before"), sampleKey, "", "", h)
		e, ok := errors.AsType[*HeaderError](err)
		if !ok || e.Name != tt.name || string(got) != "before" {
			t.Errorf("%q: %q = %q, %v; want HeaderError", tt.name, tt.value, got, err)
		}
		if err := ValidateHeader(h); !errors.As(err, &e) {
			t.Errorf("ValidateHeader %q: %q = %v", tt.name, tt.value, err)
		}
	}
	for _, bad := range []struct{ protocol, extensions string }{{"a b", ""}, {"a\r\nX: y", ""}, {"", "x\r\nY: z"}} {
		_, err := AppendSwitching(nil, sampleKey, bad.protocol, bad.extensions, nil)
		if _, ok := errors.AsType[*HeaderError](err); !ok {
			t.Errorf("%q = %v, want HeaderError", bad, err)
		}
	}
	good := http.Header{"Set-Cookie": {"a=\xe4\tb", ""}, "Server": {"x"}, "Sec-Fetch": {"x"}, "Date": {"x"}}
	if err := ValidateHeader(good); err != nil {
		t.Errorf("ValidateHeader = %v", err)
	}
}

func TestSwitchingDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 512)
	n := testing.AllocsPerRun(100, func() {
		buf, _ = AppendSwitching(buf[:0], sampleKey, "chat", "permessage-deflate", nil)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
