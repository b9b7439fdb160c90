package hosts

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrTLSDisabled is what [Options.DisableTLS] makes of a host with a TLSPort (H-49), or
// with RequireTLS, and of [Secure].
var ErrTLSDisabled = errors.New("TLS is disabled")

// policy is what TLS means for a host: its level, changed by what the host says itself
// or, where it says nothing, the template.
type policy struct {
	*shared
	level    Level
	min, max uint16        // versions; max 0: the newest
	suites   []uint16      // of TLS 1.2 and older; never empty if these are offered
	groups   []tls.CurveID // nil: those of crypto/tls
	strength int           // least key length of a cipher in bits, 0: any
	auth     tls.ClientAuthType
	cas      *x509.CertPool // nil: the system's
}

// reporter hears what is wrong with the fields of a host.
type reporter interface {
	fail(field string, err error)
	warn(msg string, args ...any)
}

// policy reads the TLS fields of a host. It returns a policy also if it failed some.
func (b *builder) policy(c *checker, h Host) *policy { return b.tls.policy(c, h) }

func (s *shared) policy(r reporter, h Host) *policy {
	if s.opts.DisableTLS && h.TLSPort != 0 {
		r.fail("TLSPort", fmt.Errorf("%w by Options.DisableTLS", ErrTLSDisabled))
	}
	if s.opts.DisableTLS && h.RequireTLS {
		r.fail("RequireTLS", fmt.Errorf("%w by Options.DisableTLS", ErrTLSDisabled))
	}
	p := &policy{shared: s, level: cmp.Or(h.Level, s.opts.Level, LevelHigh)}
	if err := p.level.check(); err != nil {
		r.fail("Level", err)
		p.level = LevelHigh
	}
	p.setVersions(r, h)
	p.setSuites(r, h)
	p.setGroups(r, h)
	p.setClients(r, h)
	if p.level == LevelNone {
		r.warn("level none offers ciphers that are broken and takes keys of any size")
	}
	return p
}

var versions = []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}

func (p *policy) setVersions(r reporter, h Host) {
	rule := p.level.rule()
	p.min, p.max = max(rule.min, p.base.MinVersion), rule.max
	if p.max == 0 || p.base.MaxVersion != 0 && p.base.MaxVersion < p.max {
		p.max = p.base.MaxVersion
	}
	switch {
	case h.MinVersion == 0:
	case !slices.Contains(versions, h.MinVersion):
		r.fail("MinVersion", fmt.Errorf("%w: 0x%04X", ErrVersion, h.MinVersion))
	case h.MinVersion < rule.min && p.level != LevelNone:
		r.fail("MinVersion", fmt.Errorf("%w: %s is less than level %s allows, only %s does", ErrVersion, tls.VersionName(h.MinVersion), p.level, LevelNone))
	default:
		p.min = h.MinVersion
	}
	switch {
	case h.MaxVersion == 0:
	case !slices.Contains(versions, h.MaxVersion):
		r.fail("MaxVersion", fmt.Errorf("%w: 0x%04X", ErrVersion, h.MaxVersion))
	case rule.max != 0 && h.MaxVersion > rule.max:
		r.fail("MaxVersion", fmt.Errorf("%w: %s is more than level %s allows", ErrVersion, tls.VersionName(h.MaxVersion), p.level))
	default:
		p.max = h.MaxVersion
	}
	if p.max != 0 && p.max < p.min {
		r.fail(versionField(h), fmt.Errorf("%w: the newest, %s, is below the oldest, %s", ErrVersion, tls.VersionName(p.max), tls.VersionName(p.min)))
	}
	if p.min < tls.VersionTLS12 {
		r.warn("versions of TLS are offered that RFC 8996 forbids", "from", tls.VersionName(p.min))
	}
}

// versionField is the field to blame if the versions leave nothing.
func versionField(h Host) string {
	switch {
	case h.MaxVersion != 0:
		return "MaxVersion"
	case h.MinVersion != 0:
		return "MinVersion"
	}
	return "Level"
}

func (p *policy) setSuites(r reporter, h Host) {
	if h.MinStrength < 0 || h.MinStrength > 256 {
		r.fail("MinStrength", fmt.Errorf("%w: %d bits, the range is 0 to 256", ErrStrength, h.MinStrength))
		return
	}
	p.strength = max(p.level.rule().strength, h.MinStrength)
	named := h.CipherSuites
	if len(named) == 0 {
		named = p.base.CipherSuites
	}
	p.suites = slices.Clone(named)
	for _, id := range named {
		if err := p.checkNamed(id); err != nil {
			r.fail("CipherSuites", err)
			p.suites = nil
		}
	}
	if len(p.suites) == 0 {
		p.suites = p.level.rule().suites()
	}
	p.suites = slices.DeleteFunc(p.suites, func(id uint16) bool { return cipherBits(id) < p.strength })
	switch {
	case len(p.suites) == 0 && p.min < tls.VersionTLS13:
		r.fail("MinStrength", fmt.Errorf("%w: no suite of CipherSuites has %d bits", ErrStrength, p.strength))
	case len(h.CipherSuites) > 0 && p.min >= tls.VersionTLS13:
		r.warn("CipherSuites have no effect, as only TLS 1.3 is offered")
	}
}

