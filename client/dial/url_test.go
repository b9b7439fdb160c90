package dial

import (
	"net/http"
	"strings"
	"testing"
)

// D-02: what a URL means.
func TestURLIsRead(t *testing.T) {
	for _, tt := range []struct {
		raw, addr, host, uri, clean string
		secure                      bool
	}{
		{"ws://a.example", "a.example:80", "a.example", "/", "ws://a.example", false},
		{"WSS://A.Example/x?y=1&z", "a.example:443", "a.example", "/x?y=1&z", "wss://a.example/x?y=1&z", true},
		{"wss://a.example:443/", "a.example:443", "a.example", "/", "wss://a.example/", true},
		{"ws://a.example:443/", "a.example:443", "a.example:443", "/", "ws://a.example:443/", false},
		{"ws://a.example:080", "a.example:80", "a.example", "/", "ws://a.example", false},
		{"ws://a.example:", "a.example:80", "a.example", "/", "ws://a.example", false},
		{"ws://a.example.?q", "a.example.:80", "a.example.", "/?q", "ws://a.example.?q", false},
		{"ws://user:secret@a.example/", "a.example:80", "a.example", "/", "ws://a.example/", false},
		{"ws://192.0.2.1:9/", "192.0.2.1:9", "192.0.2.1:9", "/", "ws://192.0.2.1:9/", false},
		{"ws://[2001:DB8::1]/", "[2001:db8::1]:80", "[2001:db8::1]", "/", "ws://[2001:db8::1]/", false},
		{"wss://[::1]:9/", "[::1]:9", "[::1]:9", "/", "wss://[::1]:9/", true},
		{"ws://[fe80::1%25eth0]/", "[fe80::1%eth0]:80", "[fe80::1]", "/", "ws://[fe80::1%25eth0]/", false},
		{"ws://bücher.example/ä?ö", "xn--bcher-kva.example:80", "xn--bcher-kva.example", "/%C3%A4?%C3%B6", "ws://xn--bcher-kva.example/%C3%A4?%C3%B6", false},
		{"ws://a_b.example/a%20b?c d", "a_b.example:80", "a_b.example", "/a%20b?c%20d", "ws://a_b.example/a%20b?c%20d", false},
	} {
		u, err := parseURL(tt.raw)
		if err != nil {
			t.Errorf("%s: %v", tt.raw, err)
			continue
		}
		if u.addr() != tt.addr || u.hostHeader() != tt.host || u.url.RequestURI() != tt.uri || u.url.String() != tt.clean || u.secure != tt.secure {
			t.Errorf("%s is %s, host %s, for %s, clean %s", tt.raw, u.addr(), u.hostHeader(), u.url.RequestURI(), u.url)
		}
	}
}

// D-02: what is no URL of a WebSocket server, and that its error keeps a password.
func TestURLIsRefused(t *testing.T) {
	for _, raw := range []string{
		"", "a.example", "http://a.example", "//a.example", "ws:", "ws://", "ws:///x", "ws://:80", "ws:a.example",
		"ws://a.example#x", "ws://a.example/#", "ws://a.example:0", "ws://a.example:65536", "ws://a.example:x",
		"ws://[::1", "ws://[a.example]", "ws://::1", "ws://a..example", "ws://.", "ws://a b", "ws://a\r\nb",
		"ws://" + strings.Repeat("a", 64) + ".example", "ws://" + strings.Repeat("a.", 127) + "a", "ws://a\"b.example", "ws://\u00ad",
		"ws://user:se#cret@a.example", "ws://user:sec%ret@a.example", "user:secret@a.example", "ws://user:secret@", "ws://user:secret@a.example:x/",
	} {
		u, err := parseURL(raw)
		if err == nil {
			t.Errorf("%q is %v", raw, u.url)
		} else if strings.Contains(err.Error(), "cret") || strings.Contains(err.Error(), "ret@") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	e := fails(t, Options{URL: "ws://user:secret@a.example:x/"}, StageOptions, ReasonOptions)
	if e.URL != "" {
		t.Errorf("the URL is %q", e.URL)
	}
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"ws://a", "wss://user:pw@[fe80::1%25eth0]:9/x?y#z", "ws://\u00e4:80?\x7f", "ws://%41"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseURL(raw)
		if err != nil {
			return
		}
		again, err := parseURL(u.url.String())
		if err != nil || again.addr() != u.addr() || again.url.String() != u.url.String() || again.auth != "" {
			t.Errorf("%q is %q, which is %v, %v", raw, u.url, again, err)
		}
		for _, s := range []string{u.hostHeader(), u.url.RequestURI(), u.peerAddr()} {
			if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				t.Errorf("%q: %q can not stand in a request", raw, s)
			}
		}
		if err := checkHeader(http.Header{"Host": {u.hostHeader()}}); err != nil {
			t.Error(err)
		}
	})
}
