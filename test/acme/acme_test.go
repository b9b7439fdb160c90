// Package acme_test proves package hosts/acme against Pebble, a real ACME server. It is
// a module of its own, so that Pebble is no requirement of the library.
package acme_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/hosts/acme"
	"github.com/letsencrypt/pebble/v2/ca"
)

// H-36, H-37, H-44, H-45: nothing but the site's own listeners answers.
func TestEachChallenge(t *testing.T) {
	t.Parallel()
	for _, challenge := range []hosts.Challenge{hosts.ChallengeAuto, hosts.ChallengeHTTP01, hosts.ChallengeTLSALPN01} {
		t.Run(challenge.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			a := newAuthority(t, s, setup{})
			names := []string{"chat.example", "www.chat.example"}
			h := newTenant(s, challenge, names...)
			start(t, s, configuration(t, s, a), h)
			verify(t, h.next(t), a.roots(), names...)
			for _, name := range names {
				if _, err := s.visit(name, a.roots()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if n := a.orders.Load(); n != 1 {
				t.Errorf("%d orders", n)
			}
		})
	}
}

// H-39: a wildcard and its parent need two records of one name.
func TestDNS01ForAWildcard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	names := []string{"tenant.example", "*.tenant.example"}
	h := newTenant(s, hosts.ChallengeDNS01, names...)
	h.order.Port, h.order.TLSPort = 8080, 8443 // no port is needed
	_, stop := start(t, s, configuration(t, s, a, func(c *acme.Config) { c.DNS = publisher{a.zone} }), h)
	verify(t, h.next(t), a.roots(), names...)
	stop()
	if want := []string{"_acme-challenge.tenant.example", "_acme-challenge.tenant.example"}; !slices.Equal(a.zone.seen, want) {
		t.Errorf("published %q", a.zone.seen)
	}
	if len(a.zone.txt) > 0 {
		t.Errorf("left behind: %v", a.zone.txt)
	}
}

// H-44: by itself the issuer takes DNS only for the wildcard.
func TestAWildcardBesideOtherNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	names := []string{"a.example", "*.tenant.example"}
	h := newTenant(s, hosts.ChallengeAuto, names...)
	start(t, s, configuration(t, s, a, func(c *acme.Config) { c.DNS = publisher{a.zone} }), h)
	verify(t, h.next(t), a.roots(), names...)
}

// H-46
func TestKeyTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind acme.KeyType
		is   func(key any) bool
	}{
		{acme.P256, func(key any) bool { k, ok := key.(*ecdsa.PublicKey); return ok && k.Params().BitSize == 256 }},
		{acme.P384, func(key any) bool { k, ok := key.(*ecdsa.PublicKey); return ok && k.Params().BitSize == 384 }},
		{acme.RSA2048, func(key any) bool { k, ok := key.(*rsa.PublicKey); return ok && k.N.BitLen() == 2048 }},
	} {
		t.Run(tt.kind.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			a := newAuthority(t, s, setup{})
			h := newTenant(s, hosts.ChallengeHTTP01, "chat.example")
			start(t, s, configuration(t, s, a, func(c *acme.Config) { c.KeyType = tt.kind }), h)
			if key := h.next(t).Leaf.PublicKey; !tt.is(key) {
				t.Errorf("%T", key)
			}
		})
	}
}

// H-37: names that come with the handshakes, allowed and refused.
func TestOnDemand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	s.demand.Store(true)
	h := newTenant(s, hosts.ChallengeTLSALPN01, "*.tenant.example")
	h.order.OnDemand = true
	_, stop := start(t, s, configuration(t, s, a, func(c *acme.Config) {
		c.Allow = func(_ context.Context, name string) error {
			if name != "good.tenant.example" {
				return errors.New("no such tenant")
			}
			return nil
		}
	}), h)
	errs := make(chan error, 4)
	for range 4 {
		go func() {
			_, err := s.visit("good.tenant.example", a.roots())
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"bad.tenant.example", "chat.example"} {
		if leaf, err := s.visit(name, a.roots()); err == nil {
			t.Errorf("%s: a certificate for %v", name, leaf.DNSNames)
		}
	}
	if n := a.orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
	stop()
	if _, err := s.visit("good.tenant.example", a.roots()); err != nil {
		t.Errorf("after the end of Run: %v", err)
	}
}

