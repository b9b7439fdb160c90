package hosts

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
)

// H-01, H-04..H-07, L-38
func TestAddresses(t *testing.T) {
	temp := func(h Host) Host {
		h.Names, h.AllowTemporary = []string{"*"}, true
		return h
	}
	for _, tt := range []struct {
		name  string
		hosts []Host
		want  []Address
	}{
		{"all addresses are one socket", []Host{{Port: 80}}, []Address{{"tcp", ":80", false}}},
		{"a literal has one family",
			[]Host{{Bind: "0.0.0.0", Bind2: "::", Port: 80}},
			[]Address{{"tcp4", "0.0.0.0:80", false}, {"tcp6", "[::]:80", false}}},
		{"a host has up to four",
			[]Host{{Bind: "127.0.0.1", Bind2: "::1", Port: 80, TLSPort: 443}},
			[]Address{
				{"tcp4", "127.0.0.1:80", false}, {"tcp4", "127.0.0.1:443", true},
				{"tcp6", "[::1]:80", false}, {"tcp6", "[::1]:443", true},
			}},
		{"equal addresses are shared",
			[]Host{{Bind: "::1", Port: 80, TLSPort: 443}, {Bind: "0:0::1", TLSPort: 443}},
			[]Address{{"tcp6", "[::1]:80", false}, {"tcp6", "[::1]:443", true}}},
		{"a mapped address is IPv4",
			[]Host{{Bind: "::ffff:127.0.0.1", Port: 80}}, []Address{{"tcp4", "127.0.0.1:80", false}}},
		{"a zone stays",
			[]Host{{Bind: "fe80::1%eth0", Port: 80}}, []Address{{"tcp6", "[fe80::1%eth0]:80", false}}},
		{"the same address twice is one socket",
			[]Host{{Bind: "127.0.0.1", Bind2: "127.0.0.1", Port: 80}}, []Address{{"tcp4", "127.0.0.1:80", false}}},
		{"free ports are never shared",
			[]Host{{Bind: "127.0.0.1", Bind2: "127.0.0.1", Port: -1}, {Bind: "127.0.0.1", TLSPort: -1}},
			[]Address{{"tcp4", "127.0.0.1:0", false}, {"tcp4", "127.0.0.1:0", false}, {"tcp4", "127.0.0.1:0", true}}},
		{"free ports do not overlap",
			[]Host{{Port: -1}, {Bind: "127.0.0.1", Port: -1}},
			[]Address{{"tcp", ":0", false}, {"tcp4", "127.0.0.1:0", false}}},
		{"disabled hosts have none",
			[]Host{{Port: 81, Disabled: true}, {Port: 80}}, []Address{{"tcp", ":80", false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.hosts {
				tt.hosts[i] = temp(tt.hosts[i])
			}
			got, err := mustSet(t, quiet(), tt.hosts...).Addresses()
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("Addresses = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// H-06, L-38
func TestAddressConflictsNameBothHosts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		a, b  Host
		field string // of b; "" = no conflict
	}{
		{"plain and TLS", Host{Port: 80}, Host{TLSPort: 80}, "TLSPort"},
		{"TLS and plain", Host{TLSPort: 80}, Host{Port: 80}, "Port"},
		{"all and IPv4", Host{Port: 80}, Host{Bind: "127.0.0.1", Port: 80}, "Bind"},
		{"all of IPv6 and IPv6", Host{Bind: "::", Port: 80}, Host{Bind: "127.0.0.1", Bind2: "::1", TLSPort: 80}, "Bind2"},
		{"IPv6 and all", Host{Bind: "::1", Port: 80}, Host{Port: 80}, "Bind"},
		{"all and all of IPv4", Host{Port: 80}, Host{Bind: "0.0.0.0", Port: 80}, "Bind"},
		{"all of IPv4 and IPv4", Host{Bind: "0.0.0.0", Port: 80}, Host{Bind: "127.0.0.1", Port: 80}, "Bind"},
		{"IPv6 and all of IPv6", Host{Bind: "::1", Port: 80}, Host{Bind: "::", Port: 80}, "Bind"},
		{"all of IPv4 and IPv6", Host{Bind: "0.0.0.0", Port: 80}, Host{Bind: "::1", Port: 80}, ""},
		{"all of IPv4 and all of IPv6", Host{Bind: "0.0.0.0", Port: 80}, Host{Bind: "::", TLSPort: 80}, ""},
		{"two addresses", Host{Bind: "127.0.0.1", Port: 80}, Host{Bind: "127.0.0.2", TLSPort: 80}, ""},
		{"two ports", Host{Port: 80}, Host{Bind: "127.0.0.1", Port: 81}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.Tag, tt.a.Names, tt.a.AllowTemporary = "first", []string{"a.example"}, true
			tt.b.Tag, tt.b.Names, tt.b.AllowTemporary = "second", []string{"b.example"}, true
			addrs, err := mustSet(t, quiet(), tt.a, tt.b).Addresses()
			if tt.field == "" {
				if err != nil {
					t.Errorf("Addresses = %v", err)
				}
				return
			}
			he, ok := errors.AsType[*HostError](err)
			if !ok || !errors.Is(err, ErrAddressConflict) || addrs != nil {
				t.Fatalf("Addresses = %v, %v; want a HostError with ErrAddressConflict", addrs, err)
			}
			if he.Index != 1 || he.Tag != "second" || he.Field != tt.field {
				t.Errorf("HostError = %+v; want field %s of host 1", he, tt.field)
			}
			if !strings.Contains(err.Error(), `host 0 "first"`) || !strings.Contains(err.Error(), `host 1 "second"`) {
				t.Errorf("%q does not name both hosts", err)
			}
		})
	}
}

func TestOneHostCanConflictWithItself(t *testing.T) {
	s := mustSet(t, quiet(), Host{Names: []string{"*"}, Port: 80, TLSPort: 80, AllowTemporary: true})
	if _, err := s.Addresses(); !errors.Is(err, ErrAddressConflict) {
		t.Errorf("Addresses = %v; want ErrAddressConflict", err)
	}
}

// H-06
func TestHostWithoutPortIsAnErrorOnlyOfAddresses(t *testing.T) {
	s := mustSet(t, quiet(), Host{Names: []string{"a.example"}, Port: 80}, Host{Tag: "x", Names: []string{"b.example"}})
	_, err := s.Addresses()
	he, ok := errors.AsType[*HostError](err)
	if !ok || !errors.Is(err, ErrNoPort) || he.Index != 1 {
		t.Errorf("Addresses = %v; want ErrNoPort of host 1", err)
	}
	if e, err := s.All().Lookup("b.example"); err != nil || e.Tag() != "x" {
		t.Errorf("Lookup = %v, %v; want the host without ports", e, err)
	}
}

// H-26
func TestViewHasTheHostsOfItsAddress(t *testing.T) {
	s := mustSet(t, quiet(),
		Host{Tag: "a", Names: []string{"a.example"}, Bind: "127.0.0.1", Port: 80, TLSPort: 443, AllowTemporary: true},
		Host{Tag: "b", Names: []string{"b.example"}, Bind: "127.0.0.1", TLSPort: 443, AllowTemporary: true},
		Host{Tag: "c", Names: []string{"c.example"}, Bind: "127.0.0.1", Port: -1},
		Host{Tag: "d", Names: []string{"d.example"}, Bind: "127.0.0.1", Port: -1},
	)
	addrs, err := s.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range addrs {
		tags := ""
		for _, e := range s.View(i).Hosts() {
			tags += e.Tag()
		}
		got = append(got, tags)
	}
	if want := []string{"a", "ab", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("hosts of the views = %v; want %v", got, want)
	}
	if e, err := s.View(2).Lookup("d.example"); !errors.Is(err, ErrUnknownHost) {
		t.Errorf("host of another address = %v, %v; want ErrUnknownHost", e, err)
	}
	if e := s.View(3).Default(); e.Tag() != "d" {
		t.Errorf("Default of the last address = %v; want d", e)
	}
}

func TestAddressesCanBeListenedOn(t *testing.T) {
	s := mustSet(t, quiet(), Host{Names: []string{"*"}, Bind: "127.0.0.1", Bind2: "127.0.0.2", Port: -1})
	addrs, err := s.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		l, err := net.Listen(a.Network, a.Addr)
		if err != nil {
			t.Fatalf("Listen(%v) = %v", a, err)
		}
		defer l.Close()
	}
}
