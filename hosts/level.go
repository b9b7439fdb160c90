package hosts

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What can be wrong with a level, and with a chain under it.
var (
	ErrLevel = errors.New("not a usable security level") // unknown, or LevelSSL3
	ErrWeak  = errors.New("too weak")                    // a key or signature of a chain
)

// Level is a security level: the versions of TLS, the suites of TLS 1.2 and the groups
// that a host offers, and how strong the keys have to be, both in its own chain and in
// the chains of client certificates, roots included (H-20). RSA and EC are the least
// sizes of keys in bits; Ed25519 counts as EC 256.
//
//	None       TLS 1.2; every suite, broken ones too; any key
//	SSL3       an error: the protocol is gone
//	Back       TLS 1.2; also CBC and RSA key exchange, AES only; RSA 1024, EC 160
//	Inter      as High
//	InterFS    as High
//	High       TLS 1.2; ECDHE with AES-GCM or ChaCha20; RSA 2048, EC 224
//	High128    as High; RSA 3072, EC 256
//	High192    as High, but 256-bit ciphers, P-384 and P-521; RSA 7680, EC 384
//	TLS12Less  as High, but TLS 1.2 only
//	TLS13Only  as High, but TLS 1.3 only
//
// The version is the oldest that is offered. Only under LevelNone may Host.MinVersion go
// below it, down to TLS 1.0. Certificates signed with MD5 are refused from Back on, with
// SHA-1 from Inter on; the signature of a root means nothing and is not looked at.
//
// The groups are those of crypto/tls, post-quantum hybrids first; High192 keeps
// SecP384r1MLKEM1024, P-384 and P-521. The suites of TLS 1.3 can not be chosen in Go, and
// it prefers AES-128 if a client offers it, as browsers do. So High192, like
// Host.MinStrength above 128, serves a client that offers AES-128 over TLS 1.2, where
// the suite can be chosen. If that is not possible the handshake ends with [ErrStrength].
type Level uint8

// The levels. ICS has the same, numbered from LevelNone = 0.
const (
	LevelDefault   Level = iota // that of the server, and there LevelHigh
	LevelNone                   // sslSrvSecNone
	LevelSSL3                   // sslSrvSecSsl3
	LevelBack                   // sslSrvSecBack
	LevelInter                  // sslSrvSecInter
	LevelInterFS                // sslSrvSecInterFS
	LevelHigh                   // sslSrvSecHigh
	LevelHigh128                // sslSrvSecHigh128
	LevelHigh192                // sslSrvSecHigh192
	LevelTLS12Less              // sslSrvSecTls12Less
	LevelTLS13Only              // sslSrvSecTls13Only
)

var levelNames = [...]string{
	"default", "none", "ssl3", "back", "inter", "interfs",
	"high", "high128", "high192", "tls12less", "tls13only",
}

// String returns the name in lower case, such as "high128".
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// ParseLevel reads a level: "high", "LevelHigh", the name that ICS has for it,
// "sslSrvSecHigh", or its number there, "5". Case does not matter. The error is a
// [*SettingError] with [ErrLevel].
func ParseLevel(s string) (Level, error) {
	word := strings.ToLower(strings.TrimSpace(s))
	if n, err := strconv.ParseUint(word, 10, 8); err == nil && n < uint64(LevelTLS13Only) {
		return Level(n + 1), nil
	}
	word = strings.TrimPrefix(strings.TrimPrefix(word, "level"), "sslsrvsec")
	if i := slices.Index(levelNames[:], word); i >= 0 {
		return Level(i), nil
	}
	return LevelDefault, &SettingError{s, ErrLevel}
}

func (l Level) check() error {
	switch {
	case l == LevelSSL3:
		return fmt.Errorf("%w: SSL 3 is gone, the lowest are %s and %s", ErrLevel, LevelNone, LevelBack)
	case l > LevelTLS13Only:
		return fmt.Errorf("%w: %s", ErrLevel, l)
	}
	return nil
}

// Apply sets the versions, suites and groups of c, whatever they were, and has weaker
// ciphers refused in c.VerifyConnection; what was there is called afterwards. A chain is
// not looked at: see [Level.CheckChain]. Hosts need no call of it. The error is
// [ErrLevel].
func (l Level) Apply(c *tls.Config) error {
	if err := l.check(); err != nil {
		return fmt.Errorf("hosts: %w", err)
	}
	p := &policy{level: l, strength: l.rule().strength, auth: c.ClientAuth, cas: c.ClientCAs}
	p.min, p.max, p.suites, p.groups = l.rule().min, l.rule().max, l.rule().suites(), l.rule().groups
	p.apply(c, nil)
	if next := c.VerifyConnection; p.strength > least13 {
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			if err := p.checkStrength(cs); err != nil || next == nil {
				return err
			}
			return next(cs)
		}
	}
	return nil
}