// H-41: a certificate with a short life is replaced in time.
func TestRenewalOfAShortLivedCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	profiles := map[string]ca.Profile{"short": {ValidityPeriod: 60}}
	for n := range 20 { // Pebble takes any of them if it is not told which
		profiles[numbered(n)] = ca.Profile{}
	}
	a := newAuthority(t, s, setup{profiles: profiles})
	h := newTenant(s, hosts.ChallengeAuto, "chat.example")
	start(t, s, configuration(t, s, a, func(c *acme.Config) {
		c.Profile = "short"
		c.IgnoreRenewalInfo = true
		c.RenewalRatio = 0.97 // after less than two seconds
	}), h)
	first := h.next(t)
	if life := first.Leaf.NotAfter.Sub(first.Leaf.NotBefore); life != 59*time.Second {
		t.Fatalf("the profile was not asked for: it lives %v", life)
	}
	second := h.next(t)
	verify(t, second, a.roots(), "chat.example")
	if second.Leaf.Equal(first.Leaf) {
		t.Error("the same again")
	}
}

// H-48: the authority wants a certificate back that is months away from its end, and is
// told which one the new one replaces (RFC 9773 section 5).
func TestRenewalWhenTheAuthoritySaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	dir := t.TempDir()
	store := func(c *acme.Config) { c.Storage = acme.DirStorage(dir) }
	h := newTenant(s, hosts.ChallengeAuto, "chat.example")
	_, stop := start(t, s, configuration(t, s, a, store), h)
	first := h.next(t)
	stop()

	a.renewNow(t, first.Leaf)
	forgetRenewal(t, dir) // else it would be asked again in six hours
	var replaces atomic.Value
	a.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/order-plz") {
			replaces.Store(payload(t, r)["replaces"])
		}
		return false
	})
	start(t, s, configuration(t, s, a, store), h)
	if loaded := h.next(t); !loaded.Leaf.Equal(first.Leaf) {
		t.Error("the stored certificate was not used meanwhile")
	}
	if second := h.next(t); second.Leaf.Equal(first.Leaf) {
		t.Error("it was not renewed")
	}
	if id, _ := replaces.Load().(string); id == "" {
		t.Error("the authority was not told what is replaced")
	}
}

// forgetRenewal removes what is stored about when to renew.
func forgetRenewal(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "certificates", "*", "*", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
}

// payload decodes the signed body of a request and puts it back.
func payload(t *testing.T, r *http.Request) map[string]any {
	var body struct{ Payload string }
	var p map[string]any
	text := replay(t, r)
	if err := json.Unmarshal(text, &body); err != nil {
		t.Error(err)
	}
	plain, err := base64.RawURLEncoding.DecodeString(body.Payload)
	if err == nil {
		err = json.Unmarshal(plain, &p)
	}
	if err != nil {
		t.Error(err)
	}
	return p
}

// H-37: the authority's refusal reaches the program with its type.
func TestARefusedOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{blocked: []string{"blocked.example"}})
	refused := newTenant(s, hosts.ChallengeAuto, "blocked.example")
	other := newTenant(s, hosts.ChallengeAuto, "chat.example")
	start(t, s, configuration(t, s, a, func(c *acme.Config) { c.Backoff = []time.Duration{time.Hour} }), refused, other)
	var o *acme.OrderError
	var p *acme.ProblemError
	err := refused.failure(t)
	if !errors.As(err, &o) || !slices.Equal(o.Names, []string{"blocked.example"}) || time.Until(o.Retry) < 50*time.Minute {
		t.Errorf("%#v", err)
	}
	if !errors.As(err, &p) || p.Type != "rejectedIdentifier" || p.Detail == "" {
		t.Errorf("%v", err)
	}
	verify(t, other.next(t), a.roots(), "chat.example") // not held up by it
}

