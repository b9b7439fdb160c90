package multilisten

import (
	"reflect"
	"testing"
)

func FuzzBindingParse(f *testing.F) {
	for _, network := range []string{"", "tcp", "tcp4", "tcp6", "unix", "udp"} {
		for _, addr := range []string{"", ":0", ":https", "[::1%a]:1", "::1:80", "a:b:c", "[::ffff:1.2.3.4]:80", "@", "\x00:1", "[fe80::1%]]:1"} {
			f.Add(network, addr)
		}
	}
	f.Fuzz(func(t *testing.T, network, addr string) {
		at, err := Binding{Network: network, Addr: addr}.parse()
		if err != nil || at.hostname != "" || at.service != "" {
			return // wrong, or a name still to be looked up
		}
		again, err := Binding{Network: at.network, Addr: at.address()}.parse()
		if err != nil || !reflect.DeepEqual(at, again) {
			t.Errorf("parse(%q, %q) = %+v; its address parses as %+v, %v", network, addr, at, again, err)
		}
		if at.port != 0 && !at.overlaps(again) {
			t.Errorf("%+v does not overlap itself", at)
		}
	})
}