// CheckChain says whether the keys and signatures of the chain are good enough for the
// level. The error is [ErrWeak] with the certificate and what the level wants, or
// [ErrLevel].
func (l Level) CheckChain(chain []*x509.Certificate) error {
	if err := l.check(); err != nil {
		return err
	}
	for _, cert := range chain {
		if err := l.checkKey(cert); err != nil {
			return err
		}
		if !l.rule().signed(cert) {
			return fmt.Errorf("%w: %q is signed with %s, which level %s refuses", ErrWeak, cert.Subject, cert.SignatureAlgorithm, l)
		}
	}
	return nil
}

// checkKey leaves alone what it does not know: no handshake can use such a key.
func (l Level) checkKey(cert *x509.Certificate) error {
	kind, bits, least := "EC", 0, l.rule().ec
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		kind, bits, least = "RSA", key.N.BitLen(), l.rule().rsa
	case *ecdsa.PublicKey:
		bits = key.Curve.Params().BitSize
	case ed25519.PublicKey:
		bits = 256
	default:
		if cert.PublicKeyAlgorithm == x509.DSA && l != LevelNone {
			return fmt.Errorf("%w: %q has a DSA key", ErrWeak, cert.Subject)
		}
		return nil
	}
	if bits < least {
		return fmt.Errorf("%w: %q has a %s key of %d bits, level %s wants %d", ErrWeak, cert.Subject, kind, bits, l, least)
	}
	return nil
}

// rule is what a level means.
type rule struct {
	min, max uint16        // of TLS; max 0: the newest
	offered  class         // suites up to this class are offered
	allowed  class         // suites up to this class may be named by the host
	groups   []tls.CurveID // nil: those of crypto/tls
	strength int           // least key length of a cipher, in bits
	rsa, ec  int           // least key sizes in bits
	digests  digest
}

// digest says which signatures of certificates are refused.
type digest uint8

const (
	anyDigest digest = iota
	noMD5
	noSHA1 // and no MD5
)

var levels = [...]rule{
	LevelNone:      {min: tls.VersionTLS12, offered: broken, allowed: broken},
	LevelBack:      {min: tls.VersionTLS12, offered: oldAES, allowed: old, rsa: 1024, ec: 160, digests: noMD5},
	LevelInter:     {min: tls.VersionTLS12, offered: aead, allowed: cbc, rsa: 2048, ec: 224, digests: noSHA1},
	LevelInterFS:   {min: tls.VersionTLS12, offered: aead, allowed: cbc, rsa: 2048, ec: 224, digests: noSHA1},
	LevelHigh:      {min: tls.VersionTLS12, offered: aead, allowed: cbc, rsa: 2048, ec: 224, digests: noSHA1},
	LevelHigh128:   {min: tls.VersionTLS12, offered: aead, allowed: cbc, rsa: 3072, ec: 256, digests: noSHA1},
	LevelHigh192:   {min: tls.VersionTLS12, offered: aead, allowed: cbc, groups: strongGroups, strength: 192, rsa: 7680, ec: 384, digests: noSHA1},
	LevelTLS12Less: {min: tls.VersionTLS12, max: tls.VersionTLS12, offered: aead, allowed: cbc, rsa: 2048, ec: 224, digests: noSHA1},
	LevelTLS13Only: {min: tls.VersionTLS13, offered: aead, allowed: cbc, rsa: 2048, ec: 224, digests: noSHA1},
}

// strongGroups have at least 192 bits, with and without a quantum computer.
var strongGroups = []tls.CurveID{tls.SecP384r1MLKEM1024, tls.CurveP384, tls.CurveP521}

// rule returns what the level means, for an unusable one what High means.
func (l Level) rule() *rule {
	if l == LevelDefault || l.check() != nil {
		l = LevelHigh
	}
	return &levels[l]
}

// suites returns what is offered if the host names nothing.
func (r *rule) suites() []uint16 {
	var ids []uint16
	for _, s := range suites {
		if s.class <= r.offered && s.bits >= r.strength {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// signed says whether the signature of a certificate will do. That of a root proves
// nothing: it is trusted for being known.
func (r *rule) signed(cert *x509.Certificate) bool {
	if bytes.Equal(cert.RawSubject, cert.RawIssuer) {
		return true
	}
	switch cert.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA:
		return r.digests == anyDigest
	case x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return r.digests < noSHA1
	}
	return true
}
