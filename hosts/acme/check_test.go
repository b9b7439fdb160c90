package acme

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/icsws/icsws/hosts"
)

type noDNS struct{}

func (noDNS) Present(context.Context, string, string) error { return nil }
func (noDNS) CleanUp(context.Context, string, string) error { return nil }

// H-44: http-01 needs plain port 80 on that host, tls-alpn-01 needs TLS port 443.
func TestCheckKnowsWhichChallengesAreImpossible(t *testing.T) {
	const (
		auto = hosts.ChallengeAuto
		http = hosts.ChallengeHTTP01
		alpn = hosts.ChallengeTLSALPN01
		dns  = hosts.ChallengeDNS01
	)
	type list = []hosts.Challenge
	for _, tt := range []struct {
		challenge hosts.Challenge
		port, tls int
		name      string
		dns       bool
		can       list
		err       error
	}{
		{auto, 80, 443, "a.example", false, list{alpn, http}, nil},
		{auto, 80, 8443, "a.example", false, list{http}, nil},
		{auto, 0, 443, "a.example", true, list{alpn}, nil},
		{auto, 0, 8443, "a.example", true, list{dns}, nil},
		{auto, -1, -1, "a.example", false, nil, ErrChallengePort},
		{auto, 0, 0, "a.example", false, list{alpn, http}, nil}, // on listeners that we know nothing about
		{auto, 80, 443, "*.a.example", false, nil, ErrWildcardNeedsDNS},
		{auto, 80, 443, "*.a.example", true, list{alpn, http, dns}, nil},
		{http, 80, 0, "a.example", false, list{http}, nil},
		{http, 8080, 443, "a.example", true, nil, ErrChallengePort},
		{http, 80, 443, "*.a.example", true, nil, ErrWildcardNeedsDNS},
		{alpn, 0, 443, "a.example", false, list{alpn}, nil},
		{alpn, 80, 0, "a.example", false, nil, ErrChallengePort},
		{alpn, 80, 443, "*.a.example", true, nil, ErrWildcardNeedsDNS},
		{dns, 0, 8443, "*.a.example", true, list{dns}, nil},
		{dns, 80, 443, "a.example", false, nil, ErrNoDNS},
		{99, 80, 443, "a.example", true, nil, errors.ErrUnsupported},
	} {
		t.Run(fmt.Sprint(tt.challenge, tt.port, tt.tls, tt.name, tt.dns), func(t *testing.T) {
			i := newIssuer(t, nil, func(c *Config) {
				if tt.dns {
					c.DNS = noDNS{}
				}
			})
			o := hosts.Order{Names: []string{tt.name}, Challenge: tt.challenge, Port: tt.port, TLSPort: tt.tls}
			err := i.Check(o)
			if tt.err == errors.ErrUnsupported { // stands for one that has no name
				if err == nil {
					t.Error("Check = nil")
				}
			} else if !errors.Is(err, tt.err) {
				t.Errorf("Check = %v, want %v", err, tt.err)
			}
			if can, _ := i.challenges(&o); !slices.Equal(can, tt.can) {
				t.Errorf("challenges = %v, want %v", can, tt.can)
			}
		})
	}
}

// H-44
func TestForwardedPortsCount(t *testing.T) {
	i := newIssuer(t, nil, func(c *Config) { c.HTTPPort, c.TLSPort = 8080, 8443 })
	for _, tt := range []struct {
		port, tls int
		ok        bool
	}{{8080, 0, true}, {0, 8443, true}, {80, 443, false}} {
		err := i.Check(hosts.Order{Names: []string{"a.example"}, Port: tt.port, TLSPort: tt.tls})
		if (err == nil) != tt.ok {
			t.Errorf("%d, %d: Check = %v", tt.port, tt.tls, err)
		}
	}
}

// H-37
func TestCheckKnowsForWhatNamesNothingCanBeOrdered(t *testing.T) {
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("n%d.example.com", i)
	}
	private := func(c *Config) {}
	public := func(c *Config) { c.Directory = LetsEncryptStaging }
	for _, tt := range []struct {
		names []string
		where func(*Config)
		want  error
	}{
		{[]string{"chat.example.com", "*.chat.example.com"}, public, nil},
		{[]string{"*"}, private, ErrName},
		{[]string{"192.0.2.7"}, private, ErrName},
		{[]string{"2001:db8::1"}, private, ErrName},
		{[]string{"intranet"}, private, nil},
		{[]string{"intranet"}, public, ErrNotPublic},
		{[]string{"printer.local"}, public, ErrNotPublic},
		{[]string{"*.internal"}, public, ErrNotPublic},
		{[]string{"a_b.example.com"}, public, ErrNotPublic},
		{many, private, ErrTooManyNames},
	} {
		i := newIssuer(t, nil, tt.where, func(c *Config) { c.DNS = noDNS{} })
		err := i.Check(hosts.Order{Names: tt.names, Port: 80, TLSPort: 443})
		if !errors.Is(err, tt.want) {
			t.Errorf("%.40v: Check = %v, want %v", tt.names, err, tt.want)
		}
	}
}

// H-37: whoever points a name here must not make us order.
func TestOnDemandNeedsAllow(t *testing.T) {
	o := hosts.Order{Names: []string{"*.a.example", "*"}, OnDemand: true, TLSPort: 443}
	if err := newIssuer(t, nil).Check(o); !errors.Is(err, ErrNoAllow) {
		t.Errorf("Check = %v", err)
	}
	i := newIssuer(t, nil, func(c *Config) { c.Allow = func(context.Context, string) error { return nil } })
	if err := i.Check(o); err != nil {
		t.Errorf("Check = %v", err)
	}
}

func TestOrdersAreFoundAsHostsAre(t *testing.T) {
	table := newOrders([]hosts.Order{
		{Names: []string{"a.example", "*.a.example"}, Port: 1},
		{Names: []string{"b.a.example", "a.example"}, Port: 2},
		{OnDemand: true, Port: 3},
		{Names: []string{"*"}, Port: 4},
	})
	for name, port := range map[string]int{
		"a.example": 1, "x.a.example": 1, "b.a.example": 2, "x.y.a.example": 3, "": 3,
	} {
		if o := table.find(name); o == nil || o.Port != port {
			t.Errorf("%q: %+v, want order %d", name, o, port)
		}
	}
	if newOrders(nil).has("a.example") {
		t.Error("a name of no order was found")
	}
}

func FuzzDemandName(f *testing.F) {
	for _, s := range []string{"", "Chat.Example.", "a..b", "-a.b", "192.0.2.7", "::1", "bücher.example",
		"\u212Aelvin.example", "../../etc/passwd", strings.Repeat("a.", 130), "xn--bcher-kva.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := demandName(s)
		if !ok {
			return
		}
		if len(name) > 253 || name != strings.ToLower(name) || strings.ContainsAny(name, "/\\:*_ \x00") || strings.Contains(name, "..") {
			t.Errorf("demandName(%q) = %q", s, name)
		}
		if again, ok := demandName(name); !ok || again != name {
			t.Errorf("demandName(%q) = %q, %v", name, again, ok)
		}
		if got := certificateName([]string{name}); len(got) > 220 {
			t.Errorf("certificateName(%q) has %d bytes", name, len(got))
		}
	})
}