// checkNamed says whether a suite may be named under the level.
func (p *policy) checkNamed(id uint16) error {
	s, err := checkSuite(id)
	rule := p.level.rule()
	switch {
	case err != nil:
		return err
	case s.class > rule.allowed && s.class <= levels[LevelBack].allowed:
		return fmt.Errorf("%w: %s is insecure, which level %s does not allow, %s and %s do", ErrCipher, s.openssl, p.level, LevelBack, LevelNone)
	case s.class > rule.allowed:
		return fmt.Errorf("%w: %s is broken, which level %s does not allow, %s does", ErrCipher, s.openssl, p.level, LevelNone)
	case s.bits < rule.strength:
		return fmt.Errorf("%w: %s has %d bits, level %s wants %d", ErrCipher, s.openssl, s.bits, p.level, rule.strength)
	}
	return nil
}

func checkCurve(id tls.CurveID) error {
	if _, ok := curveNames[id]; !ok {
		return fmt.Errorf("%w: %d is none of crypto/tls", ErrCurve, id)
	}
	return nil
}

// setGroups leaves p.groups nil unless somebody names some: with any list crypto/tls
// drops the post-quantum hybrids that are not in it.
func (p *policy) setGroups(r reporter, h Host) {
	least := p.level.rule().groups
	p.groups = slices.Clone(h.Curves)
	if len(p.groups) == 0 {
		p.groups = slices.Clone(p.base.CurvePreferences)
	}
	old := false // one of them serves TLS 1.2 and older
	for _, id := range p.groups {
		err := checkCurve(id)
		if err == nil && least != nil && !slices.Contains(least, id) {
			err = fmt.Errorf("%w: %s is too weak for level %s", ErrCurve, id, p.level)
		}
		if err != nil {
			r.fail("Curves", err)
		}
		old = old || !strings.Contains(id.String(), "MLKEM")
	}
	switch {
	case len(p.groups) == 0:
		p.groups = slices.Clone(least)
	case !old && p.max != 0 && p.max < tls.VersionTLS13:
		r.fail("Curves", fmt.Errorf("%w: these need TLS 1.3", ErrCurve))
	}
}

func (p *policy) setClients(r reporter, h Host) {
	ask := max(h.ClientAuth, p.opts.ClientAuth)
	if h.ClientAuth > ClientCertRequire {
		r.fail("ClientAuth", fmt.Errorf("%w: %s", ErrClientCert, h.ClientAuth))
		ask = ClientCertRequire
	}
	p.auth = ask.with(p.base.ClientAuth)
	for _, p.cas = range []*x509.CertPool{h.ClientCAs, p.opts.ClientCAs, p.base.ClientCAs} {
		if p.cas != nil {
			break
		}
	}
}

// apply sets versions, suites, groups and who has to show a certificate. c is complete
// and safe then; seal puts our check of client certificates in the place of crypto/tls's.
func (p *policy) apply(c *tls.Config, _ *Entry) {
	c.MinVersion, c.MaxVersion = p.min, p.max
	c.CipherSuites, c.CurvePreferences = slices.Clone(p.suites), slices.Clone(p.groups)
	c.ClientAuth, c.ClientCAs = p.auth, p.cas
}

// checkChain says whether a chain, leaf first, may be the host's. The error is [ErrWeak],
// or [ErrCipher] if no suite can be used with the key.
func (p *policy) checkChain(chain []*x509.Certificate) error {
	if err := p.level.CheckChain(chain); err != nil || len(chain) == 0 {
		return err
	}
	if !p.fits(chain[0]) {
		return fmt.Errorf("%w: none of CipherSuites can be used with an %s key; name some or set MinVersion to TLS 1.3", ErrCipher, keyKind(chain[0]))
	}
	return nil
}

// fits says whether TLS 1.2 and older have a suite for the key, or are not offered.
func (p *policy) fits(leaf *x509.Certificate) bool {
	if p.min >= tls.VersionTLS13 {
		return true
	}
	kind := keyKind(leaf)
	return kind == "" || slices.ContainsFunc(p.suites, func(id uint16) bool {
		return (kind == "ECDSA") == strings.Contains(tls.CipherSuiteName(id), "_ECDSA_")
	})
}

// keyKind is RSA or ECDSA, which in suites stands for Ed25519 too (RFC 8422 section 2.1).
func keyKind(cert *x509.Certificate) string {
	switch cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return "ECDSA"
	}
	return ""
}

// keyCurve is the curve of a key that we make for the host.
func (p *policy) keyCurve() elliptic.Curve {
	if p.level.rule().ec > 256 {
		return elliptic.P384()
	}
	return elliptic.P256()
}

// checkStrength refuses a handshake whose cipher is too weak. Before TLS 1.3 there is
// none, as we name the suites.
func (p *policy) checkStrength(cs tls.ConnectionState) error {
	if bits := cipherBits(cs.CipherSuite); bits < p.strength {
		return fmt.Errorf("hosts: %w: %s has %d bits of %d", ErrStrength, tls.CipherSuiteName(cs.CipherSuite), bits, p.strength)
	}
	return nil
}
