package clienttest

import (
	"net/netip"
	"testing"
)

// C-14: a class is tested with a client that a proxy has named, as with any other.
func TestClientIPIsAnOption(t *testing.T) {
	ip := netip.MustParseAddr("2001:db8::7")
	for want, o := range map[netip.Addr]Options{ip: {ClientIP: ip}, netip.MustParseAddr("192.0.2.1"): {}} {
		if r := Request(t, "/", o); r.ClientIP != want || r.Remote.Addr().String() != "192.0.2.1" {
			t.Errorf("the request is of %v, peer %v; want %v", r.ClientIP, r.Remote, want)
		}
		full := complete(t, []Options{o})
		if f := full.facts(); *f.ClientIP != want {
			t.Errorf("the facts are of %v, want %v", *f.ClientIP, want)
		}
	}
}
