package hosts

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// load reads Cert, Key and Intermediates. It returns nil if that failed.
func (c *checker) load(h Host) *tls.Certificate {
	own, err := readBundle(h.Cert)
	if err == nil && len(own.certs) == 0 {
		err = ErrNoCertificate
	}
	if err != nil {
		c.fail("Cert", err)
		return nil
	}
	pool := own.certs
	if h.Intermediates != "" {
		more, err := readBundle(h.Intermediates)
		if err == nil && len(more.certs) == 0 {
			err = ErrNoCertificate
		}
		if err != nil {
			c.fail("Intermediates", err)
			return nil
		}
		pool = append(slices.Clone(pool), more.certs...)
	}
	keys, field := c.keys(h, own)
	if len(keys) == 0 {
		return nil
	}
	leaf, key := pair(own.certs, keys, c.now())
	if leaf == nil {
		c.fail(field, ErrKeyMismatch)
		return nil
	}
	return c.chain(leaf, key, pool)
}

// keys returns the private keys and the field that they come from; none if that
// failed.
func (c *checker) keys(h Host, own bundle) ([]crypto.Signer, string) {
	if len(own.keys) > 0 {
		if h.Key != "" {
			c.warn("Key is not read, Cert holds a private key")
		}
		return own.keys, "Cert"
	}
	if h.Key == "" {
		c.fail("Key", ErrNoKey)
		return nil, ""
	}
	b, err := readBundle(h.Key)
	if err == nil && len(b.keys) == 0 {
		err = ErrNoKey
	}
	if err != nil {
		c.fail("Key", err)
	}
	return b.keys, "Key"
}

// pair returns the certificate that belongs to one of the keys, a currently
// valid one before the others.
func pair(certs []*x509.Certificate, keys []crypto.Signer, now time.Time) (leaf *x509.Certificate, key crypto.Signer) {
	for _, cert := range certs {
		i := slices.IndexFunc(keys, func(k crypto.Signer) bool { return belongs(cert, k) })
		if i < 0 {
			continue
		}
		if checkTime(cert, now) == nil {
			return cert, keys[i]
		}
		if leaf == nil {
			leaf, key = cert, keys[i]
		}
	}
	return leaf, key
}

func belongs(cert *x509.Certificate, key crypto.Signer) bool {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(cert.PublicKey)
}

// checkTime says whether now lies in the validity of cert (RFC 5280 section
// 4.1.2.5).
func checkTime(cert *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(cert.NotBefore):
		return fmt.Errorf("%w: %q, from %s", ErrNotYetValid, cert.Subject, cert.NotBefore.UTC().Format(time.RFC3339))
	case now.After(cert.NotAfter):
		return fmt.Errorf("%w: %q, on %s", ErrExpired, cert.Subject, cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkCoverage warns of names for which the certificate is not.
func (c *checker) checkCoverage(leaf *x509.Certificate, names []name) {
	for _, n := range names {
		covered := true
		switch n.kind {
		case exact, literal:
			covered = leaf.VerifyHostname(n.String()) == nil
		case wildcard:
			covered = slices.ContainsFunc(leaf.DNSNames, func(s string) bool {
				return strings.EqualFold(s, n.String())
			})
		}
		if !covered {
			c.warn("certificate does not cover a name of the host", "name", n.String())
		}
	}
}
