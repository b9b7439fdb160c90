package hosts

import (
	"errors"
	"strings"
	"testing"
)

// lookupHosts is a set in whose order the less specific hosts come first.
func lookupHosts() []Host {
	return []Host{
		{Tag: "default", Names: []string{"first.example"}},
		{Tag: "all", Names: []string{"*"}},
		{Tag: "wild", Names: []string{"*.chat.example"}},
		{Tag: "off", Names: []string{"a.chat.example", "off.example"}, Disabled: true},
		{Tag: "exact", Names: []string{"b.chat.example", "192.0.2.7", "::1"}},
		{Tag: "late", Names: []string{"b.chat.example", "*.chat.example", "*"}},
	}
}

// H-02, H-03, A-26
func TestLookup(t *testing.T) {
	all := mustSet(t, quiet(), lookupHosts()...).All()
	named := mustSet(t, quiet(),
		Host{Tag: "a", Names: []string{"a.example"}},
		Host{Tag: "wild", Names: []string{"*.a.example"}},
	).All()
	for _, tt := range []struct {
		view      *View
		authority string
		tag       string // "" = err
		err       error
	}{
		{all, "first.example", "default", nil},
		{all, "b.chat.example", "exact", nil}, // exact beats wildcard beats *
		{all, "a.chat.example", "wild", nil},  // its exact host is disabled
		{all, "chat.example", "all", nil},
		{all, "x.y.chat.example", "all", nil}, // one label (RFC 9525 section 6.3)
		{all, "off.example", "all", nil},
		{all, "localhost", "all", nil},
		{all, "", "default", nil},
		{all, "198.51.100.1", "default", nil}, // * covers no addresses
		{all, "[2001:db8::1]:443", "default", nil},
		{all, "192.0.2.7:80", "exact", nil},
		{all, "[::ffff:192.0.2.7]", "exact", nil},
		{all, "[0::1]", "exact", nil},
		{all, "*.chat.example", "", ErrAuthority},

		{named, "a.example", "a", nil},
		{named, "A.Example.:443", "a", nil}, // RFC 4343
		{named, "X.A.EXAMPLE", "wild", nil},
		{named, "", "a", nil},
		{named, "127.0.0.1", "a", nil},
		{named, "b.example", "", ErrUnknownHost},
		{named, "x.y.a.example", "", ErrUnknownHost},
		{named, "example", "", ErrUnknownHost},
		{named, "a.example:http", "", ErrAuthority},
		{named, ":80", "", ErrAuthority},
		{named, ".a.example", "", ErrAuthority},
		{named, "bücher.example", "", ErrAuthority},
		{named, "a.example\r\n", "", ErrAuthority},
		{named, strings.Repeat("a.", 500), "", ErrAuthority},
	} {
		t.Run(tt.authority, func(t *testing.T) {
			got, err := tt.view.Lookup(tt.authority)
			if !errors.Is(err, tt.err) {
				t.Fatalf("Lookup(%q) = %v, %v; want error %v", tt.authority, got, err, tt.err)
			}
			if err == nil && got.Tag() != tt.tag || err != nil && got != nil {
				t.Errorf("Lookup(%q) = %v, %v; want tag %q", tt.authority, got, err, tt.tag)
			}
		})
	}
}

func TestMalformedAuthorityIsAnUnknownHost(t *testing.T) {
	if !errors.Is(ErrAuthority, ErrUnknownHost) {
		t.Error("ErrAuthority is not an ErrUnknownHost")
	}
}

func TestEmptySetKnowsNobody(t *testing.T) {
	s := mustSet(t, quiet(), Host{Names: []string{"*"}, Disabled: true})
	if e, err := s.All().Lookup(""); !errors.Is(err, ErrUnknownHost) {
		t.Errorf("Lookup of no name = %v, %v; want ErrUnknownHost", e, err)
	}
	if e, err := s.All().Lookup("a.example"); !errors.Is(err, ErrUnknownHost) {
		t.Errorf("Lookup = %v, %v; want ErrUnknownHost", e, err)
	}
	if e := s.All().Default(); e != nil {
		t.Errorf("Default = %v; want nil", e)
	}
	if _, err := s.All().TLSConfig(); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("TLSConfig = %v; want ErrNoCertificate", err)
	}
	if _, err := s.Addresses(); !errors.Is(err, ErrNoHosts) || s.Len() != 0 {
		t.Errorf("Addresses = %v, Len = %d; want ErrNoHosts, 0", err, s.Len())
	}
}

func TestTLSViewHasTheHostsWithCertificate(t *testing.T) {
	s := mustSet(t, quiet(),
		Host{Tag: "plain", Names: []string{"a.example"}, Port: 80},
		Host{Tag: "tls", Names: []string{"*.example"}, AllowTemporary: true, TLSPort: 443},
	)
	secured := s.All().TLS()
	if got, err := secured.Lookup("a.example"); err != nil || got.Tag() != "tls" {
		t.Errorf("Lookup on TLS = %v, %v; want tls", got, err)
	}
	if secured.TLS() != secured || s.View(1).TLS() != s.View(1) {
		t.Error("a view of hosts with certificates is not its own TLS view")
	}
	if hosts := secured.Hosts(); len(hosts) != 1 || hosts[0] != s.Hosts()[1] {
		t.Errorf("hosts of the TLS view = %v; want the entry of the set", hosts)
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	v := mustSet(t, quiet(), lookupHosts()...).All()
	for _, authority := range []string{"b.chat.example", "a.chat.example:443", "B.Chat.Example", "nobody.example", "", "192.0.2.7", "[::1]:80"} {
		if n := testing.AllocsPerRun(1000, func() { v.Lookup(authority) }); n != 0 {
			t.Errorf("Lookup(%q) allocates %v times", authority, n)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	v := mustSet(b, quiet(), lookupHosts()...).All()
	for _, authority := range []string{"b.chat.example", "a.chat.example:443", "B.Chat.Example.", "nobody.example"} {
		b.Run(authority, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.Lookup(authority)
			}
		})
	}
}

func FuzzLookup(f *testing.F) {
	for _, s := range []string{"", "b.chat.example", "A.CHAT.example.:1", "[::1]:80", "192.0.2.7", "a:b:c", "[", "..", "x.y.chat.example"} {
		f.Add(s)
	}
	v := mustSet(f, quiet(), lookupHosts()[2:]...).All()
	f.Fuzz(func(t *testing.T, s string) {
		e, err := v.Lookup(s)
		if (e == nil) != (err != nil) || err != nil && !errors.Is(err, ErrUnknownHost) {
			t.Fatalf("Lookup(%q) = %v, %v", s, e, err)
		}
		if up, _ := v.Lookup(strings.ToUpper(s)); isASCII(s) && up != e {
			t.Errorf("Lookup(%q) = %v, in upper case %v", s, e, up)
		}
		if s != "" && !strings.Contains(s, ":") {
			if port, _ := v.Lookup(s + ":443"); port != e {
				t.Errorf("Lookup(%q) = %v, with port %v", s, e, port)
			}
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
