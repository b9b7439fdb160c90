//go:build linux

package main

import "testing"

func TestParseTarget(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want target
		bad  bool
	}{
		{url: "ws://127.0.0.1:9000/echo", want: target{host: "127.0.0.1:9000", path: "/echo"}},
		{url: "wss://127.0.0.5:443/a?b=c", want: target{tls: true, host: "127.0.0.5:443", path: "/a?b=c"}},
		{url: "http://127.0.0.1:80/", bad: true},
		{url: "ws://192.0.2.1:80/", bad: true}, // not loopback
		{url: "ws://127.0.0.1/", bad: true},    // no port
		{url: "://", bad: true},
	} {
		t.Run(tt.url, func(t *testing.T) {
			got, err := parseTarget(tt.url)
			if (err != nil) != tt.bad {
				t.Fatalf("parseTarget = %v", err)
			}
			if got.tls != tt.want.tls || got.host != tt.want.host || got.path != tt.want.path {
				t.Errorf("parseTarget = %+v, want %+v", got, tt.want)
			}
			if !tt.bad && (got.addr.Port == 0 || got.addr.Addr[0] != 127) {
				t.Errorf("address = %+v", got.addr)
			}
		})
	}
}

func TestSourcesAreLoopbackAndHoldTenThousand(t *testing.T) {
	used := map[[4]byte]int{}
	for i := range 10_000 {
		a := source(i)
		if a[0] != 127 || a[3] < 2 {
			t.Fatalf("source(%d) = %v", i, a)
		}
		used[a]++
	}
	for a, n := range used {
		if n > 8000 {
			t.Errorf("%d connections from %v", n, a)
		}
	}
}
