package hosts

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/icsws/icsws/internal/event"
)

// maxChain is how many certificates a client is sent at most. Real chains have up to
// four; the limit keeps a file of thousands from being sorted for ever.
const maxChain = 16

// assemble makes of what a source or an issuer returned what a client is sent (RFC 8446
// section 4.4.2): the certificate that belongs to the key, then issuer after issuer,
// without the root, with Leaf set, and the OCSP staple if it can be sent. c is not
// changed. The notes are for the log.
//
// The error wraps [ErrNoCertificate], [ErrNoKey], [ErrKeyMismatch], [ErrFormat],
// [ErrExpired], [ErrNotYetValid] or, as a [*fieldError] of OCSPStaple, [ErrRevoked].
func assemble(c *tls.Certificate, now time.Time) (out *tls.Certificate, notes []string, err error) {
	panicked := event.Call(func() { out, notes, err = arrange(c, now) }) // keys may be user code
	if panicked != nil {
		return nil, nil, panicked
	}
	return out, notes, err
}

func arrange(c *tls.Certificate, now time.Time) (*tls.Certificate, []string, error) {
	if c == nil || len(c.Certificate) == 0 {
		return nil, nil, ErrNoCertificate
	}
	key, ok := c.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%w that can sign", ErrNoKey)
	}
	pool, err := parseChain(c)
	if err != nil {
		return nil, nil, err
	}
	leaf, _ := pair(pool, []crypto.Signer{key}, now)
	if leaf == nil {
		return nil, nil, ErrKeyMismatch
	}
	chain := order(leaf, pool)
	out := *c
	out.Leaf, out.Certificate, out.OCSPStaple = leaf, nil, nil
	for _, link := range chain {
		if err := checkTime(link, now); err != nil {
			return nil, nil, err
		}
		out.Certificate = append(out.Certificate, link.Raw)
	}
	var notes []string
	for _, other := range pool {
		if !slices.ContainsFunc(chain, other.Equal) && !selfIssued(other) {
			notes = append(notes, fmt.Sprintf("certificate is not part of the chain and left out: %q", other.Subject))
		}
	}
	if len(c.OCSPStaple) > 0 {
		note, err := checkStaple(c.OCSPStaple, leaf, issuer(leaf, pool), now)
		if err != nil {
			return nil, nil, &fieldError{"OCSPStaple", err}
		}
		if note == "" {
			out.OCSPStaple = c.OCSPStaple
		} else {
			notes = append(notes, "OCSP response is not sent: "+note)
		}
	}
	return &out, notes, nil
}

// parseChain returns the certificates of c in its order.
func parseChain(c *tls.Certificate) ([]*x509.Certificate, error) {
	certs := make([]*x509.Certificate, len(c.Certificate))
	for i, der := range c.Certificate {
		var err error
		if certs[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	return certs, nil
}

// order returns leaf followed by issuer after issuer, as far as pool goes. The
// root is left out: a client that trusts it has it.
func order(leaf *x509.Certificate, pool []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for last := leaf; !selfIssued(last) && len(chain) < maxChain; {
		next := issuer(last, pool)
		if next == nil || selfIssued(next) || slices.ContainsFunc(chain, next.Equal) {
			break
		}
		chain = append(chain, next)
		last = next
	}
	return chain
}

// issuer returns the certificate of pool that signed cert. Of several, renewed
// ones for the same key, it is the one that lasts longest.
func issuer(cert *x509.Certificate, pool []*x509.Certificate) (best *x509.Certificate) {
	for _, p := range pool {
		if !bytes.Equal(p.RawSubject, cert.RawIssuer) || cert.CheckSignatureFrom(p) != nil {
			continue
		}
		if best == nil || p.NotAfter.After(best.NotAfter) {
			best = p
		}
	}
	return best
}

// selfIssued tells roots, and self-signed leaves, from the rest.
func selfIssued(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawSubject, cert.RawIssuer)
}

// checkTime says whether now lies in the validity of cert (RFC 5280 section
// 4.1.2.5).
func checkTime(cert *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(cert.NotBefore):
		return fmt.Errorf("%w: %q, from %s; check the clock", ErrNotYetValid, cert.Subject, cert.NotBefore.UTC().Format(time.RFC3339))
	case now.After(cert.NotAfter):
		return fmt.Errorf("%w: %q, on %s; renew it", ErrExpired, cert.Subject, cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}
