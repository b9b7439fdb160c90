package hosts

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/keystore"
)

// reading is one loading of a FileSource or BytesSource.
type reading struct {
	cert, key, inter, staple input
	format                   Format
	password                 func() ([]byte, error)
	subject                  string
	selects                  func(*x509.Certificate) bool
	derived                  string
	now                      time.Time

	asked  bool   // password was called
	secret []byte // what it returned
	notes  []string
}

// assembled loads, checks and orders.
func (r *reading) assembled(ctx context.Context) (*tls.Certificate, []string, error) {
	c, err := r.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, notes, err := assemble(c, r.now)
	if _, known := err.(*fieldError); err != nil && !known {
		err = r.cert.fail(err)
	}
	return c, append(r.notes, notes...), err
}

// load returns the host's certificate first, and everything that may belong to its
// chain after it.
func (r *reading) load(ctx context.Context) (c *tls.Certificate, err error) {
	defer func() { clear(r.secret) }()
	panicked := event.Call(func() { c, err = r.read(ctx) })
	if panicked != nil {
		return nil, &fieldError{"Source", panicked}
	}
	return c, err
}

func (r *reading) read(ctx context.Context) (*tls.Certificate, error) {
	if !r.cert.given() {
		return nil, r.cert.fail(ErrNoCertificate)
	}
	own, err := r.store(ctx, r.cert, false)
	if err != nil {
		return nil, err
	}
	keys, from, err := r.keys(ctx, own)
	if err != nil {
		return nil, err
	}
	var more []*x509.Certificate
	if r.inter.given() {
		store, err := r.store(ctx, r.inter, true)
		if err != nil {
			return nil, err
		}
		more = store.Certs
	}
	leaf, key, err := r.choose(own.Certs, keys, from)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{PrivateKey: key, Leaf: leaf}
	for _, cert := range r.relevant(leaf, key, keys, own.Certs, more) {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	if r.staple.given() {
		if c.OCSPStaple, err = readStaple(r.staple); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// store reads an input, which has to hold a certificate unless it is Key.
func (r *reading) store(ctx context.Context, in input, certsOnly bool) (*keystore.Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, in.fail(err)
	}
	data, err := in.read(maxBundle)
	if err != nil {
		err = in.named(err)
		if in.field == "Cert" {
			err = beside(in.path, r.derived, err)
		}
		return nil, &fieldError{in.field, err}
	}
	if !r.asked {
		r.asked = true
		if r.secret, err = askPassword(r.password); err != nil {
			return nil, err
		}
	}
	format := keystore.Format(r.format)
	if format == keystore.PKCS7 && in.field == "Key" { // which that can not hold
		format = keystore.Auto
	}
	store, err := in.parse(data, keystore.Options{
		Format: format, Password: r.secret, CertsOnly: certsOnly,
	})
	if err == nil && len(store.Certs) == 0 && in.field != "Key" {
		err = in.fail(ErrNoCertificate)
	}
	return store, err
}

// keys returns the private keys and the input that they come from.
func (r *reading) keys(ctx context.Context, own *keystore.Store) ([]crypto.Signer, input, error) {
	if len(own.Keys) > 0 {
		if r.key.given() {
			r.notes = append(r.notes, "Key is not read, Cert holds a private key")
		}
		return own.Keys, r.cert, nil
	}
	if !r.key.given() {
		return nil, r.key, r.key.fail(fmt.Errorf("%w: neither Cert nor Key holds one", ErrNoKey))
	}
	store, err := r.store(ctx, r.key, false)
	if err != nil {
		return nil, r.key, err
	}
	if len(store.Keys) == 0 {
		return nil, r.key, r.key.fail(ErrNoKey)
	}
	return store.Keys, r.key, nil
}

// choose returns the certificate that the host shows, and its key.
func (r *reading) choose(certs []*x509.Certificate, keys []crypto.Signer, from input) (*x509.Certificate, crypto.Signer, error) {
	wanted := slices.DeleteFunc(slices.Clone(certs), func(c *x509.Certificate) bool { return !r.wants(c) })
	leaf, key := pair(wanted, keys, r.now)
	if leaf != nil {
		return leaf, key, nil
	}
	if other, _ := pair(certs, keys, r.now); other == nil {
		return nil, nil, from.fail(ErrKeyMismatch)
	}
	field, what := "CertSubject", fmt.Sprintf("%q", r.subject)
	if r.selects != nil {
		field, what = "Source", "that Select takes"
	}
	switch {
	case len(wanted) > 0:
		what += ", whose key would be there too"
	case len(certs) > 1:
		what += fmt.Sprintf(", among %d", len(certs))
	default:
		what += fmt.Sprintf(", only %q", certs[0].Subject)
	}
	return nil, nil, &fieldError{field, r.cert.named(fmt.Errorf("%w: %s", ErrNoSubject, what))}
}

// wants says whether a certificate is one that was asked for (H-56).
func (r *reading) wants(c *x509.Certificate) bool {
	return matchesSubject(c, r.subject) && (r.selects == nil || r.selects(c))
}

// matchesSubject looks for text in the subject, with or without spaces after its
// commas, and in the names.
func matchesSubject(c *x509.Certificate, text string) bool {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, ", ", ",")) }
	text = fold(text)
	if text == "" || text == "*" || strings.Contains(fold(c.Subject.String()), text) {
		return true
	}
	for _, ip := range c.IPAddresses {
		if strings.Contains(ip.String(), text) {
			return true
		}
	}
	return slices.ContainsFunc(slices.Concat(c.DNSNames, c.EmailAddresses), func(name string) bool {
		return strings.Contains(fold(name), text)
	})
}

// relevant returns leaf and what may stand behind it. Others for the same key are there
// only if they were asked for, as one of them may be valid when leaf is not; those for
// other keys of the store are certificates of other hosts, unless they can sign.
func (r *reading) relevant(leaf *x509.Certificate, key crypto.Signer, keys []crypto.Signer, own, more []*x509.Certificate) []*x509.Certificate {
	all := []*x509.Certificate{leaf}
	for i, cert := range slices.Concat(own, more) {
		same := belongs(cert, key)
		switch {
		case cert == leaf:
		case same && (i >= len(own) || !r.wants(cert)):
		case !same && !cert.IsCA && slices.ContainsFunc(keys, func(k crypto.Signer) bool { return belongs(cert, k) }):
		default:
			all = append(all, cert)
		}
	}
	return all
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
