package certs

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// Rules are what a chain is judged by.
type Rules struct {
	Name  string         // that the certificate has to be for; empty for any
	Roots *x509.CertPool // nil: those of the system
	Warn  time.Duration  // a certificate that ends within it is bad
	Now   time.Time
}

// Judge looks at a chain as it was sent, or found in a file, the certificate itself first.
func Judge(chain []*x509.Certificate, r Rules) (f show.Findings) {
	if len(chain) == 0 {
		f.Add(show.Bad, "no-certificate", "There is no certificate.")
		return f
	}
	r.names(chain[0], &f)
	for _, c := range chain {
		r.time(c, &f)
	}
	r.order(chain, &f)
	r.trust(chain, &f)
	return f
}

func (r Rules) names(leaf *x509.Certificate, f *show.Findings) {
	switch n := names(leaf); {
	case r.Name == "":
	case covers(leaf, r.Name):
		f.Add(show.OK, "name", "The certificate is for %s.", r.Name)
	case len(n) == 0:
		f.Add(show.Bad, "name-mismatch", "The certificate has no names (subjectAltName); the common name does not count.").
			Do("Order one that has %s among its names.", r.Name)
	default:
		f.Add(show.Bad, "name-mismatch", "The certificate is not for %s, but for %s.", r.Name, few(n)).
			Do("Use one of these names, or a certificate that has %s among its names.", r.Name)
	}
}

// few are the first of many names.
func few(n []string) string {
	const most = 5
	if len(n) > most {
		return strings.Join(n[:most], ", ") + ", ..."
	}
	return strings.Join(n, ", ")
}

func (r Rules) time(c *x509.Certificate, f *show.Findings) {
	until := c.NotAfter.UTC().Format(time.DateOnly)
	switch left := c.NotAfter.Sub(r.Now); {
	case left < 0:
		f.Add(show.Bad, "expired", "The certificate %q has expired on %s, %s.", short(c), until, show.Left(c.NotAfter, r.Now)).Do("Renew it.")
	case r.Now.Before(c.NotBefore):
		f.Add(show.Bad, "not-yet-valid", "The certificate %q is not valid before %s.", short(c), c.NotBefore.UTC().Format(time.DateTime)).
			Do("Check the clock of this machine, and of the one that made it.")
	case left < r.Warn:
		f.Add(show.Bad, "expiring", "The certificate %q expires on %s, %s.", short(c), until, show.Left(c.NotAfter, r.Now)).Do("Renew it now.")
	default:
		f.Add(show.OK, "valid", "The certificate %q is valid until %s; it expires %s.", short(c), until, show.Left(c.NotAfter, r.Now))
	}
}

// order is that of RFC 5246 section 7.4.2: each certificate is followed by its issuer.
// TLS 1.3 and most clients do not insist on it.
func (r Rules) order(chain []*x509.Certificate, f *show.Findings) {
	for i := 1; i < len(chain); i++ {
		if slices.ContainsFunc(chain[:i], chain[i].Equal) {
			f.Add(show.Warning, "twice", "The certificate %q is there twice.", short(chain[i])).Do("Take one out of the file.")
			return
		}
		if chain[i-1].CheckSignatureFrom(chain[i]) != nil {
			f.Add(show.Warning, "order", "The certificate %q is not followed by that of its issuer, but by %q.", short(chain[i-1]), short(chain[i])).
				Do("Put them in order: the certificate itself, then issuer after issuer.")
			return
		}
	}
	if last := chain[len(chain)-1]; len(chain) > 1 && selfIssued(last) {
		f.Add(show.Note, "root-sent", "The root %q is part of the chain; clients that trust it have it.", short(last))
	}
}

// trust checks the chain at a time when the certificate itself was valid, as its validity
// is a matter of its own.
func (r Rules) trust(chain []*x509.Certificate, f *show.Findings) {
	leaf, at := chain[0], r.Now
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter.Add(-time.Minute)
	} else if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore.Add(time.Minute)
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	verified, err := leaf.Verify(x509.VerifyOptions{Roots: r.Roots, Intermediates: between, CurrentTime: at})
	if err == nil {
		way := verified[0]
		f.Add(show.OK, "trusted", "The chain leads to the trusted root %q.", short(way[len(way)-1]))
		return
	}
	r.distrust(chain, err, f)
}

func (r Rules) distrust(chain []*x509.Certificate, err error, f *show.Findings) {
	leaf, end := chain[0], last(chain)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case isInvalid && invalid.Reason == x509.Expired:
		// An issuer's, which has a finding of its own.
	case isInvalid && invalid.Reason == x509.IncompatibleUsage:
		f.Add(show.Bad, "usage", "The certificate is not made for servers (extended key usage).").Do("Order one for TLS servers.")
	case isInvalid:
		f.Add(show.Bad, "invalid", "The chain is not valid: %s.", sentence(err))
	case selfIssued(leaf):
		f.Add(show.Bad, "self-signed", "The certificate is self-signed; no client trusts it without being told to.").
			Do("Order one from an authority, or give this one with --ca.")
	case selfIssued(end):
		f.Add(show.Bad, "unknown-root", "The chain leads to %q, which is not trusted here.", short(end)).
			Do("If this is your own authority, give its certificate with --ca; clients need it too.")
	default:
		f.Add(show.Bad, "incomplete", "The chain ends with %q, whose issuer %q is neither part of it nor trusted here.", short(end), nameOf(end.Issuer.CommonName, end.RawIssuer)).
			Do("If the issuer is an intermediate authority, add its certificate to the server's file (the full chain); if it is your own root, give it with --ca.")
	}
}

// last follows the chain from the certificate, whatever its order, as far as it goes.
func last(chain []*x509.Certificate) *x509.Certificate {
	at := chain[0]
	for range chain {
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return !c.Equal(at) && at.CheckSignatureFrom(c) == nil })
		if i < 0 || selfIssued(at) {
			break
		}
		at = chain[i]
	}
	return at
}

// sentence is the text of an error of x509 without its prefix.
func sentence(err error) string { return strings.TrimPrefix(err.Error(), "x509: ") }
