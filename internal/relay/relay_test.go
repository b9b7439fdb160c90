package relay

import (
	"crypto/tls"
	"net/netip"
	"testing"

	"github.com/icsws/icsws/client"
)

// F-05: the PROXY header of version 1 for each kind of address.
func TestProxyLine(t *testing.T) {
	ap := netip.MustParseAddrPort
	for want, a := range map[string][2]netip.AddrPort{
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\n": {ap("192.0.2.1:1"), ap("192.0.2.2:65535")},
		"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n": {ap("[2001:db8::1]:1"), ap("[2001:db8::2]:2")},
		"PROXY TCP6 fe80::1 fe80::2 1 2\r\n":         {ap("[fe80::1%x]:1"), ap("[fe80::2%x]:2")},
		"PROXY UNKNOWN\r\n":                          {ap("192.0.2.1:1"), ap("[2001:db8::2]:2")},
	} {
		if got := proxyLine(a[0], a[1]); got != want || len(got) > 107 {
			t.Errorf("%v: %q, want %q", a, got, want)
		}
	}
	if got := proxyLine(netip.AddrPort{}, ap("192.0.2.1:1")); got != "PROXY UNKNOWN\r\n" {
		t.Errorf("without an address: %q", got)
	}
}

// F-03: text is cut between two runes, and what is none is left to the check of its message.
func TestWholeRunes(t *testing.T) {
	for s, want := range map[string]int{"": 0, "a": 1, "aä": 3, "a\xc3": 1, "a\xe2\x82": 1, "a\xf0\x9f\x98": 1, "a\xf0\x9f\x98\x80": 5, "a\x80": 2, "\x80\x80\x80\x80": 4, "a\xff": 2} {
		if got := wholeRunes([]byte(s)); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// F-03, F-04: what a WebSocket target is told about the end of a client.
func TestGoodbye(t *testing.T) {
	for _, tt := range []struct {
		info   client.CloseInfo
		code   uint16
		reason string
	}{
		{client.CloseInfo{Code: 4000, Reason: "x", Remote: true, Cause: &client.CloseError{Code: 4000, Reason: "x"}}, 4000, "x"},
		{client.CloseInfo{Code: client.StatusNoCode, Remote: true, Cause: &client.CloseError{Code: client.StatusNoCode}}, 0, ""},
		{client.CloseInfo{Code: client.StatusAbnormal, Remote: true}, 1001, ""},
		{client.CloseInfo{Code: 1011, Cause: client.ErrPingTimeout}, 1001, ""},
		{client.CloseInfo{Code: 1002, Remote: false, Cause: &client.ProtocolError{Code: 1002}}, 1001, ""},
	} {
		if code, reason := goodbye(tt.info); code != tt.code || reason != tt.reason {
			t.Errorf("%v: %d %q", tt.info, code, reason)
		}
	}
}

// F-04: a target in absolute form is made one for another server.
func TestOriginForm(t *testing.T) {
	for in, want := range map[string]string{"/x?y": "/x?y", "http://a.example/x?y": "/x?y", "http://a.example": "/", "*": "/", "": "/"} {
		if got := originForm(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// F-04: the program's configuration is not changed.
func TestTLSConfigIsACopy(t *testing.T) {
	own := &tls.Config{NextProtos: []string{"h2"}}
	c := tlsConfig(own, "a.example", true)
	if c.ServerName != "a.example" || c.NextProtos[0] != "http/1.1" || own.ServerName != "" || own.NextProtos[0] != "h2" {
		t.Errorf("the configurations are %+v and %+v", c, own)
	}
	if c := tlsConfig(&tls.Config{ServerName: "b.example"}, "a.example", false); c.ServerName != "b.example" {
		t.Errorf("the server name is %s", c.ServerName)
	}
}
