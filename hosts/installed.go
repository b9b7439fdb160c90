package hosts

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// installed is what a host shows. It does not change: a new certificate is a new
// one of these.
type installed struct {
	cert      *tls.Certificate
	byName    map[string]*tls.Certificate // of an issuer, by canonical name; else empty
	chain     []*x509.Certificate
	temporary bool
	delivered bool // by an issuer, which keeps it from now on
	from      string
	modTime   time.Time
	loaded    time.Time
	staple    time.Time // until when the OCSP staple may be sent; zero without one
	concern   error     // what is not as it should be and stays so: an unknown root, a missing name
}

// forName returns the certificate for a server name, the main one for any other.
func (in *installed) forName(serverName string) *tls.Certificate {
	if len(in.byName) == 0 || serverName == "" {
		return in.cert
	}
	var buf nameBuf
	host, ip, ok := canonical(&buf, serverName)
	if !ok || ip.IsValid() {
		return in.cert
	}
	if c := in.byName[string(host)]; c != nil {
		return c
	}
	if i := bytes.IndexByte(host, '.'); i >= 0 {
		if c := in.byName["*"+string(host[i:])]; c != nil {
			return c
		}
	}
	return in.cert
}

// validity returns the time in which the whole chain is valid.
func (in *installed) validity() (from, until time.Time) {
	for i, link := range in.chain {
		if i == 0 || link.NotBefore.After(from) {
			from = link.NotBefore
		}
		if i == 0 || link.NotAfter.Before(until) {
			until = link.NotAfter
		}
	}
	return from, until
}

// same says whether o would show the same chain and staple.
func (in *installed) same(o *installed) bool {
	return in != nil && o != nil &&
		slices.EqualFunc(in.cert.Certificate, o.cert.Certificate, bytes.Equal) &&
		bytes.Equal(in.cert.OCSPStaple, o.cert.OCSPStaple)
}

// covers says whether the certificate is for n; "*" is for nothing that could be
// checked.
func covers(leaf *x509.Certificate, n name) bool {
	switch n.kind {
	case exact, literal:
		return leaf.VerifyHostname(n.String()) == nil
	case wildcard:
		return slices.ContainsFunc(leaf.DNSNames, func(s string) bool {
			return strings.EqualFold(s, n.String())
		})
	}
	return true
}

// examine makes c ready to be shown, or says why it can not be.
func (id *identity) examine(c *tls.Certificate) (*installed, error) {
	if c == nil {
		return nil, ErrNoCertificate
	}
	cert, notes, err := assemble(c, id.b.now())
	if err != nil {
		return nil, err
	}
	return id.admit(cert, notes)
}

// admit holds a certificate whose chain is in order against the rules of the host.
func (id *identity) admit(cert *tls.Certificate, notes []string) (*installed, error) {
	in := &installed{cert: cert, loaded: id.b.now(), staple: stapleUntil(cert)}
	for _, der := range cert.Certificate {
		link, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		in.chain = append(in.chain, link)
	}
	if err := id.policy.checkChain(in.chain); err != nil {
		return nil, err
	}
	concern, err := id.b.trust(in.chain)
	if err != nil {
		return nil, err
	}
	in.concern = concern
	if first := id.entry.names[0]; !covers(cert.Leaf, first) {
		in.concern = errors.Join(in.concern, fmt.Errorf("%w %s", ErrCoverage, first))
	}
	for _, note := range notes {
		id.warn(note)
	}
	return in, nil
}

// trust checks a chain against the roots. With Options.RootCAs an unknown root is an
// error, with the system's only a concern: which of them clients trust is not known.
func (b *builder) trust(chain []*x509.Certificate) (concern, err error) {
	leaf := chain[0]
	lax := b.opts.RootCAs == nil || b.opts.AllowSelfSigned
	if lax && selfIssued(leaf) && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
		if b.opts.AllowSelfSigned {
			return nil, nil
		}
		return ErrSelfSigned, nil
	}
	inter := x509.NewCertPool()
	for _, link := range chain[1:] {
		inter.AddCert(link)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: b.opts.RootCAs, Intermediates: inter, CurrentTime: b.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err == nil {
		return nil, nil
	}
	if _, none := errors.AsType[x509.SystemRootsError](err); none {
		return nil, nil // nothing to check against
	}
	err = fmt.Errorf("%w: %w", ErrChain, err)
	if b.opts.RootCAs != nil {
		return nil, err
	}
	return err, nil
}
