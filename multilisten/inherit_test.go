package multilisten

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestNamesOfDescriptors(t *testing.T) { // socket activation
	for _, tt := range []struct {
		fds, names string
		want       []string
		wrong      string // the variable
	}{
		{"2", "web:admin", []string{"web", "admin"}, ""},
		{"2", "web:", []string{"web", ""}, ""},
		{"2", "", []string{"unknown", "unknown"}, ""},
		{"0", "", []string{}, ""},
		{"2", "web", nil, envNames},
		{"1", "web:admin", nil, envNames},
		{"-1", "", nil, envFDs},
		{"x", "", nil, envFDs},
		{"1000000", "", nil, envFDs},
		{"99999999999999999999", "", nil, envFDs},
	} {
		got, err := fdNames(map[string]string{envFDs: tt.fds, envNames: tt.names})
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s %q: %q, want %q", tt.fds, tt.names, got, tt.want)
		}
		ie, ok := errors.AsType[*InheritError](err)
		if ok != (tt.wrong != "") || ok && (ie.Env != tt.wrong || !strings.HasPrefix(err.Error(), "multilisten: "+tt.wrong+": ")) {
			t.Errorf("%s %q: %v, want an error of %q", tt.fds, tt.names, err, tt.wrong)
		}
	}
}

func TestNothingIsInheritedByDefault(t *testing.T) { // socket activation
	for _, env := range []map[string]string{{}, {envFDs: "1", envPID: "1"}, {envFDs: "0"}} {
		in, err := inherit(env, 1<<20)
		if err != nil || in == nil || len(in.Names()) != 0 || len(in.Listeners()) != 0 {
			t.Errorf("%v: %v, %v", env, in.Names(), err)
		}
		if err := errors.Join(in.Ready(), in.Ready(), in.Close()); err != nil {
			t.Error(err)
		}
	}
	var none *Inherited
	if none.Names() != nil || none.Listeners() != nil || none.Ready() != nil || none.Close() != nil {
		t.Error("nil is not empty")
	}
	list, err := Activated() // the environment of the tests
	if len(list) != 0 || err != nil {
		t.Errorf("Activated = %v, %v", list, err)
	}
}