// H-44: a check that nobody answers fails the order, with the reason.
func TestACheckThatFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	h := newTenant(s, hosts.ChallengeHTTP01, "chat.example")
	start(t, nil, configuration(t, s, a), h) // the site does not know the issuer
	var p *acme.ProblemError
	if err := h.failure(t); !errors.As(err, &p) || p.Type != "unauthorized" || !strings.Contains(err.Error(), "chat.example") {
		t.Errorf("%v", err)
	}
}

// H-36: the server does not wait for the authority, and the authority may come later.
func TestAnAuthorityThatIsDownAtFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	a.down.Store(true)
	h := newTenant(s, hosts.ChallengeAuto, "chat.example")
	start(t, s, configuration(t, s, a), h)
	var p *acme.ProblemError
	if err := h.failure(t); errors.As(err, &p) {
		t.Errorf("who is down has no problem: %v", err)
	}
	a.down.Store(false)
	for {
		select {
		case <-h.failed:
			continue
		case c := <-h.shown:
			verify(t, c, a.roots(), "chat.example")
		case <-time.After(time.Minute):
			t.Error("no certificate")
		}
		return
	}
}

// RFC 8555 section 6.5
func TestNoncesThatAreRejected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{rejectNonce: 30})
	var tenants []*tenant
	for n := range 5 {
		tenants = append(tenants, newTenant(s, hosts.ChallengeAuto, numbered(n)))
	}
	start(t, s, configuration(t, s, a), tenants...)
	for n, h := range tenants {
		verify(t, h.next(t), a.roots(), numbered(n))
	}
	if a.refused.Load() == 0 {
		t.Error("none was rejected")
	}
}

// H-43: the first start orders, the second loads.
func TestARestartDoesNotOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	dir := t.TempDir()
	store := func(c *acme.Config) { c.Storage = acme.DirStorage(dir) }
	h := newTenant(s, hosts.ChallengeAuto, "chat.example", "www.chat.example")
	_, stop := start(t, s, configuration(t, s, a, store), h)
	first := h.next(t)
	stop()
	a.down.Store(true) // nobody is asked
	_, stop = start(t, s, configuration(t, s, a, store), h)
	if second := h.next(t); !second.Leaf.Equal(first.Leaf) {
		t.Error("another certificate")
	}
	stop()
	if n := a.orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

// H-43: of two processes with one storage one orders, and the other answers: the
// authority comes to it alone.
func TestTwoProcessesShareOneStorage(t *testing.T) {
	t.Parallel()
	for _, challenge := range []hosts.Challenge{hosts.ChallengeHTTP01, hosts.ChallengeTLSALPN01} {
		t.Run(challenge.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			a := newAuthority(t, s, setup{})
			dir := t.TempDir()
			store := func(c *acme.Config) { c.Storage = acme.DirStorage(dir) }
			ordering, idle := newTenant(s, challenge, "chat.example"), newTenant(s, challenge, "chat.example")
			ordered, hold := make(chan struct{}, 10), make(chan struct{})
			a.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/order-plz") {
					ordered <- struct{}{}
					<-hold // until both run
				}
				return false
			})
			start(t, nil, configuration(t, s, a, store), ordering)
			<-ordered // the first has the lock
			start(t, s, configuration(t, s, a, store), idle)
			close(hold)
			first, second := ordering.next(t), idle.next(t)
			if !first.Leaf.Equal(second.Leaf) || a.orders.Load() != 1 {
				t.Errorf("%d orders", a.orders.Load())
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "challenges", "*", "*", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// locked says whether somebody is ordering.
func locked(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "locks", "certificate_*"))
	return len(files) > 0
}

// RFC 8555 section 7.3.4
func TestAnExternalAccount(t *testing.T) {
	t.Parallel()
	const id, key = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	s := newSite(t)
	a := newAuthority(t, s, setup{accountKeys: map[string]string{id: key}})
	without := newTenant(s, hosts.ChallengeAuto, "chat.example")
	_, stop := start(t, s, configuration(t, s, a), without)
	var p *acme.ProblemError
	if err := without.failure(t); !errors.As(err, &p) || p.Type != "externalAccountRequired" {
		t.Errorf("%v", err)
	}
	stop()
	log := &record{}
	h := newTenant(s, hosts.ChallengeAuto, "chat.example")
	start(t, s, configuration(t, s, a, func(c *acme.Config) {
		c.ExternalAccount = &acme.ExternalAccount{KeyID: id, MACKey: key}
		c.Logger = log.logger()
	}), h)
	verify(t, h.next(t), a.roots(), "chat.example")
	if text := log.String(); strings.Contains(text, key) || strings.Contains(text, "PRIVATE") {
		t.Error("a secret in the log")
	}
}

