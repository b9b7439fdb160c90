package forward_test

import (
	"testing"

	"github.com/icsws/icsws/forward"
)

// F-01: a URL that no request can be made of is refused when it is set, not at each dial.
func TestURLsThatCanNotBeAsked(t *testing.T) {
	for _, u := range []string{"ws://a.example/?x y", "ws://a.example/x?\u00a0 ", "wss://u@a.example/", "ws://a.example/#f", "ws:a.example:1", "ws://", "tcp://a.example:", "tcp://:1", "tcp://a.example:1/", "unix:///run/x", "tcp://[::1", "ws://a.example:99999/", "ws://127.0.0.1:80@evil.example/", "ws://a.example\\@evil.example/"} {
		if _, err := forward.ParseTarget(u); err == nil {
			t.Errorf("%q is a target", u)
		}
	}
	for _, u := range []string{"ws://a.example/a b", "ws://a.example", "ws://[::1]:80/x?y=%20", "wss://a.example:/x", "tls://127.0.0.1:1"} {
		if _, err := forward.ParseTarget(u); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
}
