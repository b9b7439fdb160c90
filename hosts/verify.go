package hosts

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"runtime/debug"
	"time"
)

// check is our check of what a client sent, in full and in resumed handshakes. It returns
// the chains to an authority that passed; there is none if AllowUnknownCA let the client
// in.
func (g *guard) check(c *tls.Config, sent []*x509.Certificate) ([][]*x509.Certificate, error) {
	if len(sent) == 0 {
		if requires(g.mode) {
			return nil, ErrNoClientCert
		}
		return nil, nil
	}
	chains, err := g.chains(c, sent)
	switch {
	case err != nil && g.opts.Verify.AllowUnknownCA && unknown(err):
		return nil, g.checkStranger(c, sent)
	case err != nil:
		return nil, err
	}
	return g.passing(c, chains)
}

// passing returns the chains that are strong enough and not revoked, or why there is
// none.
func (g *guard) passing(c *tls.Config, chains [][]*x509.Certificate) ([][]*x509.Certificate, error) {
	var good [][]*x509.Certificate
	var first error
	if len(chains) == 0 {
		first = x509.UnknownAuthorityError{}
	}
	for _, chain := range chains {
		err := g.level.CheckChain(chain)
		if err == nil {
			err = g.crls.check(chain, clock(c))
		}
		if err == nil {
			good = append(good, chain)
		} else if first == nil {
			first = err
		}
	}
	if len(good) > 0 {
		return good, nil
	}
	return nil, first
}

// checkStranger checks what is left to check without an authority.
func (g *guard) checkStranger(c *tls.Config, sent []*x509.Certificate) error {
	itself := x509.NewCertPool() // so that only its own time and usage count
	leaf := g.timeless(sent)[0]
	itself.AddCert(leaf)
	if _, err := leaf.Verify(g.verifyOptions(c, itself)); err != nil {
		return err
	}
	if err := g.level.CheckChain(sent); err != nil {
		return err
	}
	return g.crls.checkStranger(sent[0])
}

// chains builds the chains from the client's certificate to an authority.
func (g *guard) chains(c *tls.Config, sent []*x509.Certificate) ([][]*x509.Certificate, error) {
	certs := g.timeless(sent)
	opts := g.verifyOptions(c, g.roots)
	for _, cert := range certs[1:] {
		opts.Intermediates.AddCert(cert)
	}
	chains, err := certs[0].Verify(opts)
	if err != nil && g.opts.Verify.IgnoreExpiry {
		// An authority that has expired since was there when the certificate was made.
		for _, opts.CurrentTime = range []time.Time{sent[0].NotAfter, sent[0].NotBefore} {
			if again, err := certs[0].Verify(opts); err == nil {
				return restore(again, sent), nil
			}
		}
	}
	return restore(chains, sent), err
}

func (g *guard) verifyOptions(c *tls.Config, roots *x509.CertPool) x509.VerifyOptions {
	usage := x509.ExtKeyUsageClientAuth
	if g.opts.Verify.IgnoreUsage {
		usage = x509.ExtKeyUsageAny
	}
	return x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: clock(c),
		KeyUsages: []x509.ExtKeyUsage{usage},
	}
}

// timeless returns sent as it is or, with IgnoreExpiry, copies that are valid for ever:
// there need not be a moment at which all of a chain were valid.
func (g *guard) timeless(sent []*x509.Certificate) []*x509.Certificate {
	if !g.opts.Verify.IgnoreExpiry {
		return sent
	}
	copies := make([]*x509.Certificate, len(sent))
	for i, cert := range sent {
		c := *cert
		c.NotBefore, c.NotAfter = time.Time{}, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		copies[i] = &c
	}
	return copies
}

// restore puts the certificates that were sent in the place of their copies.
func restore(chains [][]*x509.Certificate, sent []*x509.Certificate) [][]*x509.Certificate {
	for _, chain := range chains {
		for i := range chain {
			for _, cert := range sent {
				if bytes.Equal(chain[i].Raw, cert.Raw) {
					chain[i] = cert
				}
			}
		}
	}
	return chains
}

// unknown says whether the authority is what is wrong.
func unknown(err error) bool {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.SystemRootsError](err)
	return ok
}

// clock is the time as the handshake has it.
func clock(c *tls.Config) time.Time {
	if c.Time != nil {
		return c.Time()
	}
	return time.Now()
}

// call runs a function of the program. A panic comes back as a [*PanicError].
func call(name string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{name, v, debug.Stack()}
		}
	}()
	f()
	return nil
}
