package multilisten

import (
	"errors"
	"io/fs"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestBindingIsTakenApart(t *testing.T) { // L-01, L-02, L-09
	v4, v6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, tt := range []struct {
		network, addr string
		want          endpoint
		address       string // for net.Listen
	}{
		{"", ":8080", endpoint{network: "tcp", port: 8080}, ":8080"},
		{"tcp", ":0", endpoint{network: "tcp"}, ":0"},
		{"tcp4", ":80", endpoint{network: "tcp4", ip: v4, port: 80}, "0.0.0.0:80"},
		{"tcp6", ":80", endpoint{network: "tcp6", ip: v6, port: 80}, "[::]:80"},
		{"", "0.0.0.0:80", endpoint{network: "tcp4", ip: v4, port: 80}, "0.0.0.0:80"},
		{"", "[::]:80", endpoint{network: "tcp6", ip: v6, port: 80}, "[::]:80"},
		{"", "127.0.0.1:80", endpoint{network: "tcp4", ip: netip.MustParseAddr("127.0.0.1"), port: 80}, "127.0.0.1:80"},
		{"", "[::ffff:127.0.0.1]:80", endpoint{network: "tcp4", ip: netip.MustParseAddr("127.0.0.1"), port: 80}, "127.0.0.1:80"},
		{"tcp6", "[::1]:80", endpoint{network: "tcp6", ip: netip.IPv6Loopback(), port: 80}, "[::1]:80"},
		{"", "[fe80::1%lo]:80", endpoint{network: "tcp6", ip: netip.MustParseAddr("fe80::1%lo"), port: 80}, "[fe80::1%lo]:80"},
		{"", "localhost:https", endpoint{network: "tcp", hostname: "localhost", service: "https"}, ":0"},
		{"unix", "/run//a.sock", endpoint{network: "unix", path: "/run/a.sock"}, "/run/a.sock"},
		{"unix", "@a//b", endpoint{network: "unix", path: "@a//b"}, "@a//b"},
	} {
		t.Run(tt.network+" "+tt.addr, func(t *testing.T) {
			got, err := Binding{Network: tt.network, Addr: tt.addr}.parse()
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("parse = %+v, %v; want %+v", got, err, tt.want)
			}
			if got := got.address(); got != tt.address {
				t.Errorf("address = %q, want %q", got, tt.address)
			}
		})
	}
}

func TestWrongFieldIsNamed(t *testing.T) { // L-01, L-02, L-12
	for _, tt := range []struct {
		name    string
		binding Binding
		field   string
	}{
		{"no address", Binding{}, "Addr"},
		{"no path", Binding{Network: "unix"}, "Addr"},
		{"no port", Binding{Addr: "127.0.0.1"}, "Addr"},
		{"empty port", Binding{Addr: "127.0.0.1:"}, "Addr"},
		{"port too large", Binding{Addr: ":65536"}, "Addr"},
		{"port beyond 64 bits", Binding{Addr: ":99999999999999999999"}, "Addr"},
		{"signed port", Binding{Addr: ":+80"}, "Addr"},
		{"negative port", Binding{Addr: ":-1"}, "Addr"},
		{"IPv6 without brackets", Binding{Addr: "::1:80"}, "Addr"},
		{"literal of the other family", Binding{Network: "tcp4", Addr: "[::1]:80"}, "Addr"},
		{"mapped literal as IPv6", Binding{Network: "tcp6", Addr: "[::ffff:127.0.0.1]:80"}, "Addr"},
		{"network unknown", Binding{Network: "udp", Addr: ":80"}, "Network"},
		{"backlog negative", Binding{Addr: ":80", Backlog: -1}, "Backlog"},
		{"unix socket shared", Binding{Network: "unix", Addr: "/s", Shared: true}, "Shared"},
		{"shared and exclusive", Binding{Addr: ":80", Shared: true, Exclusive: true}, "Shared"},
		{"mode without a file", Binding{Addr: ":80", Mode: 0o600}, "Mode"},
		{"mode with more than permissions", Binding{Network: "unix", Addr: "/s", Mode: 0o1600}, "Mode"},
		{"mode of a type", Binding{Network: "unix", Addr: "/s", Mode: fs.ModeSocket | 0o600}, "Mode"},
		{"removal without a file", Binding{Addr: ":80", RemoveStale: true}, "RemoveStale"},
		{"name with a colon", Binding{Activated: "a:b"}, "Activated"},
		{"name too long", Binding{Activated: strings.Repeat("a", 256)}, "Activated"},
		{"activated, with a wrong address", Binding{Activated: "web", Addr: "127.0.0.1"}, "Addr"},
		{"nobody trusted", Binding{Addr: ":80", Proxy: &ProxyPolicy{}}, "Proxy.Trusted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Validate(Binding{Addr: "127.0.0.1:1"}, tt.binding)
			le, ok := errors.AsType[*ListenError](err)
			if !ok || le.Index != 1 || le.Binding != tt.binding {
				t.Fatalf("Validate = %v, want a *ListenError of binding 1", err)
			}
			fe, ok := errors.AsType[*FieldError](le)
			if !ok || fe.Field != tt.field {
				t.Errorf("Validate = %v, want field %s", err, tt.field)
			}
			if _, err := Open(t.Context(), Options{}, tt.binding); err == nil {
				t.Error("Open = nil, want the same error")
			}
		})
	}
}

