package hosts

import (
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// H-01..H-07, H-16, H-30
func TestNewNamesHostAndFieldOfEachMistake(t *testing.T) {
	star := []string{"*"}
	for _, tt := range []struct {
		name  string
		host  Host
		field string
		err   error
	}{
		{"no names", Host{}, "Names", ErrNoNames},
		{"bad name", Host{Names: []string{"a b"}}, "Names", ErrName},
		{"no international name", Host{Names: []string{"xn--ü.example"}}, "Names", ErrIDNA},
		{"name for Bind", Host{Names: star, Bind: "localhost"}, "Bind", ErrBind},
		{"port in Bind", Host{Names: star, Bind: "127.0.0.1:80"}, "Bind", ErrBind},
		{"name for Bind2", Host{Names: star, Bind2: "[::1]"}, "Bind2", ErrBind},
		{"port too large", Host{Names: star, Port: 65536}, "Port", ErrPort},
		{"port too small", Host{Names: star, TLSPort: -2, AllowTemporary: true}, "TLSPort", ErrPort},
		{"TLS without certificate", Host{Names: star, TLSPort: 443}, "Cert", ErrNoCertificate},
		{"key without certificate", Host{Names: star, Key: "a.key", AllowTemporary: true}, "Cert", ErrNoCertificate},
		{"tag of another", Host{Tag: "taken", Names: star}, "Tag", ErrDuplicateTag},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := New([]Host{{Tag: "taken", Names: []string{"a.example"}}, tt.host}, quiet())
			he, ok := errors.AsType[*HostError](err)
			if !ok || s != nil || !errors.Is(err, tt.err) {
				t.Fatalf("New = %v, %v; want %v", s, err, tt.err)
			}
			if he.Index != 1 || he.Tag != tt.host.Tag || he.Field != tt.field {
				t.Errorf("HostError = %+v; want field %s of host 1", he, tt.field)
			}
			if n := strings.Count(err.Error(), "hosts: "); n != 1 {
				t.Errorf("%q has its prefix %d times", err, n)
			}
		})
	}
}

// H-30
func TestNewJoinsAllMistakes(t *testing.T) {
	_, err := New([]Host{
		{Names: []string{"a b", "büc⒈her"}, Bind: "x", Port: -7},
		{TLSPort: 443},
	}, Options{TLS: &tls.Config{MinVersion: tls.VersionTLS10}})
	for _, want := range []error{ErrName, ErrIDNA, ErrBind, ErrPort, ErrNoNames, ErrNoCertificate, ErrTemplate} {
		if !errors.Is(err, want) {
			t.Errorf("%v is missing in %v", want, err)
		}
	}
}

// H-03
func TestDisabledHostsAreNotChecked(t *testing.T) {
	s := mustSet(t, quiet(),
		Host{Tag: "a", Disabled: true, Port: -9, TLSPort: 443, Cert: "missing.pem"},
		Host{Tag: "a", Names: []string{"a.example"}},
	)
	if s.Len() != 1 || s.Hosts()[0].Index() != 1 {
		t.Errorf("hosts = %v; want only the second", s.Hosts())
	}
}

// H-08, H-09, H-13, H-25
func TestEntryShowsItsHost(t *testing.T) {
	handler := http.NewServeMux()
	names := []string{"Chat.Example:80", "*.CHAT.example", "chat.example."}
	given := []Host{{Tag: "chat", Names: names, HTTP: handler}}
	s := mustSet(t, quiet(), given...)
	names[0], given[0].Tag = "changed.example", "changed"
	e := s.Hosts()[0]
	if want := []string{"chat.example", "*.chat.example"}; !slices.Equal(e.Names(), want) {
		t.Errorf("Names = %v; want %v", e.Names(), want)
	}
	if e.Tag() != "chat" || e.Index() != 0 || e.Handler() != handler || e.Leaf() != nil || e.Temporary() {
		t.Errorf("entry = %+v", e)
	}
	e.Names()[0] = "x"
	if e.Names()[0] != "chat.example" {
		t.Error("Names can be changed from outside")
	}
}

// H-09
func TestDisplayName(t *testing.T) {
	names := []string{"chat.example", "*"}
	for _, tt := range []struct {
		host Host
		want string
	}{
		{Host{Tag: "chat", Descr: "where people talk", Port: 80}, "chat (where people talk)"},
		{Host{Tag: "chat", Port: 80, TLSPort: 443}, "chat (:80 :443/tls)"},
		{Host{Bind: "127.0.0.1", Bind2: "::1", Port: -1}, "chat.example (127.0.0.1:0 [::1]:0)"},
		{Host{Tag: "chat"}, "chat"},
	} {
		tt.host.Names, tt.host.AllowTemporary = names, true
		if got := mustSet(t, quiet(), tt.host).Hosts()[0].String(); got != tt.want {
			t.Errorf("String = %q; want %q", got, tt.want)
		}
	}
}

func TestSharedNamesAreWarnedOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b Host
		warn bool
	}{
		{"on one address", Host{Port: 80}, Host{Port: 80}, true},
		{"on two addresses", Host{Port: 80}, Host{Port: 81}, false},
		{"without addresses", Host{}, Host{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.Names, tt.b.Names = []string{"same.example"}, []string{"Same.example"}
			opts, log := logged()
			mustSet(t, opts, tt.a, tt.b)
			if got := strings.Count(log.String(), "same.example"); got != 1 && tt.warn || got != 0 && !tt.warn {
				t.Errorf("%d warnings, wanted one = %v: %s", got, tt.warn, log)
			}
		})
	}
}

// H-28
func TestTemplateLeavesCertificatesToTheHosts(t *testing.T) {
	for name, template := range map[string]*tls.Config{
		"Certificates":       {Certificates: make([]tls.Certificate, 1)},
		"GetCertificate":     {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }},
		"GetConfigForClient": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }},
		"WrapSession":        {WrapSession: func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return nil, nil }},
		"UnwrapSession":      {UnwrapSession: func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return nil, nil }},
		"MinVersion":         {MinVersion: tls.VersionTLS11},
		"MaxVersion":         {MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(nil, Options{TLS: template})
			if !errors.Is(err, ErrTemplate) || !strings.Contains(err.Error(), name) {
				t.Errorf("New = %v; want ErrTemplate that names %s", err, name)
			}
		})
	}
}
