package hosts

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"
)

// H-56: several certificates and keys in one store.
func TestSubjectChoosesTheCertificate(t *testing.T) {
	root := issue(t, nil, "root", nil)
	inter := issue(t, root, "intermediate", nil)
	named := func(cn string, names []string, change ...func(*x509.Certificate)) *issued {
		return issue(t, inter, cn, names, append(change, func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: cn, Organization: []string{"Example"}, Country: []string{"AT"}}
		})...)
	}
	chat := named("chat", []string{"chat.example", "www.chat.example"})
	game := named("game", []string{"game.example"}, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)} })
	past := named("past", []string{"chat.example"}, validFor(-2*time.Hour, -time.Hour))
	keyless := named("keyless", []string{"keyless.example"})
	// chat with the key of past and an old certificate for it
	all := inter.certPEM() + keyless.certPEM() + past.bundle() + chat.bundle() + game.bundle() + root.certPEM()
	for _, tt := range []struct {
		subject string
		want    *issued
	}{
		{"", chat}, // the first that has a key and is valid
		{"*", chat},
		{"CHAT", chat}, // rather than past, which has the name too but is not valid
		{"www.chat.example", chat},
		{"CN=game", game},
		{"cn=game, o=Example, c=AT", game}, // with the spaces of other programs
		{"CN=game,O=Example", game},
		{"game.ex", game},
		{"192.0.2.7", game},
		{"o=example", chat},
	} {
		t.Run(tt.subject, func(t *testing.T) {
			for _, s := range []CertSource{
				FileSource{Cert: all, Subject: tt.subject}, BytesSource{Cert: []byte(all), Subject: tt.subject},
			} {
				wantLoaded(t, s, tt.want, inter)
			}
		})
	}
	wantLoadError(t, FileSource{Cert: all, Subject: "none.example"}, ErrNoSubject)
	wantLoadError(t, FileSource{Cert: all, Subject: "keyless"}, ErrNoSubject)
	wantLoadError(t, FileSource{Cert: chat.bundle(), Subject: "game"}, ErrNoSubject)
	wantLoadError(t, FileSource{Cert: all, Subject: "past"}, ErrExpired)
	wantLoadError(t, FileSource{Cert: chat.certPEM() + game.keyPEM(), Subject: "chat"}, ErrKeyMismatch)

	is := func(p *issued) func(*x509.Certificate) bool {
		return func(c *x509.Certificate) bool { return c.Equal(p.cert) }
	}
	wantLoaded(t, FileSource{Cert: all, Select: is(game)}, game, inter)
	wantLoaded(t, BytesSource{Cert: []byte(all), Select: is(game), Subject: "o=example"}, game, inter)
	wantLoadError(t, FileSource{Cert: all, Select: is(game), Subject: "chat"}, ErrNoSubject)
	wantLoadError(t, FileSource{Cert: all, Select: is(root)}, ErrNoSubject)
	err := func() error {
		_, err := FileSource{Cert: file(t, "all.pem", all), Subject: "none.example"}.Load(t.Context())
		return err
	}()
	if fe, ok := errors.AsType[*fieldError](err); !ok || fe.field != "CertSubject" {
		t.Errorf("Load = %v; want it to name CertSubject", err)
	}
}

// wantLoaded is wantChain for stores of which something may be left out.
func wantLoaded(t *testing.T, s CertSource, want ...*issued) {
	t.Helper()
	c, _, err := loadFrom(t.Context(), s, time.Now())
	if err != nil {
		t.Errorf("loading %v: %v", s, err)
		return
	}
	sameChain(t, c, want...)
}

// H-56: the certificates of other hosts in the store are no reason to warn each of them.
func TestOtherHostsOfAStoreAreNotMentioned(t *testing.T) {
	_, inter, chat := chainOf(t, "chat.example")
	game := issue(t, inter, "game.example", []string{"game.example"})
	wantChain(t, FileSource{Cert: chat.bundle() + game.bundle() + inter.certPEM(), Subject: "game"}, game, inter)
}

// H-56: an authority's key in the store does not take its certificate out of the chain.
func TestAuthorityWithKeyStaysInTheChain(t *testing.T) {
	_, inter, chat := chainOf(t, "chat.example")
	wantChain(t, FileSource{Cert: chat.bundle() + inter.bundle(), Subject: "chat"}, chat, inter)
}

// H-16, H-56: of several certificates for one key the valid one is shown, by the clock
// of the set.
func TestValidCertificateOfOneKeyIsChosenByTheClock(t *testing.T) {
	_, inter, soon := chainOf(t, "chat.example")
	later := &issued{key: soon.key, cert: reissue(t, inter, soon, validFor(100*24*time.Hour, 200*24*time.Hour))}
	lasting := &issued{key: inter.key, cert: inter.cert}
	s := FileSource{Cert: later.certPEM() + soon.bundle()}
	for _, tt := range []struct {
		now  time.Time
		want *issued
	}{{time.Now(), soon}, {time.Now().Add(150 * 24 * time.Hour), later}} {
		c, _, err := loadFrom(t.Context(), s, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		sameChain(t, c, tt.want)
		public, err := s.Load(t.Context()) // by another clock
		if err != nil {
			t.Fatal(err)
		}
		if c, _, err = assemble(public, tt.now); err != nil {
			t.Fatal(err)
		}
		sameChain(t, c, tt.want)
	}
	// A certificate for the same key that is not in Cert is not the host's.
	past := &issued{key: soon.key, cert: reissue(t, lasting, soon, validFor(-2*time.Hour, -time.Hour))}
	wantLoadError(t, FileSource{Cert: past.bundle(), Intermediates: soon.certPEM()}, ErrExpired)
}

// H-18: chains do not get longer than anybody sends, whatever is given.
func TestChainsAreBounded(t *testing.T) {
	last := issue(t, nil, "root", nil)
	var pool string
	for i := range maxChain + 5 {
		last = issue(t, last, fmt.Sprint("authority ", i), nil)
		pool += last.certPEM()
	}
	leaf := issue(t, last, "chat.example", []string{"chat.example"})
	c, _, err := loadFrom(t.Context(), FileSource{Cert: leaf.bundle(), Intermediates: pool}, time.Now())
	if err != nil || len(c.Certificate) != maxChain {
		t.Errorf("%d certificates, %v; want %d", len(c.Certificate), err, maxChain)
	}
}
