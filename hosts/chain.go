package hosts

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"slices"
)

// chain joins leaf and those of pool that lead on from it to what a client is
// sent (RFC 8446 section 4.4.2). It returns nil if one of them is not valid now.
func (c *checker) chain(leaf *x509.Certificate, key crypto.Signer, pool []*x509.Certificate) *tls.Certificate {
	chain := order(leaf, pool)
	cert := &tls.Certificate{PrivateKey: key, Leaf: leaf}
	for _, link := range chain {
		if err := checkTime(link, c.now()); err != nil {
			c.fail("Cert", err)
			return nil
		}
		cert.Certificate = append(cert.Certificate, link.Raw)
	}
	for _, other := range pool {
		if !slices.ContainsFunc(chain, other.Equal) && !selfIssued(other) {
			c.warn("certificate is not part of the chain and left out", "subject", other.Subject.String())
		}
	}
	return cert
}

// order returns leaf followed by issuer after issuer, as far as pool goes. The
// root is left out: a client that trusts it has it.
func order(leaf *x509.Certificate, pool []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for last := leaf; !selfIssued(last); {
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