func TestNameFitsLISTEN_FDNAMES(t *testing.T) { // socket activation
	for name, want := range map[string]string{
		"web": "web", "127.0.0.1:80": "127.0.0.1_80", "two words": "two words", "a\nb": "a_b", "grün": "gr_n",
		"": "", strings.Repeat("x", 300): strings.Repeat("x", 255),
	} {
		if got := fdName(name); got != want || fdName(got) != got {
			t.Errorf("fdName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSocketFitsItsBinding(t *testing.T) { // socket activation, handover
	v4 := netip.MustParseAddr("127.0.0.1")
	for _, tt := range []struct {
		socket  endpoint
		name    string // of the descriptor
		binding Binding
		want    bool
	}{
		{endpoint{network: "tcp4", ip: v4, port: 80}, "", Binding{Addr: "127.0.0.1:80"}, true},
		{endpoint{network: "tcp4", ip: v4, port: 80}, "", Binding{Addr: "127.0.0.1:81"}, false},
		{endpoint{network: "tcp4", ip: v4, port: 80}, "", Binding{Addr: "127.0.0.2:80"}, false},
		{endpoint{network: "tcp4", ip: v4, port: 4711}, "a", Binding{Name: "a", Addr: "127.0.0.1:0"}, true},
		{endpoint{network: "tcp4", ip: v4, port: 4711}, "b", Binding{Name: "a", Addr: "127.0.0.1:0"}, false},
		{endpoint{network: "tcp4", ip: v4, port: 4711}, "127.0.0.1_0", Binding{Addr: "127.0.0.1:0"}, true},
		{endpoint{network: "tcp4", ip: v4, port: 4711}, "a", Binding{Name: "a", Addr: "127.0.0.2:0"}, false},

		{endpoint{network: "tcp", port: 80}, "", Binding{Addr: ":80"}, true},
		{endpoint{network: "tcp", port: 80}, "", Binding{Addr: "0.0.0.0:80"}, false},
		{endpoint{network: "tcp", port: 80}, "", Binding{Addr: "[::]:80"}, false},
		{endpoint{network: "tcp6", ip: netip.IPv6Unspecified(), port: 80}, "", Binding{Addr: "[::]:80"}, true},
		{endpoint{network: "tcp6", ip: netip.IPv6Unspecified(), port: 80}, "", Binding{Addr: ":80"}, false},
		{endpoint{network: "tcp4", ip: netip.IPv4Unspecified(), port: 80}, "", Binding{Addr: "0.0.0.0:80"}, true},
		{endpoint{network: "tcp4", ip: netip.IPv4Unspecified(), port: 80}, "", Binding{Addr: ":80"}, false},
		{endpoint{network: "tcp4", ip: netip.IPv4Unspecified(), port: 80}, "_80", Binding{Addr: ":80"}, true}, // no IPv6 here

		{endpoint{network: "unix", path: "/run/a"}, "", Binding{Network: "unix", Addr: "/run/./a"}, true},
		{endpoint{network: "unix", path: "/run/a"}, "", Binding{Network: "unix", Addr: "/run/b"}, false},
		{endpoint{network: "unix", path: "@a"}, "", Binding{Network: "unix", Addr: "@a"}, true},
		{endpoint{network: "unix", path: "/run/a"}, "", Binding{Addr: ":80"}, false},

		{endpoint{network: "tcp4", ip: v4, port: 80}, "web", Binding{Activated: "web"}, true},
		{endpoint{network: "tcp4", ip: v4, port: 80}, "web", Binding{Activated: "Web"}, false},
		{endpoint{network: "tcp4", ip: v4, port: 80}, "web", Binding{Activated: "web", Addr: "127.0.0.1:80"}, true},
		{endpoint{network: "tcp4", ip: v4, port: 80}, "web", Binding{Activated: "web", Addr: "127.0.0.1:0"}, true},
		{endpoint{network: "tcp4", ip: v4, port: 80}, "web", Binding{Activated: "web", Addr: "127.0.0.1:81"}, false},
		{endpoint{network: "tcp4", ip: v4, port: 80}, "web", Binding{Activated: "admin", Addr: "127.0.0.1:80"}, false},
	} {
		at, err := tt.binding.parse()
		if err != nil {
			t.Fatal(err)
		}
		in := &Inherited{rest: []*handed{{name: tt.name, at: tt.socket}}}
		if got := in.claim(&tt.binding, at) != nil; got != tt.want {
			t.Errorf("%+v %q fits %+v: %v, want %v", tt.socket, tt.name, tt.binding, got, tt.want)
		}
		if left := len(in.Names()); (left == 0) != tt.want {
			t.Errorf("%d are left", left)
		}
	}
}

func TestActivatedBindingNeedsItsSocket(t *testing.T) { // socket activation
	for _, opts := range []Options{{}, {Inherited: &Inherited{}}} {
		_, err := Open(t.Context(), opts, Binding{Activated: "web"})
		if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != "Activated" || !errors.Is(err, ErrNotActivated) {
			t.Errorf("Open = %v, want ErrNotActivated of Activated", err)
		}
	}
	g, err := Open(t.Context(), Options{Policy: BestEffort}, Binding{Activated: "web"}, Binding{Addr: "127.0.0.1:0"})
	if g == nil || !errors.Is(err, ErrNotActivated) {
		t.Fatalf("Open = %v, %v", g, err)
	}
	defer g.Close()
	if s := g.States()[0]; s.Name != "web" || !errors.Is(s.Err, ErrNotActivated) {
		t.Errorf("state = %+v", s)
	}
}

func TestEnvironSaysWhatIsHandedOn(t *testing.T) { // handover
	env := []string{"A=1", "LISTEN_PID=7", "LISTEN_FDS=9", "LISTEN_FDNAMES=x", "LISTEN_PIDFDID=3", "ICSWS_READY_FD=4", "LISTEN_FDSX=1"}
	got := Environ(env, nil)
	if want := []string{"A=1", "LISTEN_FDSX=1", "LISTEN_FDS=0", "LISTEN_FDNAMES="}; !slices.Equal(got, want) {
		t.Errorf("Environ = %q, want %q", got, want)
	}
	if env[1] != "LISTEN_PID=7" {
		t.Error("Environ has changed what it was given")
	}
}
