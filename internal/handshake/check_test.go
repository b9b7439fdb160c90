package handshake

import (
	"slices"
	"strings"
	"testing"
)

//
func TestHandshakeRules(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		status        int // 0: good
	}{
		{"good", upgrade(), 0},
		{"a browser's", browserRequest, 0},
		{"a later HTTP/1", strings.Replace(upgrade(), "HTTP/1.1", "HTTP/1.2", 1), 0},
		{"absolute target", strings.Replace(upgrade(), "/chat", "ws://server.example/chat", 1), 0},
		{"names and tokens in other case", strings.NewReplacer("Upgrade", "UPGRADE", "websocket", "WebSocket", "Key", "key").Replace(upgrade()), 0},
		{"Connection of Firefox", upgrade("Connection: keep-alive, Upgrade"), 0},
		{"Connection in two lines", upgrade("Connection: keep-alive\r\nConnection: Upgrade"), 0},
		{"Upgrade in two lines", upgrade("Upgrade: h2c\r\nUpgrade: websocket"), 0},
		{"Content-Length of 0", upgrade("Content-Length: 0"), 0},
		{"loose end of the key", upgrade("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="), 0},
		{"frames at once", upgrade() + "\x81\x80", 0},

		{"HTTP/1.0", strings.Replace(upgrade(), "HTTP/1.1", "HTTP/1.0", 1), 400},
		{"no Upgrade", upgrade("-Upgrade"), 400},
		{"other Upgrade", upgrade("Upgrade: h2c"), 400},
		{"Upgrade with a version", upgrade("Upgrade: websocket/13"), 400},
		{"no Connection", upgrade("-Connection"), 400},
		{"Connection without upgrade", upgrade("Connection: keep-alive"), 400},
		{"Connection noupgrade", upgrade("Connection: noupgrade"), 400},
		{"no version", upgrade("-Sec-WebSocket-Version"), 400},
		{"two versions", upgrade("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13"), 400},
		{"no key", upgrade("-Sec-WebSocket-Key"), 400},
		{"two keys", upgrade("Sec-WebSocket-Key: " + sampleKey + "\r\nsec-websocket-key: " + sampleKey), 400},
		{"empty key", upgrade("Sec-WebSocket-Key:"), 400},
		{"key of 15 bytes", upgrade("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400},
		{"key of 17 bytes", upgrade("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400},
		{"key without padding", upgrade("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA"), 400},
		{"key in the URL alphabet", upgrade("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA_-=="), 400},
		{"key with a comma", upgrade("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA,A=="), 400},
		{"body", upgrade("Content-Length: 2") + "hi", 400},
		{"length that is no number", upgrade("Content-Length: zero"), 400},
		{"empty length", upgrade("Content-Length:"), 400},
		{"two lengths", upgrade("Content-Length: 0\r\nContent-Length: 1"), 400},
		{"chunked body", upgrade("Transfer-Encoding: chunked"), 400},
		{"bad sub-protocol", upgrade("Sec-WebSocket-Protocol: a b"), 400},
		{"sub-protocol twice", upgrade("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a"), 400},

		{"POST", strings.Replace(upgrade(), "GET", "POST", 1), 405},
		{"HEAD", strings.Replace(upgrade(), "GET", "HEAD", 1), 405},
		{"get", strings.Replace(upgrade(), "GET", "get", 1), 405},
		{"version 8", upgrade("Sec-WebSocket-Version: 8"), 426},
		{"version 8 without key", upgrade("Sec-WebSocket-Version: 8", "-Sec-WebSocket-Key"), 426},
		{"list of versions", upgrade("Sec-WebSocket-Version: 13, 8"), 426},
		{"version 013", upgrade("Sec-WebSocket-Version: 013"), 426},
		{"empty version", upgrade("Sec-WebSocket-Version:"), 426},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mustRead(t, tt.request)
			e := r.Check()
			if status(e) != tt.status {
				t.Fatalf("Check = %v, want %d", e, tt.status)
			}
			if e != nil && e.Body == "" {
				t.Error("no sentence")
			}
			if !r.IsUpgrade() {
				t.Error("not taken for an upgrade")
			}
			std, err := r.HTTP()
			if err != nil {
				if e == nil {
					t.Errorf("net/http: %v", err)
				}
				return
			}
			if again := FromHTTP(std).Check(); status(again) != tt.status {
				t.Errorf("Check after net/http = %v, want %d", again, tt.status)
			}
		})
	}
}

func TestRefusalsCarryWhatTheirStatusAsksFor(t *testing.T) {
	version := mustRead(t, upgrade("Sec-WebSocket-Version: 25")).Check()
	if version.Header.Get("Sec-WebSocket-Version") != "13" || version.Header.Get("Upgrade") != "websocket" {
		t.Errorf("426 for the version has %v", version.Header)
	}
	method := mustRead(t, strings.Replace(upgrade(), "GET", "PUT", 1)).Check()
	if method.Header.Get("Allow") != "GET" {
		t.Errorf("405 has %v", method.Header)
	}
	if e := UpgradeRequired(); e.Status != 426 || e.Header.Get("Upgrade") != "websocket" {
		t.Errorf("UpgradeRequired = %v %v", e, e.Header)
	}
}

func TestIsUpgradeSeesBadUpgradesToo(t *testing.T) {
	for _, tt := range []struct {
		request string
		want    bool
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: notwebsocket\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, WebSocket\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: x\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nsec-websocket-version:\r\n\r\n", true},
	} {
		if got := mustRead(t, tt.request).IsUpgrade(); got != tt.want {
			t.Errorf("IsUpgrade(%q) = %v, want %v", tt.request, got, tt.want)
		}
	}
}

//
func TestOfferedProtocolsAreOneListOverAllLines(t *testing.T) {
	many := "x"
	for i := range 100 {
		many += "," + strings.Repeat("y", i+1)
	}
	for _, tt := range []struct {
		fields string
		want   []string
		status int
	}{
		{"", nil, 0},
		{"Sec-WebSocket-Protocol:\r\n", nil, 0},
		{"Sec-WebSocket-Protocol: chat\r\n", []string{"chat"}, 0},
		{"Sec-WebSocket-Protocol: b, a\r\nX: y\r\nsec-websocket-protocol: ,c\r\n", []string{"b", "a", "c"}, 0},
		{"Sec-WebSocket-Protocol: chat, Chat\r\n", []string{"chat", "Chat"}, 0},
		{"Sec-WebSocket-Protocol: a, a\r\n", nil, 400},
		{"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n", nil, 400},
		{"Sec-WebSocket-Protocol: a/b\r\n", nil, 400},
		{"Sec-WebSocket-Protocol: \"a\"\r\n", nil, 400},
		{"Sec-WebSocket-Protocol: a b\r\n", nil, 400},
		{"Sec-WebSocket-Protocol: \xc3\xa4\r\n", nil, 400},
		{"Sec-WebSocket-Protocol: " + many + "\r\n", nil, 400},
	} {
		got, e := OfferedProtocols(tt.fields)
		if status(e) != tt.status || !slices.Equal(got, tt.want) {
			t.Errorf("OfferedProtocols(%q) = %q, %v; want %q, %d", tt.fields, got, e, tt.want, tt.status)
		}
	}
}

// the server's order decides.
func TestSelectPrefersTheServersOrder(t *testing.T) {
	for _, tt := range []struct {
		server, offered []string
		want            string
	}{
		{[]string{"v2", "v1"}, []string{"v1", "v2"}, "v2"},
		{[]string{"v3", "v1"}, []string{"v2", "v1"}, "v1"},
		{[]string{"V1"}, []string{"v1"}, ""},
		{nil, []string{"v1"}, ""},
		{[]string{"v1"}, nil, ""},
	} {
		if got := Select(tt.server, tt.offered); got != tt.want {
			t.Errorf("Select(%q, %q) = %q, want %q", tt.server, tt.offered, got, tt.want)
		}
	}
}