// RFC 8555 section 7.4.2
func TestThePreferredChain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{chains: 2})
	for _, tt := range []struct {
		prefer string
		want   string
	}{
		{"", a.rootName(0)},
		{a.rootName(2), a.rootName(2)},
		{"of nobody", a.rootName(0)},
	} {
		h := newTenant(s, hosts.ChallengeAuto, "chat.example")
		_, stop := start(t, s, configuration(t, s, a, func(c *acme.Config) { c.PreferredChain = tt.prefer }), h)
		chain := h.next(t).Certificate
		stop()
		last, err := x509.ParseCertificate(chain[len(chain)-1])
		if err != nil {
			t.Fatal(err)
		}
		if got := last.Issuer.CommonName; got != tt.want {
			t.Errorf("%q: the chain leads to %q, want %q", tt.prefer, got, tt.want)
		}
	}
}

// An authority that was set up anew knows the account no more.
func TestAForgottenAccountIsRegisteredAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	dir := t.TempDir()
	store := func(c *acme.Config) { c.Storage = acme.DirStorage(dir) }
	first := newTenant(s, hosts.ChallengeAuto, "a.example")
	_, stop := start(t, s, configuration(t, s, a, store), first)
	first.next(t)
	stop()
	a.reset(t, s)
	second := newTenant(s, hosts.ChallengeAuto, "b.example")
	start(t, s, configuration(t, s, a, store), second)
	verify(t, second.next(t), a.roots(), "b.example")
}

// H-40, RFC 8555 section 7.3.3: the authority wants a person.
func TestAPersonIsAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	var agreed atomic.Bool
	a.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if agreed.Load() || !strings.HasPrefix(r.URL.Path, "/order-plz") {
			return false
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte(`{"type":"urn:ietf:params:acme:error:userActionRequired","detail":"new terms","instance":"https://authority.example/agree"}`))
		return true
	})
	urls := make(chan string, 100)
	h := newTenant(s, hosts.ChallengeAuto, "chat.example")
	start(t, s, configuration(t, s, a, func(c *acme.Config) {
		c.OnUserAction = func(url string) { urls <- url; agreed.Store(true); panic("a mistake") }
	}), h)
	var p *acme.ProblemError
	if err := h.failure(t); !errors.As(err, &p) || p.Type != "userActionRequired" || p.URL != <-urls {
		t.Errorf("%v", err)
	}
	verify(t, h.next(t), a.roots(), "chat.example")
}

// H-47: Run ends with its context in the middle of an order, and goleak finds nothing.
func TestTheContextEndsAnOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	begun, hold := make(chan struct{}, 1), make(chan struct{})
	defer close(hold)
	a.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/order-plz") {
			begun <- struct{}{}
			<-hold
		}
		return false
	})
	dir := t.TempDir()
	h := newTenant(s, hosts.ChallengeAuto, "chat.example")
	_, stop := start(t, s, configuration(t, s, a, func(c *acme.Config) { c.Storage = acme.DirStorage(dir) }), h)
	<-begun
	stop()
	if len(h.failed)+len(h.shown) > 0 || locked(dir) {
		t.Error("the end is no failure, and leaves no lock")
	}
}

// Every storage of certmagic will do.
var _ acme.Storage = certmagic.Storage(nil)

// H-43
func TestAStorageOfCertmagic(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := newAuthority(t, s, setup{})
	files := &certmagic.FileStorage{Path: t.TempDir()}
	h := newTenant(s, hosts.ChallengeAuto, "chat.example")
	start(t, s, configuration(t, s, a, func(c *acme.Config) { c.Storage = files }), h)
	verify(t, h.next(t), a.roots(), "chat.example")
}