func TestMissingAddressReadsWell(t *testing.T) { // L-01
	_, err := Open(t.Context(), Options{}, Binding{})
	if err == nil || err.Error() != "multilisten: binding 0: Addr: not set" {
		t.Errorf("Open = %v", err)
	}
	if err := Validate(Binding{Name: "public"}); err == nil || err.Error() != `multilisten: binding 0 "public": Addr: not set` {
		t.Errorf("Validate = %v", err)
	}
}

func TestValidateReportsEveryBinding(t *testing.T) {
	err := Validate(Binding{}, Binding{Addr: ":80"}, Binding{Addr: ":80", Backlog: -1})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 2 {
		t.Errorf("Validate = %v, want two errors", err)
	}
	if err := Validate(Binding{Addr: ":80"}, Binding{Addr: "no.such.name.invalid:http"}); err != nil {
		t.Errorf("Validate = %v; it must not look names up", err)
	}
}

func TestDuplicateBindingsAreRefused(t *testing.T) { // L-38
	for _, tt := range []struct {
		name string
		a, b Binding
		want bool
	}{
		{"same address and port", Binding{Addr: "127.0.0.1:80"}, Binding{Addr: "127.0.0.1:80"}, true},
		{"one of them TLS", Binding{Addr: "127.0.0.1:80"}, Binding{Addr: "127.0.0.1:80", TLS: true}, true},
		{"same address, spelt differently", Binding{Addr: "[::1]:80"}, Binding{Addr: "[0:0::1]:80"}, true},
		{"all addresses twice", Binding{Addr: ":80"}, Binding{Addr: ":80"}, true},
		{"all addresses and one", Binding{Addr: ":80"}, Binding{Addr: "[::1]:80"}, true},
		{"one address and all", Binding{Addr: "127.0.0.1:80"}, Binding{Addr: "0.0.0.0:80"}, true},
		{"both families and one", Binding{Addr: ":80"}, Binding{Network: "tcp6", Addr: ":80"}, true},
		{"same file", Binding{Network: "unix", Addr: "/tmp/a"}, Binding{Network: "unix", Addr: "/tmp/./a"}, true},
		{"all of either family", Binding{Addr: "0.0.0.0:80"}, Binding{Addr: "[::]:80"}, false},
		{"other port", Binding{Addr: "127.0.0.1:80"}, Binding{Addr: "127.0.0.1:81"}, false},
		{"other address", Binding{Addr: "127.0.0.1:80"}, Binding{Addr: "127.0.0.2:80"}, false},
		{"other family", Binding{Addr: "0.0.0.0:80"}, Binding{Addr: "[::1]:80"}, false},
		{"other zone", Binding{Addr: "[fe80::1%a]:80"}, Binding{Addr: "[fe80::1%b]:80"}, false},
		{"any free port twice", Binding{Addr: ":0"}, Binding{Addr: ":0"}, false},
		{"other file", Binding{Network: "unix", Addr: "/tmp/a"}, Binding{Network: "unix", Addr: "/tmp/b"}, false},
		{"file and port", Binding{Network: "unix", Addr: ":80"}, Binding{Addr: ":80"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Validate(tt.a, tt.b)
			if got := errors.Is(err, ErrDuplicate); got != tt.want {
				t.Fatalf("Validate = %v, want duplicate %v", err, tt.want)
			}
			if le, ok := errors.AsType[*ListenError](err); ok && (le.Index != 1 || le.Binding != tt.b) {
				t.Errorf("the error names %+v, want the second binding", le)
			}
		})
	}
}

func TestDuplicateIsFoundBehindItsName(t *testing.T) { // L-38
	at := taken(t)
	port := netip.MustParseAddrPort(at).Port()
	ep := endpoint{network: "tcp", hostname: "localhost", port: port}
	if err := ep.resolve(t.Context()); err != nil {
		t.Skipf("localhost is unknown here: %v", err)
	}
	literal, err := Binding{Addr: ep.address()}.parse()
	if err != nil {
		t.Fatal(err)
	}
	if err := ep.conflict([]endpoint{{}, literal}); !errors.Is(err, ErrDuplicate) {
		t.Errorf("conflict = %v, want ErrDuplicate", err)
	}
}
